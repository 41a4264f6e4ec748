package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/compliance"
	"github.com/lapwing-schools/lapwing/collector/store"
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

// ofGroup leaves one group of roll-ups. What media did is not kept by group.
func ofGroup(groups []store.GroupRollup, weeks []store.WeekRollup, name string) ([]store.GroupRollup, []store.WeekRollup) {
	other := func(g store.GroupRollup) bool { return g.Group != name }
	weeks = slices.Clone(weeks)
	for i := range weeks {
		weeks[i].Groups = slices.DeleteFunc(slices.Clone(weeks[i].Groups), other)
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
		q.Now, q.Group, q.Limit = now, group, 2*worstShown
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

// groups are the table by group, the worst first.
func (s speaker) groups(r compliance.Report) (shown, more []groupRow) {
	for i, g := range r.Groups {
		row := groupRow{Name: orWord(g.Name, "No group"), Devices: s.groupTotal(g.Devices), Fail: s.group(g.Standard.Fail), Unknown: s.group(g.Standard.Unknown),
			Silent: s.group(g.Silent), Pass: s.group(g.Standard.Pass)}
		if s {
			row.Text = thousands(g.Text.Pass)
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

func (s speaker) group(n int) string {
	if s {
		return thousands(n)
	}
	return compliance.GroupWord(n)
}

func (s speaker) groupTotal(n int) string {
	if s {
		return thousands(n)
	}
	return compliance.GroupTotalWord(n)
}

// media are four weeks of media by permission, and of screens left open.
func (s speaker) media(m store.MediaCount) []fact {
	open := "not counted yet"
	if all := m.OpenMinutes + m.UseMinutes; all > 0 {
		open = s.hours(m.OpenMinutes) + " of " + s.hours(all) + " unlocked"
	}
	return []fact{
		{"With permission", s.part(m.Permitted)}, {"Without permission", s.part(m.NotPermitted)}, {"Infected", s.part(m.Infected)},
		{"Screens left open too long", s.part(m.Unattended) + " times"}, {"Open, and nobody there", open},
	}
}

// hours are minutes of all devices together, which are nobody's own.
func (s speaker) hours(minutes int) string {
	if s && minutes < 120 {
		return plural(minutes, "minute", "minutes")
	}
	hours := int((time.Duration(minutes) * time.Minute).Round(time.Hour).Hours())
	return s.part(hours) + " hours"
}
