package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// weekModel is what the counts of weeks should come to: a visit counts once, as
// its furthest step has it, in the group in which its device was when it came.
type weekModel struct {
	visits map[string]*modelVisit
	groups map[string]string // of devices
	school map[time.Time]store.MediaCount
	group  map[time.Time]map[string]store.MediaCount
	device map[string]map[time.Time]store.MediaCount
}

type modelVisit struct {
	step   triage.MediaStep
	media  triage.Media
	device string
	group  string
	monday time.Time
}

func (m *weekModel) count(device, group string, monday time.Time, n store.MediaCount) {
	sum := m.school[monday]
	sum.Add(n)
	m.school[monday] = sum
	if m.group[monday] == nil {
		m.group[monday] = map[string]store.MediaCount{}
	}
	sum = m.group[monday][group]
	sum.Add(n)
	m.group[monday][group] = sum
	if m.device[device] == nil {
		m.device[device] = map[time.Time]store.MediaCount{}
	}
	sum = m.device[device][monday]
	sum.Add(n)
	m.device[device][monday] = sum
}

func (m *weekModel) settle() {
	for _, v := range m.visits {
		var n store.MediaCount
		if n.NotPermitted = 1; v.media.Permitted {
			n.Permitted, n.NotPermitted = 1, 0
		}
		switch v.media.Scan {
		case triage.ScanClean:
			n.Clean = 1
		case triage.ScanInfected:
			n.Infected = 1
		case triage.ScanNotScanned:
			n.NotScanned = 1
		}
		m.count(v.device, v.group, v.monday, n)
	}
}

// testWeekCounts: whatever comes in whatever order, while devices change their
// group, the counts of each week add up; and behind each number stand the devices
// that made it, and no others.
func testWeekCounts(t *testing.T, open Open) {
	s := opened(t, open)
	rapid.Check(t, func(rt *rapid.T) {
		tn := NewSchool(t, s)
		const n = 4
		Fleet(t, tn, n)
		now := Start.AddDate(0, 0, 7*6)
		m := &weekModel{visits: map[string]*modelVisit{}, groups: map[string]string{}, school: map[time.Time]store.MediaCount{},
			group: map[time.Time]map[string]store.MediaCount{}, device: map[string]map[time.Time]store.MediaCount{}}
		for i := range n {
			m.groups[fmt.Sprintf("d-%04d", i)] = fmt.Sprintf("group-%d", i)
		}
		for step := range rapid.IntRange(0, 40).Draw(rt, "steps") {
			device := fmt.Sprintf("d-%04d", rapid.IntRange(0, n-1).Draw(rt, "device"))
			if rapid.IntRange(0, 7).Draw(rt, "move") == 0 {
				to := fmt.Sprintf("group-%d", rapid.IntRange(0, 3).Draw(rt, "to"))
				must(t, tn.MoveDevice(t.Context(), caseflow.DeviceID(device), to, vocab.GroupPupil, command, now))
				m.groups[device] = to
				continue
			}
			at := Start.AddDate(0, 0, rapid.IntRange(0, 6*7).Draw(rt, "day"))
			a := triage.Arrival{Device: caseflow.DeviceID(device), Event: Event(step + 1), Seq: uint64(step + 1), At: at, ReceivedAt: at}
			m.arrive(rt, &a)
			mustIngest(t, tn, a)
		}
		m.settle()
		for at := Start; !at.After(now); at = at.AddDate(0, 0, 7) {
			must(t, tn.KeepWeek(t.Context(), at))
		}
		weeks, err := tn.Weeks(t.Context(), Start)
		must(t, err)
		for _, w := range weeks {
			same(t, "the school's week", m.school[w.Monday], w.Media)
			var sum store.MediaCount
			for _, g := range w.ByGroup {
				same(t, "a group's week", m.group[w.Monday][g.Group], g.MediaCount)
				sum.Add(g.MediaCount)
			}
			same(t, "all groups together", w.Media, sum)
		}
		for h := range store.Happenings {
			if h > 0 {
				m.behind(t, tn, store.Happening(h), now)
			}
		}
	})
}

func (m *weekModel) arrive(rt *rapid.T, a *triage.Arrival) {
	device, monday := string(a.Device), store.MondayOf(a.At)
	switch rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		a.Kind, a.Unattended = triage.KindUnattended, &triage.Unattended{Seconds: 400, Limit: 300}
		m.count(device, m.groups[device], monday, store.MediaCount{Unattended: 1})
	case 1:
		y, mo, d := a.At.Date()
		minutes := &triage.LockMinutes{Day: uint32(y*10_000 + int(mo)*100 + d), InUse: 10, Unattended: uint32(rapid.IntRange(0, 3).Draw(rt, "minutes"))}
		a.Kind, a.Lock = triage.KindLockMinutes, minutes
		m.count(device, m.groups[device], monday, store.MediaCount{OpenMinutes: int(minutes.Unattended), UseMinutes: 10})
	default:
		number := rapid.IntRange(1, 3).Draw(rt, "visit")
		media := triage.Media{Visit: [16]byte{byte(number)}, Step: triage.MediaStep(rapid.IntRange(1, 4).Draw(rt, "step")), Kind: triage.KindStick,
			Permitted: rapid.Bool().Draw(rt, "permitted"), Why: checks.USBNoPermit, Scan: triage.Scan(rapid.IntRange(1, 4).Draw(rt, "scan"))}
		a.Kind, a.Media = triage.KindMedia, &media
		key := fmt.Sprint(device, number)
		v := m.visits[key]
		if v == nil {
			v = &modelVisit{device: device, group: m.groups[device], monday: monday}
			m.visits[key] = v
		}
		if media.Step >= v.step {
			v.step, v.media = media.Step, media
		}
	}
}

// behind compares the devices of a number with those of the model.
func (m *weekModel) behind(t *testing.T, tn store.Tenant, h store.Happening, now time.Time) {
	t.Helper()
	page, err := tn.FindDevices(t.Context(), store.DeviceQuery{Now: now, Happened: h})
	must(t, err)
	got := map[string]bool{}
	for _, r := range page.Rows {
		got[string(r.Device.ID)] = true
	}
	want := map[string]bool{}
	for device, weeks := range m.device {
		for monday, n := range weeks {
			if n.Of(h) > 0 && !monday.Before(store.CountedFrom(now)) {
				want[device] = true
			}
		}
	}
	same(t, fmt.Sprintf("devices behind happening %d", h), want, got)
}
