package caseflow

import (
	"errors"
	"strings"
	"time"
)

// Refusals without details.
var (
	// ErrHidden means that the actor may not know of the case. Callers answer
	// exactly as for a case that does not exist.
	ErrHidden = errors.New("no such case")
	// ErrNotAllowed means that this actor may never give this command.
	ErrNotAllowed = errors.New("not allowed")
)

// StaleError means that the case has changed since the actor read it. Nothing
// was changed; Now is the case as it stands.
type StaleError struct{ Now Case }

func (*StaleError) Error() string { return "the case has changed since it was read" }

// ClaimedError means that somebody else holds the case until Until. Its text
// names nobody, so that it may be logged.
type ClaimedError struct {
	By    UserID
	Name  string
	Until time.Time
}

func (*ClaimedError) Error() string { return "the case is claimed by somebody else" }

// InvalidError means that a field of the command cannot be taken as it is.
// Message is a whole sentence for the person who filled it in; it names the
// limit and what to do, and holds nothing of what was typed.
type InvalidError struct {
	Field   string // name of the form's field: note, outcome, rule, reason, until, key, state …
	Limit   int    // the limit that was passed, in Message's unit; 0 for none
	Message string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Message }

// Problems are all that is wrong with a form, one for each field.
type Problems []*InvalidError

// Error names the fields, and nothing of what was typed.
func (p Problems) Error() string {
	fields := make([]string, len(p))
	for i, e := range p {
		fields[i] = e.Field
	}
	return "not valid: " + strings.Join(fields, ", ")
}

// Refusals lists them, for a form.
func (p Problems) Refusals() []*InvalidError { return p }

// problems makes one refusal of several; nil where there is none. A single one
// stays what it is.
func problems(all ...error) error {
	var p Problems
	for _, err := range all {
		var one *InvalidError
		switch {
		case err == nil:
		case errors.As(err, &one):
			p = append(p, one)
		default:
			return err
		}
	}
	switch len(p) {
	case 0:
		return nil
	case 1:
		return p[0]
	}
	return p
}
