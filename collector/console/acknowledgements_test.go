package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// says brings in what a device says of the notice before an account's person.
func (f *fixture) says(account string, s triage.NoticeState) {
	f.t.Helper()
	f.seq++
	f.event++
	a := triage.Arrival{Kind: triage.KindNotice, Device: "d-0142", Event: ulid.ID{byte(f.event >> 8), byte(f.event), 2}, Seq: f.seq,
		At: f.clock(), ReceivedAt: f.clock(), Person: f.person(account), Audience: vocab.Unknown, Code: "autumn-2026", Count: uint32(s)}
	a.Login = a.Person
	if _, err := f.tenant.Ingest(f.t.Context(), []triage.Arrival{a}); err != nil {
		f.t.Fatal(err)
	}
	f.pass(time.Minute)
}

func TestWhoHasBeenTold(t *testing.T) {
	f, service := withDirectory(t)
	f.unmatched("rowan.ash", "words")
	f.imports(service, schoolCSV)
	f.says("rowan.ash", triage.NoticeShown)
	f.says("rowan.ash", triage.NoticeDeclined)
	dsl, admin, tech := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Admin", caseflow.Administrator), f.signIn("S. Brack", caseflow.Technician)
	p := dsl.get("/acknowledgements")
	for _, want := range []string{"4 people have not been told yet.", "Rowan Ashdown", "Does not agree", "Tamsin Oakfield", "Not told yet", "&lt;script&gt;"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if strings.Contains(p.body, "<script>alert") {
		t.Error("a name came through as markup")
	}
	if got := dsl.get("/acknowledgements?show=declined"); strings.Contains(got.body, "Tamsin") || !strings.Contains(got.body, "Rowan Ashdown") {
		t.Error("the filter does not filter")
	}
	if got := tech.get("/acknowledgements"); got.status != http.StatusNotFound || strings.Contains(got.body, "Rowan") {
		t.Errorf("technician: %d", got.status)
	}
	entries, err := f.tenant.Entries(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var recorded bool
	for _, e := range entries {
		recorded = recorded || e.Action == audit.DirectoryRead && e.Who.Name == "H. Marlow" && strings.HasPrefix(e.Object[0], "who was told")
	}
	if !recorded {
		t.Error("the reading is not in the ledger")
	}

	tamsin := fmt.Sprintf("%x", f.vault.EntryKey(1, "csv", "tamsin.o"))
	form := url.Values{"version": {"autumn-2026"}, "person": {tamsin}, "with": {"class 8R, read out by Mrs Porter"}}
	for field, tc := range map[string]struct{ value, want string }{
		"with":    {"", "Say with whom and how it was read"},
		"person":  {"", "Choose at least one person"},
		"version": {"", "Choose which notice was read"},
	} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		if field == "person" {
			bad.Del("person")
		} else {
			bad.Set(field, tc.value)
		}
		if got := admin.post("/acknowledgements/paper", bad); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, tc.want) {
			t.Errorf("%s: %d", field, got.status)
		}
	}
	long := url.Values{"version": {"autumn-2026"}, "person": {tamsin}, "with": {strings.Repeat("x", roster.MaxWith+1)}}
	if got := admin.post("/acknowledgements/paper", long); !strings.Contains(got.body, "Use at most 500 characters") {
		t.Error("a long note is taken")
	}
	if got := tech.post("/acknowledgements/paper", form); got.status != http.StatusNotFound {
		t.Errorf("technician records: %d", got.status)
	}
	if got := admin.post("/acknowledgements/paper", form); got.status != http.StatusOK || !strings.Contains(got.body, "3 people have not been told yet.") || !strings.Contains(got.body, "recorded by A. Admin") {
		t.Errorf("recorded: %d", got.status)
	}
}
