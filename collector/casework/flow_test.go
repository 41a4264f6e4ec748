package casework_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Everything that people type on the way of a case comes back in words to
// those who may read it, and reaches the store only sealed.
func TestTheFlowInWordsAndSealed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	f := form(w.add(amy))
	must := func(_ caseflow.Case, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Mark(ctx, w.f, dsl, f, "safe-now", true))
	must(w.Transfer(ctx, w.f, dsl, f, deputy.User, "planted-transfer"))
	must(w.Wait(ctx, w.f, deputy, f, "planted-social\nworker", w.now.Add(time.Hour)))
	v, err := w.Open(ctx, w.f, dsl, f.Ref)
	if err != nil || v.WaitsOn != "planted-social worker" || v.Case.Owner != deputy.User {
		t.Fatalf("%q, %v", v.WaitsOn, err)
	}
	must(w.EndWait(ctx, w.f, deputy, f))
	must(w.Release(ctx, w.f, deputy, f))
	must(w.Escalate(ctx, w.f, dsl, f, caseflow.Head, "planted-escalation"))
	must(w.Note(ctx, w.f, head, f, "planted-answer"))
	must(w.EndEscalation(ctx, w.f, head, f, "planted-return"))
	if _, err := w.Open(ctx, w.f, head, f.Ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("given back, the head reads it: %v", err)
	}
	must(w.Close(ctx, w.f, dsl, casework.CloseForm{Form: f, Outcome: caseflow.Referred, Agency: caseflow.SocialCare,
		When: w.now, Whom: "planted-officer", Reference: "planted-reference"}))
	v, err = w.Open(ctx, w.f, dsl, f.Ref)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for _, it := range v.History {
		said.WriteString(it.Who + " " + it.Does + " " + it.Text + " " + it.Told.Whom + " " + it.Told.Reference + "\n")
	}
	for _, want := range []string{
		"H. Marlow ticked a step: Check both pupils are safe right now", "H. Marlow gave this case to O. Thistle planted-transfer",
		"O. Thistle put this case to wait planted-social worker", "O. Thistle ended the wait", "H. Marlow escalated this case to the head teacher planted-escalation",
		"A. Head answered the escalation", "A. Head ended the escalation planted-return", "H. Marlow closed this case  planted-officer planted-reference",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the history does not say %q:\n%s", want, said.String())
		}
	}
	if bytes.Contains(w.f.written.Bytes(), []byte("planted")) {
		t.Error("plain words reached the store")
	}
	if p := v.Precision["bully.hated"]; p != (casework.Precision{Right: 7, Judged: 10}) {
		t.Errorf("precision %+v", p)
	}
	if v.Case.Book != (caseflow.Book{ID: "bullying", Version: v.Playbook.Version}) {
		t.Errorf("worked by %+v", v.Case.Book)
	}
	if d, err := w.f.Document(ctx, "playbook-shipped/bullying", uint64(v.Playbook.Version)); err != nil || !bytes.Contains(d.Body, []byte("safe-now")) {
		t.Errorf("the playbook that it was worked by is not kept: %v", err)
	}
}

func TestFlowFieldErrors(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	f := form(w.add(amy))
	field := func(_ caseflow.Case, err error) string {
		var invalid *caseflow.InvalidError
		if errors.As(err, &invalid) {
			return invalid.Field
		}
		return ""
	}
	long := strings.Repeat("é", 201)
	closing := func(change func(*casework.CloseForm)) (caseflow.Case, error) {
		c := casework.CloseForm{Form: f, Outcome: caseflow.Referred, Agency: caseflow.CEOP, When: w.now, Whom: "x", Reference: "y"}
		change(&c)
		return w.Close(ctx, w.f, dsl, c)
	}
	for name, tc := range map[string]struct{ got, want string }{
		"escalate, no reason":   {field(w.Escalate(ctx, w.f, dsl, f, caseflow.Head, " ")), "reason"},
		"escalate, long reason": {field(w.Escalate(ctx, w.f, dsl, f, caseflow.Head, strings.Repeat("x", 501))), "reason"},
		"escalate to nobody":    {field(w.Escalate(ctx, w.f, dsl, f, "", "x")), "to"},
		"transfer to nobody":    {field(w.Transfer(ctx, w.f, dsl, f, "u-none", "")), "colleague"},
		"transfer to the head":  {field(w.Transfer(ctx, w.f, dsl, f, head.User, "")), "colleague"},
		"wait on a long name":   {field(w.Wait(ctx, w.f, dsl, f, long, w.now.Add(time.Hour))), "on"},
		"wait on bad bytes":     {field(w.Wait(ctx, w.f, dsl, f, "a\xff", w.now.Add(time.Hour))), "on"},
		"no such step":          {field(w.Mark(ctx, w.f, dsl, f, "none", true)), "step"},
		"long name":             {field(closing(func(c *casework.CloseForm) { c.Whom = long })), "whom"},
		"long reference":        {field(closing(func(c *casework.CloseForm) { c.Reference = long })), "reference"},
		"no time":               {field(closing(func(c *casework.CloseForm) { c.When = time.Time{} })), "when"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", name, tc.got, tc.want)
		}
	}
}

func TestDraftsAreSealedAndOnesOwn(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ref := w.add(amy)
	fields := map[string]string{"note": "planted-draft <b>\u202e😀", "outcome": "no-concern", "whom": ""}
	if _, err := w.KeepDraft(ctx, w.f, dsl, ref, fields); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(w.f.written.Bytes(), []byte("planted")) {
		t.Error("plain words reached the store")
	}
	v, err := w.Open(ctx, w.f, dsl, ref)
	if err != nil || v.Draft == nil || v.Draft.Fields["note"] != fields["note"] || v.Draft.Fields["outcome"] != "no-concern" || !v.Draft.At.Equal(t0) {
		t.Fatalf("%+v, %v", v.Draft, err)
	}
	if v, err := w.Open(ctx, w.f, deputy, ref); err != nil || v.Draft != nil {
		t.Errorf("another sees it: %+v, %v", v.Draft, err)
	}
	if _, err := w.KeepDraft(ctx, w.f, head, ref, fields); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("on a hidden case: %v", err)
	}
	var invalid *caseflow.InvalidError
	if _, err := w.KeepDraft(ctx, w.f, dsl, ref, map[string]string{"note": strings.Repeat("x", 61<<10)}); !errors.As(err, &invalid) || invalid.Field != "note" {
		t.Errorf("too long: %v", err)
	}
	if _, err := w.KeepDraft(ctx, w.f, dsl, ref, map[string]string{"note": strings.Repeat("<\u202e😀", 5000)}); err != nil {
		t.Errorf("15,000 characters that are large in every form: %v", err)
	}
	if _, err := w.KeepDraft(ctx, w.f, dsl, ref, map[string]string{"note": ""}); err != nil {
		t.Fatal(err)
	}
	if v, err := w.Open(ctx, w.f, dsl, ref); err != nil || v.Draft != nil {
		t.Errorf("emptied: %+v, %v", v.Draft, err)
	}
}

// A school's own playbook, once approved, replaces the shipped one, and a case
// keeps the version that it was begun with.
func TestACaseKeepsItsPlaybook(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ref := w.add(amy)
	if _, err := w.Mark(ctx, w.f, dsl, form(ref), "safe-now", true); err != nil {
		t.Fatal(err)
	}
	shipped, err := w.Open(ctx, w.f, dsl, ref)
	if err != nil {
		t.Fatal(err)
	}
	own := shipped.Playbook
	own.Do = own.Do[:1]
	own.Do[0].Text = "Our own first step"
	body, err := own.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.f.PutDocument(ctx, store.Document{Kind: "playbook/bullying", Version: uint64(own.Version + 1), Body: body, Approved: audit.System(), Created: t0}); err != nil {
		t.Fatal(err)
	}
	again, err := w.Open(ctx, w.f, dsl, ref)
	if err != nil || again.Playbook.Version != shipped.Playbook.Version || len(again.Playbook.Do) < 2 {
		t.Errorf("the begun case: version %d, %v", again.Playbook.Version, err)
	}
	other, err := w.Open(ctx, w.f, dsl, w.add(amy))
	if err != nil || other.Playbook.Version != own.Version+1 || other.Playbook.Do[0].Text != "Our own first step" {
		t.Errorf("a new case: %+v, %v", other.Playbook, err)
	}
}

func TestExportIsRecordedBeforeItIsGiven(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ref := w.add(amy)
	var invalid *caseflow.InvalidError
	if _, err := w.Export(ctx, w.f, dsl, ref, " "); !errors.As(err, &invalid) || invalid.Field != "reason" {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := w.Export(ctx, w.f, head, ref, "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of a hidden case: %v", err)
	}
	v, err := w.Export(ctx, w.f, dsl, ref, "Meeting with social care")
	entries := w.entries(audit.CasesExported)
	if err != nil || len(v.Captures) != 1 || len(entries) != 1 || entries[0].Reason != "Meeting with social care" || entries[0].Who.User != string(dsl.User) {
		t.Fatalf("%d captures, %+v, %v", len(v.Captures), entries, err)
	}
	if len(v.Reads) == 0 || v.Reads[len(v.Reads)-1].Action != audit.CasesExported {
		t.Errorf("the case does not tell of it: %+v", v.Reads)
	}
	w.f.noLedger = true
	if _, err := w.Export(ctx, w.f, dsl, ref, "x"); err == nil {
		t.Error("exported without a ledger")
	}
}
