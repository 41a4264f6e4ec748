package console

import (
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// happenedAt is one thing that happened to a device; State is a sign, or empty.
type happenedAt struct {
	When, What, State string
	at                time.Time
}

const (
	timelineShown = 10
	timelineMost  = 100
)

// timelineOf puts into one order what is kept of a device. It names nobody: not
// who was logged on, nor who asked.
func timelineOf(d store.Device, history []store.CheckChange, media []store.MediaVisit, breaches []store.Breach, asked []store.Canary, now time.Time) (shown, earlier []happenedAt) {
	var all []happenedAt
	add := func(at time.Time, state, what string) {
		if !at.IsZero() {
			all = append(all, happenedAt{moment(at.In(now.Location()), now), what, state, at})
		}
	}
	for _, h := range history {
		if h.First {
			continue // what stood at the first look is no change
		}
		known, _ := checks.Lookup(h.Check)
		_, was := stateWords(h.Was)
		state, is := stateWords(h.State)
		add(h.At, state, known.Title+": "+strings.ToLower(is)+", "+strings.ToLower(was)+" before")
	}
	for _, m := range media {
		row := newMediaRow(m, now)
		add(m.Arrived, row.State, row.What+": "+strings.ToLower(row.Word))
	}
	for _, b := range breaches {
		add(b.At, "", "Left open for "+inWords(time.Duration(b.Seconds)*time.Second)+"; the limit is "+inWords(time.Duration(b.Limit)*time.Second))
	}
	for _, k := range asked {
		row := newProofRow(k, now)
		what := "Test phrase: " + strings.ToLower(row.Word)
		if k.Result != triage.CanaryFull && row.Why != "" {
			what += ". " + row.Why
		}
		add(k.Asked, row.State, what)
	}
	for _, s := range sensors {
		for _, st := range d.Report.Coverage {
			if st.Sensor == s.name {
				cell := newSensorCell(s.label, st, now)
				add(st.Since, cell.State, s.label+": "+strings.ToLower(cell.Word))
			}
		}
	}
	add(d.Enrolled, "", "Enrolled")
	add(d.Suspect, "fail", "Suspected clone")
	add(d.Revoked, "", "Revoked")
	add(d.Retired, "", "Retired")
	slices.SortStableFunc(all, func(a, b happenedAt) int { return b.at.Compare(a.at) })
	all = all[:min(len(all), timelineMost)]
	cut := min(len(all), timelineShown)
	return all[:cut], all[cut:]
}
