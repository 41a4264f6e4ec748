package rulepack_test

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

func TestFirstNames(t *testing.T) {
	e, problems := check(t, packWith(map[string]string{
		"phrases": `    phrases: ["zap ..1 (@first-name|mr)"]`, "examples": `    examples: {hit: [zap mr x, zap jake], miss: [zap me, zip]}`}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for text, want := range map[string]bool{
		"zap jake": true, "zap Jake": true, "zap jakes bike": true, "zap jake's bike": true, "zap mr patel": true,
		"zap grace": false, "zap will": false, "zap summer": false, // words as often as names
		"zap jak3": false, "zap j*ke": false, "zap jaake": false, // a disguise stands for no name
	} {
		if got := len(e.Match(text, detect.Options{})) > 0; got != want {
			t.Errorf("%q: hit %v, want %v", text, got, want)
		}
	}
}

// TestFirstNamesAreSmall bounds what the names add to the policy of every device.
func TestFirstNamesAreSmall(t *testing.T) {
	packs, _ := rulepack.ReadDir(configs.Rules())
	for i := range packs {
		if packs[i].Name.Value == "common" {
			packs[i].Lists["named"] = packs[i].Lists["title"]
		}
	}
	for i := range packs {
		for j := range packs[i].Rules {
			r := &packs[i].Rules[j]
			r.Phrases = without(r.Phrases, "@first-name")
		}
	}
	small, err := rulepack.Compile(packs)
	if err != nil {
		t.Fatal(err)
	}
	packs, _ = rulepack.ReadDir(configs.Rules())
	full, err := rulepack.Compile(packs)
	if err != nil {
		t.Fatal(err)
	}
	if more := len(full) - len(small); more <= 0 || more > 100<<10 {
		t.Errorf("first names add %d bytes to %d", more, len(small))
	} else {
		t.Logf("first names add %d bytes to %d", more, len(small))
	}
}

func without(phrases []rulepack.Text, list string) (out []rulepack.Text) {
	for _, p := range phrases {
		if !strings.Contains(p.Value, list) {
			out = append(out, p)
		}
	}
	return out
}
