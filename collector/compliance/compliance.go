// Package compliance folds the roll-ups of a school's devices into what
// leadership reads: three figures, what to fix first, and each control by its
// four states. Numbers for governors go through a grid (grid.go).
//
// It is pure. It may import collector/store for the roll-ups and internal/checks.
package compliance

import (
	"cmp"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// TypedText is the control that Lapwing itself is judged by; it comes from
// coverage, not from a check.
const TypedText = "typed_text"

// Control is one control over all devices. Silent devices are in no other state.
type Control struct {
	ID, Title, Source           string
	Pass, Fail, Unknown, Silent int
	// Before is how many failed four weeks ago; meaningless without Compared.
	Before   int
	Compared bool
	check    checks.Check
}

// Group is the devices of one group, by the worst of their checks. Silent
// devices are in no other state.
type Group struct {
	Name            string
	Devices, Silent int
	Standard, Text  store.StateCount
	Media           store.MediaCount // of the last four weeks
}

// Step is one thing to do first.
type Step struct {
	ID, Do, Risk string
	Devices      int
}

// Week is the share of one week, in tenths of a per cent; Known is false where
// nothing was kept, or no device was heard of.
type Week struct {
	Monday time.Time
	Known  bool
	Share  int
	Seen   int // devices on which typed text was seen
	Meet   int // devices that met every standard
	Of     int
}

// Report is the page's numbers.
type Report struct {
	Devices, Silent, Never int
	Text, Standard, Proof  store.StateCount
	Controls               []Control
	First                  []Step
	Groups                 []Group // the one with the most that do not pass first
	Weeks                  []Week
	Media                  store.MediaCount // of the last four weeks
}

// Verdict answers "Is our monitoring working?".
type Verdict string

// Verdicts.
const (
	Yes        Verdict = "Yes"
	Mostly     Verdict = "Mostly"
	No         Verdict = "No"
	CannotTell Verdict = "Cannot tell"
)

// Verdict is by the devices that say that they see typed text. What is silent
// or cannot tell is never counted for it.
func (r Report) Verdict() Verdict {
	switch seen := r.Text.Pass; {
	case r.Devices == 0 || r.Silent == r.Devices || seen == 0 && r.Text.Fail == 0:
		return CannotTell
	case seen*100 >= r.Devices*98:
		return Yes
	case seen*100 >= r.Devices*80:
		return Mostly
	}
	return No
}

// weeksShown is a half term and what led to it.
const weeksShown = 12

// Build folds roll-ups of now and of the weeks before.
func Build(groups []store.GroupRollup, weeks []store.WeekRollup, now time.Time) Report {
	var r Report
	byCheck := fold(&r, groups)
	before := map[string]store.StateCount{}
	media := map[string]store.MediaCount{} // by group
	compared := false
	monday := store.MondayOf(now)
	for _, w := range weeks {
		if w.Monday.Equal(monday.AddDate(0, 0, -28)) {
			before, compared = fold(new(Report), w.Groups), true
		}
		if !w.Monday.Before(store.CountedFrom(now)) {
			r.Media.Add(w.Media)
			for _, g := range w.ByGroup {
				n := media[g.Group]
				n.Add(g.MediaCount)
				media[g.Group] = n
			}
		}
	}
	r.Weeks = trend(weeks, monday)
	add := func(c checks.Check, n store.StateCount) {
		control := Control{ID: c.ID, Title: c.Plural, Source: c.Control, Pass: n.Pass, Fail: n.Fail, Unknown: n.Unknown, Silent: r.Silent,
			Before: before[c.ID].Fail, Compared: compared, check: c}
		r.Controls = append(r.Controls, control)
	}
	add(checks.Check{ID: TypedText, Plural: "Typed text seen", Control: "DfE monitoring standard",
		Fix: "Make typed text seen on", Risk: "Anything typed there would not reach the queue.", Weight: 100}, r.Text)
	add(checks.Check{ID: checks.ProvedMonitored, Plural: "Proved by a test phrase this week", Control: "DfE monitoring standard",
		Fix: "Find out why no test phrase arrived from", Risk: "What is typed there may not reach the queue.", Weight: 98}, r.Proof)
	for _, c := range checks.All() {
		add(c, byCheck[c.ID])
	}
	slices.SortStableFunc(r.Controls, func(a, b Control) int {
		return cmp.Or(cmp.Compare(b.Fail, a.Fail), cmp.Compare(b.Unknown, a.Unknown), cmp.Compare(b.check.Weight, a.check.Weight))
	})
	for _, g := range groups {
		r.Groups = append(r.Groups, Group{g.Group, g.Devices, g.Silent, g.Standard, g.Text, media[g.Group]})
	}
	slices.SortStableFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Standard.Fail, a.Standard.Fail), cmp.Compare(b.Silent, a.Silent), cmp.Compare(b.Standard.Unknown, a.Standard.Unknown), cmp.Compare(a.Name, b.Name))
	})
	r.First = first(r)
	return r
}

func fold(r *Report, groups []store.GroupRollup) map[string]store.StateCount {
	byCheck := map[string]store.StateCount{}
	for _, g := range groups {
		r.Devices += g.Devices
		r.Silent += g.Silent
		r.Never += g.Never
		r.Text, r.Standard = sum(r.Text, g.Text), sum(r.Standard, g.Standard)
		r.Proof = sum(r.Proof, g.Proof)
		for id, n := range g.Checks {
			byCheck[id] = sum(byCheck[id], n)
		}
	}
	byCheck[TypedText], byCheck[checks.ProvedMonitored] = r.Text, r.Proof
	return byCheck
}

// first are what would gain most: by the control's weight, then by how many.
func first(r Report) []Step {
	var steps []Step
	failing := slices.DeleteFunc(slices.Clone(r.Controls), func(c Control) bool { return c.Fail == 0 })
	slices.SortStableFunc(failing, func(a, b Control) int {
		return cmp.Or(cmp.Compare(b.check.Weight, a.check.Weight), cmp.Compare(b.Fail, a.Fail))
	})
	for _, c := range failing {
		steps = append(steps, Step{ID: c.ID, Do: c.check.Fix, Risk: c.check.Risk, Devices: c.Fail})
	}
	if r.Silent > 0 {
		steps = slices.Insert(steps, min(2, len(steps)), Step{ID: "silent", Do: "Find", Risk: "Nothing has come from them; some may be lost.", Devices: r.Silent})
	}
	return steps[:min(len(steps), 4)]
}
