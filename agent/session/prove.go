package session

import (
	"errors"
	"time"

	"github.com/lapwing-schools/lapwing/agent/canary"
	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// typing asks whoever watches the desktop to type a phrase. typed has room for
// the answer, which is nil once all of it was typed.
type typing struct {
	phrase string
	typed  chan<- error
}

// errLocked: the screen is locked, so nothing is typed.
var errLocked = errors.New("the screen is locked")

// proof is one canary on its way; the zero value is none. It is the loop's.
type proof struct {
	nonce    []byte
	phrase   string
	asked    time.Time
	last     error // of the last try to type it
	listener *canary.Listener
	typed    chan error // not nil while the desktop types
	sent     bool       // all of it was typed; it only has to be heard
	timer    *time.Timer
}

func (p *proof) due() <-chan time.Time {
	if p.timer == nil {
		return nil
	}
	return p.timer.C
}

func (p *proof) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// canary begins one. A second request while one is under way ends the first,
// which the collector has given up.
func (l *loop) canary(r *lapwingv1.CanaryRequest) {
	l.endProof()
	l.proof = proof{nonce: r.Nonce, phrase: canary.Phrase(r.Nonce), asked: l.cfg.Now(), timer: time.NewTimer(0)}
}

func (l *loop) endProof() {
	l.proof.stop()
	if l.proof.listener != nil {
		l.machine.SetEngine(l.engine)
	}
	l.proof = proof{}
}

// setEngine takes the rules of a new policy, behind the listener if there is one.
func (l *loop) setEngine(e capture.Matcher) {
	l.engine = e
	if l.proof.listener != nil {
		l.proof.listener = canary.Listen(e, l.proof.phrase)
		e = l.proof.listener
	}
	l.machine.SetEngine(e)
}

// prove is the next step of a proof, when its timer is due.
func (l *loop) prove() {
	p := &l.proof
	switch {
	case p.typed != nil: // the desktop answers within seconds
		p.timer.Reset(l.cfg.Canary.Retry)
	case p.sent:
		l.proved(lapwingv1.CanarySeen_RESULT_FAILED, conditions.CanaryUnheard)
	case l.engine == nil:
		l.proved(lapwingv1.CanarySeen_RESULT_FAILED, conditions.PolicyMissing)
	case !l.mayLook():
		l.partly(conditions.NoticeUnseen)
	case l.shut:
		l.partly(conditions.OutsideSchedule)
	case l.cfg.Desktop.wayland():
		l.partly(conditions.WaylandNoKeys)
	case l.cfg.Now().Sub(p.asked) >= l.cfg.Canary.Patience:
		l.giveUp()
	default:
		p.typed = make(chan error, 1)
		p.listener = canary.Listen(l.engine, p.phrase)
		l.machine.SetEngine(p.listener)
		l.typings <- typing{p.phrase, p.typed}
		p.timer.Reset(l.cfg.Canary.Retry)
	}
}

// typed takes the desktop's answer.
func (l *loop) typed(err error) {
	p := &l.proof
	p.typed, p.last = nil, err
	switch {
	case err == nil:
		p.sent = true
		p.timer.Reset(l.cfg.Canary.Hear)
		l.heard()
	case errors.Is(err, canary.ErrUnable):
		l.partly(conditions.CanaryUntyped)
	default:
		p.timer.Reset(l.cfg.Canary.Retry)
	}
}

// heard ends a proof whose phrase has come through.
func (l *loop) heard() {
	if l.proof.sent && l.proof.listener.Heard() {
		l.proved(lapwingv1.CanarySeen_RESULT_FULL, "")
	}
}

// giveUp says why there was no moment for a full canary.
func (l *loop) giveUp() {
	if errors.Is(l.proof.last, errLocked) {
		l.proved(lapwingv1.CanarySeen_RESULT_LOCKED, conditions.ScreenLocked)
		return
	}
	l.partly(conditions.CanaryInUse)
}

// partly makes a partial canary; code says why it is not a full one.
func (l *loop) partly(code string) {
	if canary.Partial(l.engine, l.proof.phrase, l.cfg.Now()) {
		l.proved(lapwingv1.CanarySeen_RESULT_PARTIAL, code)
		return
	}
	l.proved(lapwingv1.CanarySeen_RESULT_FAILED, conditions.CanaryUnheard)
}

func (l *loop) proved(result lapwingv1.CanarySeen_Result, code string) {
	took := min(max(l.cfg.Now().Sub(l.proof.asked), 0), maxAge)
	l.outbox.addCanary(&lapwingv1.CanarySeen{Nonce: l.proof.nonce, Result: result, TookMs: uint32(took.Milliseconds()), Code: code})
	l.cfg.Log.Info("canary", "result", result.String(), "code", code)
	l.endProof()
}
