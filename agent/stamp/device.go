package stamp

import (
	"cmp"
	"fmt"
	"strings"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Media keeps one step of a medium's stay; account is who was logged on, empty
// for nobody. An infected or unpermitted one is no more urgent than the rest:
// what cannot wait is a case, which MediaCase makes.
func (s *Stamper) Media(account string, m *lapwingv1.Media) error {
	return s.own(account, &lapwingv1.Event{Lane: lapwingv1.Lane_LANE_ROUTINE, Body: &lapwingv1.Event_Media{Media: m}})
}

// Lock keeps what a session's lock sensor counted; it names nobody.
func (s *Stamper) Lock(r *lapwingv1.LockReport) error {
	if r.Unattended != nil {
		return s.Unattended(r.Unattended)
	}
	return s.LockMinutes(r.Minutes)
}

// Unattended keeps a stretch in which the screen was left open.
func (s *Stamper) Unattended(u *lapwingv1.Unattended) error {
	return s.own("", &lapwingv1.Event{Lane: lapwingv1.Lane_LANE_ROUTINE, Body: &lapwingv1.Event_Unattended{Unattended: u}})
}

// Canary keeps what became of a canary. It is about the device, and nobody's.
func (s *Stamper) Canary(c *lapwingv1.CanarySeen) error {
	return s.own("", &lapwingv1.Event{Lane: lapwingv1.Lane_LANE_URGENT, Body: &lapwingv1.Event_Canary{Canary: c}})
}

// LockMinutes keeps minutes to be added to a day's sums.
func (s *Stamper) LockMinutes(m *lapwingv1.LockMinutes) error {
	return s.own("", &lapwingv1.Event{Lane: lapwingv1.Lane_LANE_ROUTINE, Body: &lapwingv1.Event_LockMinutes{LockMinutes: m}})
}

// MediaCase makes a capture of a medium, where the policy says that it is a
// case. It has no text of anybody's: what the device saw, in plain words.
func (s *Stamper) MediaCase(account string, m *lapwingv1.Media, infected bool) error {
	severity, level, rule, title := lapwingv1.Severity_SEVERITY_LOW, lapwingv1.Level_LEVEL_LOG, "usb.not-permitted", "A medium without permission"
	words := mediumWords(m) + " was used without permission."
	lane := lapwingv1.Lane_LANE_ROUTINE
	if infected {
		severity, level, rule, title = lapwingv1.Severity_SEVERITY_MEDIUM, lapwingv1.Level_LEVEL_ALERT, "usb.infected", "An infected medium"
		words = mediumWords(m) + " is infected: " + strings.Join(m.Threats, ", ") + "."
		lane = lapwingv1.Lane_LANE_URGENT
	}
	if runes := []rune(words); len(runes) > lapwingv1.MaxExcerpt {
		words = string(runes[:lapwingv1.MaxExcerpt])
	}
	return s.own(account, &lapwingv1.Event{Lane: lane, Body: &lapwingv1.Event_Capture{Capture: &lapwingv1.Capture{
		Categories: []string{"usb"}, Severity: severity, Level: level, Source: lapwingv1.Source_SOURCE_DEVICE,
		Rules:   []*lapwingv1.RuleHit{{Rule: rule, Version: 1, Pack: "devices", Reading: "device", Severity: severity, Level: level, Title: title}},
		Excerpt: words, Title: m.Label, Final: true, Count: 1,
	}}})
}

func mediumWords(m *lapwingv1.Media) string {
	what := cmp.Or(strings.TrimSpace(m.Vendor+" "+m.Product), "A medium")
	if m.SizeBytes > 0 {
		what += fmt.Sprintf(" of %d GB", max(m.SizeBytes>>30, 1))
	}
	return what
}

// own stamps and keeps an event of the service's own.
func (s *Stamper) own(account string, e *lapwingv1.Event) error {
	id, err := s.ids.Make()
	if err != nil {
		return fmt.Errorf("make event id: %w", err)
	}
	now := s.clock()
	e.Id, e.Boot, e.WallMs, e.MonoMs, e.Account = id[:], now.Boot, now.WallMs, now.MonoMs, account
	return s.keep(e)
}
