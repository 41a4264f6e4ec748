//go:build unix

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// scarceFS has no descriptor for whoever wants to read, while scarce.
type scarceFS struct {
	*faultFS
	scarce bool
	only   string // for files of this suffix; empty: all
}

func (d *scarceFS) Open(name string, create bool) (file, error) {
	if d.scarce && !create && strings.HasSuffix(name, d.only) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	return d.faultFS.Open(name, create)
}

// A process without a free descriptor cannot read a closed segment, but that is
// no damage: nothing is passed over, counted or removed.
func TestNoDescriptorIsNoDamage(t *testing.T) {
	d := &scarceFS{faultFS: newFaultFS()}
	s := open(t, Config{Dir: "/spool", SegmentBytes: 300, fs: d})
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprint(i))
		put(t, s, Urgent, want[i])
	}
	first, err := s.Lease(Urgent, 2, 1<<20)
	check(t, err)
	d.scarce = true
	for range 2 {
		if es, err := s.Lease(Urgent, 100, 1<<20); len(es) != 0 || !errors.Is(err, syscall.EMFILE) {
			t.Errorf("without a descriptor %q came, %v", texts(es), err)
		}
	}
	d.scarce = false
	if got := append(texts(first), texts(drain(t, s, Urgent))...); !slices.Equal(got, want) {
		t.Errorf("%q came, want %q", got, want)
	}
	if st := s.Stats(); st.DamagedSegments != 0 || st.Urgent.Records != uint64(len(want)) {
		t.Errorf("%+v", st)
	}
}

// A spool that cannot read a segment for want of a descriptor does not open
// without it: its records would be taken for gone.
func TestNoDescriptorAtOpen(t *testing.T) {
	d := &scarceFS{faultFS: newFaultFS(), only: segSuffix}
	cfg := Config{Dir: "/spool", SegmentBytes: 300, MinFree: -1, fs: d}
	s := open(t, cfg)
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprint(i))
		put(t, s, Urgent, want[i])
	}
	check(t, s.Close())
	d.scarce = true
	if _, err := Open(cfg); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("opened, or %v", err)
	}
	d.scarce = false
	s = open(t, cfg)
	if got := texts(drain(t, s, Urgent)); !slices.Equal(got, want) || s.Stats().DamagedSegments != 0 {
		t.Errorf("%q came, want %q; %+v", got, want, s.Stats())
	}
}
