package spool

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// small is a spool whose cap is soon reached.
var small = Config{Dir: "/spool", MaxBytes: 4 << 10, SegmentBytes: 1 << 10, MinFree: -1}

func TestOldestRoutineGivesWay(t *testing.T) {
	cfg := small
	cfg.fs = newFaultFS()
	s := open(t, cfg)
	p := strings.Repeat("x", 200)
	for i := range 100 {
		if _, err := s.Append(Event{Lane: Routine, Payload: fmt.Appendf(nil, "%d %s", i, p)}); err != nil {
			t.Fatal(err)
		}
	}
	st := s.Stats()
	es := drain(t, s, Routine)
	if !st.Full || st.DroppedRoutine == 0 || st.DroppedRoutine+uint64(len(es)) != 100 {
		t.Errorf("%d left, %+v", len(es), st)
	}
	if want := fmt.Sprintf("%d ", st.DroppedRoutine); !strings.HasPrefix(string(es[0].Payload), want) {
		t.Errorf("the first left is not number %s", want)
	}
	check(t, s.Ack(Routine, es[len(es)-1].Seq))
	if s.Stats().Full {
		t.Error("still full after everything was acknowledged")
	}
}

// Urgent events push routine ones out, then are merged; the digest comes after
// what was there before it, as soon as there is room, and survives a restart.
func TestUrgentIsMergedLast(t *testing.T) {
	cfg := small
	disk := newFaultFS()
	cfg.fs = disk
	s := open(t, cfg)
	for range 10 {
		put(t, s, Routine, strings.Repeat("r", 200))
	}
	wall := time.UnixMilli(1_700_000_000_000)
	var stored []uint64
	merged := 0
	for i := range 30 {
		r, err := s.Append(Event{Lane: Urgent, Payload: bytes.Repeat([]byte("u"), 200), Category: []string{"bullying", "<b>"}[i%2],
			Wall: wall.Add(time.Duration(i) * time.Second)})
		check(t, err)
		if r.Merged {
			merged++
		} else {
			stored = append(stored, r.Seq)
			if merged > 0 {
				t.Fatal("an event was stored while others waited in the digest")
			}
		}
	}
	st := s.Stats()
	if st.Routine.Records != 0 || st.DroppedRoutine != 10 || merged == 0 || st.MergedUrgent != uint64(merged) {
		t.Fatalf("%d merged, %+v", merged, st)
	}
	check(t, s.Close())
	s = open(t, cfg)
	es := drain(t, s, Urgent)
	if len(es) != len(stored) {
		t.Fatalf("%d records, want %d", len(es), len(stored))
	}
	check(t, s.Ack(Urgent, stored[len(stored)-1]))
	es = drain(t, s, Urgent)
	if len(es) != 1 || es[0].Digest == nil {
		t.Fatalf("after room came back: %+v, want the digest", es)
	}
	d := es[0].Digest
	if int(d.ByCategory["bullying"]+d.ByCategory["other"]) != merged || len(d.ByCategory) != 2 ||
		!d.Last.Equal(wall.Add(29*time.Second)) || !d.First.Equal(wall.Add(time.Duration(30-merged)*time.Second)) {
		t.Errorf("digest %+v of %d events", d, merged)
	}
	if es[0].Seq <= stored[len(stored)-1] {
		t.Error("the digest does not come after the records")
	}
}

// The machine stops after the digest was written as a record and before its
// slot was cleared: it must not come twice.
func TestDigestComesOnce(t *testing.T) {
	cfg := small
	disk := newFaultFS()
	cfg.fs = disk
	s := open(t, cfg)
	disk.mu.Lock()
	disk.room = 0
	disk.mu.Unlock()
	for range 3 {
		r, err := s.Append(Event{Lane: Urgent, Payload: []byte("u"), Category: "drugs", Wall: time.Now()})
		if check(t, err); !r.Merged {
			t.Fatal("not merged on a full disk")
		}
	}
	slots := bytes.Clone(disk.nodes["/spool/state"].data)
	disk.mu.Lock()
	disk.room = -1
	disk.mu.Unlock()
	put(t, s, Urgent, "u") // the digest becomes a record
	after := disk.kill()
	after.nodes["/spool/state"].data = slots
	cfg.fs = after
	s = open(t, cfg)
	total := uint32(0)
	for _, e := range drain(t, s, Urgent) {
		if e.Digest != nil {
			total += e.Digest.ByCategory["drugs"]
		}
	}
	put(t, s, Urgent, "u")
	for _, e := range drain(t, s, Urgent) {
		if e.Digest != nil {
			t.Error("the digest came again")
		}
	}
	if total != 3 {
		t.Errorf("digests count %d events, want 3", total)
	}
}

// Many categories must not outgrow the slot that is reserved.
func TestDigestIsBounded(t *testing.T) {
	var d digest
	for i := range 1000 {
		d = d.with(fmt.Sprintf("category-%021d", i), time.Now())
	}
	sum := uint32(0)
	for _, n := range d.ByCategory {
		sum += n
	}
	if len(d.ByCategory) > maxCategories || sum != 1000 {
		t.Errorf("%d categories, %d events", len(d.ByCategory), sum)
	}
	cfg := small
	cfg.fs = newFaultFS()
	s := open(t, cfg)
	if err := s.disk.write(state{Next: [2]uint64{1 << 63, 1 << 63}, Gone: [2]uint64{1 << 63, 1 << 63},
		Dropped: 1 << 63, Merged: 1 << 63, Damaged: 1 << 63, Digest: d}, true); err != nil {
		t.Error(err)
	}
}

// A disk that fills up and is emptied again: a typed error, and nothing that
// was promised is lost.
func TestDiskFull(t *testing.T) {
	disk := newFaultFS()
	cfg := Config{Dir: "/spool", fs: disk, MinFree: -1}
	s := open(t, cfg)
	put(t, s, Urgent, "before")
	put(t, s, Routine, "before")
	disk.mu.Lock()
	disk.room = 10
	disk.mu.Unlock()
	// Of the routine lane the only segment gives way; then nothing is left.
	for range 2 {
		if _, err := s.Append(Event{Lane: Routine, Payload: make([]byte, 1000)}); !errors.Is(err, ErrFull) {
			t.Fatalf("routine on a full disk: %v, want ErrFull", err)
		}
	}
	r, err := s.Append(Event{Lane: Urgent, Payload: make([]byte, 1000), Category: "drugs", Wall: time.Now()})
	if err != nil || !r.Merged {
		t.Fatalf("urgent on a full disk: %+v, %v, want merged", r, err)
	}
	if !s.Stats().Full {
		t.Error("the spool does not say that it is full")
	}
	disk.mu.Lock()
	disk.room = -1
	disk.mu.Unlock()
	put(t, s, Urgent, "after")
	put(t, s, Routine, "after")
	es := drain(t, s, Urgent)
	if len(es) != 3 || string(es[0].Payload) != "before" || es[1].Digest == nil || string(es[2].Payload) != "after" {
		t.Errorf("urgent: %+v", es)
	}
	if got := texts(drain(t, s, Routine)); !slices.Equal(got, []string{"after"}) {
		t.Errorf("routine: %q", got)
	}
	if st := s.Stats(); st.DroppedRoutine != 3 || st.Full {
		t.Errorf("at the end %+v", st)
	}
}

// Room is left on the disk for others.
func TestFreeSpaceGuard(t *testing.T) {
	disk := newFaultFS()
	s := open(t, Config{Dir: "/spool", fs: disk, MinFree: 1 << 20})
	disk.mu.Lock()
	disk.room = 500 << 10
	disk.mu.Unlock()
	if _, err := s.Append(Event{Lane: Routine, Payload: []byte("x")}); !errors.Is(err, ErrFull) {
		t.Errorf("routine: %v, want ErrFull", err)
	}
	if r, err := s.Append(Event{Lane: Urgent, Payload: []byte("x")}); err != nil || r.Merged {
		t.Errorf("urgent with a quarter left: %+v, %v", r, err)
	}
	disk.mu.Lock()
	disk.room = 200 << 10
	disk.mu.Unlock()
	if r, err := s.Append(Event{Lane: Urgent, Payload: []byte("x")}); err != nil || !r.Merged {
		t.Errorf("urgent with less than a quarter: %+v, %v", r, err)
	}
}
