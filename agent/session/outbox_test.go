package session

import (
	"slices"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func report(id uint64, level lapwingv1.Level, at time.Time) capture.Report {
	return capture.Report{CaptureID: id, At: at, Capture: &lapwingv1.Capture{Level: level}}
}

func (o *outbox) ids() (ids []uint64) {
	for _, p := range o.unacked {
		ids = append(ids, p.hit.CaptureId)
	}
	return ids
}

func TestOutboxNumbersAndForgets(t *testing.T) {
	o := newOutbox()
	now := time.Now()
	o.setStatus(&lapwingv1.SessionStatus{Locked: true})
	for id := range uint64(3) {
		o.add(report(id+1, lapwingv1.Level_LEVEL_ALERT, now.Add(-time.Second)), now)
	}
	for want := range uint64(3) {
		hit := o.next().GetHit()
		if hit.GetSeq() != want+1 || hit.GetCaptureId() != want+1 || hit.GetAgeMs() != 1000 {
			t.Errorf("hit %v, want number %d", hit, want+1)
		}
	}
	if s := o.next().GetStatus(); !s.GetLocked() {
		t.Errorf("status %v after the hits", s)
	}
	if m := o.next(); m != nil {
		t.Errorf("one too many: %v", m)
	}
	o.ack(2)
	if got := o.ids(); !slices.Equal(got, []uint64{3}) {
		t.Errorf("kept %v", got)
	}
	o.ack(99)
	if !o.empty() {
		t.Error("not empty")
	}
}

func TestAckBeforeSendingIsIgnored(t *testing.T) {
	o := newOutbox()
	o.add(report(1, lapwingv1.Level_LEVEL_ALERT, time.Now()), time.Now())
	o.ack(5)
	if o.empty() {
		t.Error("a hit that was never sent counts as durable")
	}
}

func TestFullOutboxGivesUpLogFirst(t *testing.T) {
	o := newOutbox()
	now := time.Now()
	add := func(id uint64, level lapwingv1.Level) { o.add(report(id, level, now), now) }
	add(1, lapwingv1.Level_LEVEL_LOG)
	o.next() // on its way: it stays
	add(2, lapwingv1.Level_LEVEL_ALERT)
	add(3, lapwingv1.Level_LEVEL_LOG)
	for id := uint64(4); len(o.unacked) < maxUnacked; id++ {
		add(id, lapwingv1.Level_LEVEL_ALERT)
	}
	add(100, lapwingv1.Level_LEVEL_ALERT) // takes the place of 3
	add(101, lapwingv1.Level_LEVEL_ALERT) // finds none
	ids := o.ids()
	if len(ids) != maxUnacked || !slices.Contains(ids, 1) || slices.Contains(ids, 3) || !slices.Contains(ids, 100) || slices.Contains(ids, 101) {
		t.Errorf("kept %v", ids)
	}
	if got := o.droppedCount(); got != 2 {
		t.Errorf("%d dropped, want 2", got)
	}
	var seqs []uint64
	for m := o.next(); m != nil; m = o.next() {
		seqs = append(seqs, m.GetHit().GetSeq())
	}
	for i, seq := range seqs {
		if seq != uint64(i)+2 {
			t.Fatalf("numbers %v have a gap", seqs)
		}
	}
}

func TestAgeIsBounded(t *testing.T) {
	o := newOutbox()
	now := time.Now()
	o.add(report(1, lapwingv1.Level_LEVEL_ALERT, now.Add(-time.Hour)), now)
	o.add(report(2, lapwingv1.Level_LEVEL_ALERT, now.Add(time.Hour)), now)
	if a, b := o.next().GetHit().GetAgeMs(), o.next().GetHit().GetAgeMs(); a != 600_000 || b != 0 {
		t.Errorf("ages %d and %d", a, b)
	}
}
