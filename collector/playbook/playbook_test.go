package playbook_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func TestShippedPlaybooksCoverEveryRuleCategory(t *testing.T) {
	set, err := playbook.Load(configs.Playbooks())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(vocab.RuleCategories(), vocab.Help) {
		p := set.For(caseflow.Case{Category: c})
		if p.ID != string(c) {
			t.Errorf("%s: got playbook %q", c, p.ID)
		}
		if len(p.DoNot) == 0 || len(p.Do) == 0 {
			t.Errorf("%s: empty playbook", c)
		}
	}
	if p := set.For(caseflow.Case{Category: vocab.USB}); p.ID != playbook.General {
		t.Errorf("usb: got %q, want general", p.ID)
	}
}

func TestCasesAboutStaffGetTheAllegationPlaybook(t *testing.T) {
	set, err := playbook.Load(configs.Playbooks())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]caseflow.Case{
		"staff typist":                        {Category: vocab.Bullying, Audience: vocab.Staff},
		"unmatched account on a staff device": {Category: vocab.Drugs, Queue: caseflow.QueueHead},
		"staff subject":                       {Category: vocab.Suicide, Audience: vocab.Pupil, Subjects: []caseflow.PersonKey{{1}}},
	} {
		p := set.For(c)
		if p.ID != playbook.Allegation {
			t.Errorf("%s: got %q", name, p.ID)
		}
		if !strings.Contains(p.Do[2].Text, "LADO") {
			t.Errorf("%s: no LADO step", name)
		}
	}
}

const good = `
title: "T"
version: 1
sources: ["s"]
do_not: ["x"]
do: [{id: a, text: "y"}]
`

func TestParseRefusals(t *testing.T) {
	if _, err := playbook.Parse([]byte(good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, tc := range map[string]struct{ old, new, want string }{
		"no title":        {`"T"`, `""`, "title"},
		"version":         {"version: 1", "version: 0", "version"},
		"no sources":      {`["s"]`, `[]`, "sources"},
		"no do_not":       {`["x"]`, `[]`, "do_not"},
		"two lines":       {`["x"]`, `["x\ny"]`, "one line"},
		"long step":       {`"y"`, `"` + strings.Repeat("é", playbook.MaxStepChars+1) + `"`, "240"},
		"bad id":          {"id: a", "id: A_", "id"},
		"same id twice":   {`[{id: a, text: "y"}]`, `[{id: a, text: "y"}, {id: a, text: "z"}]`, "step 2"},
		"unknown field":   {"version: 1", "version: 1\nextra: 1", "extra"},
		"second document": {"do:", "do: [{id: a, text: y}]\n---\ndo:", "one document"},
		"not yaml":        {"title:", "\t: [", ""},
	} {
		_, err := playbook.Parse([]byte(strings.Replace(good, tc.old, tc.new, 1)))
		if !errors.Is(err, playbook.ErrPlaybook) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want ErrPlaybook naming %q", name, err, tc.want)
		}
	}
}

func TestLoadFailsWhole(t *testing.T) {
	files := fstest.MapFS{
		"allegation.yaml": {Data: []byte(good)}, "general.yaml": {Data: []byte(good)},
		"bullying.yaml": {Data: []byte(good)},
	}
	if _, err := playbook.Load(files); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(fstest.MapFS){
		"an unknown category": func(m fstest.MapFS) { m["bulying.yaml"] = &fstest.MapFile{Data: []byte(good)} },
		"no allegation":       func(m fstest.MapFS) { delete(m, "allegation.yaml") },
		"one broken":          func(m fstest.MapFS) { m["drugs.yaml"] = &fstest.MapFile{Data: []byte("title: [")} },
		"one too large": func(m fstest.MapFS) {
			m["drugs.yaml"] = &fstest.MapFile{Data: []byte(good + "#" + strings.Repeat("x", playbook.MaxFileBytes))}
		},
	} {
		m := fstest.MapFS{}
		for k, v := range files {
			m[k] = v
		}
		change(m)
		if _, err := playbook.Load(m); !errors.Is(err, playbook.ErrPlaybook) {
			t.Errorf("%s: got %v, want ErrPlaybook", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := playbook.Parse(b)
		if err == nil && (p.Title == "" || len(p.Do) == 0 || len(p.DoNot) == 0) {
			t.Fatalf("accepted an empty playbook: %+v", p)
		}
	})
}
