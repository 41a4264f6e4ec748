package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"time"
)

// The state file has two slots of 4 KiB, written in place, so that it needs no
// new room when the disk is full. A slot is overwritten only while the other
// one is known to be durable; the whole slot of the higher generation counts.
//
//	magic 8 | generation u64 | frame (as in a segment, place "state", seq = generation)
const (
	stateName  = "state"
	stateMagic = "lapwsta1"
	slotSize   = 4096
	slotHeader = 16

	maxCategories = 32
	otherCategory = "other"
)

// state is everything that must outlive segments. All of it is small.
type state struct {
	Next    [2]uint64 // next number by lane; those in segments may be higher
	Gone    [2]uint64 // every number up to this one is acknowledged or dropped
	Dropped uint64
	Merged  uint64
	Damaged uint64
	// DamagedMs is when Damaged last rose, in milliseconds since 1970; 0 for never,
	// or before this was kept.
	DamagedMs int64 `json:",omitempty"`
	Digest    digest
}

// damage counts one more thing that could not be read.
func (st *state) damage(now time.Time) {
	st.Damaged++
	st.DamagedMs = now.UnixMilli()
}

// digest is the reserved slot of the urgent lane.
type digest struct {
	// ID tells whether a digest record in a segment is this digest: the crash
	// between writing the one and clearing the other.
	ID         uint64
	ByCategory map[string]uint32 `json:",omitempty"`
	First      int64             // milliseconds since 1970
	Last       int64
}

func (d digest) empty() bool { return len(d.ByCategory) == 0 }

// with returns d with one more event; d itself stays as it is.
func (d digest) with(category string, wall time.Time) digest {
	if !categoryForm(category) {
		category = otherCategory
	}
	out := digest{ID: d.ID, ByCategory: maps.Clone(d.ByCategory), First: d.First, Last: d.Last}
	ms := wall.UnixMilli()
	if d.empty() {
		out.ByCategory = map[string]uint32{}
		out.First, out.Last = ms, ms
	}
	if _, known := out.ByCategory[category]; !known && len(out.ByCategory) >= maxCategories-1 {
		category = otherCategory
	}
	out.ByCategory[category]++
	out.First, out.Last = min(out.First, ms), max(out.Last, ms)
	return out
}

// categoryForm reports whether category is 1 to 32 of a-z 0-9 -, so that 32 of
// them fit into the slot.
func categoryForm(category string) bool {
	for _, c := range []byte(category) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return category != "" && len(category) <= 32
}

// without returns what came after sub, an earlier form of d, as a digest of
// its own.
func (d digest) without(sub digest) digest {
	out := digest{ID: d.ID + 1, ByCategory: maps.Clone(d.ByCategory), First: sub.Last, Last: d.Last}
	for c, n := range sub.ByCategory {
		if out.ByCategory[c] <= n {
			delete(out.ByCategory, c)
		} else {
			out.ByCategory[c] -= n
		}
	}
	return out
}

func (d digest) public() *Digest {
	return &Digest{maps.Clone(d.ByCategory), time.UnixMilli(d.First), time.UnixMilli(d.Last)}
}

// stateFile keeps the state on disk.
type stateFile struct {
	f    file
	seal sealer
	gen  uint64
	slot int64 // slot that the next write goes to
}

// openState opens or makes the state file. lost says that there was one of which
// neither slot could be read.
func openState(fsys filesystem, dir string, seal sealer) (sf *stateFile, st state, lost bool, err error) {
	name := filepath.Join(dir, stateName)
	old, err := readAll(fsys, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && putAside(fsys, dir, stateName, err) {
		lost, err = true, fs.ErrNotExist
	}
	if errors.Is(err, fs.ErrNotExist) {
		// Written whole, not sparse: these blocks are the reserve.
		if err := writeNew(fsys, dir, stateName, make([]byte, 2*slotSize)); err != nil {
			return nil, state{}, false, fmt.Errorf("make spool state: %w", full(err))
		}
	} else if err != nil {
		return nil, state{}, false, fmt.Errorf("read spool state: %w", err)
	}
	f, err := fsys.Open(name, false)
	if err != nil {
		return nil, state{}, false, fmt.Errorf("open spool state: %w", err)
	}
	sf = &stateFile{f: f, seal: seal}
	for i := range int64(2) {
		s, gen, ok := readSlot(old, i, seal)
		if ok && gen > sf.gen {
			st, sf.gen, sf.slot = s, gen, 1-i
		}
	}
	return sf, st, lost || sf.gen == 0 && !allZero(old), nil
}

func readSlot(b []byte, slot int64, seal sealer) (st state, gen uint64, ok bool) {
	if int64(len(b)) < (slot+1)*slotSize {
		return state{}, 0, false
	}
	b = b[slot*slotSize : (slot+1)*slotSize]
	f, _, v := parseFrame(b[slotHeader:])
	gen = binary.BigEndian.Uint64(b[8:])
	if string(b[:8]) != stateMagic || v != whole || f.seq != gen {
		return state{}, 0, false
	}
	p, err := seal.open(stateName, f)
	if err != nil || json.Unmarshal(p, &st) != nil {
		return state{}, 0, false
	}
	return st, gen, true
}

// write puts st into the free slot. Without sync it survives the death of the
// process, not of the machine, and the slot stays the free one.
func (sf *stateFile) write(st state, sync bool) error {
	p, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("write spool state: %w", err)
	}
	sf.gen++
	b := append(make([]byte, 0, slotSize), stateMagic...)
	b = binary.BigEndian.AppendUint64(b, sf.gen)
	if b, err = sf.seal.appendFrame(b, stateName, sf.gen, kindPayload, p); err != nil {
		return fmt.Errorf("write spool state: %w", err)
	}
	if len(b) > slotSize {
		return fmt.Errorf("write spool state: %d bytes do not fit %d", len(b), slotSize)
	}
	if _, err := sf.f.WriteAt(b, sf.slot*slotSize); err != nil {
		return fmt.Errorf("write spool state: %w", full(err))
	}
	if !sync {
		return nil
	}
	if err := sf.f.Sync(); err != nil {
		return fmt.Errorf("sync spool state: %w", full(err))
	}
	sf.slot = 1 - sf.slot
	return nil
}
