package casework_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func list(w *world, reason, actor string) (out []*lapwingv1.CaseRecord, err error) {
	err = w.List(w.t.Context(), w.f, reason, actor, func(r *lapwingv1.CaseRecord) error {
		out = append(out, r)
		return nil
	})
	return out, err
}

func TestListGivesContentForAReasonOnly(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	staffs := amy
	staffs.account, staffs.audience = "t.reacher", vocab.Staff
	w.add(staffs)
	if _, err := w.Close(t.Context(), w.f, dsl, casework.CloseForm{Form: form(ref), Outcome: caseflow.NoConcern}); err != nil {
		t.Fatal(err)
	}
	want := &lapwingv1.CaseRecord{
		Id: string(ref), School: "peewit", Audience: "pupil", Device: "dev-1", Category: "bullying", Severity: "high",
		Level: "alert", State: "closed", Captures: 1, OpenedMs: t0.UnixMilli(),
	}
	w.f.order = nil
	got, err := list(w, " \n", "root")
	if err != nil || len(got) != 2 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	if d := cmp.Diff(want, got[1], protocmp.Transform()); d != "" {
		t.Error(d)
	}
	if slices.Contains(w.f.order, "unseal") {
		t.Error("unsealed without a reason")
	}
	if v, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{}); err != nil || v.ServerRead != nil {
		t.Errorf("told of a list without content: %+v, %v", v.ServerRead, err)
	}

	got, err = list(w, "Ofsted visit", "root")
	if err != nil {
		t.Fatal(err)
	}
	want.Person, want.Excerpt = "amy.oakfield", amy.excerpt
	if d := cmp.Diff(want, got[1], protocmp.Transform()); d != "" {
		t.Error(d)
	}
	if e := w.entries(audit.CasesListed); len(e) != 1 || e[0].Reason != "" || len(e[0].Object) != 2 {
		t.Errorf("ledger of a list without content %+v", e)
	}
	e := w.entries(audit.CasesExported)
	if len(e) != 1 || e[0].Reason != "Ofsted visit" || len(e[0].Object) != 2 ||
		e[0].Who != (audit.Who{Name: "root", Via: audit.ViaCommand}) {
		t.Errorf("ledger %+v", e)
	}
}

func TestReviewersAreToldOfReadsOnTheServer(t *testing.T) {
	var told []casework.ServerRead
	w := newWorld(t, func(c *casework.Config) {
		c.Notify = func(_ context.Context, _ store.Tenant, r casework.ServerRead) error {
			told = append(told, r)
			return nil
		}
	})
	w.add(amy)
	for range 2 {
		w.now = w.now.Add(time.Minute)
		if _, err := list(w, "why", "root"); err != nil {
			t.Fatal(err)
		}
	}
	want := casework.ServerRead{At: t0.Add(2 * time.Minute), Actor: "root"}
	if len(told) != 2 || told[1] != want {
		t.Errorf("hook: %+v", told)
	}
	for _, a := range []caseflow.Actor{dsl, deputy, head} {
		v, err := w.Queue(t.Context(), w.f, a, store.QueueQuery{})
		if err != nil || v.ServerRead == nil || *v.ServerRead != want {
			t.Errorf("%v: %+v, %v", a.Roles, v.ServerRead, err)
		}
	}
	w.now = w.now.Add(15 * 24 * time.Hour)
	if v, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{}); err != nil || v.ServerRead != nil {
		t.Errorf("after 15 days: %+v, %v", v.ServerRead, err)
	}
}

func TestListShowsNothingItCannotAccountFor(t *testing.T) {
	broken := errors.New("no post today")
	w := newWorld(t, func(c *casework.Config) {
		c.Notify = func(context.Context, store.Tenant, casework.ServerRead) error { return broken }
	})
	w.add(amy)
	w.f.order = nil
	if got, err := list(w, "why", "root"); !errors.Is(err, broken) || len(got) != 0 {
		t.Errorf("hook fails: %d records, %v", len(got), err)
	}
	w.f.noLedger = true
	if got, err := list(w, "", "root"); !errors.Is(err, errDisk) || len(got) != 0 {
		t.Errorf("ledger fails: %d records, %v", len(got), err)
	}
	if slices.Contains(w.f.order, "unseal") {
		t.Error("content was unsealed")
	}
	for name, tc := range map[string]struct{ reason, actor, field string }{
		"long reason":    {strings.Repeat("é", 501), "root", "reason"},
		"invalid reason": {"\xff", "root", "reason"},
		"no actor":       {"why", "", "actor"},
		"long actor":     {"why", strings.Repeat("a", 129), "actor"},
	} {
		_, err := list(w, tc.reason, tc.actor)
		var invalid *caseflow.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tc.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListGoesOverPagesAndStopsWhenTheReaderDoes(t *testing.T) {
	w := newWorld(t)
	for i := range 250 {
		c := amy
		c.account = fmt.Sprint(i)
		w.add(c)
	}
	got, err := list(w, "why", "root")
	if err != nil || len(got) != 250 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	ids := map[string]bool{}
	for _, r := range got {
		ids[r.Id+r.Person] = true
	}
	if len(ids) != 250 {
		t.Errorf("%d different records", len(ids))
	}
	if e := w.entries(audit.CasesExported); len(e) != 2 || len(e[0].Object) != 200 || len(e[1].Object) != 50 {
		t.Errorf("%d entries", len(e))
	}
	gone := errors.New("reader gone")
	n := 0
	err = w.List(t.Context(), w.f, "", "root", func(*lapwingv1.CaseRecord) error { n++; return gone })
	if !errors.Is(err, gone) || n != 1 {
		t.Errorf("%d sent, %v", n, err)
	}
}
