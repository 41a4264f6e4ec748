package main

import (
	"fmt"
	"strings"
	"time"

	goaway "github.com/TwiN/go-away"
	petar "github.com/petar-dambovaliev/aho-corasick"

	"github.com/lapwing-schools/lapwing/agent/match"
	"github.com/lapwing-schools/lapwing/internal/detect"
)

var engines = []engine{
	{"lapwing (Scan)", buildLapwing},
	{"petar-dambovaliev DFA, overlapping", buildPetar},
}

// buildLapwing makes a rule set of one rule without going through YAML.
func buildLapwing(list []string) (func([]byte) int, error) {
	p := detect.Program{Classes: 1, Signals: 1, Patterns: []detect.Pattern{{Slots: []detect.Slot{{}}}}}
	ids := map[string]uint32{}
	for _, phrase := range list {
		var l detect.Literal
		for _, w := range strings.Fields(phrase) {
			id, ok := ids[w]
			if !ok {
				id = uint32(len(p.Words))
				ids[w] = id
				p.Words = append(p.Words, detect.Word{Text: w, Same: id})
			}
			l.Words = append(l.Words, id)
		}
		l.Classes = []uint32{0}
		p.Literals = append(p.Literals, l)
	}
	b, err := detect.Encode(&p)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	e, err := detect.Load(b)
	if err != nil {
		return nil, err
	}
	fmt.Printf("\nlapwing: %d phrases, compiled %d bytes, automaton %d bytes, loaded in %d ms\n",
		len(list), len(b), e.Stats().AutomatonBytes, time.Since(start).Milliseconds())
	return func(text []byte) int {
		n := 0
		e.Scan(text, func(_, _ int) { n++ })
		return n
	}, nil
}

func buildPetar(list []string) (func([]byte) int, error) {
	b := petar.NewAhoCorasickBuilder(petar.Opts{AsciiCaseInsensitive: true, MatchKind: petar.StandardMatch, DFA: true})
	ac := b.Build(list)
	return func(text []byte) int {
		n := 0
		s := string(text)
		for it := ac.IterOverlapping(s); ; {
			m := it.Next()
			if m == nil {
				return n
			}
			if border(text, m.Start()-1) && border(text, m.End()) {
				n++
			}
		}
	}, nil
}

func border(text []byte, i int) bool {
	if i < 0 || i >= len(text) {
		return true
	}
	c := text[i] | 0x20
	return !(c >= 'a' && c <= 'z' || text[i] >= '0' && text[i] <= '9')
}

// lines measures the whole path, all readings and rules, on a line of 70
// characters, beside a profanity filter.
func lines() error {
	e, err := match.Engine("")
	if err != nil {
		return err
	}
	filter := goaway.NewProfanityDetector()
	fmt.Print("\n| whole path, one thread, line of 70 characters | µs, lesson | µs, hit | µs, disguised |\n|---|---|---|---|\n")
	for _, x := range []struct {
		name  string
		match func(string)
	}{
		{"lapwing, shipped packs, all readings", func(s string) { e.Match(s, detect.Options{}) }},
		{"TwiN/go-away", func(s string) { filter.IsProfane(s) }},
	} {
		fmt.Printf("| %s |", x.name)
		for _, line := range []string{
			"the roman army built straight roads so that soldiers could move quick.",
			"honestly i just want to kill myself tonight and nobody would even care",
			"honestly i just w4nt to k1ll mys3lf ton1ght and n0body would even c4re",
		} {
			best := time.Hour
			for range 5 {
				const n = 5000
				start := cpu()
				for range n {
					x.match(line)
				}
				best = min(best, (cpu()-start)/n)
			}
			fmt.Printf(" %.1f |", float64(best.Nanoseconds())/1000)
		}
		fmt.Println()
	}
	return nil
}
