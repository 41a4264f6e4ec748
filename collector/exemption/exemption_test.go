package exemption_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var (
	london, _ = time.LoadLocation("Europe/London")
	now       = time.Date(2026, 11, 9, 8, 0, 0, 0, time.UTC) // a Monday
	dsl       = caseflow.Actor{User: "u-dsl", Name: "Dana", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{{1}}}
	head      = caseflow.Actor{User: "u-head", Name: "Hana", Roles: []caseflow.Role{caseflow.Head}}
	leader    = caseflow.Actor{User: "u-lead", Name: "Lee", Roles: []caseflow.Role{caseflow.Leadership}}
)

func lesson() exemption.Terms {
	return exemption.Terms{Kind: exemption.Lesson, Title: "Year 9 history", Groups: []string{"Year 9 trolley"}, Years: []string{"9"},
		Categories: []vocab.Category{vocab.Violence, vocab.Extremism}, From: now, Until: now.AddDate(0, 0, 12),
		Weekdays: []time.Weekday{time.Monday, time.Wednesday}, Start: 9 * 60, End: 10 * 60, Zone: "Europe/London",
		Asker: "Mr Quill", Asked: now.AddDate(0, 0, -2), Reason: "The causes of the war", RiskNote: "A real threat reads like the lesson; the teacher watches."}
}

func approved(t testing.TB, terms exemption.Terms) exemption.Exemption {
	e, err := exemption.Propose("e-1", terms, dsl, now)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = exemption.Decide(e, exemption.Approved, "", head, false, now); err != nil {
		t.Fatal(err)
	}
	return e
}

func inside() exemption.Facts {
	return exemption.Facts{At: time.Date(2026, 11, 11, 9, 30, 0, 0, time.UTC), Group: "Year 9 trolley", Year: "9",
		Audience: vocab.Pupil, Categories: []vocab.Category{vocab.Violence}, Rules: []string{"violence-threat"}}
}

func TestCovers(t *testing.T) {
	e := approved(t, lesson())
	for name, x := range map[string]struct {
		change func(*exemption.Facts)
		want   bool
	}{
		"inside":                     {func(*exemption.Facts) {}, true},
		"another group":              {func(f *exemption.Facts) { f.Group = "Year 8" }, false},
		"another year":               {func(f *exemption.Facts) { f.Year = "8" }, false},
		"year not known":             {func(f *exemption.Facts) { f.Year = "" }, false},
		"another category":           {func(f *exemption.Facts) { f.Categories = []vocab.Category{vocab.Drugs} }, false},
		"half of its categories":     {func(f *exemption.Facts) { f.Categories = []vocab.Category{vocab.Violence, vocab.Drugs} }, false},
		"self-harm as the second":    {func(f *exemption.Facts) { f.Categories = []vocab.Category{vocab.Violence, vocab.SelfHarm} }, false},
		"a minute before":            {func(f *exemption.Facts) { f.At = f.At.Add(-31 * time.Minute) }, false},
		"the first minute":           {func(f *exemption.Facts) { f.At = f.At.Add(-30 * time.Minute) }, true},
		"the minute after":           {func(f *exemption.Facts) { f.At = f.At.Add(30 * time.Minute) }, false},
		"another weekday":            {func(f *exemption.Facts) { f.At = f.At.AddDate(0, 0, 1) }, false},
		"after its end":              {func(f *exemption.Facts) { f.At = f.At.AddDate(0, 0, 14) }, false},
		"a clock that was absurd":    {func(f *exemption.Facts) { f.Suspect = true }, false},
		"staff":                      {func(f *exemption.Facts) { f.Audience = vocab.Staff }, false},
		"a member of staff is named": {func(f *exemption.Facts) { f.Subjects = 1 }, false},
	} {
		f := inside()
		x.change(&f)
		if got := e.Covers(f, london); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	summer := lesson()
	summer.From, summer.Until, summer.Weekdays = now, now.AddDate(0, 0, 190), nil
	f := inside()
	f.At = time.Date(2027, 5, 5, 8, 30, 0, 0, time.UTC) // half past nine in summer time
	if !approved(t, summer).Covers(f, london) {
		t.Error("lesson hours do not follow summer time")
	}
	rule := lesson()
	rule.Categories, rule.Rules = nil, []string{"violence-threat"}
	if !approved(t, rule).Covers(inside(), london) {
		t.Error("a rule's exemption does not cover its rule")
	}
	f = inside()
	f.Rules = append(f.Rules, "violence-weapon")
	if approved(t, rule).Covers(f, london) {
		t.Error("a rule's exemption covers another rule")
	}
}

func TestApprovalByAnother(t *testing.T) {
	e, err := exemption.Propose("e-1", lesson(), dsl, now)
	if err != nil {
		t.Fatal(err)
	}
	both := dsl
	both.Roles = []caseflow.Role{caseflow.DSL, caseflow.Head}
	again := head
	again.Persons = dsl.Persons
	for name, x := range map[string]struct {
		by        caseflow.Actor
		delegated bool
		ok        bool
	}{
		"head": {head, false, true}, "who proposed, as head": {both, false, false}, "who proposed, under another account": {again, true, false},
		"leadership": {leader, false, false}, "leadership, delegated": {leader, true, true}, "dsl": {caseflow.Actor{User: "u-2", Roles: []caseflow.Role{caseflow.DSL}}, true, false},
		"nobody": {caseflow.Actor{Roles: []caseflow.Role{caseflow.Head}}, true, false}, "the system": {caseflow.Actor{System: true, User: "x"}, true, false},
	} {
		_, err := exemption.Decide(e, exemption.Approved, "", x.by, x.delegated, now)
		if (err == nil) != x.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := exemption.Decide(e, exemption.Refused, "", head, false, now); err == nil {
		t.Error("refused without a reason")
	}
	if _, err := exemption.Decide(e, exemption.Approved, "", head, false, e.Until); err == nil {
		t.Error("approved when it was over")
	}
	if _, err := exemption.Decide(approved(t, lesson()), exemption.Approved, "", head, false, now); err == nil {
		t.Error("approved twice")
	}
	if _, err := exemption.Propose("e", lesson(), leader, now); !errors.Is(err, caseflow.ErrNotAllowed) {
		t.Errorf("leadership proposes: %v", err)
	}
}

func TestHostileTerms(t *testing.T) {
	for field, change := range map[string]func(*exemption.Terms){
		"title":      func(t *exemption.Terms) { t.Title = strings.Repeat("a", 81) },
		"reason":     func(t *exemption.Terms) { t.Reason = strings.Repeat("é", 501) },
		"risk":       func(t *exemption.Terms) { t.RiskNote = " \n " },
		"asker":      func(t *exemption.Terms) { t.Asker = "a\u202eb" },
		"asked":      func(t *exemption.Terms) { t.Asked = time.Time{} },
		"classes":    func(t *exemption.Terms) { t.Classes = make([]exemption.Class, 41) },
		"kind":       func(t *exemption.Terms) { t.Kind = "party" },
		"categories": func(t *exemption.Terms) { t.Categories = append(t.Categories, vocab.Suicide) },
		"groups":     func(t *exemption.Terms) { t.Groups = make([]string, 41) },
		"from":       func(t *exemption.Terms) { t.From = now.AddDate(0, 0, -8) },
		"until":      func(t *exemption.Terms) { t.Until = t.From.AddDate(0, 0, 201) },
		"end":        func(t *exemption.Terms) { t.End = t.Start },
		"zone":       func(t *exemption.Terms) { t.Zone = "../../etc/passwd" },
		"weekdays":   func(t *exemption.Terms) { t.Weekdays = []time.Weekday{9} },
	} {
		terms := lesson()
		change(&terms)
		_, err := exemption.Propose("e", terms, dsl, now)
		var p exemption.Problems
		if !errors.As(err, &p) || !slices.ContainsFunc(p, func(i *caseflow.InvalidError) bool { return i.Field == field }) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestNeverCovers: whatever people approve, what must not be covered is not.
func TestNeverCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := lesson()
		terms.Kind = exemption.Exam
		terms.Groups, terms.Years, terms.Weekdays, terms.Start, terms.End = nil, nil, nil, 0, 0
		terms.Categories = rapid.SliceOfN(rapid.SampledFrom(vocab.Categories()), 1, 20).Draw(t, "categories")
		terms.Rules = []string{"a", "b"}
		e := exemption.Exemption{ID: "e", Version: 2, Terms: terms, // as a store could hold it, whatever Propose says
			State: rapid.SampledFrom([]exemption.State{exemption.Proposed, exemption.Approved, exemption.Refused, exemption.Withdrawn, exemption.Revoked}).Draw(t, "state")}
		f := exemption.Facts{At: now.Add(time.Duration(rapid.IntRange(-100, 1000).Draw(t, "hours")) * time.Hour), Group: "g",
			Audience: rapid.SampledFrom([]vocab.Audience{vocab.Pupil, vocab.Unknown, vocab.Staff}).Draw(t, "audience"), Subjects: rapid.IntRange(0, 1).Draw(t, "subjects"),
			Categories: rapid.SliceOfN(rapid.SampledFrom(vocab.Categories()), 1, 2).Draw(t, "of"), Rules: []string{"a"}}
		covered := exemption.NewSet([]exemption.Exemption{e}).Find(f) != ""
		never := e.State != exemption.Approved || !f.At.Before(e.Until) || f.At.Before(e.From) || f.Audience == vocab.Staff || f.Subjects > 0 ||
			slices.Contains(f.Categories, vocab.Suicide) || slices.Contains(f.Categories, vocab.SelfHarm) || slices.Contains(f.Categories, vocab.Help)
		if covered && never {
			t.Fatalf("%+v covers %+v", e, f)
		}
		if !covered && !never {
			t.Fatalf("%+v does not cover %+v", e, f)
		}
	})
}

// A lesson of one class covers its pupils and nobody else, and every list that is not empty must hold.
func TestClasses(t *testing.T) {
	terms := lesson()
	terms.Groups, terms.Years, terms.Classes = nil, nil, []exemption.Class{{ID: "c-9h", Title: "9 History"}, {ID: "c-9g"}}
	of := func(year string, classes ...string) exemption.Facts {
		return exemption.Facts{At: time.Date(now.Year(), now.Month(), now.Day(), 9, 30, 0, 0, london), Group: "Year 9 trolley", Year: year, Classes: classes, Audience: vocab.Pupil,
			Categories: []vocab.Category{vocab.Violence}}
	}
	terms.Weekdays = nil
	for name, c := range map[string]struct {
		years []string
		f     exemption.Facts
		want  bool
	}{
		"in it": {nil, of("9", "c-maths", "c-9h"), true}, "in the other": {nil, of("", "c-9g"), true}, "in none": {nil, of("9"), false}, "in another": {nil, of("9", "c-maths"), false},
		"in it, of the year": {[]string{"9"}, of("9", "c-9h"), true}, "in it, of another year": {[]string{"9"}, of("10", "c-9h"), false}, "of the year alone": {[]string{"9"}, of("9"), false},
	} {
		terms.Years = c.years
		if got := approved(t, terms).Covers(c.f, london); got != c.want {
			t.Errorf("%s: covered %v", name, got)
		}
	}
}

// Who asked and when are known together, or not at all.
func TestAsked(t *testing.T) {
	for name, c := range map[string]struct {
		asker string
		asked time.Time
		field string
	}{
		"both": {"Mr Quill", now.AddDate(0, 0, -2), ""}, "neither": {"", time.Time{}, ""}, "no day": {"Mr Quill", time.Time{}, "asked"}, "nobody": {"", now, "asker"},
		"tomorrow": {"Mr Quill", now.AddDate(0, 0, 1), "asked"}, "long ago": {"Mr Quill", now.AddDate(-2, 0, 0), "asked"},
	} {
		terms := lesson()
		terms.Asker, terms.Asked = c.asker, c.asked
		_, err := exemption.Propose("e", terms, dsl, now)
		var p exemption.Problems
		if errors.As(err, &p); c.field == "" && err != nil || c.field != "" && (len(p) != 1 || p[0].Field != c.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
