package spool

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// machine drives a spool on a bad disk beside a model of what it has promised.
type machine struct {
	disk *faultFS
	s    *Spool

	n        int                // payloads made so far; each is unique
	promised [2][]Entry         // appended, and not acknowledged for sure
	maybe    map[string]bool    // appended with an error, or acknowledged: may come
	highest  [2]uint64          // highest number ever given
	leased   [2][]Entry         // handed out since the last rollback
	merged   int                // in digests not acknowledged
	refused  uint64             // routine events that Append refused as full
	faulty   bool               // the disk has failed at least once
	digests  map[uint64]*Digest // delivered and not acknowledged
}

var modelConfig = Config{Dir: "/spool", MaxBytes: 6 << 10, SegmentBytes: 1 << 10, MinFree: -1}

func (m *machine) open(t *rapid.T) {
	cfg := modelConfig
	cfg.fs = m.disk
	s, err := Open(cfg)
	if err != nil && m.disk.failures >= 0 {
		m.disk.failures = -1 // it may fail on a failing disk, but not after
		s, err = Open(cfg)
	}
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	m.s = s
	m.leased = [2][]Entry{}
}

// appendOne appends one event and records what was promised.
func (m *machine) appendOne(t *rapid.T) {
	l := rapid.SampledFrom([]Lane{Urgent, Routine}).Draw(t, "lane")
	m.n++
	p := fmt.Sprintf("%d %0*d", m.n, rapid.IntRange(1, 600).Draw(t, "size"), 0)
	r, err := m.s.Append(Event{Lane: l, Payload: []byte(p), Category: "bullying", Wall: time.UnixMilli(int64(m.n))})
	switch {
	case err == nil && r.Merged:
		if l != Urgent {
			t.Fatal("a routine event was merged")
		}
		m.merged++
	case err == nil:
		if r.Seq <= m.highest[l-1] {
			t.Fatalf("%s number %d after %d", l, r.Seq, m.highest[l-1])
		}
		m.highest[l-1] = r.Seq
		m.promised[l-1] = append(m.promised[l-1], Entry{Seq: r.Seq, Payload: []byte(p)})
	case errors.Is(err, ErrFull):
		if l == Urgent && !m.faulty {
			t.Fatalf("an urgent event was refused: %v", err)
		}
		m.refused++
		m.maybe[p] = true
	default:
		if !m.faulty {
			t.Fatalf("Append on a good disk: %v", err)
		}
		m.maybe[p] = true
	}
}

// lease takes some records and checks that they are the next ones.
func (m *machine) lease(t *rapid.T, l Lane, n int) int {
	es, err := m.s.Lease(l, n, 4<<10)
	if err != nil {
		t.Fatalf("Lease: %v", err)
	}
	for _, e := range es {
		if k := len(m.leased[l-1]); k > 0 && e.Seq <= m.leased[l-1][k-1].Seq {
			t.Fatalf("%s: %d came after %d", l, e.Seq, m.leased[l-1][k-1].Seq)
		}
		m.leased[l-1] = append(m.leased[l-1], e)
		if e.Digest != nil {
			m.digests[e.Seq] = e.Digest
			continue
		}
		known := slices.ContainsFunc(m.promised[l-1], func(p Entry) bool {
			return p.Seq == e.Seq && string(p.Payload) == string(e.Payload)
		})
		if !known && !m.maybe[string(e.Payload)] {
			t.Fatalf("%s %d was never appended, or under another number", l, e.Seq)
		}
	}
	return len(es)
}

func (m *machine) ack(t *rapid.T) {
	l := rapid.SampledFrom([]Lane{Urgent, Routine}).Draw(t, "lane")
	if len(m.leased[l-1]) == 0 {
		return
	}
	k := rapid.IntRange(1, len(m.leased[l-1])).Draw(t, "records")
	m.ackFirst(t, l, k)
}

func (m *machine) ackFirst(t *rapid.T, l Lane, k int) {
	upto := m.leased[l-1][k-1].Seq
	if err := m.s.Ack(l, upto); err != nil && !m.faulty {
		t.Fatalf("Ack: %v", err)
	}
	for _, e := range m.leased[l-1][:k] {
		if e.Digest != nil {
			for _, n := range m.digests[e.Seq].ByCategory {
				m.merged -= int(n)
			}
			delete(m.digests, e.Seq)
		}
	}
	m.leased[l-1] = m.leased[l-1][k:]
	// An acknowledgement may be forgotten in a crash: these may come again.
	keep := m.promised[l-1][:0]
	for _, e := range m.promised[l-1] {
		if e.Seq <= upto {
			m.maybe[string(e.Payload)] = true
		} else {
			keep = append(keep, e)
		}
	}
	m.promised[l-1] = keep
}

func (m *machine) rollback(t *rapid.T) {
	l := rapid.SampledFrom([]Lane{Urgent, Routine}).Draw(t, "lane")
	m.s.Rollback(l)
	m.leased[l-1] = nil
}

// crash ends the process; the disk keeps what it must, and perhaps more.
func (m *machine) crash(t *rapid.T) {
	if rapid.Bool().Draw(t, "power") {
		m.disk = m.disk.powerCut(
			func(n int) int { return rapid.IntRange(0, n).Draw(t, "kept") },
			func(b []byte) {
				if len(b) > 0 && rapid.Bool().Draw(t, "garbled") {
					b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 0x40
				}
			})
	} else {
		m.disk = m.disk.kill()
	}
	if rapid.IntRange(0, 3).Draw(t, "failing at open") == 0 {
		m.disk.failures, m.faulty = rapid.IntRange(0, 6).Draw(t, "failures"), true
	}
	m.open(t)
	m.disk.failures = -1
}

func (m *machine) breakDisk(t *rapid.T) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.failures, m.faulty = rapid.IntRange(0, 5).Draw(t, "failures"), true
}

func (m *machine) mendDisk(*rapid.T) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.failures, m.disk.room = -1, -1
}

func (m *machine) fillDisk(t *rapid.T) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.room = int64(rapid.IntRange(0, 2000).Draw(t, "room"))
}

// settle mends the disk, takes everything out, and compares.
func (m *machine) settle(t *rapid.T) {
	m.mendDisk(t)
	// What waits in the digest becomes a record at an append that finds room.
	m.n++
	p := fmt.Sprint(m.n)
	m.maybe[p] = true
	r, err := m.s.Append(Event{Lane: Urgent, Payload: []byte(p), Category: "x", Wall: time.Now()})
	if err != nil {
		t.Fatalf("append to a mended disk: %v", err)
	}
	if r.Merged { // the cap is reached
		m.merged++
	}
	lost := [2]int{}
	for some := true; some; {
		some = false
		for _, l := range Lanes() {
			m.s.Rollback(l)
			m.leased[l-1] = nil
			for m.lease(t, l, 5) > 0 {
			}
			lost[l-1] += m.missing(t, l)
			if k := len(m.leased[l-1]); k > 0 {
				some = true
				m.ackFirst(t, l, k)
			}
		}
	}
	st := m.s.Stats()
	if lost[0] > 0 {
		t.Fatalf("%d urgent events lost", lost[0])
	}
	if uint64(lost[1]) > st.DroppedRoutine {
		t.Fatalf("%d routine events missing, %d counted", lost[1], st.DroppedRoutine)
	}
	// A merge that failed may have reached the disk: digests may count more.
	if m.merged > 0 || m.merged < 0 && !m.faulty {
		t.Fatalf("%d merged events too few came in digests", m.merged)
	}
	if st.Urgent.Records != 0 || st.Routine.Records != 0 {
		t.Fatalf("an empty spool says %+v", st)
	}
	if st.Urgent.Bytes != 0 || st.Routine.Bytes != 0 {
		t.Fatalf("an empty spool counts bytes: %+v", st)
	}
}

// missing counts promised records that are not among the leased, and checks
// that in the routine lane they are the oldest.
func (m *machine) missing(t *rapid.T, l Lane) (n int) {
	var there bool
	for _, p := range m.promised[l-1] {
		if slices.ContainsFunc(m.leased[l-1], func(e Entry) bool { return e.Seq == p.Seq }) {
			there = true
			continue
		}
		n++
		if there {
			t.Fatalf("%s %d is missing, an older one is there", l, p.Seq)
		}
	}
	// What is missing is accounted for once.
	m.promised[l-1] = slices.DeleteFunc(m.promised[l-1], func(p Entry) bool {
		return !slices.ContainsFunc(m.leased[l-1], func(e Entry) bool { return e.Seq == p.Seq })
	})
	return n
}

// Whatever happens to the process and the disk, in any order, the spool keeps
// its promises.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{disk: newFaultFS(), maybe: map[string]bool{}, digests: map[uint64]*Digest{}}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"append":   m.appendOne,
			"append 2": m.appendOne,
			"append 3": m.appendOne,
			"lease": func(t *rapid.T) {
				m.lease(t, rapid.SampledFrom([]Lane{Urgent, Routine}).Draw(t, "lane"), rapid.IntRange(1, 8).Draw(t, "n"))
			},
			"ack":      m.ack,
			"rollback": m.rollback,
			"crash":    m.crash,
			"break":    m.breakDisk,
			"mend":     m.mendDisk,
			"fill":     m.fillDisk,
		})
		m.settle(t)
	})
}
