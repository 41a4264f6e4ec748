package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says where a spool is and how large it may grow.
type Config struct {
	Dir string // made with mode 0700 if it is missing
	// MaxBytes is the cap of all segments together; 0 means 64 MiB.
	MaxBytes int64
	// SegmentBytes is the size at which a segment is closed, and so the step in
	// which old routine events give way; 0 means 1 MiB.
	SegmentBytes int64
	// MinFree is the room that routine events leave on the disk for others,
	// and urgent ones a quarter of it; 0 means 32 MiB, below 0 no check.
	MinFree int64
	Now     func() time.Time // nil means time.Now

	fs filesystem // nil means the real one; tests put another here
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = 64 << 20
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = 1 << 20
	}
	if c.MinFree == 0 {
		c.MinFree = 32 << 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.fs == nil {
		c.fs = osFS{}
	}
	return c
}

// Spool is an open spool. It is safe for concurrent use.
type Spool struct {
	cfg   Config
	seal  sealer
	lock  *os.File
	ready chan struct{}

	// commit serialises everything that writes; it is taken before mu.
	commit sync.Mutex
	buf    []byte // of the last batch
	disk   *stateFile
	grace  *grace

	mu      sync.Mutex // guards all below; never held during a write
	closed  bool
	pending *batch
	state   state
	lanes   [2]*lane
	full    bool
}

// lane is one lane's segments, oldest first, and how far readers are.
type lane struct {
	name   Lane
	segs   []*segment
	active *segment // the one written to: the last of segs, or nil
	next   uint64   // number of the next record

	// Where Lease goes on.
	readSeg *segment // nil means the first
	readOff int64
	leased  uint64 // highest number handed out
	flight  []leasedRecord
}

// live sums up what is neither acknowledged nor dropped.
func (ln *lane) live() LaneStats {
	var sum LaneStats
	for _, g := range ln.segs {
		sum.Records += g.live.Records
		sum.Bytes += g.live.Bytes
	}
	return sum
}

type leasedRecord struct {
	seq  uint64
	off  int64 // of the frame in its segment
	size int64 // of the frame
	seg  *segment
}

// segment is one file. A segment of an earlier run is never written again.
type segment struct {
	lane    Lane
	first   uint64 // number in its name
	last    uint64 // highest number in it
	size    int64  // durable bytes
	made    int64  // bytes of the file, zeros written ahead included; see ahead
	live    LaneStats
	damaged bool // counted
	// plainName: damaged, but the file could not be renamed to say so.
	plainName bool
	f         file // open only while it is the active one
}

const (
	segSuffix     = ".seg"
	damagedSuffix = ".damaged.seg"
	segMagic      = "lapwspl1"
	segHeader     = len(segMagic)
)

// place names a segment in the associated data of its records.
func (g *segment) place() string { return fmt.Sprintf("%s-%016x", g.lane, g.first) }

func (g *segment) path(dir string) string {
	suffix := segSuffix
	if g.damaged && !g.plainName {
		suffix = damagedSuffix
	}
	return filepath.Join(dir, g.place()+suffix)
}

// Ready is signalled when there may be something to lease. It has one slot:
// one signal may stand for many records.
func (s *Spool) Ready() <-chan struct{} { return s.ready }

func (s *Spool) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Stats returns the spool's account of itself.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var damaged time.Time
	if ms := s.state.DamagedMs; ms != 0 {
		damaged = time.UnixMilli(ms)
	}
	return Stats{
		Urgent: s.lanes[0].live(), Routine: s.lanes[1].live(),
		DiskBytes:      uint64(s.diskBytes()),
		DroppedRoutine: s.state.Dropped, MergedUrgent: s.state.Merged, DamagedSegments: s.state.Damaged, LastDamage: damaged,
		Full: s.full,
	}
}

func (s *Spool) diskBytes() int64 {
	var n int64
	for _, l := range s.lanes {
		for _, g := range l.segs {
			n += max(g.size, g.made)
		}
	}
	return n
}

func (s *Spool) lane(l Lane) *lane { return s.lanes[l-1] }

// Close waits for appends in progress and gives the directory back. Appends
// that come later return ErrClosed; what is on disk stays.
func (s *Spool) Close() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.disk.f.Close()
	for _, l := range s.lanes {
		if cerr := s.releaseLocked(l); err == nil {
			err = cerr
		}
	}
	s.grace.release()
	if s.lock != nil {
		s.lock.Close()
	}
	if err != nil {
		return fmt.Errorf("close spool: %w", err)
	}
	return nil
}
