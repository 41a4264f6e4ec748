package capture

import (
	"hash/maphash"
	"time"

	"github.com/lapwing-schools/lapwing/internal/detect"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Times of the contract ("Text to capture").
const (
	// MaxHold is how long keys wait for the role of their field.
	MaxHold = 300 * time.Millisecond
	// DefaultPause without input ends a fragment; a policy may set MinPause to MaxPause.
	DefaultPause = 5 * time.Second
	MinPause     = 1 * time.Second
	MaxPause     = 30 * time.Second
	// settleAfter its first hit, a capture is reported as it then stands.
	settleAfter = 2 * time.Second
)

// Matcher finds what a text hits. *detect.Engine is one. It must not keep the text.
type Matcher interface {
	Match(text string, o detect.Options) []detect.Hit
}

// Config narrows the floors compiled into this package; what would widen them
// is cut back to them.
type Config struct {
	// ExcerptChars is the longest excerpt, 1 to 200 characters; 0 means 200.
	ExcerptChars int
	// Pause without input that ends a fragment, MinPause to MaxPause; 0 means DefaultPause.
	Pause time.Duration
	// Options go to the Matcher with every text.
	Options detect.Options
}

func (c Config) floored() Config {
	if c.ExcerptChars < 1 || c.ExcerptChars > lapwingv1.MaxExcerpt {
		c.ExcerptChars = lapwingv1.MaxExcerpt
	}
	if c.Pause == 0 {
		c.Pause = DefaultPause
	}
	c.Pause = min(max(c.Pause, MinPause), MaxPause)
	return c
}

// Report is one revision of one capture.
type Report struct {
	// CaptureID is from 1 and unique in this Machine.
	CaptureID uint64
	// Revision is from 0, by one, per capture.
	Revision uint32
	// Capture passes its Validate. It belongs to the caller, who must not
	// change it: the machine compares the next revision with it.
	Capture *lapwingv1.Capture
	// At is when the key that completed the first hit was typed, the same for
	// all revisions.
	At time.Time
}

// Counters since the machine was made. Keys that a password gate dropped are
// not counted anywhere: their number would be the length of the password.
type Counters struct {
	// HeldDropped counts characters dropped because no role came in time.
	HeldDropped uint64
	// Denied counts characters dropped because no role may be had.
	Denied uint64
	// RateLimited counts captures that were neither sent nor counted in another.
	RateLimited uint64
	// Harbour and Exempt are how long the focus was where nothing is captured.
	Harbour, Exempt time.Duration
}

// Machine is the gate for one desktop session. It is not safe for concurrent
// use. Its memory is bounded, whatever is typed.
type Machine struct {
	cfg    Config
	engine Matcher
	// next is the engine that takes over when the open fragment closes.
	next Matcher

	now      time.Time
	locked   bool
	told     bool // the person has been shown the notice, where there is one
	field    Field
	held     hold
	fragment fragment
	titles   titleMemory
	limit    limiter
	seed     maphash.Seed

	scope  Scope
	places Places
	place  place // of field
	title  heldTitle

	lastID   uint64
	counters Counters
	out      []Report
}

// New returns a machine with an unlocked screen, no field, and a person who has
// not been told: until SetTold everything is dropped, and until the first
// FieldChanged keys are held and dropped. A nil engine matches nothing.
func New(cfg Config, engine Matcher) *Machine {
	return &Machine{
		cfg:      cfg.floored(),
		engine:   engine,
		held:     newHold(),
		fragment: newFragment(),
		limit:    newLimiter(),
		seed:     maphash.MakeSeed(),
		places:   NewPlaces(nil),
	}
}

// SetEngine replaces the engine; nil is ignored. An open fragment is finished
// with the old one, so that a new policy neither withdraws nor repeats its
// captures.
func (m *Machine) SetEngine(engine Matcher) {
	if engine == nil {
		return
	}
	m.next = engine
	if m.engine == nil || m.fragment.empty() {
		m.takeEngine()
	}
}

func (m *Machine) takeEngine() {
	if m.next != nil {
		m.engine, m.next = m.next, nil
		if n := len(m.fragment.text); n > 0 {
			m.fragment.vetted = n + 1
		}
	}
}

// SetConfig replaces the limits, at once.
func (m *Machine) SetConfig(cfg Config) {
	m.cfg = cfg.floored()
	m.fragment.vetted = len(m.fragment.text) + 1
}

// Counters returns the counters so far.
func (m *Machine) Counters() Counters { return m.counters }

// Step takes one observation and returns what may leave the process because
// of it, in order. What was due before in.At happens first, so that late or
// missing ticks change no report but their moment.
func (m *Machine) Step(in Input) []Report {
	if in.At.Before(m.now) {
		in.At = m.now
	}
	m.out = nil
	m.advance(in.At)
	switch in.Kind {
	case Typed, Backspace, Enter, CaretMoved, Inserted:
		m.key(in)
	case FieldChanged:
		m.fieldChanged(in.Field)
	case TitleShown:
		m.titleShown(in)
	case ScreenLocked:
		m.lock()
	case ScreenUnlocked:
		m.locked = false
	case Tick: // advance did it
	}
	return m.take()
}

// Close finishes everything that is open, as at the end of the session, and
// returns what that gives. Keys whose role is not known are dropped.
func (m *Machine) Close(at time.Time) []Report {
	m.out = nil
	m.advance(at)
	m.dropHeld()
	m.closeFragment()
	m.title = heldTitle{}
	m.limit.flushAll()
	return m.take()
}

// take returns the reports of this step, those the limiter let go included.
func (m *Machine) take() []Report {
	m.drainLimiter()
	out := m.out
	m.out = nil
	return out
}

// Deadline returns when the machine next wants a Tick; false if it waits for
// nothing but input.
func (m *Machine) Deadline() (time.Time, bool) {
	var first time.Time
	for _, d := range [...]time.Time{
		m.held.deadline(), m.fragment.deadline(m.cfg.Pause), m.limit.deadline(), m.title.deadline(),
	} {
		if !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	return first, !first.IsZero()
}

// advance lets everything happen that was due until at, in its order.
func (m *Machine) advance(at time.Time) {
	for {
		due, ok := m.Deadline()
		if !ok || due.After(at) {
			break
		}
		m.stay(due)
		m.now = due
		switch {
		case !m.title.until.IsZero() && !m.title.until.After(due):
			in := m.title.in
			m.title = heldTitle{}
			m.titleKnown(in) // by its title alone
		case !m.held.deadline().After(due) && !m.held.empty():
			m.dropHeld()
		case m.fragment.paused(due, m.cfg.Pause):
			m.closeFragment()
		case m.fragment.settles(due):
			m.settle(due)
		default:
			m.limit.flush(due)
			m.drainLimiter()
		}
	}
	m.stay(at)
	m.now = at
}
