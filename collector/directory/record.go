// Package directory reads a school's list of people and says which of them an
// account, or a name in a text, means. It owns the two file formats (OneRoster
// 1.1 CSV, and the simple CSV "account,name,role,year,aliases"), the rule by
// which accounts match, and the forms in which staff are looked for in texts.
//
// It is pure: it opens no store and no network, hashes nothing itself, and
// reads files only through the fs.FS or io.ReaderAt that it is given. It may
// import collector/caseflow and internal/vocab; collector/roster brings what
// it reads into a store.
package directory

import (
	"fmt"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Limits of a directory. A large English secondary has some 3,000 people; a
// trust's export some ten times as many.
const (
	MaxPeople     = 100_000  // records of one directory
	MaxFileBytes  = 64 << 20 // of one file, unpacked
	MaxIDBytes    = 255      // sourcedId of OneRoster is at most that
	MaxFieldChars = 200      // of an account, a name, an alias, an e-mail address
	MaxYearChars  = 40
	MaxAliases    = 20
	MaxClasses    = 60 // of one person that are kept
	MaxSites      = 8
	maxProblems   = 50 // reported of one file; the rest is counted
)

// Sources of a record.
const (
	SourceSimple    = "csv"
	SourceOneRoster = "oneroster"
)

// Record is one person, as the file has them. All of it is text that somebody
// typed: it is never a formula, markup or a path.
type Record struct {
	// Source and ID say who it is in the next import of the same kind: the
	// sourcedId, or the account in folded form.
	Source, ID string
	Account    string // user name; may be qualified: DOMAIN\user, user@domain
	Email      string
	Name       string // as people read it
	// Given and Family, where the source tells them apart.
	Given, Family string
	Audience      vocab.Audience // pupil or staff
	Year          string         // year group, empty for staff
	Aliases       []string       // other account names and other names
	Sites         []string       // names of the schools or sites that the person belongs to, sorted
	Classes       []Class        // that the person is in or teaches, by id

	File string
	Line int // in File, from 1
}

// Class is a teaching group.
type Class struct {
	ID    string // as the source has it
	Title string // as people read it; the id where it has none
}

// Roster is a whole directory.
type Roster struct {
	Source  string
	People  []Record
	Skipped int // records that are neither pupils nor staff, or marked as deleted
}

// Problem is one thing that a file has wrong, in a sentence for its owner.
type Problem struct {
	File  string
	Line  int    // from 1; 0 for the file as a whole
	Field string // column; empty for the line as a whole
	What  string // names the limit and what to do
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, " line %d", p.Line)
	}
	if p.Field != "" {
		b.WriteString(", " + p.Field)
	}
	return b.String() + ": " + p.What
}

// Error says why a directory cannot be taken. Nothing of it was.
type Error struct {
	Problems []Problem // at most 50
	More     int       // not listed
}

func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// problems gathers what is wrong, so that one look at the file mends it all.
type problems struct {
	list []Problem
	more int
}

func (p *problems) add(file string, line int, field, format string, args ...any) {
	if len(p.list) == maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, Problem{file, line, field, fmt.Sprintf(format, args...)})
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &Error{p.list, p.more}
}

func wrong(file string, line int, field, format string, args ...any) error {
	var p problems
	p.add(file, line, field, format, args...)
	return p.err()
}
