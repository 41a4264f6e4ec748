package detect

// Adds reports whether the last character of text, when it was typed, can have
// brought a hit. When it is false, every hit of text is one of the text without
// its last word (or without the character, when that stands between words), as
// severe or more so; whoever matched those texts need not match this one. It
// is far cheaper than Match, and never false where a reading, a gap or a hashed
// list could make something of the word: see docs/detection.md.
func (e *Engine) Adds(text string) bool {
	if len(text) == 0 {
		return false
	}
	switch text[len(text)-1] {
	case ' ', '.', ',', '?': // the words are as they were, and no sign was put to one
		return false
	}
	from := len(text)
	for from > 0 && asciiLetter(text[from-1]) {
		from--
	}
	switch size := len(text) - from; {
	case size == 0 || size > maxWordBytes || from > 0 && text[from-1] != ' ':
		return true
	case size == 1 && from > 0 && (from < 3 || !asciiLetter(text[from-2]) || !asciiLetter(text[from-3])):
		return true // may go on with "k i l l"
	}
	if !isASCII(text) { // how it is folded depends on the whole
		return true
	}
	s := e.scratch.Get().(*scratch)
	defer func() {
		s.forget()
		e.scratch.Put(s)
	}()
	return e.wordAdds(s, text[from:]) || e.listAdds(s, text)
}

// wordAdds reports whether rules know a word, or any reading makes one of it
// that they know.
func (e *Engine) wordAdds(s *scratch, word string) bool {
	s.text = word
	foldPlain(word, &s.plain)
	s.toks = e.tokenize(&s.plain, Plain, s.toks[:0])
	if t := &s.toks[0]; t.ids[0] != none {
		for _, id := range t.ids[:t.n] {
			if id != none && e.last[id] {
				return true
			}
		}
		return false
	}
	return len(word) > 2 && e.resolve(s)
}

// lastWords says of every word, by id, whether a literal ends with it: another
// one completes nothing.
func lastWords(t *trie) []bool {
	last := make([]bool, len(t.root))
	for w, n := range t.root {
		last[w] = n != none && t.ends(n)
	}
	for _, e := range t.edges {
		if _, word, child := split(e); e != 0 && t.ends(child) {
			last[word] = true
		}
	}
	return last
}

// listAdds reports whether an entry of a hashed list stands in the last words.
func (e *Engine) listAdds(s *scratch, text string) bool {
	words := false
	for i := range e.lists {
		words = words || e.lists[i].Words && len(e.lists[i].Hashes) > 0
	}
	if !words {
		return false
	}
	from := len(text)
	for n := 0; from > 0; from-- {
		if text[from-1] == ' ' && from < len(text) && text[from] != ' ' {
			if n++; n == maxHashWords {
				break
			}
		}
	}
	s.text = text[from:]
	foldPlain(s.text, &s.plain)
	s.toks = e.tokenize(&s.plain, Plain, s.toks[:0])
	s.finds, s.longest = s.finds[:0], 0
	e.hashed(s)
	return len(s.finds) > 0
}

func asciiLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
