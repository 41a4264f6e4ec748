// Package lexicon holds lists of ordinary words, people's names and British
// places for the compiler of rule packs. README.md names their sources and
// licences. It imports the standard library only.
package lexicon

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
)

//go:embed words.txt.gz
var words []byte

//go:embed names.txt.gz
var names []byte

//go:embed places.txt.gz
var places []byte

//go:embed forenames.txt.gz
var forenames []byte

//go:embed common.txt.gz
var common []byte

// Lists is what the files hold. It is shared and must not be changed.
type Lists struct {
	Words  []string   // about 134,000 words of British and American English
	Names  []string   // about 3,100 forenames and surnames, each one word
	Places [][]string // about 35,000 places of Great Britain, by words
	// Forenames are about 1,500 first names that are hardly ever anything else.
	Forenames []string
	Common    map[string]bool // about 12,000 of the most common English words

	firstNames map[string]bool // Forenames
}

// FirstName reports whether a word is one of Forenames, or one with an s
// ("jakes" for "jake's") that is no common word.
func (l *Lists) FirstName(word string) bool {
	base, s := strings.CutSuffix(word, "s")
	return l.firstNames[word] || s && l.firstNames[base] && !l.Common[word]
}

// Load unpacks the files, once.
var Load = sync.OnceValues(func() (*Lists, error) {
	w, err := read("words", words)
	if err != nil {
		return nil, err
	}
	n, err := read("names", names)
	if err != nil {
		return nil, err
	}
	p, err := read("places", places)
	if err != nil {
		return nil, err
	}
	first, err := read("forenames", forenames)
	if err != nil {
		return nil, err
	}
	c, err := read("common", common)
	if err != nil {
		return nil, err
	}
	l := &Lists{Words: w, Names: n, Places: make([][]string, len(p)), Forenames: first, Common: make(map[string]bool, len(c))}
	for _, w := range c {
		l.Common[w] = true
	}
	l.firstNames = make(map[string]bool, len(first))
	for _, w := range first {
		l.firstNames[w] = true
	}
	for i, place := range p {
		l.Places[i] = strings.Fields(place)
	}
	return l, nil
})

func read(name string, gz []byte) ([]string, error) {
	z, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		return nil, fmt.Errorf("read list of %s: %w", name, err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read list of %s: %w", name, err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), nil
}
