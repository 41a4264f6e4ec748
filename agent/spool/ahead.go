package spool

// Writing where the file already has blocks with content needs no change of
// the file system's own records, only the data: on ext4 that is durable in half
// the time of an append, and wakes a disk for less. So a segment that grows
// gets zeros ahead of its records, seven for each byte that it has: one event in an
// hour costs none, and a rush writes at most 1 MiB of them for each MiB of records.
// Blocks that are only reserved (fallocate) do not help: their first write is
// such a change too.

// aheadLeast is what is not worth a call: fewer zeros are not written, and not
// taken back.
func (s *Spool) aheadLeast() int64 { return min(16<<10, s.cfg.SegmentBytes/16) }

// zeros is only read, so that it takes no memory.
var zeros [64 << 10]byte

// ahead is how many zeros to write behind the next n bytes of g. There are none
// where room is short: what was promised goes first.
func (s *Spool) ahead(g *segment, n int64) int64 {
	end := g.size + n
	// The last write of a segment begins below SegmentBytes and ends above it.
	pad := min(8*end, s.cfg.SegmentBytes+n) - end
	if end <= g.made || pad < s.aheadLeast() || s.roomFor(g.lane, n+pad) != nil {
		return 0
	}
	return pad
}

// writeAhead writes n zeros at off. It may fail: then an append is slower.
func (g *segment) writeAhead(off, n int64) {
	for end := off + n; off < end; {
		k, err := g.f.WriteAt(zeros[:min(int64(len(zeros)), end-off)], off)
		if err != nil {
			return
		}
		off += int64(k)
	}
}

// trim gives back what was written ahead. A reader passes over zeros, so it
// does not matter whether that succeeds.
func (s *Spool) trim(g *segment) {
	if g.made-g.size >= s.aheadLeast() {
		_ = g.f.Truncate(g.size)
		g.made = g.size
	}
}
