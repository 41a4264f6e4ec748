package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/simulate"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// TestComplianceByRole: who looks after devices reads numbers with the devices
// behind them; a governor reads the same page on the grid, without a link to any.
func TestComplianceByRole(t *testing.T) {
	f := newFixture(t)
	if err := simulate.Fill(t.Context(), f.tenant, simulate.Options{Devices: 120, Now: f.clock(), Seed: 3, Weeks: 5, Details: true}); err != nil {
		t.Fatal(err)
	}
	tech, governor, dsl := f.signIn("S. Brack", caseflow.Technician), f.signIn("J. Sedge", caseflow.Governor), f.signIn("H. Marlow", caseflow.DSL)
	p := tech.get("/compliance")
	if p.status != http.StatusOK || !strings.Contains(p.body, "of 120") || !strings.Contains(p.body, `href="/devices?check=disk_encryption&amp;show=all&amp;state=fail"`) {
		t.Errorf("technician: %d", p.status)
	}
	p = governor.get("/compliance")
	main := p.body[strings.Index(p.body, "<main"):]
	if p.status != http.StatusOK || strings.Contains(main, `"/devices`) || !strings.Contains(main, "about 120") {
		t.Errorf("governor: %d, links %v", p.status, strings.Contains(main, `"/devices`))
	}
	// In the controls' cells nothing but words of the grid.
	for _, m := range regexp.MustCompile(`data-label="(?:Fail|Cannot tell|Silent|Pass)">(?:<strong>)?([^<]+)<`).FindAllStringSubmatch(main, -1) {
		if m[1] != "fewer than 5" && m[1] != "fewer than 10" && !regexp.MustCompile(`^about \d*[05]$`).MatchString(m[1]) {
			t.Errorf("a governor reads %q", m[1])
		}
	}
	csv := governor.get("/compliance/data.csv")
	if csv.status != http.StatusOK || !strings.Contains(csv.body, "fewer than 5") {
		t.Errorf("governor's data: %d %.200s", csv.status, csv.body)
	}
	for who, b := range map[string]*browser{"governor": governor, "DSL": dsl} {
		if p := b.get("/devices"); p.status != http.StatusNotFound {
			t.Errorf("%s opens the devices: %d", who, p.status)
		}
		if p := b.post("/devices", url.Values{"device": {"sim-000001"}, "act": {"retire"}}); p.status != http.StatusNotFound {
			t.Errorf("%s retires a device: %d", who, p.status)
		}
	}
	if p := dsl.get("/compliance"); p.status != http.StatusNotFound {
		t.Errorf("a DSL opens the compliance page: %d", p.status)
	}
}

func TestRecordOfChecks(t *testing.T) {
	f := newFixture(t)
	dsl, governor := f.signIn("H. Marlow", caseflow.DSL), f.signIn("J. Sedge", caseflow.Governor)
	p := dsl.post("/compliance/record", url.Values{"what": {""}, "note": {strings.Repeat("x", 501)}})
	for _, want := range []string{"Enter what was tested", "Note must be 500 characters or fewer; it has 501", "Choose what the check showed", `href="#place"`} {
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, want) {
			t.Errorf("status %d, without %q", p.status, want)
		}
	}
	form := url.Values{"key": {"k1"}, "what": {"Test <b>phrase</b> typed"}, "device": {"Laptop"}, "place": {"Library"}, "users": {"Year 7"}, "result": {"pass"}}
	if p := f.signIn("S. Brack", caseflow.Technician).get("/compliance"); !strings.Contains(p.body, "A check on monitoring by hand is due") {
		t.Errorf("no reminder of a check that is due: %d", p.status)
	}
	dsl.post("/compliance/record", form)
	p = dsl.post("/compliance/record", form)
	if p.status != http.StatusOK || strings.Count(p.body, "Test &lt;b&gt;phrase&lt;/b&gt; typed") != 1 {
		t.Errorf("sent twice: %d, %d entries", p.status, strings.Count(p.body, "phrase&lt;"))
	}
	if p := f.signIn("S. Brack2", caseflow.Technician).get("/compliance"); strings.Contains(p.body, "none has been recorded for a term") {
		t.Error("reminds of a check that was done")
	}
	if p := governor.get("/compliance/record.csv"); p.status != http.StatusOK || !strings.Contains(p.body, "Test <b>phrase</b> typed,Laptop,Library,Year 7,H. Marlow,pass,") {
		t.Errorf("the file: %d %.300s", p.status, p.body)
	}
	if p := governor.get("/compliance/record"); p.status != http.StatusOK || strings.Contains(p.body, "<form method=\"post\" action=\"/compliance/record\"") {
		t.Errorf("a governor's record: %d", p.status)
	}
	if p := governor.post("/compliance/record", form); p.status != http.StatusNotFound {
		t.Errorf("a governor writes: %d", p.status)
	}
}

func TestManyDevicesAtOnce(t *testing.T) {
	f := newFixture(t)
	if err := simulate.Fill(t.Context(), f.tenant, simulate.Options{Devices: 40, Groups: 2, Now: f.clock(), Seed: 3}); err != nil {
		t.Fatal(err)
	}
	tech := f.signIn("S. Brack", caseflow.Technician)
	both := []string{"sim-000001", "sim-000003"}
	// Return in the form's only field of text presses its first button, which does no harm.
	_, form, _ := strings.Cut(tech.get("/devices").body, `<div class="lw-bulk">`)
	if first, _, _ := strings.Cut(form, "</button>"); !strings.Contains(first, `value="prove"`) {
		t.Errorf("the first button of many devices is %s", first)
	}
	if p := tech.post("/devices", url.Values{"device": both, "act": {"move"}, "group": {"nowhere"}}); !strings.Contains(p.body, "choose the group") {
		t.Error("moved to a group that is none")
	}
	if p := tech.post("/devices", url.Values{"device": both, "act": {"move"}, "group": {"Year 7 trolley A"}}); !strings.Contains(p.body, "2 devices are in the other group now") {
		t.Errorf("move: %d", p.status)
	}
	if p := tech.post("/devices", url.Values{"device": both[:1], "act": {"revoke"}}); !strings.Contains(p.body, "say why") {
		t.Error("revoked without a reason")
	}
	tech.post("/devices", url.Values{"device": both[:1], "act": {"retire"}})
	d, err := f.tenant.Device(t.Context(), "sim-000001")
	if err != nil || d.Group != "Year 7 trolley A" || d.Retired.IsZero() {
		t.Errorf("%+v, %v", d, err)
	}
	page, err := f.tenant.FindDevices(t.Context(), store.DeviceQuery{Now: f.clock()})
	if err != nil || page.Total != 39 {
		t.Errorf("%d devices, %v", page.Total, err)
	}
	if p := tech.get("/devices?show=all&q=lt-0000&group=Staff&version=%3C"); p.status != http.StatusOK {
		t.Errorf("filters: %d", p.status)
	}
	if p := tech.get("/devices.csv?show=all"); strings.Count(p.body, "\n") != 40 {
		t.Errorf("%d lines", strings.Count(p.body, "\n"))
	}
}
