package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type text struct {
	name  string
	bytes []byte
}

// readText reads a text. Apostrophes, underlines and what is not ASCII become
// spaces: matchers differ in whether these are part of a word.
func readText(name string) (text, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return text{}, fmt.Errorf("read text: %w", err)
	}
	for i, c := range b {
		if c == '\'' || c == '`' || c == '_' || c >= 0x80 {
			b[i] = ' '
		}
	}
	return text{strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), b}, nil
}

// readWords reads the words of a list that are four or more small letters.
func readWords(name string) ([]string, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read word list: %w", err)
	}
	var words []string
	for _, w := range strings.Fields(string(b)) {
		if len(w) >= 4 && letters([]byte(w)) {
			words = append(words, w)
		}
	}
	return words, nil
}

func letters(b []byte) bool {
	for _, c := range b {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return len(b) > 0
}

// makePhrases makes n phrases, always the same: 40 % words of the dictionary
// without the 500 commonest of the texts, 30 % sequences of 2 to 4 words that
// stand in the texts and hold a less common word, and 30 % of 2 to 4 words of
// the dictionary at random.
func makePhrases(n int, dict []string, texts []text) []string {
	r := rand.New(rand.NewPCG(1, 2))
	count := map[string]int{}
	var running [][]string // words of the texts that single spaces separate
	for _, t := range texts {
		for _, line := range bytes.FieldsFunc(bytes.ToLower(t.bytes), func(r rune) bool { return r != ' ' && (r < 'a' || r > 'z') }) {
			var run []string
			for _, w := range strings.Split(string(line), " ") {
				if w == "" {
					run = nil
					continue
				}
				count[w]++
				if run = append(run, w); len(run) >= 2 {
					running = append(running, run[max(0, len(run)-4):])
				}
			}
		}
	}
	var byCount []string
	for w := range count {
		byCount = append(byCount, w)
	}
	slices.SortFunc(byCount, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	common := map[string]bool{}
	for _, w := range byCount[:min(500, len(byCount))] {
		common[w] = true
	}
	var rare []string
	for _, w := range dict {
		if !common[w] {
			rare = append(rare, w)
		}
	}
	seen := map[string]bool{}
	var phrases []string
	for len(phrases) < n {
		var p []string
		switch k := len(phrases) * 10 / n; {
		case k < 4:
			p = []string{rare[r.IntN(len(rare))]}
		case k < 7:
			run := running[r.IntN(len(running))]
			p = run[:2+r.IntN(len(run)-1)]
			if !slices.ContainsFunc(p, func(w string) bool { return !common[w] }) {
				continue
			}
		default:
			for range 2 + r.IntN(3) {
				p = append(p, dict[r.IntN(len(dict))])
			}
		}
		if s := strings.Join(p, " "); !seen[s] {
			seen[s] = true
			phrases = append(phrases, s)
		}
	}
	return phrases
}
