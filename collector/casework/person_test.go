package casework_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Whom a case is about, as the directory has them, to those who may know.
func TestWhoACaseIsAbout(t *testing.T) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := badgerstore.Open(t.TempDir(), badgerstore.Options{Reserve: 1, MemTable: 1 << 20})
	must(err)
	defer func() { must(s.Close()) }()
	school, err := s.AddSchool(ctx, "peewit", "Peewit Green", t0)
	must(err)
	tn, err := s.School(ctx, school.ID)
	must(err)
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	must(err)
	clock := func() time.Time { return t0 }
	people := roster.New(v, clock, nil)
	r, err := directory.ParseSimple("f", []byte("account,name,role,year\nrash,Rowan Ashdown,pupil,Year 8\njporter,Jane Porter,staff,\n"))
	must(err)
	plan, err := people.Plan(ctx, tn, r)
	must(err)
	who := audit.Who{Name: "root", Via: audit.ViaCommand}
	_, err = people.Apply(ctx, tn, plan, who)
	must(err)
	rowan, porter := v.EntryKey(school.ID, "csv", "rash"), v.EntryKey(school.ID, "csv", "jporter")
	dsl := caseflow.Actor{User: "d", Name: "Dana", Roles: []caseflow.Role{caseflow.DSL}}
	head := caseflow.Actor{User: "h", Name: "Hana", Roles: []caseflow.Role{caseflow.Head}}
	must(people.SetFlag(ctx, tn, dsl, who, roster.FlagForm{Person: rowan, Kind: store.FlagSEND, Reason: "r", Review: t0.AddDate(0, 1, 0)}))

	n, shared := byte(0), false
	types := func(account string, subjects ...caseflow.PersonKey) caseflow.Ref {
		n++
		key := v.PersonKey(school.ID, account)
		content, err := proto.Marshal(&lapwingv1.Capture{Excerpt: "words"})
		must(err)
		sealed, err := v.Seal(ctx, tn, school.ID, key, vault.Capture, content)
		must(err)
		name, err := v.Seal(ctx, tn, school.ID, key, vault.PersonName, []byte(account))
		must(err)
		receipts, err := tn.Ingest(ctx, []triage.Arrival{{Kind: triage.KindCapture, Device: "d1", Event: ulid.ID{15: n}, At: t0, ReceivedAt: t0, Person: key, PersonName: name, Group: vocab.GroupPupil, Shared: shared,
			Capture: &triage.Capture{Categories: []vocab.Category{vocab.Bullying}, Severity: vocab.High, Level: vocab.Alert, Count: 1, Content: sealed, Subjects: subjects}}})
		must(err)
		return receipts[0].Case
	}
	w, err := casework.New(casework.Config{Vault: v, Now: clock})
	must(err)
	view, err := w.Open(ctx, tn, dsl, types("rash"))
	must(err)
	if p := view.Person; p.Name != "Rowan Ashdown" || p.Account != "rash" || p.Year != "Year 8" || p.Unmatched || len(p.Flags) != 1 || p.Flags[0].Kind != store.FlagSEND || len(view.Concerns) != 0 {
		t.Errorf("a pupil before a DSL: %+v", p)
	}
	queue, err := w.Queue(ctx, tn, dsl, store.QueueQuery{})
	must(err)
	if p := queue.Rows[0].Person; p.Name != "Rowan Ashdown" || len(p.Flags) != 1 {
		t.Errorf("in the queue: %+v", p)
	}
	view, err = w.Open(ctx, tn, dsl, types("stranger"))
	must(err)
	if p := view.Person; p.Name != "stranger" || !p.Unmatched || p.Year != "" || p.Account != "" {
		t.Errorf("an unmatched account: %+v", p)
	}
	named := types("rash", porter)
	view, err = w.Open(ctx, tn, head, named)
	must(err)
	if !slices.Equal(view.Concerns, []string{"Jane Porter"}) || len(view.Person.Flags) != 0 {
		t.Errorf("an allegation before the head: %q, %+v", view.Concerns, view.Person)
	}
	// A device says that several people use the account: nobody is named, even
	// one whose alias it is, and the mark goes when the policy says otherwise.
	shared = true
	ref := types("rash")
	view, err = w.Open(ctx, tn, dsl, ref)
	must(err)
	if p := view.Person; p.Name != "rash" || !p.Shared || p.Year != "" || len(p.Flags) != 0 || p.Unmatched {
		t.Errorf("a shared account: %+v", p)
	}
	shared = false
	types("rash")
	view, err = w.Open(ctx, tn, dsl, ref)
	must(err)
	if p := view.Person; p.Name != "Rowan Ashdown" || p.Shared {
		t.Errorf("an account that is shared no more: %+v", p)
	}
	// Erased people have no name, and their cases stay readable.
	must(tn.DestroyKey(ctx, rowan))
	must(tn.DestroyKey(ctx, porter))
	view, err = w.Open(ctx, tn, head, named)
	must(err)
	if view.Person.Name != "rash" || len(view.Concerns) != 0 {
		t.Errorf("after erasure: %+v, %q", view.Person, view.Concerns)
	}
}
