package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/compliance"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

const (
	// worstShown is how many devices stand under "fix first"; groupsShown, how
	// many groups before the rest is folded away.
	worstShown  = 10
	groupsShown = 12
)

// groupOf is the group that the page is about, for those who may open its
// devices; empty for all.
func groupOf(r *http.Request, id auth.Identity) string {
	if name := r.URL.Query().Get("group"); exact(id.Actor) && len(name) <= 64 {
		return name
	}
	return ""
}

// ofGroup leaves one group of roll-ups.
func ofGroup(groups []store.GroupRollup, weeks []store.WeekRollup, name string) ([]store.GroupRollup, []store.WeekRollup) {
	other := func(g store.GroupRollup) bool { return g.Group != name }
	weeks = slices.Clone(weeks)
	for i := range weeks {
		weeks[i].Groups = slices.DeleteFunc(slices.Clone(weeks[i].Groups), other)
		weeks[i].ByGroup = slices.DeleteFunc(slices.Clone(weeks[i].ByGroup), func(g store.GroupMedia) bool { return g.Group != name })
		weeks[i].Media = store.MediaCount{}
		for _, g := range weeks[i].ByGroup {
			weeks[i].Media.Add(g.MediaCount)
		}
	}
	return slices.DeleteFunc(slices.Clone(groups), other), weeks
}

// worstDevices are those to fix first, and why: those that fail, and then the
// silent, of which the page says as one thing that they must be found.
func (c *Console) worstDevices(r *http.Request, id auth.Identity, group string) (rows []deviceRow, err error) {
	now := c.now()
	plans := c.timetables(id.Tenant)
	listed := map[caseflow.DeviceID]bool{}
	for _, q := range []store.DeviceQuery{{Fails: true}, {Troubled: true}} {
		q.Now, q.AwaySince, q.Group, q.Limit = now, plans.awaySince(now), group, 2*worstShown
		page, err := id.Tenant.FindDevices(r.Context(), q)
		if err != nil {
			return nil, fmt.Errorf("find the worst devices: %w", err)
		}
		for _, row := range page.Rows {
			one := newListRow(row, plans, now.In(c.zone))
			if len(rows) < worstShown && !listed[one.ID] {
				rows, listed[one.ID] = append(rows, one), true
			}
		}
	}
	return rows, nil
}

// of is a speaker about one group.
func (s speaker) of(group string) speaker { return speaker{s.exact, group} }

// groups are the table by group, the worst first.
func (s speaker) groups(r compliance.Report) (shown, more []groupRow) {
	for i, g := range r.Groups {
		in := s.of(g.Name)
		cell := func(n int, check, state string) number {
			return in.linked(n, in.inGroup(n), controlQuery(check, state))
		}
		row := groupRow{Name: orWord(g.Name, "No group"),
			Fail: cell(g.Standard.Fail, checks.EveryStandard, "fail"), Unknown: cell(g.Standard.Unknown, checks.EveryStandard, "unknown"),
			Silent: cell(g.Silent, "silent", ""), Pass: cell(g.Standard.Pass, checks.EveryStandard, "pass")}
		if s.exact {
			row.Devices = in.linked(g.Devices, thousands(g.Devices), url.Values{})
			row.Text = cell(g.Text.Pass, compliance.TypedText, "pass")
			row.Href = "/compliance?" + url.Values{"group": {g.Name}}.Encode()
			if g.Name == "" {
				row.Href = "" // there is no address for none
			}
		}
		if i < groupsShown {
			shown = append(shown, row)
		} else {
			more = append(more, row)
		}
	}
	return shown, more
}

func (s speaker) inGroup(n int) string {
	if s.exact {
		return thousands(n)
	}
	return compliance.GroupWord(n)
}

// happenedWords are what a list can be narrowed to, by their words in addresses.
var happenedWords = []struct {
	word, label string
	of          store.Happening
}{
	{"permitted", "Media with permission", store.MediaPermitted}, {"refused", "Media without permission", store.MediaNotPermitted},
	{"clean", "Media scanned clean", store.MediaClean}, {"infected", "Infected media", store.MediaInfected},
	{"unscanned", "Media not scanned", store.MediaNotScanned}, {"open", "Screen left open too long", store.LeftOpen}, {"minutes", "Open, and nobody there", store.LeftOpenMins},
}

// happenedRow is what happened in one group in four weeks; cells as in happenedWords.
type happenedRow struct {
	Name  string
	Cells []happenedCell
}

type happenedCell struct {
	Label string
	number
}

// happened are media and open screens by group, the group with the most media that
// should not be there first. A governor reads groups of a few devices together.
func (s speaker) happened(r compliance.Report) (rows []happenedRow) {
	groups := slices.Clone(r.Groups)
	if s.exact {
		slices.SortStableFunc(groups, func(a, b compliance.Group) int {
			return cmp.Or(cmp.Compare(b.Media.NotPermitted+b.Media.Infected, a.Media.NotPermitted+a.Media.Infected), cmp.Compare(b.Media.Unattended, a.Media.Unattended))
		})
	} else {
		groups = compliance.Together(groups)
	}
	for _, g := range groups {
		in := s.of(g.Name)
		row := happenedRow{Name: orWord(g.Name, "No group")}
		for _, w := range happenedWords {
			n := g.Media.Of(w.of)
			text := in.inGroup(n)
			if w.of == store.LeftOpenMins {
				text = openWord(g.Media, in.exact, in.inGroup)
			}
			row.Cells = append(row.Cells, happenedCell{w.label, in.linked(n, text, url.Values{"happened": {w.word}})})
		}
		rows = append(rows, row)
	}
	return rows
}

// media are four weeks of media by permission and scan, and of screens left open.
func (s speaker) media(m store.MediaCount) (all []numberFact) {
	for _, w := range happenedWords {
		n := m.Of(w.of)
		text := s.part(n)
		switch w.of {
		case store.LeftOpen:
			text += " times"
		case store.LeftOpenMins:
			text = openWord(m, s.exact, s.part)
		}
		all = append(all, numberFact{w.label, s.linked(n, text, url.Values{"happened": {w.word}})})
	}
	return all
}

// openWord is for how long screens were open with nobody there, of all the time
// that they were open: hours of all devices together, which are nobody's own.
func openWord(m store.MediaCount, exact bool, word func(int) string) string {
	all := m.OpenMinutes + m.UseMinutes
	if all == 0 {
		return "not counted yet"
	}
	hours := func(minutes int) string {
		if exact && minutes < 120 {
			return plural(minutes, "minute", "minutes")
		}
		return word(int((time.Duration(minutes) * time.Minute).Round(time.Hour).Hours())) + " hours"
	}
	return hours(m.OpenMinutes) + " of " + hours(all) + " unlocked"
}
