package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/token"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// enrolled lets devices in with a string.
func (f *fixture) enrolled(secret string, ids ...caseflow.DeviceID) {
	f.t.Helper()
	for _, id := range ids {
		if _, err := f.tenant.Enrol(f.t.Context(), token.Hash(secret), store.Device{ID: id, Host: "PG-" + strings.ToUpper(string(id)), OS: "linux"}, f.clock()); err != nil {
			f.t.Fatal(err)
		}
	}
}

// manyUses makes a string that several devices can use, and returns its secret.
func (f *fixture) manyUses() string {
	f.t.Helper()
	s := fleet.New(fleet.Config{Agents: "lapwing.example:9443", Now: f.clock})
	made, _, err := s.CreateToken(f.t.Context(), f.tenant, fleet.Request{Group: "Year 9 trolley C", Uses: 3, Expected: 2}, audit.System())
	if err != nil {
		f.t.Fatal(err)
	}
	return made.Token
}

func TestTechnicianMakesAStringAndReleasesWhatCameIn(t *testing.T) {
	f := newFixture(t)
	tech := f.signIn("S. Brack", caseflow.Technician)
	form := url.Values{"group": {"Year 8 trolley A"}, "audience": {"pupil"}, "expected": {"3"}, "days": {"14"}, "network": {"10.20.0.0/16"}}
	p := tech.post("/enrolment", form)
	text := regexp.MustCompile(`lapwing-enrol:v1:[^<\s]+`).FindString(p.body)
	made, err := tlsx.ParseEnrolment(text)
	if p.status != http.StatusOK || err != nil || made.Address() != "lapwing.example:9443" {
		t.Fatalf("status %d, string for %s: %v", p.status, made.Address(), err)
	}
	if again := tech.get("/enrolment"); strings.Contains(again.body, made.Token) || !strings.Contains(again.body, "10.20.0.0/16") {
		t.Error("the string is shown twice, or its network not at all")
	}
	f.enrolled(made.Token, "d-1", "d-2")
	p = tech.get("/enrolment")
	for _, want := range []string{"2 devices wait for you to release them.", "you expected 3", "PG-D-1", "Release 2 devices"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if p := tech.get("/devices"); !strings.Contains(p.body, "Waits to be released") {
		t.Error("the list of devices does not say that one waits")
	}
	batch := regexp.MustCompile(`action="/enrolment/([a-z0-9]+)/release"`).FindStringSubmatch(p.body)[1]
	f.enrolled(made.Token, "d-3") // came in while the technician looked
	tech.post("/enrolment/"+batch+"/release", url.Values{"device": {"d-1", "d-2"}})
	for id, held := range map[caseflow.DeviceID]bool{"d-1": false, "d-2": false, "d-3": true} {
		if d, err := f.tenant.Device(t.Context(), id); err != nil || d.Held != held {
			t.Errorf("%s held: %v, %v", id, d.Held, err)
		}
	}
	entries, err := f.tenant.Entries(t.Context(), 0, 0)
	if err != nil || entries[len(entries)-1].Action != audit.DeviceReleased || entries[len(entries)-1].Who.Name != "S. Brack" {
		t.Errorf("the ledger ends with %+v, %v", entries[len(entries)-1], err)
	}
}

func TestEnrolmentFormSaysWhichFieldIsWrong(t *testing.T) {
	f := newFixture(t)
	tech := f.signIn("S. Brack", caseflow.Technician)
	good := url.Values{"group": {"g"}, "audience": {"pupil"}, "expected": {"1"}, "days": {"14"}, "network": {""}}
	for field, tc := range map[string]struct{ value, want string }{
		"group":    {"", "Group has 0 characters; give 1 to 64"},
		"audience": {"all", "Audience &#34;all&#34; is not one of pupil, staff, mixed"},
		"expected": {"0", "Number of devices must be 1 to 10,000"},
		"days":     {"366", "Days must be 1 to 365"},
		"network":  {"the lab", "Network &#34;the lab&#34; is not a network"},
	} {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		form.Set(field, tc.value)
		p := tech.post("/enrolment", form)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, tc.want) || !strings.Contains(p.body, `id="`+field+`-error"`) {
			t.Errorf("%s %q: status %d, want %q at the field", field, tc.value, p.status, tc.want)
		}
	}
}

func TestOnlyTechniciansEnrol(t *testing.T) {
	f := newFixture(t)
	for _, role := range []caseflow.Role{caseflow.DSL, caseflow.Head, caseflow.Administrator, caseflow.Governor} {
		b := f.signIn("Somebody "+string(role), role)
		if p := b.get("/enrolment"); p.status != http.StatusNotFound {
			t.Errorf("%s reads: %d", role, p.status)
		}
		if p := b.post("/enrolment", url.Values{"group": {"g"}, "expected": {"1"}, "days": {"1"}}); p.status != http.StatusNotFound {
			t.Errorf("%s makes a string: %d", role, p.status)
		}
	}
	if all, err := fleet.Batches(t.Context(), f.tenant); err != nil || len(all) != 0 {
		t.Errorf("%d tokens, %v", len(all), err)
	}
}

func TestASuspectedCloneStandsOut(t *testing.T) {
	f := newFixture(t)
	f.device("d-7", "PG-LAB-07", time.Second)
	if _, err := f.tenant.Suspect(t.Context(), "d-7", store.SuspectTwo, f.clock()); err != nil {
		t.Fatal(err)
	}
	tech := f.signIn("S. Brack", caseflow.Technician)
	if p := tech.get("/devices?show=attention"); !strings.Contains(p.body, "Suspected clone") || !strings.Contains(p.body, "two machines take turns") {
		t.Error("the list does not name the clone")
	}
	if p := tech.get("/devices/d-7"); !strings.Contains(p.body, "Enrol the copy as a device of its own") {
		t.Error("the page does not say what to do")
	}
}
