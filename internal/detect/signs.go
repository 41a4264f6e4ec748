package detect

// leet maps signs and digits to the letters that they are written for.
var leet = func() (t [128]byte) {
	for _, p := range []string{"0o", "1i", "3e", "4a", "5s", "6g", "7t", "8b", "9g", "@a", "$s", "!i", "|l", "+t", "(c", "<c"} {
		t[p[0]] = p[1]
	}
	return t
}()

// signs reads a chunk of n words that has digits or signs in it as one word:
// "sh1t", "$h!t", "f*ck".
func (r *resolver) signs(i, n int) bool {
	from, to := r.in[i].from, r.in[i+n-1].to
	b := r.f.buf
	for from > 0 && sign(b[from-1]) {
		from--
	}
	for int(to) < len(b) && sign(b[to]) {
		to++
	}
	if to-from > maxWordBytes {
		return false
	}
	// A sign at either end may belong to the word ("$hit") or the sentence
	// ("fuck!"): both are tried, the longer first.
	for _, span := range [...][2]int32{{from, to}, {from, r.in[i+n-1].to}, {r.in[i].from, to}, {r.in[i].from, r.in[i+n-1].to}} {
		r.load(span[0], span[1])
		if id := r.leet(r.in[i].reading == Folded); id != none {
			r.put(i, n, Leet, id)
			return true
		}
		if ids := r.masked(); len(ids) > 0 {
			r.put(i, n, Masked, ids...)
			return true
		}
	}
	return false
}

func sign(c byte) bool {
	switch c {
	case '@', '$', '!', '|', '+', '(', '<', '*', '#', '%', '&', '^':
		return true
	}
	return false
}

// numbered reports whether r.word is a word with a number after it: "year7".
func (r *resolver) numbered() bool {
	n := len(r.word) - 1
	w := r.word[:n]
	return digit(r.word[n]) && letters(w) && (n < 3 || r.e.knows(w) || r.e.dict.find(w) != none)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// leet reads r.word with its digits and signs as letters. 1 and ! are also
// tried as l.
func (r *resolver) leet(folded bool) uint32 {
	if len(r.word) < 3 || len(r.word) > 24 {
		return none
	}
	if !folded && r.numbered() {
		return none
	}
	r.alt = r.alt[:0]
	some, letter, ones := false, false, 0
	for _, c := range r.word {
		switch {
		case c >= 'a' && c <= 'z':
			letter = true
		case c < 128 && leet[c] != 0:
			some = true
			if c = leet[c]; c == 'i' {
				ones++
			}
		default:
			return none
		}
		r.alt = append(r.alt, c)
	}
	if !some || !letter {
		return none
	}
	for try := 0; try < 1<<min(ones, 3); try++ {
		k := 0
		for j, c := range r.word {
			if c == '1' || c == '!' {
				if r.alt[j] = 'i'; try>>k&1 == 1 {
					r.alt[j] = 'l'
				}
				k = min(k+1, 2)
			}
		}
		if id := r.e.dict.find(r.alt); r.hidden(id) {
			return id
		}
		if r.e.knows(r.alt) {
			return none
		}
	}
	if len(r.alt) < 5 {
		return none
	}
	r.word, r.alt = r.alt, r.word
	id := r.repeated()
	r.word, r.alt = r.alt, r.word
	return id
}

// masked lists what r.word may be with one or two of its letters behind a sign,
// at most four. Sums and code are left alone: "t-d", "x*$x".
func (r *resolver) masked() []uint32 {
	if len(r.word) < 3 || len(r.word) > 16 {
		return nil
	}
	n, first, same := 0, r.word[0], true
	for k, c := range r.word {
		switch {
		case c >= 'a' && c <= 'z':
			same = same && c == first
		case c == '*' || c == '#' || c == '-' || c == '_' || c == '@' || c == '$' || c == '%' || c == '^' || c == '!':
			if k == 0 || n == 2 || (k == len(r.word)-1 || len(r.word) == 3) && c != '*' && c != '#' {
				return nil
			}
			n++
		default:
			return nil
		}
	}
	if n == 0 || same || len(r.word)-n < 2 {
		return nil
	}
	r.ids = r.ids[:0]
	for _, x := range r.e.keys.of(len(r.word), r.word[0]) {
		if len(r.ids) < 4 && r.e.keys.fits(x, r.word) {
			r.ids = append(r.ids, x.id)
		}
	}
	return r.ids
}
