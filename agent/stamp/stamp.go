// Package stamp turns what a session process found into the events of this
// device: the service alone says which event it is, whose, when and in which
// lane, so that a session process can speak for its own account only.
//
// It may import internal/ulid and the messages of proto/lapwing/v1.
package stamp

import (
	"fmt"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/internal/ulid"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// MaxOpen is how many captures of one session may wait for their final
// revision at once. A fragment is final after seconds, so only a broken
// session process comes near; its oldest capture then gets no more revisions.
const MaxOpen = 256

// Keep makes an event durable before it returns. It is called by many goroutines.
type Keep func(*lapwingv1.Event) error

// Clock reads the device's clocks.
type Clock func() *lapwingv1.DeviceTime

// Stamper makes events. It is safe for concurrent use.
type Stamper struct {
	keep  Keep
	clock Clock
	ids   *ulid.Maker
}

// New returns a Stamper.
func New(k Keep, c Clock) *Stamper {
	return &Stamper{keep: k, clock: c, ids: ulid.NewMaker(func() time.Time { return time.UnixMilli(c().WallMs) })}
}

// Session stamps the hits of one session process. It is safe for concurrent use.
type Session struct {
	*Stamper
	id, account string

	mu   sync.Mutex      // guards open and ages
	open map[uint64]last // by the session's capture id, until final
	ages []uint64        // capture ids, oldest first
}

type last struct {
	event    ulid.ID
	revision uint32
	lane     lapwingv1.Lane
}

// Session returns the stamp of a session process that runs for account.
func (s *Stamper) Session(id, account string) *Session {
	return &Session{Stamper: s, id: id, account: account, open: map[uint64]last{}}
}

// Hit makes an event of a valid hit and returns when it is durable. A repeated
// revision is no error: the session sends again what was not acknowledged.
func (s *Session) Hit(h *lapwingv1.Hit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.open[h.CaptureId]
	switch {
	case known && h.Revision <= at.revision:
		return nil
	case known:
		at.revision = h.Revision
	default:
		id, err := s.ids.Make()
		if err != nil {
			return fmt.Errorf("make event id: %w", err)
		}
		at = last{event: id, revision: h.Revision, lane: lapwingv1.Lane_LANE_ROUTINE}
	}
	if h.Capture.GetLevel() == lapwingv1.Level_LEVEL_ALERT {
		// What was urgent once stays so when it is lowered or withdrawn: only
		// within one lane do its revisions arrive in order.
		at.lane = lapwingv1.Lane_LANE_URGENT
	}
	if err := s.append(h, at); err != nil {
		return err
	}
	s.remember(h, at)
	return nil
}

// remember keeps the event id for later revisions. A final one is kept too,
// until it is among the oldest: its repetition must not become a new event.
func (s *Session) remember(h *lapwingv1.Hit, at last) {
	if _, known := s.open[h.CaptureId]; !known {
		s.ages = append(s.ages, h.CaptureId)
	}
	s.open[h.CaptureId] = at
	if len(s.ages) > MaxOpen {
		delete(s.open, s.ages[0])
		s.ages = s.ages[1:]
	}
}

func (s *Session) append(h *lapwingv1.Hit, at last) error {
	now := s.clock()
	return s.keep(&lapwingv1.Event{
		Id: at.event[:], Revision: at.revision, Lane: at.lane, Boot: now.Boot,
		WallMs: now.WallMs - int64(h.AgeMs), MonoMs: max(now.MonoMs-int64(h.AgeMs), 0),
		Account: s.account, Session: s.id,
		Body: &lapwingv1.Event_Capture{Capture: h.Capture},
	})
}

// Tamper keeps a machine's own event about its sensors.
func (s *Stamper) Tamper(code string, count uint32) error {
	id, err := s.ids.Make()
	if err != nil {
		return fmt.Errorf("make event id: %w", err)
	}
	now := s.clock()
	return s.keep(&lapwingv1.Event{
		Id: id[:], Lane: lapwingv1.Lane_LANE_URGENT, Boot: now.Boot, WallMs: now.WallMs, MonoMs: now.MonoMs,
		Body: &lapwingv1.Event_Tamper{Tamper: &lapwingv1.Tamper{Code: code, Count: count}},
	})
}
