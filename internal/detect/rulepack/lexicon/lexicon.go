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
)

//go:embed words.txt.gz
var words []byte

//go:embed names.txt.gz
var names []byte

//go:embed places.txt.gz
var places []byte

// Words returns about 150,000 words of British English.
func Words() ([]string, error) { return read("words", words) }

// Names returns about 3,000 forenames and surnames, each one word.
func Names() ([]string, error) { return read("names", names) }

// Places returns about 35,000 places of Great Britain; many have several words.
func Places() ([]string, error) { return read("places", places) }

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
