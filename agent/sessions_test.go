package main

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestTimeNotLookedAt: what session processes count adds up over their ends.
func TestTimeNotLookedAt(t *testing.T) {
	v := newView(time.Now)
	status := func(harbour, exempt uint64) *lapwingv1.SessionStatus {
		return &lapwingv1.SessionStatus{HarbourSeconds: harbour, ExemptSeconds: exempt}
	}
	v.desktops([]string{"a", "b"})
	v.watched("a", status(10, 1))
	v.watched("a", status(30, 2))
	v.watched("b", status(5, 0))
	v.watched("a", nil)
	v.watched("a", status(4, 0)) // another process
	v.watched("gone", status(100, 100))
	v.desktops([]string{"a"})
	if h, e := v.unlooked(); h != 39 || e != 2 {
		t.Errorf("harbours %d, exempt %d; want 39 and 2", h, e)
	}
}

// TestUntoldIsACondition: while somebody has not been shown the notice, the
// device does not say that it sees typed text or titles; the lock it does see.
func TestUntoldIsACondition(t *testing.T) {
	v := newView(time.Now)
	v.desktops([]string{"a"})
	rows := []*lapwingv1.Coverage{}
	for _, s := range []string{sensor.Text, sensor.Window, sensor.Lock} {
		rows = append(rows, &lapwingv1.Coverage{Sensor: s, State: lapwingv1.CoverageState_COVERAGE_STATE_OK})
	}
	v.watched("a", &lapwingv1.SessionStatus{Coverage: rows})
	codes := func() map[string]string {
		out := map[string]string{}
		for _, r := range v.rows() {
			out[r.Sensor] = r.Code
		}
		return out
	}
	v.untold(map[string]bool{"a": true})
	if c := codes(); c[sensor.Text] != conditions.NoticeUnseen || c[sensor.Window] != conditions.NoticeUnseen || c[sensor.Lock] != "" {
		t.Errorf("before: %v", c)
	}
	v.untold(nil)
	if c := codes(); c[sensor.Text] != "" || c[sensor.Window] != "" {
		t.Errorf("after: %v", c)
	}
}

// A session's word that says nothing new is no reason for a heartbeat; one that
// does is, and so are the coming and going of a desktop.
func TestOnlyNewsIsAChange(t *testing.T) {
	v := newView(time.Now)
	changed := func() bool {
		select {
		case <-v.changed:
			return true
		default:
			return false
		}
	}
	says := func(state lapwingv1.CoverageState) *lapwingv1.SessionStatus {
		return &lapwingv1.SessionStatus{Coverage: []*lapwingv1.Coverage{{Sensor: sensor.Text, State: state}}}
	}
	ok, off := says(lapwingv1.CoverageState_COVERAGE_STATE_OK), says(lapwingv1.CoverageState_COVERAGE_STATE_OFF)
	changed() // of the start
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() { v.desktops([]string{"a"}) }, true},
		{func() { v.desktops([]string{"a"}) }, false},
		{func() { v.watched("a", ok) }, true},
		{func() { v.watched("a", says(lapwingv1.CoverageState_COVERAGE_STATE_OK)) }, false},
		{func() { v.watched("a", off) }, true},
		{func() { v.watched("a", nil) }, true},
		{func() { v.watched("a", off) }, true},
		{func() { v.desktops([]string{"b"}) }, true},
		{func() { v.desktops(nil) }, true},
	} {
		step.do()
		if got := changed(); got != step.want {
			t.Errorf("step %d: a change %v, want %v", i, got, step.want)
		}
	}
}

// What is kept of a guest's account, or of one that the policy says is shared,
// is marked: it is nobody's in particular.
func TestSharedAccountsAreMarked(t *testing.T) {
	s, collector := enrolled(t)
	kept := func(account string) bool {
		t.Helper()
		e := &lapwingv1.Event{Id: make([]byte, 16), Lane: lapwingv1.Lane_LANE_URGENT, Account: account}
		if err := s.keep(e); err != nil {
			t.Fatal(err)
		}
		return e.SharedAccount
	}
	if !kept("guest-x7f2aa") || kept("exam01") || kept("rowan.pike") {
		t.Error("without a policy guests are not told from people")
	}
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	rules, err := rulepack.Compile(packs)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := policydoc.Sign(&lapwingv1.Policy{
		Version: 1, School: fakecollector.School, IssuedMs: 1, Rules: rules, SharedAccounts: []string{"exam*"}}, collector.PolicyKey)
	if err == nil {
		err = s.policy.Apply(signed)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !kept("guest-x7f2aa") || !kept("exam01") || kept("rowan.pike") {
		t.Error("the policy's shared accounts are not marked")
	}
}
