package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/permits"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// plugIn has a device see a stick that no permit names.
func (f *fixture) plugIn(device caseflow.DeviceID, serial []byte) {
	f.t.Helper()
	f.seq++
	a := triage.Arrival{Kind: triage.KindMedia, Device: device, Event: ulid.ID{15: byte(f.seq)}, Seq: f.seq, At: f.clock(), ReceivedAt: f.clock(),
		Media: &triage.Media{Visit: [16]byte{9}, Step: triage.MediaReady, Kind: triage.KindStick, VendorID: "0951", ProductID: "1666", Vendor: "Kingston",
			Serial: serial, Size: 16 << 30, Encryption: triage.NotEncrypted, Why: checks.USBNoPermit, Scan: triage.ScanNotAsked}}
	if got, err := f.tenant.Ingest(f.t.Context(), []triage.Arrival{a}); err != nil || got[0].Refused != nil {
		f.t.Fatal(err, got)
	}
}

// usbOf is what the policy in force says of media.
func (f *fixture) usbOf(g policy.Group) *lapwingv1.UsbPolicy {
	f.t.Helper()
	if _, _, err := f.policy.Current(f.t.Context(), f.tenant, g); err != nil {
		f.t.Fatal(err)
	}
	doc, err := f.tenant.LatestDocument(f.t.Context(), policy.Kind(g.Name))
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := f.policy.Open(doc)
	if err != nil {
		f.t.Fatal(err)
	}
	return p.Usb
}

// TestPermitAMedium: from a stick that a device saw to its group's signed
// policy, and out of it again; with every mistake named at its field.
func TestPermitAMedium(t *testing.T) {
	f := newFixture(t)
	f.device("d-1", "LAB-01", 0, works(morning)...)
	d := f.inForce("d-1")
	group := policy.Group{Name: d.Group, Audience: d.Audience}
	serial := []byte(strings.Repeat("s", 32))
	f.plugIn("d-1", serial)
	before := f.usbOf(group)
	if len(before.SerialKey) != 32 || len(before.Permits) != 0 {
		t.Fatalf("before: key of %d bytes, %d permits", len(before.SerialKey), len(before.Permits))
	}

	tech := f.signIn("T. Moor", caseflow.Technician)
	device := tech.get("/devices/d-1")
	href := "/media/new?device=d-1&visit=09" + strings.Repeat("00", 15)
	if !strings.Contains(device.body, `href="`+strings.ReplaceAll(href, "&", "&amp;")+`"`) {
		t.Fatalf("the device's page offers no permit: %s", device.body)
	}
	if p := tech.get(href); p.status != http.StatusOK || !strings.Contains(p.body, "16 GB stick, Kingston") || !strings.Contains(p.body, "It was not encrypted, as far") || !strings.Contains(p.body, "This very medium") {
		t.Fatalf("the form: status %d", p.status)
	}
	form := url.Values{"key": {"form-1"}, "device": {"d-1"}, "visit": {"09" + strings.Repeat("00", 15)}, "scope": {"this"}}
	refused := tech.post("/media", form)
	for _, want := range []string{"There is a problem", "Say what it is, in 100", "Enter the last day", "Say why, in 200"} {
		if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.body, want) {
			t.Errorf("an empty form: status %d without %q", refused.status, want)
		}
	}
	form.Set("what", "Drama’s stick")
	form.Set("group", d.Group)
	form.Set("account", "Drama.Teacher")
	form.Set("until", "2026-12-18")
	form.Set("reason", "Lighting files of the play")
	form["only"] = []string{"encrypted", "read"}
	changed := f.policy.Changed(f.tenant.Info().ID, group)
	list := tech.post("/media", form)
	if list.status != http.StatusOK || list.path != "/media" || !strings.Contains(list.body, "Drama’s stick") || !strings.Contains(list.body, "Until 18 December 2026") ||
		!strings.Contains(list.body, "Only if it is encrypted. It should only be read") {
		t.Fatalf("after the form: status %d at %s", list.status, list.path)
	}
	select {
	case <-changed:
	default:
		t.Error("connected devices are not told")
	}
	tech.post("/media", form) // sent twice
	usb := f.usbOf(group)
	if len(usb.Permits) != 1 || string(usb.Permits[0].Serial) != string(serial) || usb.Permits[0].VendorId != "0951" || len(usb.Permits[0].Account) != 32 ||
		!usb.Permits[0].EncryptedOnly || !usb.Permits[0].ReadOnly ||
		time.UnixMilli(usb.Permits[0].UntilMs).UTC() != time.Date(2026, 12, 18, 23, 59, 59, 999e6, time.UTC) {
		t.Fatalf("in the policy: %v", usb.Permits)
	}
	if other := f.usbOf(policy.Group{Name: "another"}); len(other.Permits) != 0 {
		t.Error("another group has it too")
	}
	f.namesNobody("drama.teacher")

	if p := tech.post("/media/form-1/end", url.Values{}); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Say why it ends") {
		t.Errorf("ended without a reason: status %d", p.status)
	}
	head := f.signIn("H. Teasel", caseflow.Head)
	if p := head.post("/media/form-1/end", url.Values{"note": {"the play is over"}}); p.status != http.StatusOK || !strings.Contains(p.body, "by H. Teasel") {
		t.Errorf("ended by the head: status %d", p.status)
	}
	if usb := f.usbOf(group); len(usb.Permits) != 0 {
		t.Errorf("still in the policy: %v", usb.Permits)
	}
	if p := f.signIn("G. Sedge", caseflow.Governor).post("/media", form); p.status != http.StatusNotFound {
		t.Errorf("a governor: status %d", p.status)
	}
}

// namesNobody: an account that a permit is for is kept as a code only.
func (f *fixture) namesNobody(account string) {
	f.t.Helper()
	all, err := f.tenant.Proposals(f.t.Context(), permits.Kind)
	if err != nil || len(all) != 1 {
		f.t.Fatal(len(all), err)
	}
	if strings.Contains(strings.ToLower(string(all[0].Body)+all[0].Reason), account) {
		f.t.Error("the account's name is kept")
	}
	acts, err := f.tenant.Entries(f.t.Context(), 0, 1000)
	if err != nil {
		f.t.Fatal(err)
	}
	found := 0
	for _, a := range acts {
		if a.Action == audit.MediaPermitted {
			found++
		}
	}
	if found != 1 {
		f.t.Errorf("%d entries in the ledger, want 1", found)
	}
}

// TestAMovedDeviceTakesTheOtherPolicy: it keeps only what is newer than what it has.
func TestAMovedDeviceTakesTheOtherPolicy(t *testing.T) {
	f := newFixture(t)
	f.device("d-1", "LAB-01", 0, works(morning)...)
	d := f.inForce("d-1")
	from, to := policy.Group{Name: d.Group, Audience: d.Audience}, policy.Group{Name: "library", Audience: d.Audience}
	for _, reason := range []string{"a", "b"} { // two more versions of the first group
		if err := f.permits.Grant(t.Context(), f.tenant, caseflow.Actor{User: "u", Roles: []caseflow.Role{caseflow.Technician}}, audit.Who{Name: "T", Via: audit.ViaConsole},
			permits.Form{ID: reason, What: "x", VendorID: "0951", Group: d.Group, Until: morning.AddDate(0, 1, 0), Reason: reason}, []string{d.Group}); err != nil {
			t.Fatal(err)
		}
		f.usbOf(from)
	}
	f.deviceOf("d-2", "LIB-01", "library", 0, works(morning)...)
	f.usbOf(to)
	p := f.signIn("T. Moor", caseflow.Technician).post("/devices", url.Values{"device": {"d-1"}, "act": {"move"}, "group": {"library"}})
	if p.status != http.StatusOK || !strings.Contains(p.body, "in the other group now") {
		t.Fatalf("status %d", p.status)
	}
	_, had, err := f.policy.Current(t.Context(), f.tenant, from)
	if err != nil {
		t.Fatal(err)
	}
	if _, has, err := f.policy.Current(t.Context(), f.tenant, to); err != nil || has <= had {
		t.Errorf("the other group's policy has version %d, the device had %d: %v", has, had, err)
	}
}
