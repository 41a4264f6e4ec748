package caseflow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// The contract's role table, role by role and queue by queue.
func TestRoleTable(t *testing.T) {
	sees := map[caseflow.Role][]caseflow.Queue{
		caseflow.DSL: {caseflow.QueueDSL}, caseflow.Deputy: {caseflow.QueueDSL},
		caseflow.Head: {caseflow.QueueHead}, caseflow.Chair: {caseflow.QueueChair},
	}
	for _, r := range caseflow.Roles() {
		a := caseflow.Actor{User: "u", Roles: []caseflow.Role{r}, Persons: []caseflow.PersonKey{teach}}
		for _, q := range caseflow.Queues() {
			want := slices.Contains(sees[r], q)
			c := caseflow.Case{Version: 1, Queue: q, Typist: pupil}
			if caseflow.MaySee(c, a) != want || caseflow.MayAct(c, a) != want {
				t.Errorf("%s, %v: see %v, act %v, want %v", r, q, caseflow.MaySee(c, a), caseflow.MayAct(c, a), want)
			}
			c.Subjects = []caseflow.PersonKey{{7}, teach}
			if caseflow.MaySee(c, a) {
				t.Errorf("%s sees a case in %v that names them", r, q)
			}
			c.Subjects, c.Typist = nil, teach
			if caseflow.MaySee(c, a) {
				t.Errorf("%s sees a case in %v that they typed", r, q)
			}
		}
	}
	both := caseflow.Actor{User: "u", Roles: []caseflow.Role{caseflow.Head, caseflow.DSL}}
	if d := cmp.Diff([]caseflow.Queue{caseflow.QueueDSL, caseflow.QueueHead}, caseflow.QueuesOf(both)); d != "" {
		t.Error(d)
	}
	nobody := caseflow.Case{Version: 1, Queue: caseflow.QueueDSL}
	if !caseflow.MaySee(nobody, marlow) {
		t.Error("a case without an account is hidden from the DSL")
	}
}

func TestRoute(t *testing.T) {
	posts := caseflow.Posts{}.
		With([]caseflow.Role{caseflow.Head}, []caseflow.PersonKey{{10}, {11}}).
		With([]caseflow.Role{caseflow.DSL}, []caseflow.PersonKey{{20}}).
		With([]caseflow.Role{caseflow.Deputy}, []caseflow.PersonKey{{21}}).
		With([]caseflow.Role{caseflow.Technician}, []caseflow.PersonKey{{30}})
	one := func(k byte) []caseflow.PersonKey { return []caseflow.PersonKey{{k}} }
	for name, tc := range map[string]struct {
		f    caseflow.Facts
		want caseflow.Queue
	}{
		"pupil":                       {caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Group: vocab.GroupStaff}, caseflow.QueueDSL},
		"unknown, pupil group":        {caseflow.Facts{Typist: pupil, Group: vocab.GroupPupil}, caseflow.QueueDSL},
		"unknown, default group":      {caseflow.Facts{Typist: pupil}, caseflow.QueueDSL},
		"unknown, staff group":        {caseflow.Facts{Typist: pupil, Group: vocab.GroupStaff}, caseflow.QueueHead},
		"unknown, mixed group":        {caseflow.Facts{Typist: pupil, Group: vocab.GroupMixed}, caseflow.QueueHead},
		"nobody, pupil group":         {caseflow.Facts{Group: vocab.GroupPupil}, caseflow.QueueDSL},
		"staff":                       {caseflow.Facts{Typist: teach, Audience: vocab.Staff, Group: vocab.GroupPupil}, caseflow.QueueHead},
		"pupil names staff":           {caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Subjects: one(30)}, caseflow.QueueHead},
		"pupil names deputy":          {caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Subjects: one(21)}, caseflow.QueueHead},
		"pupil names head":            {caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Subjects: one(11)}, caseflow.QueueChair},
		"pupil names staff and head":  {caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Subjects: append(one(30), one(10)...)}, caseflow.QueueChair},
		"dsl types":                   {caseflow.Facts{Typist: caseflow.PersonKey{20}, Audience: vocab.Staff}, caseflow.QueueHead},
		"dsl types, not yet matched":  {caseflow.Facts{Typist: caseflow.PersonKey{20}, Group: vocab.GroupPupil}, caseflow.QueueHead},
		"head types":                  {caseflow.Facts{Typist: caseflow.PersonKey{10}, Audience: vocab.Staff}, caseflow.QueueChair},
		"head names a teacher":        {caseflow.Facts{Typist: caseflow.PersonKey{10}, Audience: vocab.Staff, Subjects: one(30)}, caseflow.QueueChair},
		"zero subject names nobody":   {caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Subjects: one(0)}, caseflow.QueueDSL},
		"unmatched head is still one": {caseflow.Facts{Typist: caseflow.PersonKey{11}, Group: vocab.GroupPupil}, caseflow.QueueChair},
	} {
		if got := caseflow.Route(tc.f, posts); got != tc.want {
			t.Errorf("%s: queue %d, want %d", name, got, tc.want)
		}
	}
}

func TestOrderOfTheQueue(t *testing.T) {
	now := t0
	at := func(ref caseflow.Ref, s vocab.Severity, due time.Duration, change ...func(*caseflow.Case)) caseflow.Case {
		c := caseflow.Case{Ref: ref, Version: 1, State: caseflow.New, Severity: s, Level: vocab.Alert, DueAt: now.Add(due), OpenedAt: now}
		for _, f := range change {
			f(&c)
		}
		return c
	}
	log := func(c *caseflow.Case) { c.Level = vocab.Log }
	exempt := func(c *caseflow.Case) { c.Exempt = true }
	suicide := func(c *caseflow.Case) { c.Category = vocab.Suicide }
	closedAt := func(d time.Duration) func(*caseflow.Case) {
		return func(c *caseflow.Case) { c.State, c.ClosedAt = caseflow.Closed, now.Add(d) }
	}
	want := []caseflow.Case{
		at("critlate", vocab.Critical, -time.Hour),
		at("critical", vocab.Critical, 10*time.Minute),
		at("exempt-s", vocab.Critical, 11*time.Minute, exempt, suicide),
		at("lowlate2", vocab.Low, -2*time.Hour),
		at("highlate", vocab.High, -time.Minute),
		at("highsoon", vocab.High, 30*time.Minute),
		at("mid-soon", vocab.Medium, 90*time.Minute),
		at("mid-late", vocab.Medium, 5*time.Hour),
		at("low-week", vocab.Low, 100*time.Hour),
		at("excrital", vocab.Critical, -time.Hour, exempt),
		at("ex-medium", vocab.Medium, -2*time.Hour, exempt),
		at("logcrit", vocab.Critical, -5*time.Hour, log),
		at("log-late", vocab.High, -9*time.Hour, log),
		at("closed-n", vocab.Low, -time.Hour, closedAt(-time.Minute)),
		at("closed-o", vocab.Critical, -time.Hour, closedAt(-time.Hour)),
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b caseflow.Case) int {
		if caseflow.Before(&a, &b, now) {
			return -1
		}
		return 1
	})
	for i := range want {
		if got[i].Ref != want[i].Ref {
			t.Errorf("place %d: %s, want %s", i, got[i].Ref, want[i].Ref)
		}
	}
	groups := map[caseflow.Ref]caseflow.Group{
		"critical": caseflow.GroupNow, "lowlate2": caseflow.GroupNow, "highsoon": caseflow.GroupSoon,
		"mid-late": caseflow.GroupLater, "excrital": caseflow.GroupLater, "logcrit": caseflow.GroupLater,
		"exempt-s": caseflow.GroupNow, "closed-n": caseflow.GroupClosed,
	}
	for _, c := range want {
		if g, ok := groups[c.Ref]; ok && caseflow.GroupOf(&c, now) != g {
			t.Errorf("%s in group %d, want %d", c.Ref, caseflow.GroupOf(&c, now), g)
		}
	}
}

func TestBeforeIsAStrictOrder(t *testing.T) {
	gen := rapid.Custom(func(t *rapid.T) caseflow.Case {
		minute := func(name string) time.Time {
			return t0.Add(time.Duration(rapid.IntRange(-200, 200).Draw(t, name)) * time.Minute)
		}
		return caseflow.Case{
			Ref: caseflow.Ref(rapid.StringMatching("[0-3]").Draw(t, "ref")), Version: 1,
			State:    caseflow.State(rapid.IntRange(1, 3).Draw(t, "state")),
			Severity: vocab.Severity(rapid.IntRange(1, 4).Draw(t, "severity")),
			Level:    vocab.Level(rapid.IntRange(1, 2).Draw(t, "level")),
			Exempt:   rapid.Bool().Draw(t, "exempt"), Category: rapid.SampledFrom(vocab.Categories()).Draw(t, "category"),
			DueAt: minute("due"), OpenedAt: minute("opened"), ClosedAt: minute("closed"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := gen.Draw(t, "a"), gen.Draw(t, "b"), gen.Draw(t, "c")
		if caseflow.Before(&a, &a, t0) {
			t.Fatal("before itself")
		}
		if caseflow.Before(&a, &b, t0) && caseflow.Before(&b, &a, t0) {
			t.Fatal("both before the other")
		}
		if caseflow.Before(&a, &b, t0) && caseflow.Before(&b, &c, t0) && !caseflow.Before(&a, &c, t0) {
			t.Fatal("not transitive")
		}
		if caseflow.GroupOf(&a, t0) < caseflow.GroupOf(&b, t0) && !caseflow.Before(&a, &b, t0) {
			t.Fatal("the groups are not one after the other")
		}
	})
}

func TestDueTimes(t *testing.T) {
	for s, want := range map[vocab.Severity]time.Duration{
		vocab.Critical: 15 * time.Minute, vocab.High: time.Hour, vocab.Medium: 8 * time.Hour, vocab.Low: 120 * time.Hour,
	} {
		if got := caseflow.DueAt(s, t0).Sub(t0); got != want {
			t.Errorf("%v: %v, want %v", s, got, want)
		}
	}
}

func TestRefs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := [5]byte(rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "b"))
		r := caseflow.RefFrom(b)
		got, err := caseflow.ParseRef(string(r))
		if err != nil || got != r {
			t.Fatalf("%x: %q, %v", b, got, err)
		}
	})
	if got, err := caseflow.ParseRef("iloab0zy"); err != nil || got != "110AB0ZY" {
		t.Errorf("as read out: %q, %v", got, err)
	}
	for _, bad := range []string{"", "0123ABC", "0123ABCDE", "0123ABCU", "0123 ABC", "0123ÄBC", "../../.."} {
		if _, err := caseflow.ParseRef(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}
