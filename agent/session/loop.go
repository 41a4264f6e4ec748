package session

import (
	"context"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/coverage"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// loop is the one goroutine that owns the machine.
type loop struct {
	cfg     Config
	board   *coverage.Board
	machine *capture.Machine
	outbox  *outbox
	inputs  chan capture.Input
	there   *attendance
	locked  bool
	told    bool // what the schedule lets this session look at
	shut    bool // and that is nothing

	// notice is the version that must have been shown before anything is captured,
	// empty for none; shown is what the service says was.
	notice, shown string
	policied      bool // a policy is in force

	watched  bool
	watching sync.WaitGroup

	engine  capture.Matcher // of the policy in force; nil before the first
	typings chan typing
	notes   mediaNotes
	proof   proof
	doze    dozer
}

// dozer is trim.Doze.
type dozer interface {
	Happened(now time.Time)
	Look(now time.Time)
}

// watch starts the sensors, once.
func (l *loop) watch(ctx context.Context) {
	if l.watched {
		return
	}
	l.watched = true
	l.watching.Go(func() { watch(ctx, l.cfg, l.there, l.board, l.inputs, l.typings) })
}

// run ends with ctx, or with a message that says so. The status is sent at each
// beat.
func (l *loop) run(ctx context.Context, messages <-chan received, beats <-chan time.Time) error {
	deadline := time.NewTimer(0)
	defer deadline.Stop()
	<-deadline.C
	defer l.proof.stop()
	defer l.notes.wait()
	l.doze.Happened(l.cfg.Now())
	defer func() { l.doze.Happened(l.cfg.Now()) }()
	for {
		l.arm(deadline)
		select {
		case in := <-l.inputs:
			l.doze.Happened(in.At)
			l.input(in)
			l.notes.show(ctx, l.cfg)
		case <-deadline.C:
			l.input(capture.Input{At: l.cfg.Now(), Kind: capture.Tick})
		case m := <-messages:
			l.doze.Happened(l.cfg.Now())
			if stop, err := l.message(ctx, m); stop {
				if err == nil && m.err == nil {
					l.finish(messages)
				}
				return err
			}
		case <-l.proof.due():
			l.prove()
		case err := <-l.proof.typed:
			l.typed(err)
		case <-l.board.Changed():
			l.status()
		case <-beats:
			l.status()
			l.doze.Look(l.cfg.Now())
		case <-ctx.Done():
			return nil
		}
	}
}

// finishBound is how long a stopping process waits for its last hits to be
// acknowledged; the supervisor gives it three seconds in all.
const finishBound = time.Second

// finish closes what is open, sends it, and waits until hits are durable and the
// rest is sent.
func (l *loop) finish(messages <-chan received) {
	for _, r := range l.machine.Close(l.cfg.Now()) {
		l.outbox.add(r, l.cfg.Now())
	}
	l.there.close(l.cfg.Now())
	bound := time.NewTimer(finishBound)
	defer bound.Stop()
	for !l.outbox.empty() {
		select {
		case m := <-messages:
			if m.err != nil {
				return
			}
			if ack := m.message.GetHitAck(); ack != nil {
				l.outbox.ack(ack.Upto)
			}
		case <-l.outbox.sent:
		case <-bound.C:
			return
		}
	}
}

// arm sets the timer to the machine's next deadline. With none it stands still:
// an idle desktop wakes nobody.
func (l *loop) arm(t *time.Timer) {
	due, ok := l.machine.Deadline()
	if !ok {
		t.Stop()
		return
	}
	t.Reset(max(0, due.Sub(l.cfg.Now())))
}

func (l *loop) input(in capture.Input) {
	switch in.Kind {
	case capture.ScreenLocked:
		l.locked = true
		l.notes.open = false
		defer l.status()
	case capture.ScreenUnlocked:
		l.locked = false
		l.notes.open = true
		defer l.status()
	}
	for _, r := range l.machine.Step(in) {
		l.outbox.add(r, l.cfg.Now())
	}
	l.heard()
}

// status replaces a status that waits to be sent.
func (l *loop) status() {
	c := l.machine.Counters()
	l.outbox.setStatus(&lapwingv1.SessionStatus{
		Coverage:    l.board.Rows(),
		Locked:      l.locked,
		HeldDropped: c.HeldDropped + c.Denied,
		RateLimited: c.RateLimited + l.outbox.droppedCount(),

		HarbourSeconds: uint64(c.Harbour / time.Second), ExemptSeconds: uint64(c.Exempt / time.Second),
	})
}
