package spool

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	keyName  = "key"
	lockName = "lock"

	newSuffix   = ".new"
	asideSuffix = ".unreadable"
	keptAside   = 2
)

// Open opens the spool of cfg.Dir and makes it if there is none. Damage never
// stops it: what cannot be read is passed over and counted. Errors are
// ErrLocked, ErrFull (no room to make a new one) and those of the system, of
// which a want of descriptors or memory passes: try again.
func Open(cfg Config) (*Spool, error) {
	cfg = cfg.withDefaults()
	s := &Spool{cfg: cfg, ready: make(chan struct{}, 1),
		lanes: [2]*lane{{name: Urgent}, {name: Routine}}}
	if _, real := cfg.fs.(osFS); real {
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make spool directory: %w", full(err))
		}
		l, err := lock(filepath.Join(cfg.Dir, lockName))
		if err != nil {
			return nil, fmt.Errorf("lock spool: %w", full(err))
		}
		s.lock = l
	}
	if err := s.load(); err != nil {
		if s.lock != nil {
			s.lock.Close()
		}
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return s, nil
}

func (s *Spool) load() error {
	key, err := loadKey(s.cfg.fs, s.cfg.Dir)
	if err != nil {
		return err
	}
	if s.seal, err = newSealer(key); err != nil {
		return err
	}
	var lost bool
	if s.disk, s.state, lost, err = openState(s.cfg.fs, s.cfg.Dir, s.seal); err != nil {
		return err
	}
	if err := s.loadSegments(); err != nil {
		s.disk.f.Close()
		return err
	}
	for i, l := range s.lanes {
		l.next = max(l.next, s.state.Next[i], s.state.Gone[i]+1, 1)
		if lost {
			// Numbers of deleted segments are forgotten. Microseconds since 1970
			// are beyond any number that counting from 1 has reached.
			l.next = max(l.next, uint64(max(s.cfg.Now().UnixMicro(), 0)))
		}
	}
	if lost {
		s.state.damage(s.cfg.Now())
		if err := s.save(true); err != nil {
			s.disk.f.Close()
			return err
		}
	}
	s.grace = openGrace(s.cfg)
	if s.lanes[0].live().Records+s.lanes[1].live().Records > 0 {
		s.signal()
	}
	return nil
}

// loadKey reads the spool's key, or makes one. One of the wrong length, or of
// zeros (what a power cut leaves of a file whose bytes never came), is replaced
// and one that cannot be read is put aside: nothing that it sealed can be
// read any more, and Open counts that.
func loadKey(fsys filesystem, dir string) ([]byte, error) {
	key, err := readAll(fsys, filepath.Join(dir, keyName))
	if err == nil && len(key) == chacha20poly1305.KeySize && !allZero(key) {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !putAside(fsys, dir, keyName, err) {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key = make([]byte, chacha20poly1305.KeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	if err := writeNew(fsys, dir, keyName, key); err != nil {
		return nil, fmt.Errorf("write key: %w", full(err))
	}
	return key, nil
}

// putAside renames a file that cannot be read for a fault of its own (a bad
// sector), so that a new one can be made. A fault that passes, and a file or
// disk that we have no right to, is none of the file's.
func putAside(fsys filesystem, dir, name string, why error) bool {
	if passing(why) || errors.Is(why, fs.ErrPermission) {
		return false
	}
	name = filepath.Join(dir, name)
	return fsys.Rename(name, name+asideSuffix) == nil
}

// loadSegments finds and scans all segments, oldest first.
func (s *Spool) loadSegments() error {
	names, err := s.cfg.fs.Names(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	s.tidy(names)
	for _, name := range names {
		g, ok := parseName(name)
		if !ok {
			continue
		}
		l := s.lane(g.lane)
		// Whatever becomes of the segment, its number and so its name is taken.
		l.next = max(l.next, g.first+1)
		l.segs = append(l.segs, g)
	}
	for _, l := range s.lanes {
		slices.SortFunc(l.segs, func(a, b *segment) int { return cmp.Compare(a.first, b.first) })
		kept := l.segs[:0]
		for _, g := range l.segs {
			keep, err := s.loadSegment(g)
			if err != nil {
				return err
			}
			if keep {
				kept = append(kept, g)
			}
		}
		l.segs = kept
	}
	return nil
}

// tidy removes what a crash left half made, and all but the newest of the
// files that were put aside as unreadable. Nothing depends on it.
func (s *Spool) tidy(names []string) {
	var aside []string
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, newSuffix):
			_ = s.cfg.fs.Remove(filepath.Join(s.cfg.Dir, name))
		case strings.HasSuffix(name, asideSuffix):
			aside = append(aside, name)
		}
	}
	slices.Sort(aside)
	for len(aside) > keptAside {
		_ = s.cfg.fs.Remove(filepath.Join(s.cfg.Dir, aside[0]))
		aside = aside[1:]
	}
}

// loadSegment scans one file and removes it if nothing in it is still wanted.
func (s *Spool) loadSegment(g *segment) (keep bool, err error) {
	b, err := readAll(s.cfg.fs, g.path(s.cfg.Dir))
	switch {
	case passing(err):
		// Without it, later acknowledgements would take its numbers for gone.
		return false, fmt.Errorf("read segment: %w", err)
	case err != nil:
		// One unreadable file (a bad sector) must not stop the rest.
		return false, s.countDamage(g)
	}
	l, gone := s.lane(g.lane), s.state.Gone[g.lane-1]
	g.size = int64(len(b))
	found, bad := s.scan(g, b, gone)
	l.next = max(l.next, g.last+1)
	if bad {
		if err := s.countDamage(g); err != nil {
			return false, err
		}
	}
	if g.live.Records > 0 {
		return true, nil
	}
	if !found && bad {
		// Nothing at all could be read: perhaps another version wrote it. It is
		// put aside for whoever wants to look, and never read again.
		return false, ignoreMissing(s.cfg.fs.Rename(g.path(s.cfg.Dir), filepath.Join(s.cfg.Dir, g.place()+asideSuffix)))
	}
	// The name of this file may be all that says which numbers are taken.
	if err := s.save(true); err != nil {
		return true, nil
	}
	return false, ignoreMissing(s.cfg.fs.Remove(g.path(s.cfg.Dir)))
}

// scan counts the records of a segment; found says that there was one.
func (s *Spool) scan(g *segment, b []byte, gone uint64) (found, bad bool) {
	off := segHeader
	if len(b) < segHeader || string(b[:segHeader]) != segMagic {
		if len(b) < segHeader || allZero(b) {
			return false, false // made, and never written
		}
		bad, off = true, 0
	}
	for {
		f, next, skipped, v := nextFrame(b, off)
		bad = bad || skipped
		if v != whole {
			return found, bad
		}
		found = true
		g.last = max(g.last, f.seq)
		if f.seq > gone {
			g.live.Records++
			g.live.Bytes += f.size()
		}
		if f.kind == kindDigest {
			s.matchDigest(g, f)
		}
		off = next
	}
}

// matchDigest takes out of the reserved slot what f, a record that the slot
// became, stands for: the machine stopped before the slot was cleared, or a
// write that was reported as failed reached the disk after all.
func (s *Spool) matchDigest(g *segment, f frame) {
	p, err := s.seal.open(g.place(), f)
	if err != nil {
		return
	}
	var d digest
	if json.Unmarshal(p, &d) == nil && d.ID == s.state.Digest.ID {
		s.state.Digest = s.state.Digest.without(d)
	}
}

// countDamage counts g once, however often it is read: first in the state,
// then in the name of the file. The caller holds commit, or is still opening.
func (s *Spool) countDamage(g *segment) error {
	if g.damaged {
		return nil
	}
	s.mu.Lock()
	s.state.damage(s.cfg.Now())
	from := g.path(s.cfg.Dir)
	g.damaged = true
	to := g.path(s.cfg.Dir)
	s.mu.Unlock()
	if err := s.save(true); err != nil && !errors.Is(err, ErrFull) {
		return err
	}
	if err := s.cfg.fs.Rename(from, to); err != nil {
		s.mu.Lock()
		g.plainName = true
		s.mu.Unlock()
	}
	return nil
}

// save writes the state. The caller holds commit, which every change of the
// state needs, or is still opening.
func (s *Spool) save(sync bool) error {
	s.mu.Lock()
	for i, l := range s.lanes {
		s.state.Next[i] = max(s.state.Next[i], l.next)
	}
	st := s.state
	s.mu.Unlock()
	return s.disk.write(st, sync)
}

// parseName reads lane and first number from a segment's name.
func parseName(name string) (*segment, bool) {
	base, ok := strings.CutSuffix(name, segSuffix)
	if !ok {
		return nil, false
	}
	base, damaged := strings.CutSuffix(base, strings.TrimSuffix(damagedSuffix, segSuffix))
	word, number, ok := strings.Cut(base, "-")
	if !ok || len(number) != 16 {
		return nil, false
	}
	first, err := strconv.ParseUint(number, 16, 64)
	if err != nil || first == 0 || number != strings.ToLower(number) {
		return nil, false
	}
	for _, l := range Lanes() {
		if l.String() == word {
			return &segment{lane: l, first: first, last: first - 1, damaged: damaged}, true
		}
	}
	return nil, false
}
