package detect

// isName is the names guard: a find inside a place's name ("Nob End") is none,
// nor is a word that is also a name where it is written like one, beside
// another capitalised word ("Dick Turpin", "Gay Street").
func (e *Engine) isName(s *scratch, f find) bool {
	if e.guard != 0 {
		for _, x := range s.finds {
			if x.signal == e.guard-1 && x.start <= f.start && x.end >= f.end && x.end-x.start > f.end-f.start {
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
func (s *scratch) titled(i uint32) bool {
	t := &s.toks[i]
	if t.end-t.start < 2 {
		return false
	}
	a, b := s.text[t.start], s.text[t.start+1]
	return a >= 'A' && a <= 'Z' && (b < 'A' || b > 'Z')
}
