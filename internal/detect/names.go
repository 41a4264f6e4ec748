package detect

// isName is the names guard: a find inside a place's name ("Nob End") is none,
// nor is a word that is also a name where it is written like one, beside
// another capitalised word ("Dick Turpin", "Gay Street").
func (e *Engine) isName(s *scratch, f find) bool {
	if e.guard != 0 {
		for _, x := range s.near(e.guard-1, f, 0) {
			if x.start <= f.start && x.end >= f.end && x.end-x.start > f.end-f.start {
				return true
			}
		}
	}
	if f.end-f.start != 1 {
		return false
	}
	t := &s.toks[f.start]
	if t.ids[0] == none || e.dict.flags[t.ids[0]]&WordName == 0 || !s.titled(f.start) {
		return false
	}
	return f.start > 0 && s.titled(f.start-1) && s.toks[f.start-1].end+1 == t.start ||
		int(f.end) < len(s.toks) && s.titled(f.end) && t.end+1 == s.toks[f.end].start
}

// titled reports whether token i was typed as a capital and small letters.
func (s *scratch) titled(i uint32) bool { return titled(s.text, &s.toks[i]) }

func titled(text string, t *token) bool {
	if t.end-t.start < 2 {
		return false
	}
	a, b := text[t.start], text[t.start+1]
	return a >= 'A' && a <= 'Z' && (b < 'A' || b > 'Z')
}

// thin reports whether a find rests on too little of a word that was cut up:
// "the horehound" holds "ho", but that is not what it says. Enough is two
// pieces of together six letters, or one of five that is half of the word or
// stands in a whole sentence without spaces.
func (s *scratch) thin(f find) bool {
	for i := f.start; i < f.end; {
		t := &s.toks[i]
		pieces, letters := 0, uint16(0)
		for j := i; j < f.end && s.toks[j].chunk != 0 && s.toks[j].from == t.from; j++ {
			pieces++
			letters += s.toks[j].letters
		}
		if pieces == 0 {
			i++
			continue
		}
		if !(pieces > 1 && letters >= 6) && !(letters >= 5 && (2*letters >= t.chunk || t.chunk >= 16)) {
			return true
		}
		i += uint32(pieces)
	}
	return false
}
