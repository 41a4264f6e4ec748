package rulepack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// hashMagic opens a file of hashed entries. Its form and key follow.
const hashMagic = "lapwing-hashes 1"

// HashForm says what the entries of a hashed list are.
type HashForm string

// Forms of hashed lists.
const (
	Addresses HashForm = "addresses"
	Phrases   HashForm = "words"
)

// HashFile is a licensed list in the form in which it is imported: nobody who
// handles it sees an entry.
type HashFile struct {
	Form   HashForm
	Key    [2]uint64
	Hashes []uint64 // ascending, no two equal
}

// ReadHashes reads a hashed list: a first line "lapwing-hashes 1 FORM KEY",
// where FORM is addresses or words and KEY 32 hexadecimal digits, then one
// hash of 16 hexadecimal digits a line. Lines that begin with # are comments.
func ReadHashes(r io.Reader) (HashFile, error) {
	lines := bufio.NewScanner(r)
	var f HashFile
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case f.Form == "":
			if err := f.head(line); err != nil {
				return HashFile{}, fmt.Errorf("line %d: %w", n, err)
			}
		case line == "" || line[0] == '#':
		default:
			h, err := strconv.ParseUint(line, 16, 64)
			if err != nil || len(line) != 16 {
				return HashFile{}, fmt.Errorf("line %d: a hash is 16 hexadecimal digits", n)
			}
			f.Hashes = append(f.Hashes, h)
		}
	}
	if err := lines.Err(); err != nil {
		return HashFile{}, fmt.Errorf("read hashes: %w", err)
	}
	if f.Form == "" {
		return HashFile{}, errors.New("the file is empty")
	}
	slices.Sort(f.Hashes)
	f.Hashes = slices.Compact(f.Hashes)
	return f, nil
}

func (f *HashFile) head(line string) error {
	rest, ok := strings.CutPrefix(line, hashMagic+" ")
	form, key, _ := strings.Cut(rest, " ")
	if !ok || HashForm(form) != Addresses && HashForm(form) != Phrases {
		return fmt.Errorf("the first line must be %q, addresses or words, and a key", hashMagic)
	}
	if b, err := hex.DecodeString(key); err != nil || len(b) != 16 {
		return errors.New("the key must be 32 hexadecimal digits")
	}
	f.Form = HashForm(form)
	for i := range f.Key {
		f.Key[i], _ = strconv.ParseUint(key[16*i:16*i+16], 16, 64) // checked just above
	}
	return nil
}

// WriteHashes hashes open entries, one a line, into the form that ReadHashes
// reads. The holder of a licensed list runs it on his own machine; open entries
// never come to a collector.
func WriteHashes(entries io.Reader, form HashForm, key [2]uint64, out io.Writer) error {
	var hashes []uint64
	lines := bufio.NewScanner(entries)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := hashEntry(line, form)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err) // never the entry itself
		}
		hashes = append(hashes, detect.Hash64(key, e))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	slices.Sort(hashes)
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s %s %016x%016x\n", hashMagic, form, key[0], key[1])
	for _, h := range slices.Compact(hashes) {
		fmt.Fprintf(w, "%016x\n", h)
	}
	return w.Flush()
}

// hashEntry brings an entry to the form that the engine looks up.
func hashEntry(entry string, form HashForm) ([]byte, error) {
	if form == Phrases {
		words := detect.WordsOf(entry)
		if len(words) == 0 || len(words) > 5 {
			return nil, fmt.Errorf("has %d words; 1 to 5 are allowed", len(words))
		}
		return []byte(strings.Join(words, " ")), nil
	}
	a := []byte(strings.ToLower(entry))
	if i := bytes.Index(a, []byte("://")); i >= 0 {
		a = a[i+3:]
	}
	if i := bytes.IndexAny(a, "?#"); i >= 0 {
		a = a[:i]
	}
	a = bytes.TrimRight(bytes.TrimPrefix(a, []byte("www.")), "/")
	host, _, _ := bytes.Cut(a, []byte("/"))
	if bytes.IndexByte(host, '.') <= 0 || bytes.ContainsAny(a, " \t@") {
		return nil, errors.New("is not a host or an address")
	}
	return a, nil
}

// ReadKey reads the key of a hashed list: one line of 32 hexadecimal digits,
// such as "openssl rand -hex 16" writes.
func ReadKey(r io.Reader) (key [2]uint64, err error) {
	b, err := io.ReadAll(io.LimitReader(r, 256))
	if err != nil {
		return key, err
	}
	k, err := hex.DecodeString(string(bytes.TrimSpace(b)))
	if err != nil || len(k) != 16 {
		return key, errors.New("the file must hold 32 hexadecimal digits, as `openssl rand -hex 16` writes them")
	}
	for i := range key {
		key[i] = binary.BigEndian.Uint64(k[8*i:])
	}
	if key == [2]uint64{} {
		return key, errors.New("the key is all noughts; make one with `openssl rand -hex 16`")
	}
	return key, nil
}
