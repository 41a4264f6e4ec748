package casework_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestQueueRowShowsEnoughToJudge(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	w.now = t0.Add(61 * time.Minute)
	v, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Rows) != 1 || v.Total != 1 || v.Counts[vocab.High] != 1 {
		t.Fatalf("%+v", v)
	}
	want := casework.Row{
		Case:   v.Rows[0].Case,
		Person: casework.Person{Name: "amy.oakfield", State: casework.WordsShown},
		Words: casework.Words{State: casework.WordsShown, Excerpt: amy.excerpt, App: "chromium", Title: amy.title,
			Marks: []casework.Span{{Start: 6, End: 24}}},
		At: t0, RuleTitle: "Told they are hated or unwanted", DeviceHost: "PGS-LT-0142",
		Group: caseflow.GroupNow, Due: t0.Add(time.Hour), Late: true,
	}
	if d := cmp.Diff(want, v.Rows[0]); d != "" || v.Rows[0].Case.Ref != ref {
		t.Error(d)
	}
	if d := cmp.Diff(casework.Summary{Late: 1}, v.Summary); d != "" {
		t.Error(d)
	}
}

func TestSummaryCountsTheGroups(t *testing.T) {
	w := newWorld(t)
	one := func(account string, s vocab.Severity) {
		c := amy
		c.account, c.severity = account, s
		w.add(c)
	}
	one("a", vocab.Critical)
	w.now = t0.Add(10 * time.Minute)
	one("b", vocab.Critical)
	one("c", vocab.High)
	w.now = t0.Add(20 * time.Minute)
	one("d", vocab.High)
	one("e", vocab.Medium)
	one("f", vocab.Low)
	w.now = t0.Add(22 * time.Minute)
	v, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{})
	if err != nil {
		t.Fatal(err)
	}
	want := casework.Summary{Critical: 2, Waited: 22 * time.Minute, Soon: 2, SoonBy: t0.Add(80 * time.Minute), Rest: 2}
	if d := cmp.Diff(want, v.Summary); d != "" {
		t.Error(d)
	}
	v, err = w.Queue(t.Context(), w.f, dsl, store.QueueQuery{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if s := v.Summary; !s.AtLeast || s.Critical != 2 || s.Soon != 1 || s.Rest != 3 {
		t.Errorf("a page that ends among the pressing: %+v", s)
	}
	if v, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{Limit: 5}); err != nil || v.Summary != want {
		t.Errorf("a page that ends after them: %+v, %v", v.Summary, err)
	}
	v, err = w.Queue(t.Context(), w.f, dsl, store.QueueQuery{Limit: 3, Cursor: v.Next})
	if err != nil || v.Summary != (casework.Summary{}) || len(v.Rows) != 3 {
		t.Errorf("second page: %+v, %v", v.Summary, err)
	}
}

func TestOpenShowsTheCaseAndRecordsTheFirstLook(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	w.now = t0.Add(6 * time.Minute)
	v, err := w.Open(t.Context(), w.f, dsl, ref)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Case.FirstSeen.Equal(w.now) || v.Case.Version != 2 {
		t.Errorf("first seen %v, version %d", v.Case.FirstSeen, v.Case.Version)
	}
	if v.Person.Name != "amy.oakfield" || v.Person.Unmatched || v.DeviceHost != "PGS-LT-0142" {
		t.Errorf("%+v on %s", v.Person, v.DeviceHost)
	}
	if c := v.Captures[0]; c.Excerpt != amy.excerpt || c.Title != amy.title || c.Rules[0].ID != "bully.hated" || !c.Final || c.Severity != vocab.High {
		t.Errorf("capture %+v", c)
	}
	if v.Playbook.ID != "bullying" {
		t.Errorf("playbook %q", v.Playbook.ID)
	}
	var got []string
	for _, it := range v.History {
		who := it.Who
		if it.You {
			who = "You"
		}
		got = append(got, who+" "+it.Does)
	}
	if d := cmp.Diff([]string{"You opened this case first", " opened this case"}, got); d != "" {
		t.Error(d)
	}
	// The version on the page is the one that a form may send back.
	if _, err := w.Claim(t.Context(), w.f, dsl, casework.Form{Ref: ref, Expect: v.Case.Version}); err != nil {
		t.Errorf("claim of what was shown: %v", err)
	}
}

func TestNobodyElseFindsAnyCase(t *testing.T) {
	w := newWorld(t)
	pupils := w.add(amy)
	teacher := amy
	teacher.account, teacher.audience = "t.reacher", vocab.Staff
	staffs := w.add(teacher)
	about := amy
	about.account, about.subjects = "ben", []caseflow.PersonKey{{9}}
	allegation := w.add(about)

	for _, r := range caseflow.Roles() {
		a := caseflow.Actor{User: "u-x", Name: "X", Roles: []caseflow.Role{r}}
		var may []caseflow.Ref
		switch r {
		case caseflow.DSL, caseflow.Deputy:
			may = []caseflow.Ref{pupils}
		case caseflow.Head:
			may = []caseflow.Ref{staffs, allegation}
		}
		for _, ref := range []caseflow.Ref{pupils, staffs, allegation, "ZZZZZZZZ", "", "../../etc"} {
			if slices.Contains(may, ref) {
				continue
			}
			refusesAll(t, w, a, ref)
		}
		v, err := w.Queue(t.Context(), w.f, a, store.QueueQuery{})
		switch {
		case !caseflow.Allows(a, caseflow.WorkCases):
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: queue: %v", r, err)
			}
		case err != nil || v.Total != len(may):
			t.Errorf("%s: queue of %d, %v", r, v.Total, err)
		}
	}
	if n := len(w.entries(audit.CaseRead)); n != 0 {
		t.Errorf("%d entries of reading what was refused", n)
	}
	// Nor does a request that claims to be the system, or is nobody's.
	for _, a := range []caseflow.Actor{
		{System: true, User: "u", Roles: []caseflow.Role{caseflow.DSL}}, {Roles: []caseflow.Role{caseflow.DSL}},
	} {
		refusesAll(t, w, a, pupils)
		if _, err := w.Queue(t.Context(), w.f, a, store.QueueQuery{}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("queue: %v", err)
		}
	}
}

// refusesAll: every way to a hidden case ends alike, whatever is sent with it.
func refusesAll(t *testing.T, w *world, a caseflow.Actor, ref caseflow.Ref) {
	t.Helper()
	ctx := t.Context()
	bad := "\xff" + strings.Repeat("x", 20_000)
	f := form(ref)
	_, err1 := w.Open(ctx, w.f, a, ref)
	_, err2 := w.Claim(ctx, w.f, a, f)
	_, err3 := w.Release(ctx, w.f, a, f)
	_, err4 := w.Note(ctx, w.f, a, f, bad)
	_, err5 := w.Close(ctx, w.f, a, casework.CloseForm{Form: f, Outcome: "none", Note: bad})
	_, err6 := w.Reopen(ctx, w.f, a, f, bad)
	_, err7 := w.Escalate(ctx, w.f, a, f, caseflow.Head, bad)
	_, err8 := w.EndEscalation(ctx, w.f, a, f, bad)
	_, err9 := w.Transfer(ctx, w.f, a, f, "u-dsl", bad)
	_, err10 := w.Wait(ctx, w.f, a, f, bad, w.now)
	_, err11 := w.EndWait(ctx, w.f, a, f)
	_, err12 := w.Mark(ctx, w.f, a, f, bad, true)
	_, err13 := w.KeepDraft(ctx, w.f, a, ref, map[string]string{"note": bad})
	_, err14 := w.Export(ctx, w.f, a, ref, bad)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12, err13, err14} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v, case %q, way %d: %v, want not found", a.Roles, ref, i+1, err)
		}
	}
}

func TestAStoreThatForgetsPermissionShowsNothing(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	w.f.leak = true
	w.f.files[ref].Case.FirstSeen = t0 // so that no command stands in the way
	if _, err := w.Open(t.Context(), w.f, head, ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open: %v", err)
	}
	if v, err := w.Queue(t.Context(), w.f, head, store.QueueQuery{}); err == nil || len(v.Rows) > 0 {
		t.Errorf("queue: %+v, %v", v, err)
	}
	if len(w.f.order) != 0 {
		t.Errorf("for it: %v", w.f.order)
	}
}

func TestEarlierCasesAndLinksShowOnlyWhatTheViewerMaySee(t *testing.T) {
	w := newWorld(t)
	first := w.add(amy)
	about := amy
	about.subjects = []caseflow.PersonKey{{9}}
	hidden := w.add(about)
	third := w.add(amy)
	w.f.files[third].Case.LinkedTo = hidden
	v, err := w.Open(t.Context(), w.f, dsl, third)
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Earlier) != 1 || v.Earlier[0].Ref != first || v.Case.LinkedTo != "" {
		t.Errorf("earlier %+v, linked to %q", v.Earlier, v.Case.LinkedTo)
	}
	w.f.files[third].Case.LinkedTo = first
	if v, err = w.Open(t.Context(), w.f, dsl, third); err != nil || v.Case.LinkedTo != first {
		t.Errorf("linked to %q, %v", v.Case.LinkedTo, err)
	}
}

func TestEveryReadIsInTheLedgerBeforeItIsShown(t *testing.T) {
	w := newWorld(t)
	a, b := w.add(amy), w.add(amy)
	for _, way := range []struct {
		name string
		read func() error
	}{
		{"queue", func() error { _, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{}); return err }},
		{"case", func() error { _, err := w.Open(t.Context(), w.f, dsl, a); return err }},
	} {
		name, read := way.name, way.read
		w.f.order, w.f.noLedger = nil, true
		if err := read(); !errors.Is(err, errDisk) {
			t.Errorf("%s with no ledger: %v", name, err)
		}
		if len(w.f.order) != 0 {
			t.Errorf("%s with no ledger: %v", name, w.f.order)
		}
		if !w.f.files[a].Case.FirstSeen.IsZero() {
			t.Errorf("%s with no ledger counted as a look", name)
		}
		w.f.noLedger = false
		if err := read(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(w.f.order) < 2 || w.f.order[0] != "ledger" {
			t.Errorf("%s: order %v", name, w.f.order)
		}
	}
	e := w.entries(audit.QueueRead)
	if len(e) != 1 {
		t.Fatalf("%d queue entries", len(e))
	}
	slices.Sort(e[0].Object)
	if !cmp.Equal(e[0].Object, []string{string(a), string(b)}) {
		t.Errorf("queue entries %+v", e)
	}
	if who := (audit.Who{User: "u-dsl", Name: "H. Marlow", Via: audit.ViaConsole}); e[0].Who != who {
		t.Errorf("who %+v", e[0].Who)
	}
	if e := w.entries(audit.CaseRead); len(e) != 1 || !cmp.Equal(e[0].Object, []string{string(a)}) {
		t.Errorf("case entries %+v", e)
	}
}

func TestReadsCoalesceForFiveMinutes(t *testing.T) {
	w := newWorld(t)
	a := w.add(amy)
	read := func(viewer caseflow.Actor) {
		t.Helper()
		if _, err := w.Queue(t.Context(), w.f, viewer, store.QueueQuery{}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want int, objects ...caseflow.Ref) {
		t.Helper()
		e := w.entries(audit.QueueRead)
		if len(e) != want {
			t.Fatalf("%d entries, want %d", len(e), want)
		}
		for i, o := range objects {
			if len(e[want-1].Object) != len(objects) || e[want-1].Object[i] != string(o) {
				t.Errorf("last entry %v, want %v", e[want-1].Object, objects)
			}
		}
	}
	read(dsl)
	count(1, a)
	w.now = w.now.Add(5*time.Minute - 1)
	read(dsl)
	count(1)
	b := w.add(amy) // a new id is not covered by the old entry
	read(dsl)
	count(2, b)
	read(deputy) // nor is another viewer
	count(3)
	w.now = w.now.Add(1)
	read(dsl)
	count(4, a)
}

func TestErasedAndDamagedContentIsAStateNotAnError(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	if _, err := w.Note(t.Context(), w.f, dsl, form(ref), "spoke to her"); err != nil {
		t.Fatal(err)
	}
	key := w.f.keys
	w.f.keys = map[caseflow.PersonKey][]byte{}
	check := func(want casework.WordsState) {
		t.Helper()
		v, err := w.Open(t.Context(), w.f, dsl, ref)
		if err != nil {
			t.Fatal(err)
		}
		if v.Person.State != want || v.Person.Name != "" || v.Captures[0].State != want || v.Captures[0].Excerpt != "" {
			t.Errorf("person %+v, words %+v", v.Person, v.Captures[0].Words)
		}
		if it := v.History[0]; it.Kind == casework.ItemNoted && (it.State != want || it.Text != "") {
			t.Errorf("note %+v", it)
		}
		q, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{})
		if err != nil || q.Rows[0].State != want || q.Rows[0].Title != "" {
			t.Errorf("row %+v, %v", q.Rows, err)
		}
	}
	check(casework.WordsErased)
	w.f.keys = key
	for _, s := range []caseflow.Sealed{w.f.files[ref].Captures[0].Capture.Content, w.f.files[ref].Person.Name} {
		s[len(s)-1] ^= 1
	}
	for i, e := range w.f.files[ref].History {
		if n, ok := e.(caseflow.Noted); ok {
			n.Text[len(n.Text)-1] ^= 1
			w.f.files[ref].History[i] = n
		}
	}
	check(casework.WordsUnreadable)
	// A store that does not answer is an error, and not "erased".
	w.f.noKeys = true
	if _, err := w.Open(t.Context(), w.f, dsl, ref); !errors.Is(err, errDisk) {
		t.Errorf("no keys: %v", err)
	}
}

func TestUnmatchedAndMissingAccounts(t *testing.T) {
	w := newWorld(t)
	c := amy
	c.audience = vocab.Unknown
	ref := w.add(c)
	c.account = ""
	nobody := w.add(c)
	v, err := w.Open(t.Context(), w.f, dsl, ref)
	if err != nil || !v.Person.Unmatched || v.Person.Name != "amy.oakfield" {
		t.Errorf("%+v, %v", v.Person, err)
	}
	v, err = w.Open(t.Context(), w.f, dsl, nobody)
	if err != nil || v.Person.State != casework.WordsNone || v.Captures[0].Excerpt != amy.excerpt {
		t.Errorf("%+v, %v", v.Person, err)
	}
}

func TestMarksThatCannotBeSlicedAreLeftOut(t *testing.T) {
	w := newWorld(t)
	c := amy
	c.excerpt = "é hates ü"
	c.marks = []*lapwingv1.Span{
		{Start: 1, End: 4}, {Start: 3, End: 8}, {Start: 5, End: 9}, {Start: 8, End: 8}, {Start: 9, End: 8},
		{Start: 9, End: 10}, {Start: 4294967295, End: 4294967295}, {Start: 9, End: 4294967295}, {Start: 9, End: 11}, {Start: 0, End: 2},
	}
	v, err := w.Open(t.Context(), w.f, dsl, w.add(c))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]casework.Span{{Start: 3, End: 8}, {Start: 9, End: 11}}, v.Captures[0].Marks); d != "" {
		t.Error(d)
	}
}

func TestStaffCasesGetTheAllegationPlaybook(t *testing.T) {
	w := newWorld(t)
	c := amy
	c.audience = vocab.Staff
	v, err := w.Open(t.Context(), w.f, head, w.add(c))
	if err != nil || v.Playbook.ID != playbook.Allegation {
		t.Errorf("playbook %q, %v", v.Playbook.ID, err)
	}
}
