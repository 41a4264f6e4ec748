package main

import (
	"bytes"
	"math/rand/v2"
	"strings"
)

// phrases makes n phrases: 40 % dictionary words, 30 % runs of two to four
// words of the text with a rare one among them, 30 % random runs of words.
// None holds one of the 500 commonest words alone. The same input gives the
// same phrases.
func phrases(text, dictionary []byte, n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	count := map[string]int{}
	var running []string
	for _, line := range bytes.Split(text, []byte("\n")) {
		for _, w := range strings.Fields(strings.ToLower(string(line))) {
			running = append(running, w)
			count[w]++
		}
	}
	common := commonest(count, 500)
	var words []string
	for _, w := range strings.Fields(strings.ToLower(string(dictionary))) {
		if len(w) >= 4 && plain(w) && !common[w] {
			words = append(words, w)
		}
	}
	set := map[string]bool{}
	var out []string
	add := func(p string) {
		if !set[p] {
			set[p] = true
			out = append(out, p)
		}
	}
	for len(out) < n*4/10 {
		add(words[r.IntN(len(words))])
	}
	for len(out) < n*7/10 {
		k := 2 + r.IntN(3)
		at := r.IntN(len(running) - k)
		run := running[at : at+k]
		rare, ok := false, true
		for _, w := range run {
			rare = rare || !common[w]
			ok = ok && plain(w)
		}
		if rare && ok {
			add(strings.Join(run, " "))
		}
	}
	for len(out) < n {
		k := 2 + r.IntN(3)
		run := make([]string, k)
		for i := range run {
			run[i] = words[r.IntN(len(words))]
		}
		add(strings.Join(run, " "))
	}
	return out
}

func plain(w string) bool {
	for _, c := range w {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return w != ""
}

// commonest returns the n words with the highest counts.
func commonest(count map[string]int, n int) map[string]bool {
	out := map[string]bool{}
	for len(out) < n && len(out) < len(count) {
		best, most := "", -1
		for w, c := range count {
			if !out[w] && (c > most || c == most && w < best) {
				best, most = w, c
			}
		}
		out[best] = true
	}
	return out
}
