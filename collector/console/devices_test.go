package console

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

var deviceNow = time.Date(2026, 11, 12, 8, 14, 0, 0, time.UTC)

// seenDevice reports that all works but what is given.
func seenDevice(other ...store.SensorState) store.Device {
	d := store.Device{ID: "d", Report: store.DeviceReport{ID: "d", Seen: deviceNow, Connected: true}}
	for _, s := range sensors {
		st := store.SensorState{Sensor: s.name, State: "ok"}
		for _, o := range other {
			if o.Sensor == s.name {
				st = o
			}
		}
		d.Report.Coverage = append(d.Report.Coverage, st)
	}
	return d
}

func lacks(sensor string) store.SensorState {
	return store.SensorState{Sensor: sensor, State: "off", Code: conditions.Unsupported}
}

// TestSensorWordsAreTheLegends: whatever a sensor may say of itself, its sign
// stands in the legend beside the word that the page has for it.
func TestSensorWordsAreTheLegends(t *testing.T) {
	page, err := os.ReadFile("templates/devices.html")
	if err != nil {
		t.Fatal(err)
	}
	legend := map[string]string{}
	for _, m := range regexp.MustCompile(`<li><span class="lw-state lw-state--(\w+)">\{\{template "state-glyph" "(\w+)"\}\}([^<]+)</span></li>`).FindAllStringSubmatch(string(page), -1) {
		if m[1] != m[2] {
			t.Errorf("the legend has the colour of %s and the sign of %s", m[1], m[2])
		}
		legend[m[1]] = strings.ToLower(m[3])
	}
	if len(legend) != 4 {
		t.Fatalf("the legend has %d signs, want 4", len(legend))
	}
	codes := []string{"", "of_a_later_version"}
	for _, c := range conditions.All() {
		codes = append(codes, c.Code)
	}
	words := map[string]string{}
	check := func(what string, c sensorCell) {
		t.Helper()
		if w := strings.ToLower(c.Word); w == "" || !strings.Contains(legend[c.State], w) {
			t.Errorf("%s: the word %q is not in the legend of %s: %q", what, c.Word, c.State, legend[c.State])
		}
		if was := words[c.Word]; was != "" && was != c.State {
			t.Errorf("%s: the word %q stands for %s and %s", what, c.Word, was, c.State)
		}
		words[c.Word] = c.State
	}
	for _, state := range []string{"ok", "limited", "off", "unknown", ""} {
		for _, code := range codes {
			check(fmt.Sprintf("%q with code %q", state, code), newSensorCell("x", store.SensorState{State: state, Code: code}, deviceNow))
		}
	}
	for _, silent := range []bool{false, true} {
		check("no report", sensorCells(store.Device{}, silent, deviceNow)[0])
	}
}

func TestWhatAVersionLacksIsNoTroubleAndNoPass(t *testing.T) {
	for name, tc := range map[string]struct {
		device   store.Device
		troubled bool
		lacks    string
		state    string
	}{
		"all work":           {seenDevice(), false, "", "All sensors work"},
		"no USB":             {seenDevice(lacks("usb")), false, "Not in this version: USB media", "Monitored in part"},
		"no USB and no lock": {seenDevice(lacks("usb"), lacks("lock")), false, "Not in this version: USB media, Screen lock", "Monitored in part"},
		// Nothing typed there is seen: that is never nothing to attend to.
		"no typed text":    {seenDevice(lacks("text")), true, "", "Monitored in part"},
		"lock not looked":  {seenDevice(store.SensorState{Sensor: "lock", State: "unknown"}, lacks("usb")), true, "Not in this version: USB media", "Monitored in part"},
		"the window fails": {seenDevice(store.SensorState{Sensor: "window", State: "off", Code: conditions.NoDisplay}, lacks("usb")), true, "Not in this version: USB media", "Not fully monitored"},
	} {
		row := newDeviceRow(tc.device, deviceNow)
		if row.troubled() != tc.troubled || row.Lacks != tc.lacks || (row.Wrong != "") != tc.troubled {
			t.Errorf("%s: troubled %v (%q), lacks %q; want %v, %q", name, row.troubled(), row.Wrong, row.Lacks, tc.troubled, tc.lacks)
		}
		if v := newDeviceView(tc.device, deviceNow); v.StateWord != tc.state || (v.State == "pass") != (tc.state == "All sensors work") {
			t.Errorf("%s: its page says %q with the sign of %s, want %q", name, v.StateWord, v.State, tc.state)
		}
		for _, s := range row.Sensors {
			if s.Lacking && (s.State != "cannot" || s.Word != "Not in this version") {
				t.Errorf("%s: %s is %q with the sign of %s", name, s.Label, s.Word, s.State)
			}
		}
	}
}

// TestAgentInTroubleIsNotGreen: all sensors work, and what they saw was merged
// into a count because the disk is full.
func TestAgentInTroubleIsNotGreen(t *testing.T) {
	for code, want := range map[string][2]string{"": {"", "pass"}, conditions.SpoolFull: {"Agent: ", "cannot"}, conditions.PolicyRefused: {"Agent: ", "cannot"}} {
		d := store.Device{Report: store.DeviceReport{Seen: deviceNow, Connected: true}}
		for _, s := range sensors {
			d.Report.Coverage = append(d.Report.Coverage, store.SensorState{Sensor: s.name, State: "ok"})
		}
		own := store.SensorState{Sensor: "service", State: "ok"}
		if code != "" {
			own.State, own.Code = "limited", code
		}
		d.Report.Coverage = append(d.Report.Coverage, own)
		v := newDeviceView(d, deviceNow)
		if !strings.HasPrefix(v.Wrong, want[0]) || v.Wrong == "" != (code == "") || v.State != want[1] || len(v.Sensors) != len(sensors)+1 {
			t.Errorf("%q: %q, %s, %d rows", code, v.Wrong, v.State, len(v.Sensors))
		}
	}
}

func TestDevicesSentence(t *testing.T) {
	const proof = "No test phrase has arrived in the last week, so none is proved monitored."
	for n, want := range map[deviceCounts][2]string{
		{}:                          {"No device is enrolled yet, so nothing is monitored.", ""},
		{Total: 3}:                  {"All sensors report that they work on 3 devices.", proof},
		{Total: 3, Lacking: 3}:      {"No device needs attention.", "On 3 devices nothing failed, but Lapwing cannot tell everything: a sensor is not in this version. " + proof},
		{Total: 1, Troubled: 1}:     {"1 of 1 device needs attention.", proof},
		{Total: 3, Off: 3}:          {"No device is on, so nothing is monitored now.", "3 are off or revoked. " + proof},
		{Total: 3, Off: 1, Away: 1}: {"All sensors report that they work on the 1 device that is on.", "1 more said no good-bye, and is not expected on now. 1 is off or revoked. " + proof},
		{Total: 5, Troubled: 3, Silent: 2, Lacking: 1}: {"3 of 5 devices need attention.", "2 are silent. On 1 device nothing failed, but Lapwing cannot tell everything: a sensor is not in this version. " + proof},
	} {
		if s, rest := n.sentence(); s != want[0] || rest != want[1] {
			t.Errorf("%+v: %q %q, want %q", n, s, rest, want)
		}
	}
}
