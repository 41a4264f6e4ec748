package rulepack_test

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func TestShippedPacksPassTheirExamples(t *testing.T) {
	var out strings.Builder
	if rulepack.TestCommand(configs.Rules(), &out) != rulepack.ExitOK {
		t.Error(out.String())
	}
}

func TestShippedPacksCoverEveryCategory(t *testing.T) {
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	have := map[string]bool{}
	for _, p := range packs {
		for _, r := range p.Rules {
			for _, c := range r.Categories {
				have[c.Value] = true
			}
		}
	}
	for _, c := range vocab.RuleCategories() {
		if !have[string(c)] {
			t.Errorf("no rule of category %s", c)
		}
	}
}

func TestShippedPacksRaiseAWish(t *testing.T) {
	packs, _ := rulepack.ReadDir(configs.Rules())
	e, err := rulepack.Engine(packs)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range e.Match("i want to kill myself tonight", detect.Options{Audience: vocab.Pupil}) {
		if h.Categories[0] == vocab.Suicide && h.Severity == vocab.Critical && h.Level == vocab.Alert {
			return
		}
	}
	t.Error("no critical alert of suicide")
}
