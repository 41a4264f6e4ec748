package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// keepBuffer is the largest buffer kept from one batch for the next, in bytes.
const keepBuffer = 64 << 10

// batch is what one fsync makes durable: whatever was appended while the last
// one ran. done is guarded by commit.
type batch struct {
	done  bool
	items [2][]*item
}

type item struct {
	event   Event
	kind    byte
	receipt Receipt
	err     error
}

// Append stores e and returns when it is durable. Errors are ErrFull (counted;
// routine events, or urgent ones whose digest cannot be written either),
// ErrTooLarge, ErrClosed, or the system's. After an error the event may or may
// not be delivered, but no later one takes its number.
func (s *Spool) Append(e Event) (Receipt, error) {
	if len(e.Payload) == 0 || len(e.Payload) > MaxPayload {
		return Receipt{}, ErrTooLarge
	}
	if !e.Lane.valid() {
		return Receipt{}, fmt.Errorf("append to spool: no lane %d", e.Lane)
	}
	it := &item{event: e}
	b, err := s.join(it)
	if err != nil {
		return Receipt{}, err
	}
	// Whoever gets the lock first writes for all that have joined meanwhile;
	// the others find their batch done.
	s.commit.Lock()
	defer s.commit.Unlock()
	if !b.done {
		s.mu.Lock()
		s.pending = nil
		s.mu.Unlock()
		for _, l := range Lanes() {
			if items := b.items[l-1]; len(items) > 0 {
				s.writeItems(l, items)
			}
		}
		b.done = true
	}
	if it.err != nil {
		return Receipt{}, fmt.Errorf("append to spool: %w", it.err)
	}
	return it.receipt, nil
}

// join adds it to the batch that is written next.
func (s *Spool) join(it *item) (*batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.pending == nil {
		s.pending = &batch{}
	}
	lane := it.event.Lane - 1
	s.pending.items[lane] = append(s.pending.items[lane], it)
	return s.pending, nil
}

// writeItems stores the items of one lane, or decides what becomes of them
// when there is no room.
func (s *Spool) writeItems(l Lane, items []*item) {
	err := s.closedErr()
	if err == nil && l == Urgent {
		// The digest stands for earlier events: it goes first, or not at all.
		err = s.promoteDigest(needed(items))
	}
	if err == nil {
		err = s.store(l, items, 0)
	}
	if errors.Is(err, ErrFull) {
		s.setFull(true)
		if l == Urgent {
			err = s.merge(items)
		} else {
			err = s.refuse(items, err)
		}
	}
	for _, it := range items {
		it.err = err
	}
}

func (s *Spool) closedErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}

// needed is the most that items may take up on disk.
func needed(items []*item) int64 {
	need := int64(segHeader)
	for _, it := range items {
		need += frameSize(len(it.event.Payload))
	}
	return need
}

// store makes room if it must, and writes items; ErrFull says that there was
// none to make. extra is room that must be left for what comes next.
func (s *Spool) store(l Lane, items []*item, extra int64) error {
	need := needed(items) + extra
	for cramped := false; ; cramped = true {
		err := s.roomFor(l, need)
		if err == nil {
			err = full(s.write(l, items))
		}
		if !errors.Is(err, ErrFull) {
			if !cramped {
				s.relax()
			}
			return err
		}
		dropped, derr := s.dropOldestRoutine()
		if derr != nil {
			return derr
		}
		if !dropped {
			return err
		}
		s.setFull(true)
	}
}

// roomFor checks the cap and the disk.
func (s *Spool) roomFor(l Lane, need int64) error {
	s.mu.Lock()
	have := s.diskBytes()
	s.mu.Unlock()
	if have+need > s.cfg.MaxBytes {
		return fmt.Errorf("%w: %d of %d bytes used", ErrFull, have, s.cfg.MaxBytes)
	}
	if s.cfg.MinFree < 0 {
		return nil
	}
	keep := uint64(s.cfg.MinFree)
	if l == Urgent {
		keep /= 4
	}
	// A disk that does not say how much is left is no reason to lose an event:
	// the write itself will tell.
	if free, err := s.cfg.fs.Free(s.cfg.Dir); err == nil && free < keep+uint64(need) {
		return fmt.Errorf("%w: the disk has %d bytes left", ErrFull, free)
	}
	return nil
}

// write appends items to the lane's active segment and makes them durable.
func (s *Spool) write(l Lane, items []*item) (err error) {
	ln := s.lane(l)
	g, err := s.activeSegment(ln)
	if err != nil {
		return err
	}
	// Numbers are spent here and never given back: a record that failed may
	// still turn up after a power cut.
	s.mu.Lock()
	seq := ln.next
	ln.next += uint64(len(items))
	s.mu.Unlock()

	buf := slices.Grow(s.buf[:0], int(needed(items)))
	if cap(buf) <= keepBuffer {
		s.buf = buf
	}
	if g.size == 0 {
		buf = append(buf, segMagic...)
	}
	header, place := len(buf), g.place()
	for i, it := range items {
		it.receipt = Receipt{Seq: seq + uint64(i)}
		if buf, err = s.seal.appendFrame(buf, place, seq+uint64(i), it.kind, it.event.Payload); err != nil {
			return err
		}
	}
	zeros := s.ahead(g, int64(len(buf)))
	if err := s.writeDurably(g, buf, zeros); err != nil {
		s.retreat(ln, g)
		return err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if g.size == 0 {
		ln.segs = append(ln.segs, g)
	}
	g.size += int64(len(buf))
	g.made = max(g.made, g.size+zeros)
	g.last = seq + uint64(len(items)) - 1
	g.live.Records += uint64(len(items))
	g.live.Bytes += uint64(len(buf) - header)
	s.signal()
	return nil
}

// writeDurably writes buf at the end of g, and zeros behind it; a new file's
// name is made durable too.
func (s *Spool) writeDurably(g *segment, buf []byte, zeros int64) error {
	if _, err := g.f.WriteAt(buf, g.size); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	g.writeAhead(g.size+int64(len(buf)), zeros)
	if err := g.f.Sync(); err != nil {
		return fmt.Errorf("sync segment: %w", err)
	}
	if g.size > 0 {
		return nil
	}
	if err := s.cfg.fs.SyncDir(s.cfg.Dir); err != nil {
		return fmt.Errorf("sync spool directory: %w", err)
	}
	return nil
}

// retreat gives up a segment after a failed write. Nobody knows what of it has
// reached the disk (after a failed fsync the page cache says anything), so it
// is cut back, closed, and never written again.
func (s *Spool) retreat(ln *lane, g *segment) {
	// Errors change nothing: a reader passes over what was not finished.
	s.mu.Lock()
	_ = g.f.Truncate(g.size)
	g.made = g.size
	_ = s.releaseLocked(ln)
	s.mu.Unlock()
	if g.size == 0 {
		_ = s.cfg.fs.Remove(g.path(s.cfg.Dir))
	}
}

// release ends writing to the lane's active segment.
func (s *Spool) release(ln *lane) error {
	s.mu.Lock() // a reader may be using the file
	defer s.mu.Unlock()
	return s.releaseLocked(ln)
}

// releaseLocked is release for who holds mu.
func (s *Spool) releaseLocked(ln *lane) error {
	g := ln.active
	if g == nil {
		return nil
	}
	s.trim(g)
	f := g.f
	g.f, ln.active = nil, nil
	return f.Close()
}

// activeSegment returns the segment to write to, a new one if need be. A new
// one joins the lane's list with its first record.
func (s *Spool) activeSegment(ln *lane) (*segment, error) {
	if g := ln.active; g != nil && g.size < s.cfg.SegmentBytes {
		return g, nil
	}
	if err := s.release(ln); err != nil {
		return nil, fmt.Errorf("close segment: %w", err)
	}
	g := &segment{lane: ln.name, first: ln.next, last: ln.next - 1}
	f, err := s.cfg.fs.Open(g.path(s.cfg.Dir), true)
	if err != nil {
		return nil, fmt.Errorf("make segment: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g.f, ln.active = f, g
	return g, nil
}

// promoteDigest turns a waiting digest into a record, if there is room for
// that and for extra bytes behind it: else the last room would go to a row of
// digests of one event each. ErrFull: not yet.
func (s *Spool) promoteDigest(extra int64) error {
	s.mu.Lock()
	d := s.state.Digest
	s.mu.Unlock()
	if d.empty() {
		return nil
	}
	p, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("marshal digest: %w", err)
	}
	it := &item{event: Event{Lane: Urgent, Payload: p}, kind: kindDigest}
	if err := s.store(Urgent, []*item{it}, extra); err != nil {
		return err
	}
	s.mu.Lock()
	s.state.Digest = digest{ID: d.ID + 1}
	s.mu.Unlock()
	// If this fails the record is on disk, and Open clears the slot by its ID.
	return s.save(true)
}

// merge counts items in the digest, durably.
func (s *Spool) merge(items []*item) error {
	s.mu.Lock()
	before := s.state
	for _, it := range items {
		s.state.Digest = s.state.Digest.with(it.event.Category, it.event.Wall)
		s.state.Merged++
	}
	s.mu.Unlock()
	if err := s.save(true); err != nil {
		s.mu.Lock()
		s.state.Digest, s.state.Merged = before.Digest, before.Merged
		s.mu.Unlock()
		return err
	}
	for _, it := range items {
		it.receipt = Receipt{Merged: true}
	}
	return nil
}

// refuse counts routine items that found no room and returns why.
func (s *Spool) refuse(items []*item, why error) error {
	s.mu.Lock()
	s.state.Dropped += uint64(len(items))
	s.mu.Unlock()
	if err := s.save(true); err != nil {
		return errors.Join(why, err)
	}
	return why
}

func (s *Spool) setFull(v bool) {
	s.mu.Lock()
	s.full = v
	s.mu.Unlock()
}

// relax ends the full state once an eighth of the cap is free again.
func (s *Spool) relax() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.diskBytes() <= s.cfg.MaxBytes/8*7 && s.state.Digest.empty() {
		s.full = false
	}
}
