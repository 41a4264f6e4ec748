package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var makers = []func([]string) (matcher, string, error){own, newPetar(true), newPetar(false)}

type ownMatcher struct{ engine *detect.Engine }

func (o *ownMatcher) name() string { return "own Engine.Scan" }

func (o *ownMatcher) count(text []byte) (hits int, sum uint64) {
	o.engine.Scan(text, func(start, end int) {
		hits++
		sum += mix(start, end)
	})
	return hits, sum
}

// own makes an engine as the compiler of rule packs would of one rule with so
// many phrases: each is a literal, a class and a pattern.
func own(phrases []string) (matcher, string, error) {
	p := program(phrases)
	start := cpu()
	b, err := detect.Encode(p)
	if err != nil {
		return nil, "", fmt.Errorf("encode phrases: %w", err)
	}
	encoded := cpu()
	e, err := detect.Load(b)
	if err != nil {
		return nil, "", fmt.Errorf("load phrases: %w", err)
	}
	load := cpu() - encoded
	return &ownMatcher{e}, fmt.Sprintf("tables %.1f MB; compile %d ms, of which load on the device %d ms; %.1f MB compiled",
		float64(e.Stats().AutomatonBytes)/1e6, (cpu() - start).Milliseconds(), load.Milliseconds(), float64(len(b))/1e6), nil
}

func program(phrases []string) *detect.Program {
	p := &detect.Program{
		Signals: 1, Classes: uint32(len(phrases)), Packs: []detect.PackInfo{{Name: "bench", Version: 1}},
		Rules: []detect.Rule{{
			ID: "bench", Title: "Bench", Version: 1, Categories: []vocab.Category{vocab.Bullying}, FourC: vocab.Conduct,
			Severity: vocab.Low, Level: vocab.Log, Audiences: detect.ForPupils,
		}},
	}
	ids := map[string]uint32{}
	for i, phrase := range phrases {
		l := detect.Literal{Classes: []uint32{uint32(i)}}
		for _, w := range strings.Fields(phrase) {
			id, ok := ids[w]
			if !ok {
				id = uint32(len(p.Words))
				ids[w] = id
				p.Words = append(p.Words, detect.Word{Text: w, Same: id})
			}
			l.Words = append(l.Words, id)
		}
		p.Literals = append(p.Literals, l)
		p.Patterns = append(p.Patterns, detect.Pattern{Slots: []detect.Slot{{Class: uint32(i)}}})
	}
	return p
}

// whole measures Match over lines: all readings, rules and hits.
func (o *ownMatcher) whole(text []byte, rounds int, pass time.Duration) {
	lines := strings.Split(string(text[:min(len(text), 1<<20)]), "\n")
	for _, opts := range []struct {
		name string
		detect.Options
	}{{"all readings", detect.Options{}}, {"as typed", detect.Options{Readings: detect.ReadPlain}}} {
		var speeds []float64
		for range rounds {
			start, n := cpu(), 0
			for cpu()-start < pass {
				for _, l := range lines {
					sink += uint64(len(o.engine.Match(l, opts.Options)))
					n += len(l) + 1
				}
			}
			speeds = append(speeds, float64(n)/1e6/(cpu()-start).Seconds())
		}
		fmt.Printf("own whole path, line by line, %s: %.1f MB per CPU s\n", opts.name, median(speeds))
	}
}

// keys measures one typed character: Stream.Type and Ends, warm.
func (o *ownMatcher) keys(text []byte, rounds int) {
	text = text[:min(len(text), 100_000)]
	s := o.engine.NewStream(detect.Options{})
	typeAll := func() {
		for _, c := range text {
			s.Type(rune(c))
			if s.Ends() {
				sink++
			}
		}
	}
	typeAll()
	var took []float64
	for range rounds {
		start := cpu()
		for range 100 { // the kernel counts CPU time in steps of 4 ms
			typeAll()
		}
		took = append(took, float64((cpu()-start).Nanoseconds())/100/float64(len(text)))
	}
	fmt.Printf("\none typed character: %.1f ns (%.1f-%.1f), %.0f allocations in %d\n",
		median(took), slices.Min(took), slices.Max(took), testing.AllocsPerRun(1, typeAll), len(text))
}
