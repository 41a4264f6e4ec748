package detect

// repeated collapses repeated letters: "kiiill", and "asssss" to two.
func (r *resolver) repeated() uint32 {
	for _, most := range [...]int{1, 2} {
		if r.collapse(most) && len(r.alt) >= 3 {
			if id := r.e.dict.find(r.alt); r.hidden(id) {
				return id
			}
			if id := r.e.squeezed.find(r.alt); most == 1 && r.hidden(id) {
				return id
			}
		}
	}
	return none
}

// collapse writes r.word to r.alt with at most so many of a letter in a row,
// and reports whether that changed it.
func (r *resolver) collapse(most int) bool {
	r.alt = r.alt[:0]
	run := 0
	for k, c := range r.word {
		if run++; k == 0 || c != r.word[k-1] {
			run = 1
		}
		if run <= most {
			r.alt = append(r.alt, c)
		}
	}
	return len(r.alt) < len(r.word)
}

// swapped exchanges neighbouring letters: "siucide".
func (r *resolver) swapped() uint32 {
	if len(r.word) < 4 || len(r.word) > 20 {
		return none
	}
	for k := 1; k+1 < len(r.word); k++ { // few people miss the first letter
		if r.word[k] == r.word[k+1] {
			continue
		}
		r.word[k], r.word[k+1] = r.word[k+1], r.word[k]
		id := r.e.dict.find(r.word)
		r.word[k], r.word[k+1] = r.word[k+1], r.word[k]
		if r.hidden(id) {
			return id
		}
	}
	return none
}

// missing adds a letter: "immigrnts".
func (r *resolver) missing() uint32 {
	n := len(r.word)
	if n < 5 || n > 20 {
		return none
	}
	best, id := n, none
	for _, x := range r.e.keys.of(n+1, r.word[0]) {
		if at := r.e.keys.lacking(x, r.word); at > 0 && at < best {
			best, id = at, x.id
		}
	}
	return id
}
