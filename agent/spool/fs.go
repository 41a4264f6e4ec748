package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lapwing-schools/lapwing/internal/durable"
)

// filesystem is what the spool asks of a disk; tests put one in its place
// that fails, fills up and loses power.
type filesystem interface {
	// Open opens for reading and writing; create makes an empty file.
	Open(name string, create bool) (file, error)
	Names(dir string) ([]string, error)
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error
	// Free is the room left for this process on dir's disk, in bytes.
	Free(dir string) (uint64, error)
}

type file interface {
	io.ReaderAt
	io.WriterAt
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes the file's bytes and size durable.
	Sync() error
	Close() error
}

type osFS struct{}

type osFile struct{ *os.File }

func (osFS) Open(name string, create bool) (file, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (osFS) Rename(from, to string) error    { return os.Rename(from, to) }
func (osFS) Remove(name string) error        { return os.Remove(name) }
func (osFS) SyncDir(dir string) error        { return durable.SyncDir(dir) }
func (osFS) Free(dir string) (uint64, error) { return freeBytes(dir) }

func (f osFile) Sync() error { return datasync(f.File) }

func (f osFile) Size() (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// maxRead bounds how much of a file is read: segments end soon after
// Config.SegmentBytes, so a longer one is not ours.
const maxRead = 64 << 20

// readFrom reads f from off to size.
func readFrom(f file, off, size int64) ([]byte, error) {
	b := make([]byte, min(max(size-off, 0), maxRead))
	n, err := f.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}

// readAll reads a whole file; a missing one is fs.ErrNotExist.
func readAll(fsys filesystem, name string) ([]byte, error) {
	f, err := fsys.Open(name, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return readFrom(f, 0, size)
}

// writeNew writes a file that is there whole or not at all.
func writeNew(fsys filesystem, dir, name string, data []byte) error {
	tmp := filepath.Join(dir, name+newSuffix)
	f, err := fsys.Open(tmp, true)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.Rename(tmp, filepath.Join(dir, name))
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(fsys.Remove(tmp)))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// full turns the system's many words for "no room" into ErrFull.
func full(err error) error {
	if err != nil && noRoom(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
