package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/session/logind"
	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// A machine that cannot say who is logged on is not one where nobody is.
func TestDesktopsThatCannotBeFound(t *testing.T) {
	s := &service{log: slog.New(slog.DiscardHandler), view: newView(time.Now)}
	s.notices = newNotices(s, nil)
	d := &desktops{service: s, group: supervise.NewGroup(nil)}
	want := func(code string) {
		t.Helper()
		for _, r := range s.view.rows() {
			if r.GetSensor() == "text" && r.GetCode() != code {
				t.Errorf("text is off for %q, want %q", r.GetCode(), code)
			}
		}
	}
	want(conditions.NoSession)
	d.changed(logind.Desktops{}, fmt.Errorf("watch logind: %w", logind.ErrAbsent))
	want(conditions.DesktopsUnknown)
	d.changed(logind.Desktops{}, nil)
	want(conditions.NoSession)
}
