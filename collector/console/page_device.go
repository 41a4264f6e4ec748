package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// deviceView is one device. Like the list it can name no person and no text.
type deviceView struct {
	deviceRow
	State, StateWord string
	Gap              string // what the worst trouble means, or ""
	Facts            []fact
	Queue            []fact
	deviceRecords
	Proof       deviceProof
	ID          string
	Done        string
	PermitsPage bool
}

type fact struct{ Label, Value string }

func (c *Console) device(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	d, err := id.Tenant.Device(r.Context(), caseflow.DeviceID(r.PathValue("id")))
	if err != nil {
		return fmt.Errorf("read device: %w", err)
	}
	now := c.now().In(c.zone)
	v := newDeviceView(d, now)
	v.expect(d, c.timetables(id.Tenant).of(d), now)
	if v.deviceRecords, err = c.deviceRecords(r, id, d, now); err != nil {
		return err
	}
	if v.Proof, err = c.deviceProof(r, id, d, now); err != nil {
		return err
	}
	v.ID, v.Done = string(d.ID), deviceDone(r.URL.Query())
	v.judgeChecks()
	v.PermitsPage = c.permits != nil
	return c.show(w, r, id, "device", "/devices", v.Host, v)
}

func newDeviceView(d store.Device, now time.Time) deviceView {
	v := deviceView{deviceRow: newDeviceRow(d, now)}
	text, window := v.Sensors[0], v.Sensors[1]
	v.Sensors = append(v.Sensors, v.own...)
	switch {
	case !d.Revoked.IsZero():
		v.State, v.StateWord = "silent", "Revoked"
		v.Gap = "Nothing that it sends is taken, since " + moment(d.Revoked.In(now.Location()), now) + "."
		if d.RevokedWhy != "" {
			v.Gap += " Why: " + strings.TrimSuffix(d.RevokedWhy, ".") + "."
		}
		v.Gap += " To use it again, enrol it anew (lapwing-agent enrol --force)."
	case !d.Suspect.IsZero():
		v.State, v.StateWord = "fail", "Suspected clone"
		v.Gap = "Captures of two machines may stand under one device. Enrol the copy as a device of its own with a new enrolment string " +
			"(lapwing-agent enrol --force), then revoke this one and enrol the original again too. If only its board was replaced, enrol it again."
	case d.Held:
		v.State, v.StateWord = "fail", "Waits to be released"
		v.Gap = "It was enrolled with a string that several devices can use. What it notices is kept on it, and reaches the queue after a technician has released it under Enrolment."
	case v.rank >= rankSilent:
		v.State, v.StateWord = "silent", "Silent"
		v.Gap = "Nothing has come from this device. What is typed there is kept on it and sent when it is back, if the agent runs."
	case text.State == "fail":
		v.State, v.StateWord = "fail", "Not fully monitored"
		v.Gap = "Anything typed here would not reach the queue. " + text.Do
	case window.State == "fail":
		v.State, v.StateWord = "fail", "Not fully monitored"
		v.Gap = "Window titles are not seen here. " + window.Do
	case v.rank == rankFail:
		v.State, v.StateWord = "fail", "Not fully monitored"
	case v.rank == rankCannot, v.rank == rankLacks:
		v.State, v.StateWord = "cannot", "Monitored in part"
	case v.Wrong != "":
		v.State, v.StateWord = "silent", "Off"
	default:
		v.State, v.StateWord = "pass", "All sensors work"
	}
	zone := now.Location()
	v.Facts = []fact{
		{"System", systemOf(d)},
		{"Agent version", orWord(d.Report.AgentVersion, "not said yet")},
		{"Group", orWord(d.Group, "none")},
		{"Made for", string(d.Audience) + " use"},
		{"Enrolled", moment(d.Enrolled.In(zone), now)},
		{"Certificate until", moment(d.CertExpires.In(zone), now)},
		{"Certificate serial", orWord(d.CertSerial, "none")},
	}
	v.Queue = []fact{
		{"Desktop sessions watched", thousands(int(d.Report.Sessions))},
		{"Events waiting on the device", thousands(int(d.Report.SpoolRecords))},
		{"Dropped or merged when its disk was full", thousands(int(d.Report.Dropped))},
		{"Put aside as unreadable", thousands(int(d.Report.Quarantined))},
		{"Policy version", thousands(int(d.Report.PolicyVersion))},
		{"Clock differs by", skewWord(d.Report.SkewMillis)},
		{"Not looked at: helplines and exempt places together", unlookedWord(d.Report.Unlooked)},
	}
	return v
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func skewWord(ms int64) string {
	if ms < 0 {
		ms = -ms
	}
	switch d := time.Duration(ms) * time.Millisecond; {
	case d < 2*time.Second:
		return "under 2 seconds"
	case d < 2*time.Minute:
		return plural(int(d/time.Second), "second", "seconds")
	default:
		return inWords(d)
	}
}
