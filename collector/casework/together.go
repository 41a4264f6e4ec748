package casework

import (
	"context"
	"errors"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// TogetherForm closes cases of low severity with one reason.
type TogetherForm struct {
	// Cases, each with the version that the page showed; 1 to caseflow.MaxTogether.
	Cases   []Form
	Key     string // of the whole form, at most 48 bytes; not empty
	Outcome caseflow.Outcome
	Why     caseflow.WhyFalse // of a false alarm
	Reason  string            // 1 to 500 characters, kept as each case's note
}

// Together says what became of each case.
type Together struct {
	Closed []caseflow.Ref
	Left   []LeftOpen // in the form's order
}

// LeftOpen is a case that was not closed, and why in a sentence.
type LeftOpen struct {
	Ref caseflow.Ref
	Why string
}

const maxTogetherKey = maxKey - 16

// CloseTogether closes each case by itself, with its own entry in the ledger
// and in its history; those that may not be closed so are left and named. The
// same form twice closes nothing twice. An *caseflow.InvalidError means that
// the form cannot be taken and nothing was closed.
func (s *Service) CloseTogether(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f TogetherForm) (Together, error) {
	if !caseflow.Allows(viewer, caseflow.WorkCases) {
		return Together{}, store.ErrNotFound
	}
	invalid := func(field, message string) (Together, error) {
		return Together{}, &caseflow.InvalidError{Field: field, Message: message}
	}
	switch {
	case f.Key == "" || len(f.Key) > maxTogetherKey:
		return invalid("key", "This form is damaged. Load the page again and repeat what you did.")
	case len(f.Cases) == 0:
		return invalid("cases", "Select the cases that you want to close.")
	case len(f.Cases) > caseflow.MaxTogether:
		return invalid("cases", "At most 200 cases can be closed together. Select fewer.")
	case !slices.Contains(caseflow.TogetherOutcomes(), f.Outcome):
		return invalid("outcome", "Choose one outcome for all of them.")
	case f.Outcome == caseflow.FalseAlarm && !slices.Contains(caseflow.WhysFalse(), f.Why):
		return invalid("why", "Choose why these were false alarms.")
	}
	if err := caseflow.CheckChars("reason", len([]rune(normalise(f.Reason))), caseflow.MaxReasonChars); err != nil {
		return Together{}, err
	}
	var out Together
	for _, form := range f.Cases {
		form.Key = f.Key + "/" + string(form.Ref)
		err := s.closeOne(ctx, t, viewer, f, form)
		why, fault := leftWhy(err)
		switch {
		case fault != nil:
			return out, fault
		case why != "":
			out.Left = append(out.Left, LeftOpen{form.Ref, why})
		default:
			out.Closed = append(out.Closed, form.Ref)
		}
	}
	return out, nil
}

func (s *Service) closeOne(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f TogetherForm, form Form) error {
	file, err := s.file(ctx, t, viewer, form.Ref)
	if err != nil {
		return err
	}
	// A closed case may have been closed by this very form: its key tells.
	if err := caseflow.MayCloseTogether(file.Case, viewer, s.cfg.Now()); err != nil && file.Case.State != caseflow.Closed {
		return err
	}
	if form.Expect == 0 {
		form.Expect = file.Case.Version // what was judged just now, and nothing later
	}
	cmd := caseflow.Close{Outcome: f.Outcome, Why: f.Why}
	if cmd.Text, cmd.Chars, err = s.seal(ctx, t, file.Case, "reason", f.Reason, caseflow.MaxReasonChars, vault.Note); err != nil {
		return err
	}
	_, err = s.act(ctx, t, viewer, form, cmd)
	return err
}

// leftWhy parts what a person is told from what is a fault.
func leftWhy(err error) (why string, fault error) {
	var stale *caseflow.StaleError
	var claimed *caseflow.ClaimedError
	var invalid *caseflow.InvalidError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &stale) && stale.Now.State == caseflow.Closed:
		return "It was closed already.", nil
	case errors.As(err, &stale):
		return "It has changed since you looked. Open the case.", nil
	case errors.As(err, &claimed):
		return claimed.Name + " has claimed it.", nil
	case errors.As(err, &invalid):
		return invalid.Message, nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, caseflow.ErrHidden), errors.Is(err, caseflow.ErrNotAllowed):
		return "It cannot be opened.", nil
	}
	return "", err
}
