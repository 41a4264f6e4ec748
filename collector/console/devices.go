package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

type tab struct {
	Label, Href string
	Count       int
	Current     bool
}

// deviceRow is one device, with its worst trouble in words.
type deviceRow struct {
	ID            caseflow.DeviceID
	Host          string
	Group, System string
	Version       string
	Wrong, Detail string // Wrong is empty when nothing is
	Lacks         string // sensors that its agent's version does not have, or ""
	Sensors       []sensorCell
	Seen          string
	own           []sensorCell // what the agent says of itself, beside its sensors
	rank          int
	// Checks, where it has said anything of them.
	Told                    bool
	Fails, Unknowns, Passes int
	worst                   checks.Check
	Proof                   rowProof
}

// rowProof says in the list whether test phrases prove a device, or why not.
type rowProof struct{ State, Word, When string }

func newRowProof(row store.DeviceRow, now time.Time) rowProof {
	day := func(at time.Time) string { return moment(at.In(now.Location()), now) }
	switch {
	case row.Proof == checks.Pass:
		return rowProof{"pass", "Yes", day(row.Proved)}
	case row.Asked.Asked.IsZero():
		return rowProof{"cannot", "No", "never asked"}
	case row.Proof == checks.Fail && row.Asked.Result == triage.CanaryFailed:
		return rowProof{"fail", "No", "failed " + day(row.Asked.Asked)}
	case row.Proof == checks.Fail:
		return rowProof{"fail", "No", "failed, and not proved since"}
	case now.Sub(row.Asked.Asked) > store.ProvedFor:
		return rowProof{"cannot", "No", "last asked " + day(row.Asked.Asked)}
	}
	said := newProofRow(row.Asked, now)
	return rowProof{said.State, "No", strings.ToLower(said.Word) + ", " + day(row.Asked.Asked)}
}

// sensorCell is the state of one sensor in shape and word.
type sensorCell struct {
	Label, Short  string
	State, Word   string // State: pass, fail, cannot, silent
	Why, Code, Do string
	Since         string
	Lacking       bool // not in the agent's version
}

// deviceCounts are what the sentence is made of.
type deviceCounts struct {
	Total, Troubled, Silent int
	Away                    int // silent, and not expected on now
	Off                     int // said good-bye
	Proved                  int // by a test phrase
	Lacking                 int // without trouble, but with a sensor that its version lacks
}

func (n deviceCounts) sentence() (string, string) {
	proof := "No test phrase has arrived in the last week, so none is proved monitored."
	if n.Proved > 0 {
		proof = plural(n.Proved, "device was", "devices were") + " proved monitored by a test phrase in the last week."
	}
	lacking := ""
	if n.Lacking > 0 {
		lacking = "On " + plural(n.Lacking, "device", "devices") + " nothing failed, but Lapwing cannot tell everything: a sensor is not in this version. "
	}
	off := n.quietWords()
	working := n.Total - n.Away - n.Off
	switch {
	case n.Total == 0:
		return "No device is enrolled yet, so nothing is monitored.", ""
	case n.Troubled == 0 && n.Lacking == 0:
		if working == 0 {
			return "No device is on, so nothing is monitored now.", off + proof
		}
		if n.Total == working {
			return "All sensors report that they work on " + plural(n.Total, "device", "devices") + ".", proof
		}
		return "All sensors report that they work on the " + plural(working, "device", "devices") + " that " + isAre(working) + " on.", off + proof
	case n.Troubled == 0:
		return "No device needs attention.", off + lacking + proof
	}
	need := "need"
	if n.Troubled == 1 {
		need = "needs"
	}
	rest := ""
	if n.Silent > 0 {
		rest = thousands(n.Silent) + " " + isAre(n.Silent) + " silent. "
	}
	rest += off
	return fmt.Sprintf("%s of %s %s attention.", thousands(n.Troubled), plural(n.Total, "device", "devices"), need), rest + lacking + proof
}

// quietWords are about those that nobody need look for.
func (n deviceCounts) quietWords() (words string) {
	if n.Away > 0 {
		words = thousands(n.Away) + " more said no good-bye, and " + isAre(n.Away) + " not expected on now. "
	}
	if n.Off > 0 {
		words += thousands(n.Off) + " " + isAre(n.Off) + " off or revoked. "
	}
	return words
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Ranks of trouble, worst last. A device that lacks a sensor is not fine, but
// there is nothing to attend to either.
const (
	rankFine = iota
	rankLacks
	rankCannot
	rankFail
	rankSilent
	rankNever
)

func newDeviceRow(d store.Device, now time.Time) deviceRow {
	row := deviceRow{ID: d.ID, Host: hostOf(d), Group: d.Group, System: systemOf(d), Version: d.Report.AgentVersion,
		Seen: ago(d.Report.Seen.In(now.Location()), now)}
	silent := d.Report.Seen.IsZero() || d.Report.Silent(now) || !d.Report.Connected && now.Sub(d.Report.Seen) > store.SilentAfter
	row.Sensors = sensorCells(d, silent, now)
	for _, st := range d.Report.Coverage {
		if st.Sensor == agentItself && !silent {
			row.own = append(row.own, newSensorCell("Agent", st, now))
		}
	}
	switch {
	case !d.Revoked.IsZero():
		row.Wrong, row.Detail = "Removed from Lapwing", d.RevokedWhy
		row.rank = rankCannot
	case !d.Suspect.IsZero():
		row.Wrong, row.Detail, row.rank = "Suspected clone", suspectWord(d.SuspectWhy)+", since "+moment(d.Suspect.In(now.Location()), now), rankFail
	case d.Held:
		row.Wrong, row.Detail, row.rank = "Waits to be released", "nothing it notices reaches the queue; see Enrolment", rankFail
	case d.Report.Seen.IsZero():
		row.Wrong, row.Detail, row.rank = "Never seen", "enrolled "+moment(d.Enrolled.In(now.Location()), now), rankNever
	case d.Report.Uninstalled():
		row.Wrong, row.Detail, row.rank = "The agent was uninstalled", "nothing is monitored there since "+moment(d.Report.Seen.In(now.Location()), now)+"; if that is meant, retire it", rankFail
	case silent && d.Report.Off() && !d.Report.Silent(now):
		row.Wrong, row.Detail, row.rank = "Off", goodbyeWord(d.Report.Goodbye), rankFine
	case silent:
		row.Wrong, row.Detail, row.rank = "Silent for "+inWords(now.Sub(d.Report.Seen)), lastWord(d.Report), rankSilent
	default:
		row.worstSensor()
	}
	return row
}

// suspectWord says how a clone showed.
func suspectWord(why string) string {
	if why == store.SuspectTwo {
		return "two machines take turns on this identity"
	}
	return "it runs on other hardware than it was enrolled on"
}

// troubled reports that somebody should look at the device.
func (row deviceRow) troubled() bool { return row.rank > rankLacks }

func (row *deviceRow) worstSensor() {
	var lacks []string
	for _, s := range append(slices.Clone(row.Sensors), row.own...) {
		rank := rankFine
		switch {
		case s.State == "fail":
			rank = rankFail
		case s.Lacking && s.Short != "Text":
			lacks = append(lacks, s.Label)
			row.rank = max(row.rank, rankLacks)
			continue
		case s.State == "cannot":
			// Typed text too, where a version lacks it: nobody may take that
			// device for a monitored one.
			rank = rankCannot
		}
		if rank > row.rank {
			row.rank = rank
			row.Wrong, row.Detail = s.Label+": "+s.Why, ""
			if s.Since != "" {
				row.Detail = "since " + s.Since
			}
		}
	}
	if len(lacks) > 0 {
		row.Lacks = "Not in this version: " + strings.Join(lacks, ", ")
	}
}

// lastWord is what a silent device last said of going.
func lastWord(r store.DeviceReport) string {
	switch {
	case r.Off():
		return goodbyeWord(r.Goodbye) + ", and was not heard of since"
	case r.Goodbye == store.GoodbyeRestart:
		return "its agent was stopped or restarted, and did not come back"
	}
	return "it said no good-bye"
}

func goodbyeWord(reason string) string {
	switch reason {
	case "shutdown":
		return "it was shut down"
	case "sleep":
		return "it went to sleep"
	}
	return "it said good-bye"
}

func hostOf(d store.Device) string {
	if d.Report.Host != "" {
		return d.Report.Host
	}
	return cmp.Or(d.Host, string(d.ID))
}

func systemOf(d store.Device) string {
	return cmp.Or(d.Report.OSText, d.OSText, d.OS, "system not known")
}

// sensors are the four that every device has a word about.
var sensors = []struct{ name, label, short string }{
	{"text", "Typed text", "Text"}, {"window", "Window titles", "Window"}, {"usb", "USB media", "USB"}, {"lock", "Screen lock", "Lock"},
}

// agentItself is the row about spool, policy, clock and certificate (agent/health).
const agentItself = "service"

func sensorCells(d store.Device, silent bool, now time.Time) []sensorCell {
	cells := make([]sensorCell, 0, len(sensors))
	for _, s := range sensors {
		cell := sensorCell{Label: s.label, State: "cannot", Word: "Cannot tell", Why: "The agent has not said", Do: "Update the agent, or wait for its first report."}
		for _, st := range d.Report.Coverage {
			if st.Sensor == s.name {
				cell = newSensorCell(s.label, st, now)
			}
		}
		if silent {
			cell.State, cell.Word, cell.Lacking = "silent", "Silent", false
			cell.Why, cell.Do = "Last word "+ago(d.Report.Seen.In(now.Location()), now), "Check that the device is on and reaches the collector."
		}
		cell.Short = s.short
		cells = append(cells, cell)
	}
	return cells
}

// newSensorCell maps a sensor's word about itself to one of the four states.
// Only "ok" passes; what is not known is never green.
func newSensorCell(label string, st store.SensorState, now time.Time) sensorCell {
	cell := sensorCell{Label: label, Code: st.Code}
	if !st.Since.IsZero() {
		cell.Since = moment(st.Since.In(now.Location()), now)
	}
	cond, _ := conditions.Lookup(st.Code)
	cell.Why, cell.Do = cond.Title, cond.Action
	switch {
	case st.State == "ok":
		cell.State, cell.Word, cell.Why, cell.Do = "pass", "Working", "Nothing to do", ""
	case st.State == "limited" && cond.Severity == conditions.Info, st.State == "off" && cond.Severity == conditions.Info:
		cell.State, cell.Word = "silent", "Not now"
	case st.State == "limited":
		cell.State, cell.Word = "cannot", "Limited"
	case st.State == "off" && st.Code == conditions.Unsupported:
		cell.State, cell.Word, cell.Lacking = "cannot", "Not in this version", true
	case st.State == "off":
		cell.State, cell.Word = "fail", "Not seen"
	default:
		cell.State, cell.Word = "cannot", "Cannot tell"
		if st.Code == "" {
			cell.Why, cell.Do = "It has not looked yet", "Wait a minute. If this stays, restart the device."
		}
	}
	return cell
}
