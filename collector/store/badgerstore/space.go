package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// space keeps a full disk from killing the process. Badger writes through
// memory maps, and one that cannot be backed is a SIGBUS, on writing and on
// opening alike. So nothing is written below a reserve; and a ballast file
// beside the database is given up when others have filled the disk below it,
// so that Badger can still finish what it does by itself, close, and open
// again for reading.
type space struct {
	dir     string
	reserve uint64 // free bytes below which nothing is committed
	ballast uint64 // size of the ballast file
	least   uint64 // free bytes that opening and closing take
}

const ballastName = "ballast"

func (sp space) ballastPath() string { return filepath.Join(sp.dir, ballastName) }

// check fails with store.ErrFull when a commit could run out of space.
func (sp space) check() error {
	free, err := freeSpace(sp.dir)
	if err != nil {
		return fmt.Errorf("look at free space: %w", err)
	}
	need := sp.reserve
	if free < need/2 {
		if err := sp.release(); err != nil {
			return err
		}
	}
	if !sp.hasBallast() {
		need += sp.ballast // what it gave up is not ours to write
	}
	if free < need {
		return full(free, need)
	}
	return nil
}

// makeRoom sees to the space that opening or closing takes, or fails with
// store.ErrFull.
func (sp space) makeRoom() error {
	free, err := freeSpace(sp.dir)
	if err == nil && free < sp.least {
		if err = sp.release(); err == nil {
			free, err = freeSpace(sp.dir)
		}
	}
	if err != nil {
		return fmt.Errorf("look at free space: %w", err)
	}
	if free < sp.least {
		return full(free, sp.least)
	}
	return nil
}

func full(free, need uint64) error {
	return fmt.Errorf("%w (%d MiB are free, %d MiB needed)", store.ErrFull, free>>20, need>>20)
}

func (sp space) hasBallast() bool {
	if sp.ballast == 0 {
		return true
	}
	_, err := os.Stat(sp.ballastPath())
	return err == nil
}

func (sp space) release() error {
	if err := os.Remove(sp.ballastPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("give up the ballast file: %w", err)
	}
	return nil
}

// load puts the ballast in place when there is plenty of room for it.
func (sp space) load() error {
	free, err := freeSpace(sp.dir)
	if err != nil || sp.hasBallast() || free < sp.reserve+2*sp.ballast {
		return err
	}
	// Under another name until it is whole: a part would be taken for all of it.
	part := sp.ballastPath() + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the ballast file: %w", err)
	}
	chunk := make([]byte, 1<<20)
	for i := range chunk {
		chunk[i] = byte(rand.Uint32()) // noise, for file systems that compress
	}
	for left := sp.ballast; left > 0 && err == nil; {
		n := min(left, uint64(len(chunk)))
		_, err = f.Write(chunk[:n])
		left -= n
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, sp.ballastPath())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the ballast file: %w", err), os.Remove(part))
	}
	return nil
}
