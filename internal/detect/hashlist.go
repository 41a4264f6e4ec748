package detect

import (
	"bytes"
	"slices"
)

// maxHashWords is how many words an entry of a hashed word list may have.
const maxHashWords = 5

// hashed looks for entries of the hashed lists in the plain reading. Rule sets
// without such lists pay nothing.
func (e *Engine) hashed(s *scratch) {
	for i := range e.lists {
		l := &e.lists[i]
		if len(l.Hashes) == 0 {
			continue
		}
		if l.Words {
			s.hashedWords(l)
		} else {
			s.hashedAddresses(l)
		}
	}
}

func (l *HashList) has(entry []byte) bool {
	_, ok := slices.BinarySearch(l.Hashes, Hash64(l.Key, entry))
	return ok
}

// hashedWords tries every run of up to maxHashWords words.
func (s *scratch) hashedWords(l *HashList) {
	for i := range s.toks {
		s.entry = s.entry[:0]
		for j := i; j < len(s.toks) && j < i+maxHashWords && s.toks[j].sentence == s.toks[i].sentence; j++ {
			if j > i {
				s.entry = append(s.entry, ' ')
			}
			for _, c := range s.plain.buf[s.toks[j].from:s.toks[j].to] {
				if c != '\'' && c != '`' {
					s.entry = append(s.entry, c)
				}
			}
			if l.has(s.entry) {
				s.found(find{l.Signal, uint32(i), uint32(j) + 1})
			}
		}
	}
}

// hashedAddresses tries every address: its host, the domains above it, and the
// host with each piece of its path.
func (s *scratch) hashedAddresses(l *HashList) {
	for i := 0; i < len(s.toks); {
		n := 1
		for i+n < len(s.toks) && !endsAddress(s.plain.buf[s.toks[i+n-1].to:s.toks[i+n].from]) {
			n++
		}
		from, to := s.toks[i].from, s.toks[i+n-1].to
		if n > 1 && to-from >= 4 && to-from <= 2048 && s.address(l, s.plain.buf[from:to]) {
			s.found(find{l.Signal, uint32(i), uint32(i + n)})
		}
		i += n
	}
}

// endsAddress reports whether what stands between two words ends an address.
func endsAddress(gap []byte) bool {
	return len(gap) > 0 && (gap[0] == ' ' || bytes.ContainsAny(gap, " \t\n\r<>\""))
}

// address reports whether l has an entry for an address without its query.
func (s *scratch) address(l *HashList, a []byte) bool {
	if k := bytes.Index(a, []byte("://")); k >= 0 {
		a = a[k+3:]
	}
	if k := bytes.IndexAny(a, "?#"); k >= 0 {
		a = a[:k]
	}
	host, path, _ := bytes.Cut(a, []byte("/"))
	if k := bytes.LastIndexByte(host, '@'); k >= 0 {
		host = host[k+1:]
	}
	host, _, _ = bytes.Cut(host, []byte(":"))
	host = bytes.TrimSuffix(host, []byte("."))
	for h := host; bytes.IndexByte(h, '.') > 0; {
		if l.has(h) {
			return true
		}
		_, h, _ = bytes.Cut(h, []byte("."))
	}
	if bytes.IndexByte(host, '.') < 0 {
		return false
	}
	s.entry = append(s.entry[:0], bytes.TrimPrefix(host, []byte("www."))...)
	for range 16 {
		piece, rest, more := bytes.Cut(path, []byte("/"))
		if len(piece) > 0 {
			s.entry = append(append(s.entry, '/'), piece...)
			if l.has(s.entry) {
				return true
			}
		}
		if !more {
			break
		}
		path = rest
	}
	return false
}
