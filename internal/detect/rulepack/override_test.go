package rulepack

import (
	"errors"
	"os"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func TestOverride(t *testing.T) {
	packs, problems := ReadDir(os.DirFS("../../../configs/rules"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	set, err := CompileSet(packs)
	if err != nil {
		t.Fatal(err)
	}
	load := func(o ...Override) *detect.Engine {
		t.Helper()
		b, err := set.Encode(o)
		if err != nil {
			t.Fatal(err)
		}
		e, err := detect.Load(b)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	find := func(e *detect.Engine, text, rule string) (detect.Hit, bool) {
		for _, h := range e.Match(text, detect.Options{}) {
			if h.Rule == rule {
				return h, true
			}
		}
		return detect.Hit{}, false
	}
	base := load()
	tried := 0
	for _, p := range packs {
		if p.Draft() {
			continue
		}
		for _, r := range p.Rules {
			if len(r.Examples.Hit) == 0 {
				continue
			}
			line := r.Examples.Hit[0].Value
			was, hit := find(base, line, r.ID.Value)
			if !hit {
				continue // shown by another reading or condition
			}
			floor := Floored(was.Categories)
			_, err := set.Encode([]Override{{Rule: r.ID.Value, Off: true}})
			if floor != errors.Is(err, ErrFloor) {
				t.Errorf("%s switched off: %v", r.ID.Value, err)
			}
			if floor {
				if _, err := set.Encode([]Override{{Rule: r.ID.Value, Level: vocab.Log}}); r.Level.Value == "alert" && !errors.Is(err, ErrFloor) {
					t.Errorf("%s made log: %v", r.ID.Value, err)
				}
				continue
			}
			if tried++; tried%12 != 0 {
				continue // loading is slow; every twelfth will do
			}
			if _, hit := find(load(Override{Rule: r.ID.Value, Off: true}), line, r.ID.Value); hit {
				t.Errorf("%s hits though it is off", r.ID.Value)
			}
			quiet := load(Override{Rule: r.ID.Value, Level: vocab.Log, Severity: vocab.Low})
			if h, hit := find(quiet, line, r.ID.Value); !hit || h.Level != vocab.Log || h.Severity != vocab.Low {
				t.Errorf("%s made quiet: %v %v %v", r.ID.Value, hit, h.Level, h.Severity)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d rules tried", tried)
	}
	if again, err := set.Encode(nil); err != nil || string(again) != string(mustEncode(t, set)) {
		t.Error("overrides changed the set itself")
	}
}

func mustEncode(t *testing.T, s *Set) []byte {
	t.Helper()
	b, err := s.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
