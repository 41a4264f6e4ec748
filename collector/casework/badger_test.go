package casework_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// The same life of a case over the real store, so that the fake above cannot
// drift from it; afterwards the files hold nothing plain.
func TestACaseOverBadger(t *testing.T) {
	dir := t.TempDir()
	s, err := badgerstore.Open(dir, badgerstore.Options{Reserve: 1, MemTable: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if !closed {
			s.Close()
		}
	})
	ctx := t.Context()
	school, err := s.AddSchool(ctx, "peewit", "Peewit Green", t0)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := s.School(ctx, school.ID)
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	now := t0
	w, err := casework.New(casework.Config{Vault: v, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}

	person := v.PersonKey(school.ID, "planted-account")
	seal := func(p vault.Purpose, b []byte) caseflow.Sealed {
		sealed, err := v.Seal(ctx, tenant, school.ID, person, p, b)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	var arrivals []triage.Arrival
	for i, excerpt := range []string{"planted-first words", "planted-second words"} {
		plain, err := proto.Marshal(&lapwingv1.Capture{Excerpt: excerpt, App: "planted-app", Title: "planted-title", Marks: []*lapwingv1.Span{{Start: 0, End: 7}}})
		if err != nil {
			t.Fatal(err)
		}
		arrivals = append(arrivals, triage.Arrival{
			Kind: triage.KindCapture, Device: "dev-1", Event: ulid.ID{15: byte(i + 1)}, Urgent: true, Seq: uint64(i + 1),
			At: t0.Add(time.Duration(i) * time.Minute), ReceivedAt: t0.Add(time.Duration(i) * time.Minute),
			Person: person, PersonName: seal(vault.PersonName, []byte("planted-account")), Audience: vocab.Pupil, Group: vocab.GroupPupil,
			Capture: &triage.Capture{Categories: []vocab.Category{vocab.Bullying}, Severity: vocab.High, Level: vocab.Alert, Count: 1,
				Rules: []triage.Rule{{ID: "r", Title: "A rule", Version: 1, Severity: vocab.High, Level: vocab.Alert}}, Content: seal(vault.Capture, plain)},
		})
	}
	got, err := tenant.Ingest(ctx, arrivals)
	if err != nil || len(got) != 2 || got[0].Case != got[1].Case {
		t.Fatalf("%+v, %v", got, err)
	}
	f := form(got[0].Case)

	now = t0.Add(5 * time.Minute)
	q, err := w.Queue(ctx, tenant, dsl, store.QueueQuery{})
	if err != nil || len(q.Rows) != 1 || q.Rows[0].Excerpt != "planted-second words" || q.Rows[0].Person.Name != "planted-account" || q.Rows[0].RuleTitle != "A rule" {
		t.Fatalf("queue %+v, %v", q.Rows, err)
	}
	must := func(_ caseflow.Case, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first, err := w.Open(ctx, tenant, dsl, f.Ref)
	if err != nil || len(first.Captures) != 2 || first.Captures[0].Excerpt != "planted-second words" || first.Captures[1].Excerpt != "planted-first words" {
		t.Fatalf("captures %+v, %v", first.Captures, err)
	}
	f.Expect = first.Case.Version
	must(w.Claim(ctx, tenant, dsl, f))
	f.Expect = 0
	must(w.Note(ctx, tenant, deputy, f, "planted-note"))
	must(w.Close(ctx, tenant, dsl, casework.CloseForm{Form: f, Outcome: caseflow.PastoralSupport, Note: "planted-closing"}))
	must(w.Reopen(ctx, tenant, deputy, f, "planted-reason"))
	k, err := w.Open(ctx, tenant, deputy, f.Ref)
	if err != nil || k.Case.State != caseflow.New || len(k.History) != int(k.Case.Version) ||
		k.History[0].Text != "planted-reason" || k.History[1].Text != "planted-closing" || k.History[2].Text != "planted-note" {
		t.Fatalf("history %+v, %v", k.History, err)
	}

	if err := w.List(ctx, tenant, "why", "root", func(r *lapwingv1.CaseRecord) error {
		if r.Person != "planted-account" || r.Excerpt != "planted-second words" || r.State != "new" || r.Captures != 2 {
			t.Errorf("record %+v", r)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if q, err = w.Queue(ctx, tenant, dsl, store.QueueQuery{}); err != nil || q.ServerRead == nil {
		t.Errorf("no notice of the read on the server: %v", err)
	}

	entries, err := tenant.Entries(ctx, 0, store.MaxEntries)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (audit.Head{}).Verify(entries); err != nil {
		t.Error(err)
	}
	if err := tenant.DestroyKey(ctx, person); err != nil {
		t.Fatal(err)
	}
	if k, err = w.Open(ctx, tenant, dsl, f.Ref); err != nil || k.Captures[0].State != casework.WordsErased || k.Person.State != casework.WordsErased {
		t.Errorf("after erasure: %+v, %v", k.Person, err)
	}
	closed = true
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	noPlantedWord(t, dir)
}

func noPlantedWord(t *testing.T, dir string) {
	t.Helper()
	read := 0
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(b, []byte("planted")) {
			t.Errorf("%s holds a planted word", filepath.Base(path))
		}
		if bytes.Contains(b, []byte("pastoral-support")) {
			read++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if read == 0 {
		t.Error("the outcome is in no file either: the search is blind")
	}
}
