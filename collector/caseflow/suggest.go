package caseflow

import (
	"slices"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Suggest says what an external reviewer would do with a case: an outcome,
// another severity, or both. It changes neither: whoever works on the case
// reads it and decides. A second suggestion takes the place of the first.
type Suggest struct {
	Outcome  Outcome        // empty: none
	Severity vocab.Severity // zero: as it is
	Why      Sealed         // 1 to 500 characters
	Chars    int
}

func (Suggest) command() {}

// Suggested is the event of Suggest.
type Suggested struct {
	Stamp
	Outcome  Outcome
	Severity vocab.Severity
	Why      Sealed
}

func (Suggested) event() {}

func decideSuggest(c Case, cmd Suggest, by Stamp) ([]Event, error) {
	if cmd.Severity == c.Severity {
		cmd.Severity = 0 // they would leave it as it is
	}
	switch {
	case cmd.Severity != 0 && !cmd.Severity.Valid():
		return nil, &InvalidError{Field: "severity", Message: "Choose the severity that you suggest."}
	case cmd.Outcome != "" && !slices.Contains(Outcomes(), cmd.Outcome):
		return nil, &InvalidError{Field: "outcome", Message: "Choose the outcome that you suggest."}
	case cmd.Outcome == "" && cmd.Severity == 0:
		return nil, &InvalidError{Field: "outcome", Message: "Choose an outcome or another severity, or write a note instead."}
	}
	if err := checkText("reason", cmd.Why, cmd.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	return []Event{Suggested{Stamp: by, Outcome: cmd.Outcome, Severity: cmd.Severity, Why: cmd.Why}}, nil
}
