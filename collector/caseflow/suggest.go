package caseflow

import "github.com/lapwing-schools/lapwing/internal/vocab"

// Suggest says that a case weighs more or less than it was given. It changes
// neither severity nor clock: whoever works on the case reads it and decides.
type Suggest struct {
	Severity vocab.Severity
	Why      Sealed // 1 to 500 characters
	Chars    int
}

func (Suggest) command() {}

// Suggested is the event of Suggest.
type Suggested struct {
	Stamp
	Severity vocab.Severity
	Why      Sealed
}

func (Suggested) event() {}

func decideSuggest(c Case, cmd Suggest, by Stamp) ([]Event, error) {
	switch {
	case c.State == Closed:
		return nil, &InvalidError{Field: "state", Message: "This case is closed. Nothing more can be suggested for it."}
	case cmd.Severity < vocab.Low || cmd.Severity > vocab.Critical:
		return nil, &InvalidError{Field: "severity", Message: "Choose the severity that you suggest."}
	case cmd.Severity == c.Severity:
		return nil, &InvalidError{Field: "severity", Message: "The case has this severity already. Choose another, or add a note instead."}
	}
	if err := checkText("reason", cmd.Why, cmd.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	return []Event{Suggested{Stamp: by, Severity: cmd.Severity, Why: cmd.Why}}, nil
}
