package main

import (
	"context"
	"net/netip"
	"path/filepath"
	"runtime"
	"time"

	"github.com/lapwing-schools/lapwing/agent/app"
	"github.com/lapwing-schools/lapwing/agent/notice"
	"github.com/lapwing-schools/lapwing/agent/schedule"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/timetable"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// deskRetry is the pause before a desk that could not open tries again.
const deskRetry = 30 * time.Second

// deskSocket is where the desk of the agent in dir listens. The data directory
// of an installed agent is closed to everybody else, so that one's is elsewhere.
func deskSocket(dir string) string {
	if dir == defaultDir() && runtime.GOOS == "linux" {
		return "/run/lapwing-agent/notice.sock"
	}
	return filepath.Join(dir, "notice.sock")
}

// addDesk answers the person at the keyboard. It goes on without a desk where
// none can be opened: watching must not end because of it, and help is still a
// telephone away.
func (s *service) addDesk() {
	if !notice.Supported {
		return
	}
	desk := notice.NewDesk(notice.Config{
		Path: deskSocket(s.dir), Account: supervise.AccountOf, Info: s.noticeInfo,
		Help: s.stamps.Help, Answer: s.notices.keep, Now: time.Now, Log: s.log,
	})
	s.group.Add(app.Actor{Name: "desk", Run: func(ctx context.Context) error {
		for {
			err := desk.Serve(ctx, func() {})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.log.Warn("the page for people cannot be opened", "error", err)
			select {
			case <-time.After(deskRetry):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}})
}

// sees are the sensors in words for pupils.
var sees = []struct{ sensor, words string }{
	{sensor.Text, "Some words, when they match the school’s safety list"},
	{sensor.Window, "Some window names, when they match the list"},
	{sensor.USB, "USB sticks"},
	{sensor.Lock, "If the laptop is left unlocked"},
}

// noticeInfo tells a person what is on now.
func (s *service) noticeInfo(account, lang string) notice.Info {
	on := map[string]bool{}
	for _, row := range s.view.rows() {
		on[row.GetSensor()] = row.GetState() == lapwingv1.CoverageState_COVERAGE_STATE_OK ||
			row.GetState() == lapwingv1.CoverageState_COVERAGE_STATE_LIMITED
	}
	info := notice.Info{
		School:    s.link.Identity().Collector.SchoolName,
		Connected: s.uplink.Status().State == uplink.Connected,
	}
	for _, k := range sees {
		info.Sees = append(info.Sees, notice.Sees{What: k.words, On: on[k.sensor]})
	}
	waits := s.notices.about(&info, account, lang)
	if p := s.policy.Current(); p != nil {
		info.Now = nowWords(p.Policy.Schedule, time.Now().Add(-s.skew()), addresses(), waits)
	}
	return info
}

// nowWords say what the timetable lets Lapwing look at, and until when.
func nowWords(plan *lapwingv1.Schedule, now time.Time, at []netip.Addr, waits bool) string {
	if waits {
		return "It looks at nothing yet: it begins once this notice has been on the screen."
	}
	var words string
	switch schedule.At(plan, now, at).Watch.Scope {
	case lapwingv1.Outside_OUTSIDE_NOTHING:
		words = "It looks at nothing now"
	case lapwingv1.Outside_OUTSIDE_URGENT:
		words = "It looks only for signs of suicide, self-harm and exploitation now"
	default:
		words = "It is looking now"
	}
	until, ok := timetable.Change(plan, now)
	if !ok {
		return words + "."
	}
	day := " on " + until.Format("Monday 2 January")
	if y, m, d := now.In(until.Location()).Date(); until.Equal(time.Date(y, m, d, until.Hour(), until.Minute(), 0, 0, until.Location())) {
		day = " today"
	}
	return words + ", until " + until.Format("3:04pm") + day + "."
}
