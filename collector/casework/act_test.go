package casework_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestOnlyOneOfManyClaimsWins(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	var wg sync.WaitGroup
	won := make(chan caseflow.UserID, 16)
	for i := range 16 {
		a := caseflow.Actor{User: caseflow.UserID("u" + string(rune('a'+i))), Roles: []caseflow.Role{caseflow.DSL}}
		wg.Go(func() {
			_, err := w.Claim(t.Context(), w.f, a, form(ref))
			var taken *caseflow.ClaimedError
			switch {
			case err == nil:
				won <- a.User
			case !errors.As(err, &taken):
				t.Errorf("%s: %v", a.User, err)
			}
		})
	}
	wg.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatalf("%d winners", len(won))
	}
	v, err := w.Open(t.Context(), w.f, dsl, ref)
	if err != nil || !v.Claim.Held || v.Claim.Yours || !v.Claim.Until.Equal(t0.Add(caseflow.ClaimFor)) {
		t.Errorf("%+v, %v", v.Claim, err)
	}
}

func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	v, err := w.Open(t.Context(), w.f, dsl, ref)
	if err != nil {
		t.Fatal(err)
	}
	f := casework.Form{Ref: ref, Expect: v.Case.Version, Key: "form-1"}
	first, err := w.Note(t.Context(), w.f, dsl, f, "once")
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Note(t.Context(), w.f, dsl, f, "once")
	if err != nil || again.Version != first.Version {
		t.Errorf("sent twice: version %d after %d, %v", again.Version, first.Version, err)
	}
	f.Key = "form-2"
	_, err = w.Note(t.Context(), w.f, dsl, f, "from the other tab")
	var stale *caseflow.StaleError
	if !errors.As(err, &stale) || stale.Now.Version != first.Version {
		t.Errorf("stale: %v", err)
	}
	f.Key = strings.Repeat("k", 65)
	_, err = w.Note(t.Context(), w.f, dsl, f, "x")
	var invalid *caseflow.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "key" {
		t.Errorf("long key: %v", err)
	}
}

func TestHostileTextStaysTextAndLimitsHold(t *testing.T) {
	for name, tc := range map[string]struct{ in, want, field string }{
		"html":         {in: `<script>alert(1)</script>&amp;"'`, want: `<script>alert(1)</script>&amp;"'`},
		"override":     {in: "see \u202Egnp.exe\u2066 there", want: "see \u202Egnp.exe\u2066 there"},
		"emoji":        {in: "👩‍👧 ok", want: "👩‍👧 ok"},
		"line ends":    {in: "  a\r\nb \r\n", want: "a\nb"},
		"10,000":       {in: strings.Repeat("é", 10_000), want: strings.Repeat("é", 10_000)},
		"10,000 crlf":  {in: "x" + strings.Repeat("\r\n", 9_998) + "x", want: "x" + strings.Repeat("\n", 9_998) + "x"},
		"10,001":       {in: strings.Repeat("é", 10_001), field: "note"},
		"nul":          {in: "a\x00b", want: "a\x00b"},
		"invalid":      {in: "a\xffb", field: "note"},
		"half a rune":  {in: "caf\xc3", field: "note"},
		"empty":        {field: "note"},
		"only a space": {in: " \r\n\t", field: "note"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ref := w.add(amy)
			before := w.f.files[ref].Case.Version
			_, err := w.Note(t.Context(), w.f, dsl, form(ref), tc.in)
			if tc.field != "" {
				var invalid *caseflow.InvalidError
				if !errors.As(err, &invalid) || invalid.Field != tc.field || w.f.files[ref].Case.Version != before {
					t.Fatalf("got %v, version %d", err, w.f.files[ref].Case.Version)
				}
				if tc.in != "" && strings.Contains(err.Error(), tc.in) {
					t.Error("the refusal repeats the text")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			v, err := w.Open(t.Context(), w.f, dsl, ref)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			for _, it := range v.History {
				if it.Kind == casework.ItemNoted {
					got = it.Text
				}
			}
			if got != tc.want {
				t.Errorf("%q kept as %q", tc.in, got)
			}
		})
	}
}

func TestNothingPlainReachesTheStore(t *testing.T) {
	w := newWorld(t)
	ref := w.add(amy)
	f, ctx := form(ref), t.Context()
	must := func(_ caseflow.Case, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Open(ctx, w.f, dsl, ref); err != nil {
		t.Fatal(err)
	}
	must(w.Claim(ctx, w.f, dsl, f))
	must(w.Note(ctx, w.f, dsl, f, "planted-note"))
	must(w.Close(ctx, w.f, dsl, casework.CloseForm{Form: f, Outcome: caseflow.PastoralSupport, Note: "planted-closing"}))
	must(w.Reopen(ctx, w.f, dsl, f, "planted-reason"))
	if err := w.List(ctx, w.f, "inspection 7", "root", func(*lapwingv1.CaseRecord) error { return nil }); err != nil {
		t.Fatal(err)
	}
	v, err := w.Open(ctx, w.f, dsl, ref)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, it := range v.History {
		if it.Text != "" {
			texts = append(texts, it.Text)
		}
	}
	if d := cmp.Diff([]string{"planted-reason", "planted-closing", "planted-note"}, texts); d != "" {
		t.Error(d)
	}
	written := w.f.written.String()
	for _, secret := range []string{"planted", "hates", "amy", "Class chat", "chromium"} {
		if strings.Contains(written, secret) {
			t.Errorf("%q reached the store in the clear", secret)
		}
	}
	if !strings.Contains(written, "pastoral-support") || !strings.Contains(written, "inspection 7") {
		t.Error("the search sees nothing of what the store was given")
	}
}
