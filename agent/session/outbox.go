package session

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/ipc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// maxUnacked hits are kept until the service says that they are durable.
const maxUnacked = 64

// maxAge is the oldest age that a Hit can carry, 600,000 ms.
const maxAge = 10 * time.Minute

// outbox holds hits until they are acknowledged. When the service is slow and
// the box is full, hits that have not been sent yet make room: first one of
// level log, else the new one is refused; both are counted. Its methods are safe
// for concurrent use.
type outbox struct {
	wake chan struct{}
	sent chan struct{} // holds a value when nothing waits to be sent

	// mu guards what follows.
	mu      sync.Mutex
	unacked []pending
	lastSeq uint64 // of the hits that were sent
	status  *lapwingv1.SessionStatus
	canary  *lapwingv1.CanarySeen
	dropped uint64
	reports []*lapwingv1.LockReport
	sending bool // the first of reports
}

// maxReports of the lock sensor wait; the service takes them at once, so that
// only one that hangs for days comes near.
const maxReports = 256

type pending struct {
	hit *lapwingv1.Hit
	at  time.Time
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1), sent: make(chan struct{}, 1)} }

// add takes a report at a time of the same clock as the report's own.
func (o *outbox) add(r capture.Report, now time.Time) {
	p := pending{at: r.At, hit: &lapwingv1.Hit{
		CaptureId: r.CaptureID, Revision: r.Revision, Capture: r.Capture,
		AgeMs: uint32(min(max(now.Sub(r.At), 0), maxAge).Milliseconds()),
	}}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.unacked) >= maxUnacked && !o.makeRoom() {
		o.dropped++
		return
	}
	o.unacked = append(o.unacked, p)
	o.signal()
}

// makeRoom drops the oldest unsent hit of level log.
func (o *outbox) makeRoom() bool {
	for i, p := range o.unacked {
		if p.hit.Seq == 0 && p.hit.Capture.Level == lapwingv1.Level_LEVEL_LOG {
			o.unacked = slices.Delete(o.unacked, i, i+1)
			o.dropped++
			return true
		}
	}
	return false
}

// ack forgets what is durable. An ack of what was never sent is ignored.
func (o *outbox) ack(upto uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unacked = slices.DeleteFunc(o.unacked, func(p pending) bool {
		return p.hit.Seq != 0 && p.hit.Seq <= upto
	})
}

// empty: hits are durable, and what the lock sensor told is sent.
func (o *outbox) empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.unacked) == 0 && len(o.reports) == 0
}

func (o *outbox) droppedCount() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

func (o *outbox) setStatus(s *lapwingv1.SessionStatus) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status = s
	o.signal()
}

// addCanary replaces what was said of an older canary and not sent yet.
func (o *outbox) addCanary(c *lapwingv1.CanarySeen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.canary = c
	o.signal()
}

// lockReport adds what the lock sensor counted; the oldest makes room.
func (o *outbox) lockReport(r *lapwingv1.LockReport) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.reports) >= maxReports {
		o.reports = slices.Delete(o.reports, 1, 2) // the first may be on its way
	}
	o.reports = append(o.reports, r)
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// next returns the next message to be sent: hits first, in order. The sequence
// number is given here, so that a dropped hit leaves no gap. It is called again
// when the one before has been sent.
func (o *outbox) next() *lapwingv1.SessionMessage {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sending {
		o.reports, o.sending = o.reports[1:], false
	}
	for i := range o.unacked {
		if h := o.unacked[i].hit; h.Seq == 0 {
			o.lastSeq++
			h.Seq = o.lastSeq
			return &lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Hit{Hit: h}}
		}
	}
	if c := o.canary; c != nil {
		o.canary = nil
		return &lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Canary{Canary: c}}
	}
	if len(o.reports) > 0 {
		o.sending = true
		return &lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Lock{Lock: o.reports[0]}}
	}
	if s := o.status; s != nil {
		o.status = nil
		return &lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Status{Status: s}}
	}
	select {
	case o.sent <- struct{}{}:
	default:
	}
	return nil
}

// send writes what waits until ctx is done or the connection fails; a failed
// connection is seen by the receiving side too, which ends the process.
func (o *outbox) send(ctx context.Context, conn *ipc.SessionConn) {
	for {
		for m := o.next(); m != nil; m = o.next() {
			if err := conn.Send(m); err != nil {
				return
			}
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return
		}
	}
}
