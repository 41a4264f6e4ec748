package spool

import (
	"encoding/json"
	"fmt"
)

// Lease hands out the next records of a lane, in order, at most maxRecords and
// about maxBytes of payload, at least one if there is any. They stay in the
// spool until Ack; Rollback hands them out again. Records that cannot be read
// are passed over; those that cannot be read just now, for want of a descriptor
// or of memory, are an error and stay.
func (s *Spool) Lease(l Lane, maxRecords, maxBytes int) ([]Entry, error) {
	if !l.valid() {
		return nil, fmt.Errorf("lease from spool: no lane %d", l)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	var out []Entry
	var bad []*segment
	var err error
	ln := s.lane(l)
	for err == nil && len(out) < maxRecords && maxBytes > 0 {
		g := ln.reading()
		if g == nil {
			break
		}
		var more []Entry
		var used int
		var ok bool
		more, used, ok, err = s.leaseFrom(ln, g, maxRecords-len(out), maxBytes)
		out = append(out, more...)
		maxBytes -= used
		if !ok {
			bad = append(bad, g)
		}
	}
	s.mu.Unlock()
	if len(bad) > 0 {
		s.writeOff(ln, bad)
	}
	if err != nil && len(out) == 0 {
		return nil, fmt.Errorf("lease from spool: %w", err)
	}
	return out, nil
}

// reading returns the segment that has the next record to lease, or nil.
func (ln *lane) reading() *segment {
	i := 0
	if ln.readSeg != nil {
		i = ln.index(ln.readSeg)
	}
	for ; i >= 0 && i < len(ln.segs); i++ {
		g := ln.segs[i]
		if g != ln.readSeg {
			ln.readSeg, ln.readOff = g, 0
		}
		if ln.readOff < g.size {
			return g
		}
	}
	return nil
}

func (ln *lane) index(g *segment) int {
	for i, h := range ln.segs {
		if g == h {
			return i
		}
	}
	return -1
}

// leaseWindow is how much of a segment is read at once: whole frames of any
// size, and not a whole segment for each few records.
const leaseWindow = 4 * (frameHeader + maxBody)

// leaseFrom hands out records of one segment until a limit or its end, and
// moves the lane's place on. It reports false when something in the segment
// could not be read. After an error the place is before what was not read.
func (s *Spool) leaseFrom(ln *lane, g *segment, maxRecords, maxBytes int) (out []Entry, used int, ok bool, err error) {
	base := ln.readOff
	b, upto, err := s.readSegment(g, base, min(base+leaseWindow, g.size))
	if err != nil {
		return nil, 0, true, err
	}
	off := 0
	if base == 0 && string(b[:min(len(b), segHeader)]) == segMagic {
		off = segHeader
	}
	ok = true
	above := max(s.state.Gone[ln.name-1], ln.leased)
	for len(out) < maxRecords && used < maxBytes {
		f, next, skipped, v := nextFrame(b, off)
		if v != whole && upto < g.size {
			if ln.readOff > base {
				return out, used, ok, nil // the window's end; the next one begins here
			}
			if b, upto, err = s.readSegment(g, base, g.size); err != nil {
				return out, used, ok, err
			}
			continue
		}
		ok = ok && !skipped
		if v != whole {
			return out, used, ln.finish(g) && ok, nil
		}
		off = next
		ln.readOff = base + int64(off)
		if f.seq <= above {
			continue
		}
		e, err := s.entry(g, f)
		if err != nil {
			ok = false
			continue
		}
		out = append(out, e)
		used += int(f.size())
		above, ln.leased = f.seq, f.seq
		ln.flight = append(ln.flight, leasedRecord{f.seq, ln.readOff - int64(f.size()), int64(f.size()), g})
	}
	if ln.readOff >= g.size {
		ok = ln.finish(g) && ok
	}
	return out, used, ok, nil
}

// finish moves the lane's place behind g. Records of g that are not in flight
// by now were not readable and never will be; finish reports whether there
// were none.
func (ln *lane) finish(g *segment) bool {
	var flying LaneStats
	for _, r := range ln.flight {
		if r.seg == g {
			flying.Records++
			flying.Bytes += uint64(r.size)
		}
	}
	lost := g.live.Records > flying.Records
	g.live, ln.readOff = flying, g.size
	return !lost
}

// readSegment reads g from one offset to another, and returns the other. What
// cannot be read is lost with all that follows: upto is then the segment's
// size. An error says that the fault is not the file's. The caller holds mu.
func (s *Spool) readSegment(g *segment, from, to int64) (b []byte, upto int64, err error) {
	f := g.f
	if f == nil {
		f, err = s.cfg.fs.Open(g.path(s.cfg.Dir), false)
		if err == nil {
			defer f.Close()
		}
	}
	if err == nil {
		b, err = readFrom(f, from, to)
	}
	switch {
	case err == nil:
		return b, to, nil
	case passing(err):
		return nil, from, err
	}
	return nil, g.size, nil
}

func (s *Spool) entry(g *segment, f frame) (Entry, error) {
	p, err := s.seal.open(g.place(), f)
	if err != nil {
		return Entry{}, err
	}
	if f.kind == kindPayload {
		return Entry{Seq: f.seq, Payload: p}, nil
	}
	var d digest
	if err := json.Unmarshal(p, &d); f.kind != kindDigest || err != nil {
		return Entry{}, errUndecipherable
	}
	return Entry{Seq: f.seq, Digest: d.public()}, nil
}

// writeOff counts damaged segments and removes those that hold nothing else.
func (s *Spool) writeOff(ln *lane, bad []*segment) {
	s.commit.Lock()
	defer s.commit.Unlock()
	for _, g := range bad {
		if ln.active == g {
			// Whatever went wrong with the file may go on: write to another one.
			_ = s.release(ln)
		}
		// The count in memory stands even if the disk does not take it.
		_ = s.countDamage(g)
	}
	s.sweep()
}
