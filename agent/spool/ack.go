package spool

import (
	"fmt"
	"slices"
)

// Ack says that the collector has every leased record of l up to and including
// number upto. It may come twice. An error other than ErrNotLeased and
// ErrClosed means that the acknowledgement may be forgotten at a restart, and
// the records then delivered again.
func (s *Spool) Ack(l Lane, upto uint64) error {
	if !l.valid() {
		return fmt.Errorf("acknowledge in spool: no lane %d", l)
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.closedErr(); err != nil {
		return err
	}
	ln := s.lane(l)
	acked, err := s.land(ln, upto)
	if err != nil || len(acked) == 0 {
		return err
	}
	if l == Urgent {
		s.keepGrace(acked)
	}
	if !s.sweep() {
		if err := s.save(false); err != nil {
			return fmt.Errorf("acknowledge in spool: %w", err)
		}
	}
	// Room may have come back for what is waiting in the digest; if not, the
	// next call tries again.
	_ = s.promoteDigest(0)
	s.relax()
	return nil
}

// land takes the records up to upto out of the air and returns them.
func (s *Spool) land(ln *lane, upto uint64) ([]leasedRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := &s.state.Gone[ln.name-1]
	if upto > max(ln.leased, *gone) {
		return nil, fmt.Errorf("acknowledge %s %d in spool: %w", ln.name, upto, ErrNotLeased)
	}
	n := 0
	for n < len(ln.flight) && ln.flight[n].seq <= upto {
		r := ln.flight[n]
		r.seg.live.Records--
		r.seg.live.Bytes -= uint64(r.size)
		n++
	}
	acked := slices.Clone(ln.flight[:n])
	ln.flight = slices.Delete(ln.flight, 0, n)
	*gone = max(*gone, upto)
	return acked, nil
}

// Rollback takes back every record of l that is leased and not acknowledged:
// Lease hands them out again, in the same order.
func (s *Spool) Rollback(l Lane) {
	if !l.valid() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ln := s.lane(l)
	ln.flight, ln.leased = nil, s.state.Gone[l-1]
	ln.readSeg, ln.readOff = nil, 0
	s.signal()
}

// drainBytes is the size at which a segment that holds nothing live is removed
// though it is the active one; below it, making a new file for the next event
// would cost more than it saves.
func (s *Spool) drainBytes() int64 { return min(64<<10, s.cfg.SegmentBytes/4) }

// sweep removes the segments that hold nothing live, and reports whether the
// state was saved, which comes first: the numbers in those segments must not
// be used again. The caller holds commit.
func (s *Spool) sweep() (saved bool) {
	s.mu.Lock()
	var empty []*segment
	for _, ln := range s.lanes {
		for _, g := range ln.segs {
			if g.live.Records == 0 && (g != ln.active || g.size >= s.drainBytes()) {
				empty = append(empty, g)
			}
		}
	}
	s.mu.Unlock()
	if len(empty) == 0 || s.save(true) != nil {
		return false
	}
	for _, g := range empty {
		if ln := s.lane(g.lane); g == ln.active {
			_ = s.release(ln)
		}
		s.forget(g)
	}
	return true
}

// forget takes g out of its lane and off the disk. If the disk refuses, the
// next Open removes the file.
func (s *Spool) forget(g *segment) {
	s.mu.Lock()
	ln := s.lane(g.lane)
	ln.segs = slices.DeleteFunc(ln.segs, func(h *segment) bool { return h == g })
	ln.flight = slices.DeleteFunc(ln.flight, func(r leasedRecord) bool { return r.seg == g })
	if ln.readSeg == g {
		ln.readSeg, ln.readOff = nil, 0
	}
	s.mu.Unlock()
	_ = s.cfg.fs.Remove(g.path(s.cfg.Dir))
}

// dropOldestRoutine makes room at the cost of the oldest routine segment, and
// reports whether there was one. The loss is counted before it happens.
func (s *Spool) dropOldestRoutine() (bool, error) {
	ln := s.lane(Routine)
	if len(ln.segs) == 0 {
		return false, nil
	}
	g := ln.segs[0]
	if g == ln.active {
		if err := s.release(ln); err != nil {
			return false, fmt.Errorf("close segment: %w", err)
		}
	}
	s.mu.Lock()
	before := s.state
	s.state.Dropped += g.live.Records
	s.state.Gone[Routine-1] = max(s.state.Gone[Routine-1], g.last)
	s.mu.Unlock()
	if err := s.save(true); err != nil {
		s.mu.Lock()
		s.state = before
		s.mu.Unlock()
		return false, err
	}
	s.forget(g)
	return true, nil
}
