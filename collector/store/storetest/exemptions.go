package storetest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// lesson is an exemption of one lesson for the group of enrolled devices.
func lesson(id string, categories ...vocab.Category) exemption.Terms {
	return exemption.Terms{Kind: exemption.Lesson, Title: "Lesson " + id, Groups: []string{"lab"}, Categories: categories,
		From: Start, Until: Start.Add(time.Hour), Zone: "Europe/London", Reason: "history", RiskNote: "watched"}
}

func propose(t testing.TB, tn store.Tenant, id string, terms exemption.Terms) exemption.Exemption {
	t.Helper()
	e, err := exemption.Propose(id, terms, dsl, Start)
	must(t, err)
	must(t, tn.PutExemption(t.Context(), e, entryOf(audit.ExemptionProposed, dsl)))
	return e
}

func decide(t testing.TB, tn store.Tenant, e exemption.Exemption, to exemption.State, at time.Time) exemption.Exemption {
	t.Helper()
	after, err := exemption.Decide(e, to, "because", head, false, at)
	must(t, err)
	must(t, tn.PutExemption(t.Context(), after, audit.Entry{At: at, Who: whoOf(head), Action: audit.ExemptionApproved}))
	after.Settled = true
	return after
}

func whoOf(a caseflow.Actor) audit.Who {
	return audit.Who{User: string(a.User), Name: a.Name, Via: audit.ViaConsole}
}

func entryOf(action audit.Action, a caseflow.Actor) audit.Entry {
	return audit.Entry{At: Start, Who: whoOf(a), Action: action}
}

func arriveIn(n, person int, after time.Duration, device caseflow.DeviceID, c vocab.Category) triage.Arrival {
	a := Arrive(n, person, after)
	a.Device, a.Audience = device, vocab.Pupil
	k := *a.Capture
	k.Categories, k.Subjects = []vocab.Category{c}, nil
	a.Capture = &k
	return a
}

func testExemptions(t *testing.T, open Open) {
	t.Run("kept, versioned and read again", func(t *testing.T) { testExemptionKept(t, open) })
	t.Run("tags what comes in", func(t *testing.T) { testExemptionTags(t, open) })
	t.Run("approval and revocation tag open cases", func(t *testing.T) { testExemptionRetags(t, open) })
	t.Run("by the year group of the directory", func(t *testing.T) { testExemptionYear(t, open) })
	t.Run("nothing is dropped", func(t *testing.T) { testExemptionDropsNothing(t, open) })
}

func testExemptionKept(t *testing.T, open Open) {
	ctx := t.Context()
	place := t.TempDir()
	s := open(t, place)
	tn := NewSchool(t, s)
	_, err := tn.Exemption(ctx, "none")
	fails(t, "none", err, store.ErrNotFound)
	terms := lesson("e-1", vocab.Violence)
	terms.Weekdays, terms.Start, terms.End, terms.Years, terms.Rules, terms.Classes, terms.Asked, terms.Asker = []time.Weekday{time.Sunday, time.Monday}, 540, 600, []string{"9"}, []string{"r-1"}, []exemption.Class{{ID: "c-9h", Title: "9 History"}}, Start, "Mr Quill"
	e := propose(t, tn, "e-1", terms)
	fails(t, "id taken", tn.PutExemption(ctx, e, entryOf(audit.ExemptionProposed, dsl)), store.ErrExists)
	e = decide(t, tn, e, exemption.Approved, Start)
	fails(t, "stale", tn.PutExemption(ctx, e, entryOf(audit.ExemptionApproved, head)), store.ErrStale)
	bad := e
	bad.Version, bad.Title = 3, "\xff"
	fails(t, "not UTF-8", tn.PutExemption(ctx, bad, entryOf(audit.ExemptionApproved, head)), store.ErrInvalid)
	bad = e
	bad.Version = 3
	fails(t, "without a registered action", tn.PutExemption(ctx, bad, audit.Entry{At: Start, Who: whoOf(head), Action: "x"}), store.ErrInvalid)
	other := NewSchool(t, s)
	all, err := other.Exemptions(ctx)
	must(t, err)
	if len(all) != 0 {
		t.Errorf("another school has %d", len(all))
	}
	id := tn.Info().ID
	must(t, s.Close())
	s = open(t, place)
	defer func() { must(t, s.Close()) }()
	tn, err = s.School(ctx, id)
	must(t, err)
	got, err := tn.Exemption(ctx, "e-1")
	must(t, err)
	same(t, "read again", e, got)
	if w := actions(Ledger(t, tn)); len(w) != 3 || w[1] != audit.ExemptionProposed || w[2] != audit.ExemptionApproved {
		t.Errorf("ledger %v", w)
	}
}

func testExemptionTags(t *testing.T, open Open) {
	tn := newTenant(t, open)
	enrolled(t, tn, "d-lab", "pc-1")
	decide(t, tn, propose(t, tn, "e-1", lesson("e-1", vocab.Violence, vocab.Drugs)), exemption.Approved, Start)
	named := arriveIn(7, 7, time.Minute, "d-lab", vocab.Violence)
	named.Capture.Subjects = []caseflow.PersonKey{Person(101)}
	receipts := mustIngest(t, tn,
		arriveIn(0, 1, time.Minute, "d-lab", vocab.Violence),
		arriveIn(1, 2, time.Minute, "d-lab", vocab.SelfHarm),  // not among its categories, and never
		arriveIn(2, 3, time.Hour, "d-lab", vocab.Violence),    // when it is over
		arriveIn(3, 4, time.Minute, "d-else", vocab.Violence), // elsewhere
		arriveIn(4, 5, -time.Minute, "d-lab", vocab.Violence), // before it
		named)
	for i, want := range []string{"e-1", "", "", "", "", ""} {
		f := mustCase(t, tn, system, receipts[i].Case)
		if f.Case.Exempt != (want != "") || f.Case.Exemption != want || f.Captures[0].Exempt != want {
			t.Errorf("arrival %d: exempt %v by %q, want %q", i, f.Case.Exempt, f.Case.Exemption, want)
		}
	}
	page := mustQueue(t, tn, dsl, store.QueueQuery{Now: Start.Add(2 * time.Minute)})
	if last := page.Rows[len(page.Rows)-1].Case; last.Ref != receipts[0].Case || caseflow.GroupOf(&last, Start) != caseflow.GroupLater {
		t.Error("the exempt case is not ranked down")
	}
	// A capture that nothing covers brings the whole case back.
	mustIngest(t, tn, arriveIn(8, 1, 2*time.Minute, "d-else", vocab.Violence))
	c := mustCase(t, tn, system, receipts[0].Case).Case
	if c.Exempt || len(c.Captures) != 2 {
		t.Errorf("exempt %v with a capture outside (%d captures)", c.Exempt, len(c.Captures))
	}
}

func testExemptionRetags(t *testing.T, open Open) {
	tn := newTenant(t, open)
	enrolled(t, tn, "d-lab", "pc-1")
	var refs []caseflow.Ref
	for n := range 40 { // more than one write takes
		refs = append(refs, mustIngest(t, tn, arriveIn(n, n, time.Minute, "d-lab", vocab.Violence))[0].Case)
	}
	closed := refs[7]
	mustAct(t, tn, closeCase(closed, dsl, Start.Add(2*time.Minute)))
	exempt := func() (n int) {
		for _, ref := range refs {
			if mustCase(t, tn, system, ref).Case.Exempt {
				n++
			}
		}
		return n
	}
	e := propose(t, tn, "e-1", lesson("e-1", vocab.Violence))
	if n := exempt(); n != 0 {
		t.Errorf("%d cases are exempt by a proposal", n)
	}
	e = decide(t, tn, e, exemption.Approved, Start.Add(3*time.Minute))
	if n := exempt(); n != 39 {
		t.Errorf("%d cases are exempt by approval, want all 39 open ones", n)
	}
	before := mustCase(t, tn, system, refs[0]).Case
	at := Start.Add(30 * time.Minute)
	decide(t, tn, e, exemption.Revoked, at)
	if n := exempt(); n != 0 {
		t.Errorf("%d cases are exempt after the revocation", n)
	}
	after := mustCase(t, tn, system, refs[0]).Case
	if want := caseflow.DueAt(before.Severity, at); !after.DueAt.Equal(want) || after.Version != before.Version+1 {
		t.Errorf("after the revocation due at %v, want %v", after.DueAt, want)
	}
	if late := mustIngest(t, tn, arriveIn(90, 90, 5*time.Minute, "d-lab", vocab.Violence)); mustCase(t, tn, system, late[0].Case).Case.Exempt {
		t.Error("a revoked exemption covers a late capture")
	}
}

func testExemptionYear(t *testing.T, open Open) {
	tn := newTenant(t, open)
	enrolled(t, tn, "d-lab", "pc-1")
	terms := lesson("e-1", vocab.Violence)
	terms.Years = []string{"Year 8"}
	decide(t, tn, propose(t, tn, "e-1", terms), exemption.Approved, Start)
	a := arriveIn(0, 1, time.Minute, "d-lab", vocab.Violence)
	a.Audience = vocab.Unknown
	ref := mustIngest(t, tn, a)[0].Case
	if mustCase(t, tn, system, ref).Case.Exempt {
		t.Error("exempt by a year that nobody knows")
	}
	putDirectory(t, tn, Start.Add(2*time.Minute), Entry(1, vocab.Pupil, Person(1)))
	if !mustCase(t, tn, system, ref).Case.Exempt {
		t.Error("not exempt when the year group is known")
	}
	if r := mustIngest(t, tn, arriveIn(1, 1, 3*time.Minute, "d-lab", vocab.Violence)); !mustCase(t, tn, system, r[0].Case).Case.Exempt {
		t.Error("a matched account's capture is not exempt")
	}
}

// testExemptionDropsNothing: whatever is exempt, every capture is kept, every
// case stays visible, and suicide and self-harm never rank lower for it.
func testExemptionDropsNothing(t *testing.T, open Open) {
	s := opened(t, open)
	rapid.Check(t, func(rt *rapid.T) {
		tn := NewSchool(t, s)
		enrolled(t, tn, "d-lab", "pc-1")
		var e exemption.Exemption
		kept := 0
		refs := map[caseflow.Ref]bool{}
		for step := range rapid.IntRange(3, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "do") {
			case 0:
				if e.State == "" {
					e = propose(t, tn, "e-1", lesson("e-1", vocab.RuleCategories()[5:]...))
					// As a damaged or forged row could have it.
					e.Categories = vocab.RuleCategories()
				}
			case 1:
				if e.State == exemption.Proposed {
					e = decide(t, tn, e, exemption.Approved, Start)
				}
			case 2:
				if e.State == exemption.Approved {
					e = decide(t, tn, e, exemption.Revoked, Start)
				}
			default:
				c := rapid.SampledFrom(vocab.RuleCategories()).Draw(rt, "category")
				a := arriveIn(step, rapid.IntRange(0, 2).Draw(rt, "person"), time.Duration(rapid.IntRange(-5, 70).Draw(rt, "minute"))*time.Minute, "d-lab", c)
				refs[mustIngest(t, tn, a)[0].Case] = true
				kept++
			}
		}
		captures := 0
		for ref := range refs {
			f := mustCase(t, tn, dsl, ref)
			captures += len(f.Captures)
			c := f.Case
			switch {
			case c.Exempt && caseflow.NeverQuiet(c.Category):
				rt.Fatalf("%s is exempt", c.Category)
			case c.Exempt && e.State != exemption.Approved:
				rt.Fatalf("exempt by an exemption that is %s", e.State)
			case c.Exempt && (c.FirstAt.Before(e.From) || !c.LastAt.Before(e.Until)):
				rt.Fatalf("exempt from %v to %v by one from %v to %v", c.FirstAt, c.LastAt, e.From, e.Until)
			}
		}
		if page := mustQueue(t, tn, dsl, store.QueueQuery{Now: Start, Limit: 200}); captures != kept || page.Total != len(refs) {
			rt.Fatalf("%d captures of %d, %d cases of %d", captures, kept, page.Total, len(refs))
		}
	})
}
