package directory

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Files of OneRoster 1.1 CSV that are read: users, their classes and their
// schools. The others are left alone.
const (
	manifestFile    = "manifest.csv"
	usersFile       = "users.csv"
	classesFile     = "classes.csv"
	enrollmentsFile = "enrollments.csv"
	orgsFile        = "orgs.csv"
)

// userRoles of OneRoster 1.1 (4.13.5); parents and the like are not in it:
// they have no account on a school's devices.
var userRoles = map[string]vocab.Audience{
	"student": vocab.Pupil,
	"teacher": vocab.Staff, "administrator": vocab.Staff, "aide": vocab.Staff, "proctor": vocab.Staff,
}

var otherRoles = []string{"guardian", "parent", "relative"}

// ParseZip reads a OneRoster 1.1 export in one file. The error is an *Error.
func ParseZip(file string, r io.ReaderAt, size int64) (Roster, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return Roster{}, wrong(file, 0, "", "this is not a zip file that can be read. Export it again.")
	}
	return ParseFolder(file, z)
}

// ParseFolder reads a OneRoster 1.1 export from a folder, or from the one
// folder in it. The error is an *Error.
func ParseFolder(name string, files fs.FS) (Roster, error) {
	o := &oneRoster{name: name, files: files, dir: "."}
	if _, err := fs.Stat(files, usersFile); err != nil {
		found, err := fs.Glob(files, "*/"+usersFile)
		if err != nil || len(found) != 1 {
			return Roster{}, wrong(name, 0, "", "there is no users.csv in it, so this is no OneRoster 1.1 CSV export.")
		}
		o.dir = path.Dir(found[0])
	}
	out, err := o.read()
	if err != nil {
		return Roster{}, err
	}
	if len(out.People) == 0 {
		return Roster{}, wrong(usersFile, 0, "", "there is nobody in it. To empty a directory is no import.")
	}
	return out, nil
}

type oneRoster struct {
	name  string
	files fs.FS
	dir   string
	bad   problems
}

func (o *oneRoster) read() (Roster, error) {
	o.manifest()
	raw, ok := o.open(usersFile)
	if !ok || len(o.bad.list) > 0 {
		return Roster{}, o.bad.err()
	}
	out := Roster{Source: SourceOneRoster}
	t, ok := newTable(usersFile, raw, &o.bad, "sourcedId", "role", "username", "givenName", "familyName")
	if !ok {
		return Roster{}, o.bad.err()
	}
	lines := map[string]int{}
	for t.next() {
		if t.blank() {
			continue
		}
		if len(out.People)+out.Skipped == MaxPeople {
			o.bad.add(usersFile, t.line, "", "over %d people. Export one school at a time.", MaxPeople)
			break
		}
		r, take := t.user()
		if t.failed {
			continue
		}
		if first, twice := lines[r.ID]; twice {
			t.wrong("sourcedId", "the id is in line %d already. Each id must be there once.", first)
			continue
		}
		lines[r.ID] = t.line
		if !take {
			out.Skipped++
			continue
		}
		out.People = append(out.People, r)
	}
	o.sites(out.People)
	o.classes(out.People)
	return out, o.bad.err()
}

// manifest refuses what would be half a directory.
func (o *oneRoster) manifest() {
	raw, ok := o.open(manifestFile)
	if !ok {
		return
	}
	t, ok := newTable(manifestFile, raw, &o.bad, "propertyName", "value")
	if !ok {
		return
	}
	for t.next() {
		switch property, value := t.get("propertyName", MaxIDBytes), t.get("value", MaxIDBytes); {
		case strings.EqualFold(property, "oneroster.version") && !strings.HasPrefix(value, "1."):
			t.wrong("value", "OneRoster version is not 1.1. Export as OneRoster 1.1 CSV.")
		case strings.EqualFold(property, "file.users") && strings.EqualFold(value, "delta"):
			t.wrong("value", "users are a list of changes (delta). Export all of them (bulk).")
		}
	}
}

// user reads a row; take is false for people who are no concern of Lapwing's.
func (t *table) user() (r Record, take bool) {
	r = Record{Source: SourceOneRoster, File: t.file, Line: t.line,
		ID: t.get("sourcedId", MaxIDBytes), Account: t.get("username", MaxFieldChars), Email: t.get("email", MaxFieldChars),
		Given: t.get("givenName", MaxFieldChars), Family: t.get("familyName", MaxFieldChars)}
	if len(r.ID) > MaxIDBytes {
		t.wrong("sourcedId", "%d bytes, at most %d", len(r.ID), MaxIDBytes)
	}
	if r.ID == "" && !t.failed {
		t.wrong("sourcedId", "the id is missing.")
	}
	role := Fold(t.get("role", MaxFieldChars))
	status := Fold(t.get("status", MaxFieldChars))
	if t.failed || slices.Contains(otherRoles, role) || status == "tobedeleted" {
		return r, false
	}
	var known bool
	if r.Audience, known = userRoles[role]; !known {
		t.wrong("role", "the role is not one of OneRoster 1.1: student, teacher, administrator, aide, proctor, guardian, parent, relative.")
		return r, false
	}
	r.Name = strings.TrimSpace(r.Given + " " + r.Family)
	if r.Name == "" {
		t.wrong("familyName", "neither a given nor a family name.")
		return r, false
	}
	if Fold(r.Account) == "" && Fold(r.Email) == "" {
		t.wrong("username", "neither a user name nor an e-mail address, so no account could ever match. Fill in one.")
		return r, false
	}
	if r.Audience == vocab.Pupil {
		r.Year = yearOf(t.get("grades", MaxFieldChars))
	}
	for id := range strings.SplitSeq(t.get("orgSourcedIds", maxOrgs), ",") {
		if id = strings.TrimSpace(id); id != "" && len(r.Sites) < MaxSites {
			r.Sites = append(r.Sites, id) // an id until sites names it
		}
	}
	return r, true
}

// yearOf makes a year group of OneRoster's grades: the first, in England's
// words when it is a number.
func yearOf(grades string) string {
	first, _, _ := strings.Cut(grades, ",")
	first = strings.TrimSpace(first)
	if n, err := strconv.Atoi(first); err == nil && n >= 1 && n <= 14 {
		return fmt.Sprintf("Year %d", n)
	}
	if runes := []rune(first); len(runes) > MaxYearChars {
		return string(runes[:MaxYearChars])
	}
	return first
}

// open reads a file of the export; false when it is not there or too large.
func (o *oneRoster) open(file string) ([]byte, bool) {
	f, err := o.files.Open(path.Join(o.dir, file))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			o.bad.add(file, 0, "", "cannot be read from %s", o.name)
		}
		return nil, false
	}
	defer f.Close()
	var b bytes.Buffer
	// A small zip may hold a very large file; its own word on the size is not believed.
	n, err := io.Copy(&b, io.LimitReader(f, MaxFileBytes+1))
	switch {
	case err != nil:
		o.bad.add(file, 0, "", "cannot be read from %s. Export it again.", o.name)
	case n > MaxFileBytes:
		o.bad.add(file, 0, "", "over %d bytes. Export one school at a time.", MaxFileBytes)
	default:
		return b.Bytes(), true
	}
	return nil, false
}
