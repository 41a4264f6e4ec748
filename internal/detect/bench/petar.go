package main

import aho "github.com/petar-dambovaliev/aho-corasick"

type petarMatcher struct {
	ac  aho.AhoCorasick
	dfa bool
}

func newPetar(dfa bool) func([]string) (matcher, string, error) {
	return func(phrases []string) (matcher, string, error) {
		b := aho.NewAhoCorasickBuilder(aho.Opts{
			AsciiCaseInsensitive: true, MatchKind: aho.StandardMatch, DFA: dfa,
		})
		return &petarMatcher{b.Build(phrases), dfa}, "", nil
	}
}

func (p *petarMatcher) name() string {
	if p.dfa {
		return "petar-dambovaliev DFA, overlapping"
	}
	return "petar-dambovaliev NFA, overlapping"
}

func (p *petarMatcher) count(text []byte) (hits int, sum uint64) {
	it := p.ac.IterOverlappingByte(text)
	for m := it.Next(); m != nil; m = it.Next() {
		start, end := m.Start(), m.End()
		if (start == 0 || !isWord[text[start-1]]) && (end == len(text) || !isWord[text[end]]) {
			hits++
			sum += mix(start, end)
		}
	}
	return hits, sum
}

var isWord = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	return t
}()
