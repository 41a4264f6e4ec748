package console

import (
	"fmt"
	"net/http"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// provedFor is how long a test phrase proves an empty queue: since yesterday's
// school day.
const provedFor = 26 * time.Hour

// proof is store.Proof in words.
type proof struct {
	Proved  bool
	Last    string // when the last test phrase arrived, or ""
	Took    string
	Devices string
	Wrong   string // address of what is wrong, for those who may open it
}

func (c *Console) proofOf(r *http.Request, id auth.Identity, now time.Time) (proof, error) {
	p, err := id.Tenant.Proof(r.Context(), now)
	if err != nil {
		return proof{}, fmt.Errorf("sum up proofs: %w", err)
	}
	out := proof{Proved: !p.At.IsZero() && now.Sub(p.At) < provedFor}
	if !p.At.IsZero() {
		out.Last = moment(p.At.In(c.zone), now)
		out.Took = p.Took.Round(100 * time.Millisecond).String()
	}
	if p.Devices > 0 {
		out.Devices = thousands(p.Proved) + " of " + plural(p.Devices, "device is", "devices are") + " proved monitored."
	}
	if fleetKeeper(id.Actor) {
		out.Wrong = "/devices"
	}
	return out, nil
}

// deviceProof is what test phrases say of one device.
type deviceProof struct {
	State, Word string
	Say         string
	Rows        []proofRow
	May         bool // ask for another
}

type proofRow struct{ When, State, Word, Why, Who string }

func (c *Console) deviceProof(r *http.Request, id auth.Identity, d store.Device, now time.Time) (deviceProof, error) {
	all, err := id.Tenant.Canaries(r.Context(), d.ID, 20)
	if err != nil {
		return deviceProof{}, fmt.Errorf("read test phrases: %w", err)
	}
	v := deviceProof{May: c.prove != nil && mayManage(id.Actor) && d.Revoked.IsZero() && d.Retired.IsZero()}
	state := checks.Unknown
	v.Say = "No test phrase has arrived from here in the last week, so it is not proved that what is typed reaches the queue."
	for _, k := range all {
		v.Rows = append(v.Rows, newProofRow(k, now))
		if state != checks.Unknown || now.Sub(k.Asked) > store.ProvedFor {
			continue
		}
		switch k.Result {
		case triage.CanaryFull:
			state = checks.Pass
			v.Say = "A test phrase was typed here " + moment(k.Answered.In(now.Location()), now) + " and reached the collector " +
				k.Answered.Sub(k.Asked).Round(100*time.Millisecond).String() + " after it was asked for. It proves the device for a week."
		case triage.CanaryFailed:
			state = checks.Fail
			v.Say = "The last test phrase was typed here and did not arrive: what a pupil types may not reach the queue."
		}
	}
	v.State, v.Word = stateWords(state)
	v.Word = map[checks.State]string{checks.Pass: "Proved monitored", checks.Fail: "Failed", checks.Unknown: "Not proved"}[state]
	return v, nil
}

func newProofRow(k store.Canary, now time.Time) proofRow {
	row := proofRow{When: moment(k.Asked.In(now.Location()), now), Who: k.By.Name}
	if row.Who == "" {
		row.Who = "by the timetable"
	}
	reason, _ := conditions.Lookup(k.Code)
	row.Why = reason.Title
	switch k.Result {
	case triage.CanaryFull:
		row.State, row.Word, row.Why = "pass", "Proved", "Typed on the display, and seen by the rules."
	case triage.CanaryPartial:
		row.State, row.Word = "cannot", "In part"
	case triage.CanaryFailed:
		row.State, row.Word = "fail", "Failed"
	case triage.CanaryNoSession:
		row.State, row.Word = "silent", "Nobody logged on"
	case triage.CanaryAborted:
		row.State, row.Word = "cannot", "Broken off"
	case triage.CanaryLocked:
		row.State, row.Word = "silent", "Locked"
	default:
		row.State, row.Word, row.Why = "cannot", "Under way", "The device waits for a moment when nobody uses it, ten minutes at most."
		if k.Lost(now) {
			row.State, row.Word, row.Why = "silent", "No answer", "Nothing came back within ten minutes."
		}
	}
	return row
}
