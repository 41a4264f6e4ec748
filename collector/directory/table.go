package directory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// table reads a CSV file by the names in its first line.
type table struct {
	file    string
	r       *csv.Reader
	columns map[string]int
	row     []string
	line    int
	bad     *problems
	failed  bool
}

// newTable reads the header. Columns are found by name without regard to case
// and order; those that are not known are left alone.
func newTable(file string, raw []byte, bad *problems, needed ...string) (*table, bool) {
	text, err := toUTF8(file, raw)
	if err != nil {
		bad.list = append(bad.list, err.(*Error).Problems...)
		return nil, false
	}
	t := &table{file: file, r: csv.NewReader(bytes.NewReader(text)), columns: map[string]int{}, bad: bad}
	t.r.FieldsPerRecord = -1
	t.r.ReuseRecord = true
	header, err := t.r.Read()
	if errors.Is(err, io.EOF) {
		bad.add(file, 0, "", "the file is empty. Its first line must be: %s", strings.Join(needed, ","))
		return nil, false
	}
	if err != nil {
		t.unreadable(err)
		return nil, false
	}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := t.columns[name]; twice && name != "" {
			bad.add(file, 1, clip(name), "this column is there twice. Remove one.")
			return nil, false
		}
		t.columns[name] = i
	}
	for _, name := range needed {
		if _, ok := t.columns[strings.ToLower(name)]; !ok {
			hint := ""
			if len(header) == 1 && strings.ContainsAny(header[0], ";\t|") {
				hint = " The fields seem to be parted by something else than commas: save it as comma-separated."
			}
			bad.add(file, 1, name, "this column is missing from the first line, which must name: %s.%s", strings.Join(needed, ","), hint)
			return nil, false
		}
	}
	return t, true
}

// next moves to the next row; false at the end, or when the file cannot be
// read further.
func (t *table) next() bool {
	row, err := t.r.Read()
	if err != nil {
		if !errors.Is(err, io.EOF) {
			t.unreadable(err)
		}
		return false
	}
	t.row = row
	t.line, _ = t.r.FieldPos(0)
	t.failed = false
	return true
}

// blank reports whether the row is one that spreadsheets leave behind.
func (t *table) blank() bool {
	for _, f := range t.row {
		if strings.TrimSpace(f) != "" {
			return false
		}
	}
	return true
}

func (t *table) unreadable(err error) {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		t.bad.add(t.file, parse.Line, "", "the quotation marks do not pair. A field with a comma or a quotation mark must stand in quotation marks, with those inside it doubled.")
		return
	}
	t.bad.add(t.file, 0, "", "cannot be read")
}

// get is a field in composed form without space around it; empty when the row
// is too short or there is no such column. It must have at most chars characters, none of
// them a control character.
func (t *table) get(column string, chars int) string {
	i, ok := t.columns[strings.ToLower(column)]
	if !ok || i >= len(t.row) {
		return ""
	}
	return t.check(column, norm.NFC.String(strings.TrimSpace(t.row[i])), chars)
}

// check returns s, or says what is wrong with it and returns the empty string.
func (t *table) check(column, s string, chars int) string {
	if n := utf8.RuneCountInString(s); n > chars {
		t.wrong(column, "%d characters, at most %d. Shorten it.", n, chars)
		return ""
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		t.wrong(column, "there is a line break or another control character. Remove it.")
		return ""
	}
	// The reader's memory must not be held by one field of a large file.
	return strings.Clone(s)
}

func (t *table) wrong(column, format string, args ...any) {
	t.failed = true
	t.bad.add(t.file, t.line, column, format, args...)
}

// clip keeps what a file calls its columns short enough for a message.
func clip(s string) string {
	if utf8.RuneCountInString(s) > 40 {
		return string([]rune(s)[:40]) + "…"
	}
	return s
}
