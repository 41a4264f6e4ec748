package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/session/logind"
	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/agent/stamp"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
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

// Whose medium it is cannot be told where two people sit at one computer; and it
// is not the one's who has left.
func TestWhoseTheDeviceIs(t *testing.T) {
	s := &service{log: slog.New(slog.DiscardHandler), view: newView(time.Now), stamps: stamp.New(nil, nil)}
	s.notices = newNotices(s, nil)
	d := &desktops{service: s, group: supervise.NewGroup(nil)}
	on := func(id, account string) supervise.Target {
		return supervise.Target{ID: "logind-" + id, Account: account, Env: []string{"DISPLAY=:" + id}}
	}
	started := map[string]bool{}
	for _, tc := range []struct {
		targets []supervise.Target
		up      []string
		want    string
	}{
		{nil, nil, ""},
		{[]supervise.Target{on("1", "rowan.pike")}, nil, ""},
		{[]supervise.Target{on("1", "rowan.pike")}, []string{"1"}, "rowan.pike"},
		{[]supervise.Target{on("1", "rowan.pike"), on("2", "wren.moss")}, []string{"1", "2"}, ""},
		{[]supervise.Target{on("1", "rowan.pike")}, []string{"1"}, "rowan.pike"},
		{[]supervise.Target{on("1", "rowan.pike"), on("3", "rowan.pike")}, []string{"1", "3"}, "rowan.pike"},
		{nil, nil, ""},
	} {
		d.changed(logind.Desktops{Targets: tc.targets}, nil)
		for _, target := range tc.targets {
			if !started[target.ID] { // as the group does
				s.sessionConfig(target)
				started[target.ID] = true
			}
		}
		for _, id := range tc.up {
			s.view.watched("logind-"+id, &lapwingv1.SessionStatus{})
		}
		if got := s.account(); got != tc.want {
			t.Errorf("with %v: %q, want %q", tc.targets, got, tc.want)
		}
	}
}
