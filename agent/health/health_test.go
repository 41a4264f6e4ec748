package health

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

func fine() Facts { return Facts{Policy: true, CertLeft: 20 * 24 * time.Hour} }

func TestEachConditionIsTold(t *testing.T) {
	for code, change := range map[string]func(*Facts){
		"":                          func(*Facts) {},
		conditions.PolicyMissing:    func(f *Facts) { f.Policy = false },
		conditions.PolicyRefused:    func(f *Facts) { f.PolicyRefused = true },
		conditions.PolicyOld:        func(f *Facts) { f.Unheard = 8 * 24 * time.Hour },
		conditions.SpoolFull:        func(f *Facts) { f.SpoolFull = true },
		conditions.SpoolNearFull:    func(f *Facts) { f.SpoolShare = 0.95 },
		conditions.SpoolQuarantined: func(f *Facts) { f.LastDamage, f.Now = time.Unix(1000, 0), time.Unix(2000, 0) },
		conditions.ClockSkew:        func(f *Facts) { f.Skew = -6 * time.Minute },
		conditions.CertExpiring:     func(f *Facts) { f.CertLeft = 6 * 24 * time.Hour },
	} {
		var w Watcher
		f := fine()
		change(&f)
		w.Look(f)
		f.Up += 2 * time.Minute
		s := w.Look(f)
		if s.Code != code || (s.State == sensor.OK) != (code == "") {
			t.Errorf("got %v %q, want %q", s.State, s.Code, code)
		}
		if _, ok := conditions.Lookup(s.Code); code != "" && !ok {
			t.Errorf("%s has no words", s.Code)
		}
	}
}

// A first policy that could not be stored is not one that never came.
func TestAFirstPolicyThatIsRefused(t *testing.T) {
	var w Watcher
	f := fine()
	f.Policy, f.PolicyRefused = false, true
	if s := w.Look(f); s.State != sensor.Off || s.Code != conditions.PolicyRefused {
		t.Errorf("%+v", s)
	}
}

// Damage is a warning for a week, whichever way the clock was set meanwhile.
func TestDamageIsNewsForAWeek(t *testing.T) {
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for after, want := range map[time.Duration]bool{0: true, 6 * day: true, 8 * day: false, -day: true, -20 * 365 * day: false} {
		if got := DamageIsNews(at, at.Add(after)); got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
	if DamageIsNews(time.Time{}, at) {
		t.Error("it never was, and is news")
	}
}

func TestAConditionGoesOnlyWhenWellClear(t *testing.T) {
	var w Watcher
	f := fine()
	for _, step := range []struct {
		change func()
		want   string
	}{
		{func() { f.SpoolShare = 0.89 }, ""}, {func() { f.SpoolShare = 0.91 }, conditions.SpoolNearFull},
		{func() { f.SpoolShare = 0.80 }, conditions.SpoolNearFull}, {func() { f.SpoolShare = 0.70 }, ""},
		{func() { f.Skew = 6 * time.Minute }, conditions.ClockSkew}, {func() { f.Skew = 3 * time.Minute }, conditions.ClockSkew},
		{func() { f.Skew = time.Minute }, ""},
		// Within the time that a renewal takes there is nothing to say, however
		// often it is looked at, and each time anew.
		{func() { f.CertLeft = -time.Hour }, ""}, {func() { f.Up += time.Minute }, ""}, {func() { f.CertLeft = 30 * 24 * time.Hour }, ""},
		{func() { f.CertLeft, f.Up = 6*24*time.Hour, f.Up+time.Minute }, ""},
		{func() { f.Up += 2 * time.Minute }, conditions.CertExpiring},
		{func() { f.CertLeft = 7*24*time.Hour + time.Hour }, conditions.CertExpiring}, {func() { f.CertLeft = 25 * 24 * time.Hour }, ""},
	} {
		step.change()
		if s := w.Look(f); s.Code != step.want {
			t.Errorf("%+v: %q, want %q", f, s.Code, step.want)
		}
	}
}
