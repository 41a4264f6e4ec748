package console_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/permits"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// lastEdit is what became of a change of the policy folder.
type lastEdit struct{ policy.Edit }

func (l *lastEdit) Last() policy.Edit { return l.Edit }

// policies gives the fixture's school policies that are in force.
func (f *fixture) policies(media *permits.Service) *policy.Publisher {
	f.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := policy.New(policy.Config{Rules: collectortest.Rules("test"), Form: collectortest.Form(), Key: key, Now: f.clock, Amend: media.Amend,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// inForce publishes the policy of a device's group, as if the device had asked for it.
func (f *fixture) inForce(id caseflow.DeviceID) store.Device {
	f.t.Helper()
	d, err := f.tenant.Device(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, _, err := f.policy.Current(f.t.Context(), f.tenant, policy.Group{Name: d.Group, Audience: d.Audience}); err != nil {
		f.t.Fatal(err)
	}
	return d
}

func TestPolicyPage(t *testing.T) {
	f := newFixture(t)
	tech := f.signIn("T. Moor", caseflow.Technician)
	if p := tech.get("/policy"); p.status != http.StatusOK || !strings.Contains(p.body, "No device has asked") {
		t.Fatalf("without devices: status %d", p.status)
	}
	f.device("d-1", "LAB-01", 0)
	device := f.inForce("d-1")
	f.edit.Edit = policy.Edit{At: morning, Problem: "policy.yaml:7: field sone not found\npolicy.yaml: zone: is not a time zone"}
	p := tech.get("/policy")
	for _, want := range []string{device.Group + ", version 1", "Lapwing, as shipped", "suicide, self-harm and exploitation only",
		"8:50 and 13:15 on school days", "on the screen at log-on", "The last change was not taken", "policy.yaml:7: field sone not found", "Banking"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for role, status := range map[caseflow.Role]int{caseflow.Governor: http.StatusOK, caseflow.Head: http.StatusOK, caseflow.External: http.StatusNotFound} {
		if p := f.signIn("R. "+string(role), role).get("/policy"); p.status != status {
			t.Errorf("%s: status %d, want %d", role, p.status, status)
		}
	}
}
