package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// faultFS is a disk in memory that knows what is durable. It can fill up,
// fail, and lose power: then only what was synced is sure to be there, and of
// the rest an arbitrary part.
type faultFS struct {
	mu    sync.Mutex
	nodes map[string]*node // names as the process sees them
	sure  map[string]*node // names that survive a power cut

	room     int64 // bytes that may still be allocated; below 0: no limit
	failures int   // operations that change something and may still succeed; below 0: all
	nWrites  int
	nSyncs   int
	held     chan struct{} // a sync waits here while it is not nil
	arrived  chan struct{}
}

// node is one file; blocks of synced are never taken back.
type node struct {
	data   []byte
	synced []byte
}

var errBroken = errors.New("input/output error")

func newFaultFS() *faultFS {
	return &faultFS{nodes: map[string]*node{}, sure: map[string]*node{}, room: -1, failures: -1}
}

// step counts one change and says whether it fails.
func (d *faultFS) step() error {
	d.nWrites++
	if d.failures == 0 {
		return errBroken
	}
	if d.failures > 0 {
		d.failures--
	}
	return nil
}

func (d *faultFS) allocate(n int64) error {
	if d.room < 0 || n <= 0 {
		return nil
	}
	if n > d.room {
		return fmt.Errorf("write: %w", syscall.ENOSPC)
	}
	d.room -= n
	return nil
}

func (d *faultFS) release(n int) {
	if d.room >= 0 {
		d.room += int64(n)
	}
}

// powerCut returns the disk after power came back: what was synced, and of the
// rest what choose says. choose(n) picks 0 to n; garble spoils bytes.
func (d *faultFS) powerCut(choose func(n int) int, garble func(b []byte)) *faultFS {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := newFaultFS()
	for _, name := range slices.Sorted(maps.Keys(d.sure)) {
		n := d.sure[name]
		b := slices.Clone(n.synced)
		// Bytes that were overwritten in place got through up to some point.
		if common := min(len(b), len(n.data)); !slices.Equal(b[:common], n.data[:common]) {
			from, cut := differ(b, n.data[:common]), choose(common)
			copy(b, n.data[:cut])
			if from < cut {
				garble(b[from:cut])
			}
		}
		if grown := len(n.data) - len(b); grown > 0 {
			tail := slices.Clone(n.data[len(b):][:choose(grown)])
			garble(tail)
			b = append(b, tail...)
		}
		c := &node{b, slices.Clone(b)}
		out.nodes[name], out.sure[name] = c, c
	}
	return out
}

// differ is where a and b begin to differ.
func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// kill returns the disk after the process died: the page cache lives on.
func (d *faultFS) kill() *faultFS {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := newFaultFS()
	for name, n := range d.nodes {
		c := &node{slices.Clone(n.data), slices.Clone(n.data)}
		out.nodes[name], out.sure[name] = c, c
	}
	return out
}

func (d *faultFS) block() {
	d.mu.Lock()
	d.held, d.arrived = make(chan struct{}), make(chan struct{}, 1)
	d.mu.Unlock()
}
func (d *faultFS) awaitBlocked() { <-d.arrived }
func (d *faultFS) unblock() {
	d.mu.Lock()
	close(d.held)
	d.held = nil
	d.mu.Unlock()
}
func (d *faultFS) syncs() int  { d.mu.Lock(); defer d.mu.Unlock(); return d.nSyncs }
func (d *faultFS) writes() int { d.mu.Lock(); defer d.mu.Unlock(); return d.nWrites }

func (d *faultFS) Open(name string, create bool) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.nodes[name]
	if !ok && !create {
		return nil, fs.ErrNotExist
	}
	if create {
		if err := d.step(); err != nil {
			return nil, err
		}
		if ok {
			d.release(len(n.data))
			n.data, n.synced = nil, nil
		} else {
			n = &node{}
			d.nodes[name] = n
		}
	}
	return &faultFile{d, n}, nil
}

func (d *faultFS) Names(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for name := range d.nodes {
		if filepath.Dir(name) == dir {
			out = append(out, filepath.Base(name))
		}
	}
	slices.Sort(out)
	return out, nil
}

// Rename and Remove are durable at once: the spool must be right either way,
// and the other way is what happens when the step before it is cut.
func (d *faultFS) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	n, ok := d.nodes[from]
	if !ok {
		return fs.ErrNotExist
	}
	d.nodes[to], d.sure[to] = n, n
	delete(d.nodes, from)
	delete(d.sure, from)
	return nil
}

func (d *faultFS) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	n, ok := d.nodes[name]
	if !ok {
		return fs.ErrNotExist
	}
	d.release(len(n.data))
	delete(d.nodes, name)
	delete(d.sure, name)
	return nil
}

func (d *faultFS) SyncDir(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	d.sure = maps.Clone(d.nodes)
	return nil
}

func (d *faultFS) Free(string) (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room < 0 {
		return 1 << 40, nil
	}
	return uint64(d.room), nil
}

type faultFile struct {
	d *faultFS
	n *node
}

func (f *faultFile) ReadAt(b []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt of a failing disk leaves half of the bytes behind.
func (f *faultFile) WriteAt(b []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	err := f.d.step()
	if err == nil {
		err = f.d.allocate(off + int64(len(b)) - int64(len(f.n.data)))
	}
	n := len(b)
	if err != nil {
		n = len(b) / 2
		if f.d.allocate(off+int64(n)-int64(len(f.n.data))) != nil {
			n = 0
		}
	}
	if grow := off + int64(n) - int64(len(f.n.data)); grow > 0 && n > 0 {
		f.n.data = append(f.n.data, make([]byte, grow)...)
	}
	copy(f.n.data[min(off, int64(len(f.n.data))):], b[:n])
	return n, err
}

func (f *faultFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *faultFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.step(); err != nil {
		return err
	}
	if size < int64(len(f.n.data)) {
		f.d.release(len(f.n.data) - int(size))
		f.n.data = f.n.data[:size]
	}
	return nil
}

func (f *faultFile) Sync() error {
	f.d.mu.Lock()
	if held := f.d.held; held != nil {
		f.d.mu.Unlock()
		select {
		case f.d.arrived <- struct{}{}:
		default:
		}
		<-held
		f.d.mu.Lock()
	}
	defer f.d.mu.Unlock()
	f.d.nSyncs++
	if err := f.d.step(); err != nil {
		return err
	}
	f.n.synced = slices.Clone(f.n.data)
	return nil
}

func (f *faultFile) Close() error { return nil }
