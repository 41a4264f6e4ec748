package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func testProposals(t *testing.T, open Open) {
	ctx := t.Context()
	s := opened(t, open)
	tn, other := NewSchool(t, s), NewSchool(t, s)
	p := store.Proposal{Kind: "rule", ID: "p-1", Version: 1, State: store.Proposed, Body: []byte("{}"), Author: caseflow.AuthorOf(dsl), By: whoOf(dsl), At: Start, Reason: "noisy", RiskNote: "watched"}
	entry := audit.Entry{At: Start, Who: whoOf(dsl), Action: audit.RuleChangeProposed, Object: []string{"r-1"}}
	must(t, tn.PutProposal(ctx, p, entry))
	fails(t, "id taken", tn.PutProposal(ctx, p, entry), store.ErrExists)
	later := p
	later.ID, later.At = "p-2", Start.Add(time.Hour)
	must(t, tn.PutProposal(ctx, later, entry))
	decided := p
	decided.Version, decided.State, decided.Decided, decided.DecidedAt, decided.Note = 2, store.Approved, whoOf(head), Start.Add(time.Minute), "agreed"
	must(t, tn.PutProposal(ctx, decided, audit.Entry{At: Start, Who: whoOf(head), Action: audit.RuleChangeApproved}))
	fails(t, "decided by two", tn.PutProposal(ctx, decided, entry), store.ErrStale)
	got, err := tn.Proposal(ctx, "rule", "p-1")
	must(t, err)
	same(t, "proposal", decided, got)
	all, err := tn.Proposals(ctx, "rule")
	must(t, err)
	same(t, "all, newest first", []store.Proposal{later, decided}, all)
	for name, err := range map[string]error{"kind": tn.PutProposal(ctx, store.Proposal{ID: "x", Version: 1, State: store.Proposed, At: Start}, entry),
		"state": tn.PutProposal(ctx, store.Proposal{Kind: "rule", ID: "x", Version: 1, State: "odd", At: Start}, entry),
		"body":  tn.PutProposal(ctx, store.Proposal{Kind: "rule", ID: "x", Version: 1, State: store.Proposed, At: Start, Body: make([]byte, store.MaxProposal+1)}, entry)} {
		fails(t, name, err, store.ErrInvalid)
	}
	if _, err := other.Proposal(ctx, "rule", "p-1"); err == nil {
		t.Error("another school reads it")
	}
	for v := range uint64(3) {
		must(t, tn.PutDocument(ctx, store.Document{Kind: "policy/lab", Version: v + 1, Body: []byte("signed"), Proposed: whoOf(dsl), Approved: whoOf(head), Created: Start}))
	}
	docs, err := tn.DocumentVersions(ctx, "policy/lab", 2)
	must(t, err)
	want := store.Document{Kind: "policy/lab", Version: 3, Proposed: whoOf(dsl), Approved: whoOf(head), Created: Start}
	older := want
	older.Version = 2
	same(t, "versions", []store.Document{want, older}, docs)
	_, err = tn.DocumentVersions(ctx, "policy/lab", 0)
	fails(t, "no limit", err, store.ErrInvalid)
}

func testRuleCounts(t *testing.T, open Open) {
	t.Run("by outcome", func(t *testing.T) { testCountsByOutcome(t, open) })
	t.Run("as if counted anew", func(t *testing.T) { testCountsModel(t, open) })
}

func counts(t testing.TB, tn store.Tenant, a caseflow.Actor) []store.RuleCount {
	t.Helper()
	all, err := tn.RuleCounts(t.Context(), a, Start.AddDate(-1, 0, 0))
	must(t, err)
	slices.SortFunc(all, func(a, b store.RuleCount) int { return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.Rule, b.Rule)) })
	return all
}

func hitting(a triage.Arrival, rules ...string) triage.Arrival {
	k := *a.Capture
	k.Rules = nil
	for _, r := range rules {
		k.Rules = append(k.Rules, triage.Rule{ID: r, Severity: vocab.High, Level: vocab.Alert})
	}
	a.Capture = &k
	return a
}

func testCountsByOutcome(t *testing.T, open Open) {
	tn := newTenant(t, open)
	putUser(t, tn, dsl)
	staff := hitting(Arrive(50, 50, 0), "a")
	staff.Audience = vocab.Staff
	r := mustIngest(t, tn, hitting(Arrive(0, 1, 0), "a", "b", "a"), hitting(Arrive(1, 2, 0), "a"), hitting(Arrive(2, 3, 0), "a", "b"), staff)
	november := store.MonthOf(Start)
	same(t, "hits", []store.RuleCount{{Rule: "a", Month: november, Hits: 3}, {Rule: "b", Month: november, Hits: 2}}, counts(t, tn, dsl))
	same(t, "the head's own", []store.RuleCount{{Rule: "a", Month: november, Hits: 1}}, counts(t, tn, head))
	for _, a := range []caseflow.Actor{chair, technician, {User: "u", Roles: []caseflow.Role{caseflow.Leadership}}} {
		if got := counts(t, tn, a); len(got) != 0 {
			t.Errorf("%v reads %v", a.Roles, got)
		}
	}
	december := Start.AddDate(0, 1, 0)
	closeAs := func(i int, c caseflow.Close) {
		t.Helper()
		mustAct(t, tn, store.Act{Ref: r[i].Case, Command: c, Actor: dsl, At: december})
	}
	closeAs(0, caseflow.Close{Outcome: caseflow.FalseAlarm, Rule: "b", Why: caseflow.WhyLesson})
	closeAs(1, caseflow.Close{Outcome: caseflow.FalseAlarm, Why: caseflow.WhyQuote})
	closeAs(2, caseflow.Close{Outcome: caseflow.NoConcern})
	want := []store.RuleCount{{Rule: "a", Month: november, Hits: 3}, {Rule: "b", Month: november, Hits: 2},
		{Rule: "a", Month: store.MonthOf(december), Right: 1, NoConcern: 1, Wrong: 1, Whys: []store.WhyCount{{Why: caseflow.WhyQuote, N: 1}}},
		{Rule: "b", Month: store.MonthOf(december), Right: 1, NoConcern: 1, Wrong: 1, Whys: []store.WhyCount{{Why: caseflow.WhyLesson, N: 1}}}}
	same(t, "verdicts", want, counts(t, tn, dsl))
	mustAct(t, tn, store.Act{Ref: r[1].Case, Command: caseflow.Reopen{Reason: caseflow.Sealed("s"), Chars: 1}, Actor: dsl, At: december})
	want[2].Wrong, want[2].Whys = 0, []store.WhyCount{{Why: caseflow.WhyQuote}}
	same(t, "reopened", want, counts(t, tn, dsl))
}

// testCountsModel: whatever happens, the counts are those that a look at every
// case as it stands would give, and a DSL's hold nothing of staff.
func testCountsModel(t *testing.T, open Open) {
	s := opened(t, open)
	rapid.Check(t, func(rt *rapid.T) {
		tn := NewSchool(t, s)
		refs := map[caseflow.Ref]bool{}
		for step := range rapid.IntRange(2, 25).Draw(rt, "steps") {
			at := Start.Add(time.Duration(step) * time.Minute)
			var list []caseflow.Ref
			for ref := range refs {
				list = append(list, ref)
			}
			slices.Sort(list)
			switch do := rapid.IntRange(0, 9).Draw(rt, "do"); {
			case do < 5 || len(list) == 0:
				n := rapid.IntRange(0, 5).Draw(rt, "event")
				a := hitting(Arrive(n, n%3, time.Duration(step)*time.Minute), rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3).Draw(rt, "rules")...)
				a.Revision, a.Capture.Final = uint32(step), false
				a.Capture.Withdrawn = do == 0
				a.Audience = vocab.Pupil
				if n%3 == 2 {
					a.Audience = vocab.Staff
				}
				if do == 1 {
					a.Capture.Subjects = []caseflow.PersonKey{Person(200)}
				}
				if r := mustIngest(t, tn, a); r[0].Case != "" {
					refs[r[0].Case] = true
				}
			case do < 8:
				ref := rapid.SampledFrom(list).Draw(rt, "case")
				cmd := caseflow.Close{Outcome: rapid.SampledFrom([]caseflow.Outcome{caseflow.FalseAlarm, caseflow.NoConcern, caseflow.PastoralSupport}).Draw(rt, "outcome")}
				if cmd.Outcome == caseflow.FalseAlarm {
					cmd.Why, cmd.Rule = caseflow.WhyLesson, rapid.SampledFrom([]string{"", "a"}).Draw(rt, "wrong")
				}
				who := rapid.SampledFrom([]caseflow.Actor{dsl, head}).Draw(rt, "who")
				_, _ = tn.Act(t.Context(), store.Act{Ref: ref, Command: cmd, Actor: who, At: at})
			default:
				ref := rapid.SampledFrom(list).Draw(rt, "case")
				_, _ = tn.Act(t.Context(), store.Act{Ref: ref, Command: caseflow.Reopen{Reason: caseflow.Sealed("s"), Chars: 1}, Actor: dsl, At: at})
			}
		}
		for who, queue := range map[string]caseflow.Queue{"dsl": caseflow.QueueDSL, "head": caseflow.QueueHead} {
			actor := map[string]caseflow.Actor{"dsl": dsl, "head": head}[who]
			want := map[string]store.RuleCount{}
			for ref := range refs {
				if f := mustCase(t, tn, system, ref); f.Case.Queue == queue {
					addCase(want, f)
				}
			}
			for _, got := range counts(t, tn, actor) {
				w := want[got.Rule]
				delete(want, got.Rule)
				if got.Hits != w.Hits || got.Right != w.Right || got.Wrong != w.Wrong || got.NoConcern != w.NoConcern {
					rt.Fatalf("%s: rule %s counts %+v, want %+v", who, got.Rule, got, w)
				}
			}
			for rule, w := range want {
				if w.Hits+w.Right+w.Wrong != 0 {
					rt.Fatalf("%s: rule %s is not counted, want %+v", who, rule, w)
				}
			}
		}
	})
}

// addCase counts one case as it stands; all within one month.
func addCase(into map[string]store.RuleCount, f store.CaseFile) {
	all := map[string]bool{}
	for i, ref := range f.Case.Captures {
		if ref.Withdrawn {
			continue
		}
		once := map[string]bool{}
		for _, r := range f.Captures[i].Capture.Rules {
			if once[r.ID] {
				continue
			}
			once[r.ID], all[r.ID] = true, true
			n := into[r.ID]
			n.Hits++
			into[r.ID] = n
		}
	}
	if f.Case.State != caseflow.Closed || f.Case.Outcome == caseflow.Withdrawn {
		return
	}
	for r := range all {
		n := into[r]
		switch {
		case f.Case.Outcome == caseflow.FalseAlarm && (f.Case.FalseRule == "" || f.Case.FalseRule == r):
			n.Wrong++
		case f.Case.Outcome == caseflow.FalseAlarm:
		case f.Case.Outcome == caseflow.NoConcern:
			n.NoConcern++
			n.Right++
		default:
			n.Right++
		}
		into[r] = n
	}
}
