package lock

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// clock makes moments of a machine that started at a Monday's midnight.
func clock(mono time.Duration) Moment {
	return Moment{Mono: mono, Wall: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Add(mono)}
}

// sums adds up reports by day, and lists the breaches in seconds.
type sums struct {
	days     map[uint32][states]uint32
	breaches []uint32
}

func (s *sums) add(t interface{ Fatal(...any) }, reports []*lapwingv1.LockReport) {
	for _, r := range reports {
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		if u := r.Unattended; u != nil {
			if u.Seconds < u.LimitSeconds {
				t.Fatal("a breach of", u.Seconds, "seconds within its limit of", u.LimitSeconds)
			}
			s.breaches = append(s.breaches, u.Seconds)
			continue
		}
		if s.days == nil {
			s.days = map[uint32][states]uint32{}
		}
		d := s.days[r.Minutes.Day]
		d[inUse], d[locked], d[unattended] = d[inUse]+r.Minutes.InUse, d[locked]+r.Minutes.Locked, d[unattended]+r.Minutes.Unattended
		s.days[r.Minutes.Day] = d
	}
}

// TestHeard: where somebody's return will be heard of, it is not looked for.
func TestHeard(t *testing.T) {
	var m Meter
	for _, at := range []time.Duration{0, 5 * time.Minute} {
		m.Step(Observation{At: clock(at), Known: true, Heard: true})
	}
	if !m.Breached() || m.Next() != 5*time.Minute+keptEvery {
		t.Errorf("breached %v, looks again at %v", m.Breached(), m.Next())
	}
	m.Until(clock(5*time.Minute + 50*time.Second))
	reports := m.Close()
	if len(reports) == 0 || reports[0].Unattended.GetSeconds() != 350 {
		t.Errorf("ended before it was looked again, it told %v, want 350 s", reports)
	}
}

// TestADay: in use, left open for twenty minutes, back, locked, midnight.
func TestADay(t *testing.T) {
	var m Meter
	var got sums
	see := func(at, input time.Duration, isLocked bool) {
		got.add(t, m.Step(Observation{At: clock(at), Locked: isLocked, Known: true, Input: input}))
	}
	see(0, 0, false)
	if m.Next() != 5*time.Minute {
		t.Errorf("looks again at %v, want where the limit is reached", m.Next())
	}
	see(5*time.Minute, 4*time.Minute, false)
	if m.Breached() {
		t.Error("a breach, while somebody was there")
	}
	see(9*time.Minute, 4*time.Minute, false)
	if !m.Breached() || m.Next() != 9*time.Minute+returnEvery {
		t.Errorf("no breach after the limit, or it looks again at %v", m.Next())
	}
	see(24*time.Minute+2*time.Second, 24*time.Minute, false)
	if m.Breached() {
		t.Error("a breach, and somebody came back")
	}
	see(30*time.Minute, 30*time.Minute, true)
	see(24*time.Hour+10*time.Minute, 24*time.Hour+10*time.Minute, false)
	got.add(t, m.Close())
	if len(got.breaches) != 1 || got.breaches[0] != 20*60 {
		t.Errorf("breaches %v, want one of 20 minutes", got.breaches)
	}
	if d := got.days[20261123]; d != [states]uint32{15, 1410, 15} {
		t.Errorf("Monday: in use, locked, unattended %v", d)
	}
	if d := got.days[20261124]; d != [states]uint32{0, 10, 0} {
		t.Errorf("Tuesday: in use, locked, unattended %v", d)
	}
}

// TestExemptKeepsMinutesOnly: a kiosk may stand open.
func TestExemptKeepsMinutesOnly(t *testing.T) {
	var m Meter
	var got sums
	m.SetPolicy(&lapwingv1.LockPolicy{UnattendedMinutes: 1, Exempt: true})
	for at := time.Duration(0); at <= time.Hour; at += time.Minute {
		got.add(t, m.Step(Observation{At: clock(at), Known: true}))
	}
	got.add(t, m.Close())
	if len(got.breaches) != 0 || got.days[20261123] != [states]uint32{1, 0, 59} {
		t.Errorf("breaches %v, minutes %v", got.breaches, got.days)
	}
}

// TestSleepIsNothing: a machine that slept was neither used nor left alone.
func TestSleepIsNothing(t *testing.T) {
	var m Meter
	var got sums
	got.add(t, m.Step(Observation{At: clock(0), Known: true}))
	woken := Moment{Mono: 2 * time.Minute, Wall: clock(9 * time.Hour).Wall}
	got.add(t, m.Step(Observation{At: woken, Known: true}))
	got.add(t, m.Close())
	if len(got.breaches) != 0 || got.days[20261123] != [states]uint32{2, 0, 0} {
		t.Errorf("breaches %v, minutes %v", got.breaches, got.days)
	}
}

// TestMinutesSumToTheDay: whatever a person and a policy do in three days, each
// whole day has as many minutes as it had in which the idle time was known, each
// breach has one begin and one end, and none is shorter than its limit.
func TestMinutesSumToTheDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m Meter
		var got sums
		const end = 3 * 24 * time.Hour
		var now, input time.Duration
		isLocked, begun, ended := false, 0, 0
		unknown := map[uint32]time.Duration{}
		known := true
		step := func(to time.Duration) {
			if !known && !isLocked {
				for at := now; at < to; {
					next := min(to, at.Truncate(24*time.Hour)+24*time.Hour)
					unknown[dayOf(clock(at).Wall)] += next - at
					at = next
				}
			}
			now = to
		}
		look := func() {
			was, before := m.Breached(), len(got.breaches)
			got.add(t, m.Step(Observation{At: clock(now), Locked: isLocked, Known: known, Input: input}))
			ends := len(got.breaches) - before
			ended += ends
			switch is := m.Breached(); {
			case ends > 1, was && !is && ends != 1, !was && ends != 0:
				t.Fatalf("at %v: breach was %v, is %v, and %d ended", now, was, is, ends)
			case is && (!was || ends == 1):
				begun++
			}
			if m.Next() <= now && now < end {
				t.Fatalf("at %v it wants to look again at %v", now, m.Next())
			}
		}
		look()
		for now < end {
			// The next thing that happens; until then it looks when it wants to.
			next := min(end, now+time.Duration(rapid.IntRange(1, 7200).Draw(t, "seconds"))*time.Second)
			for m.Next() < next {
				step(m.Next())
				look()
			}
			step(next)
			switch rapid.SampledFrom([]string{"input", "input", "lock", "unlock", "policy", "unknown", "nothing"}).Draw(t, "what") {
			case "input":
				input = now
			case "lock":
				isLocked = true
			case "unlock":
				isLocked, input = false, now
			case "unknown":
				known = !known
			case "policy":
				look()
				was := m.Breached()
				p := &lapwingv1.LockPolicy{UnattendedMinutes: rapid.Uint32Range(0, 240).Draw(t, "limit"), Exempt: rapid.Bool().Draw(t, "exempt")}
				before := len(got.breaches)
				got.add(t, m.SetPolicy(p))
				ended += len(got.breaches) - before
				if is := m.Breached(); is && !was {
					begun++
				}
			}
			look()
		}
		before := len(got.breaches)
		got.add(t, m.Close())
		ended += len(got.breaches) - before
		if begun != ended || m.Breached() {
			t.Fatalf("%d breaches began, %d ended", begun, ended)
		}
		for _, id := range []uint32{20261123, 20261124, 20261125} {
			d := got.days[id]
			sum := time.Duration(d[inUse]+d[locked]+d[unattended]) * time.Minute
			if want := 24*time.Hour - unknown[id]; (sum - want).Abs() > 30*time.Second {
				t.Fatalf("%d has %v, want %v: %v", id, sum, want, d)
			}
		}
	})
}

// TestNothingHappens: a screen that stays locked, or open with nobody there, for
// ten hours tells its minutes once and is then not looked at for them: each report
// would wake a disk. The rest is told when somebody comes.
func TestNothingHappens(t *testing.T) {
	for name, o := range map[string]Observation{
		"locked": {Locked: true, Known: true}, "locked, without an idle time": {Locked: true}, "left open": {Known: true, Heard: true},
	} {
		t.Run(name, func(t *testing.T) {
			var m Meter
			var got sums
			looks, reports := 0, 0
			for at := 9 * time.Hour; at < 19*time.Hour; at = m.Next() {
				o.At, o.Input = clock(at), 9*time.Hour
				told := m.Step(o)
				got.add(t, told)
				looks, reports = looks+1, reports+len(told)
			}
			if reports > 1 {
				t.Errorf("it told minutes %d times", reports)
			}
			if o.Locked && looks > 2 {
				t.Errorf("it looked %d times", looks)
			}
			o = Observation{At: clock(19 * time.Hour), Known: true, Input: 19 * time.Hour}
			got.add(t, m.Step(o))
			if d := got.days[20261123]; d[inUse]+d[locked]+d[unattended] != 600 {
				t.Errorf("when somebody came it told %v", got.days)
			}
		})
	}
}
