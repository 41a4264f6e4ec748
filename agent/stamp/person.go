package stamp

import (
	"fmt"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Help keeps a request for help of an account's person, in the urgent lane.
func (s *Stamper) Help(account string, h *lapwingv1.HelpRequest) error {
	return s.said(account, &lapwingv1.Event{Lane: lapwingv1.Lane_LANE_URGENT, Body: &lapwingv1.Event_Help{Help: h}})
}

// Notice keeps what became of the notice before an account's person.
func (s *Stamper) Notice(account string, n *lapwingv1.NoticeSeen) error {
	return s.said(account, &lapwingv1.Event{Lane: lapwingv1.Lane_LANE_ROUTINE, Body: &lapwingv1.Event_Notice{Notice: n}})
}

// said keeps an event that a person made on purpose, outside any desktop session.
func (s *Stamper) said(account string, e *lapwingv1.Event) error {
	id, err := s.ids.Make()
	if err != nil {
		return fmt.Errorf("make event id: %w", err)
	}
	now := s.clock()
	e.Id, e.Boot, e.WallMs, e.MonoMs, e.Account = id[:], now.Boot, now.WallMs, now.MonoMs, account
	return s.keep(e)
}
