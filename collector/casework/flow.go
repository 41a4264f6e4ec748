package casework

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// Escalate hands the case up for a reason of 1 to 500 characters.
func (s *Service) Escalate(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, to caseflow.Role, reason string) (caseflow.Case, error) {
	why, err := s.reason(ctx, t, viewer, f, reason)
	if err != nil {
		return caseflow.Case{}, err
	}
	return s.act(ctx, t, viewer, f, caseflow.Escalate{To: to, Reason: why})
}

// EndEscalation takes an escalation back, or gives the case back, for a reason.
func (s *Service) EndEscalation(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, reason string) (caseflow.Case, error) {
	why, err := s.reason(ctx, t, viewer, f, reason)
	if err != nil {
		return caseflow.Case{}, err
	}
	return s.act(ctx, t, viewer, f, caseflow.EndEscalation{Reason: why})
}

// Transfer gives the case to a colleague; the reason may be empty.
func (s *Service) Transfer(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, to caseflow.UserID, reason string) (caseflow.Case, error) {
	why, err := s.reason(ctx, t, viewer, f, reason)
	if err != nil {
		return caseflow.Case{}, err
	}
	return s.act(ctx, t, viewer, f, caseflow.Transfer{To: to, Reason: why})
}

// PassOn moves the case to who must review it instead, for a reason: it is about
// a member of staff, or, with self, about the viewer.
func (s *Service) PassOn(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, self bool, reason string) (caseflow.Case, error) {
	why, err := s.reason(ctx, t, viewer, f, reason)
	if err != nil {
		return caseflow.Case{}, err
	}
	return s.act(ctx, t, viewer, f, caseflow.PassOn{Self: self, Reason: why})
}

// Wait puts the case to wait on somebody, in at most 200 characters.
func (s *Service) Wait(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, on string, until time.Time) (caseflow.Case, error) {
	file, err := s.file(ctx, t, viewer, f.Ref)
	if err != nil {
		return caseflow.Case{}, err
	}
	whom, err := s.line(ctx, t, file.Case, "on", on, caseflow.MaxOnChars, vault.Waiting)
	if err != nil {
		return caseflow.Case{}, err
	}
	return s.act(ctx, t, viewer, f, caseflow.Wait{On: whom, Until: until})
}

// EndWait says that the waiting is over.
func (s *Service) EndWait(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form) (caseflow.Case, error) {
	return s.act(ctx, t, viewer, f, caseflow.EndWait{})
}

// Mark ticks a step of the playbook that the case is worked by, or takes the
// tick off. A step that it does not have is an InvalidError.
func (s *Service) Mark(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, step string, done bool) (caseflow.Case, error) {
	file, err := s.file(ctx, t, viewer, f.Ref)
	if err != nil {
		return caseflow.Case{}, err
	}
	p, err := s.playbook(ctx, t, file.Case)
	if err != nil {
		return caseflow.Case{}, err
	}
	if !p.Has(step) {
		return caseflow.Case{}, &caseflow.InvalidError{Field: "step", Message: "This step is not of the playbook any more. Look at the steps as they are now."}
	}
	book, err := s.workBy(ctx, t, p)
	if err != nil {
		return caseflow.Case{}, err
	}
	return s.act(ctx, t, viewer, f, caseflow.Mark{Book: book, Step: step, Done: done})
}

// Consult asks somebody from outside about the case, with a question of 1 to 500 characters.
func (s *Service) Consult(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, to caseflow.UserID, question string) (caseflow.Case, error) {
	file, err := s.file(ctx, t, viewer, f.Ref)
	if err != nil {
		return caseflow.Case{}, err
	}
	cmd := caseflow.Consult{To: to}
	if normalise(question) != "" { // whom to ask is said first
		if cmd.Question.Sealed, cmd.Question.Chars, err = s.seal(ctx, t, file.Case, "question", question, caseflow.MaxReasonChars, vault.Reason); err != nil {
			return caseflow.Case{}, err
		}
	}
	return s.act(ctx, t, viewer, f, cmd)
}

// EndConsult takes the case back from somebody from outside.
func (s *Service) EndConsult(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, from caseflow.UserID) (caseflow.Case, error) {
	return s.act(ctx, t, viewer, f, caseflow.EndConsult{User: from})
}

func (s *Service) reason(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, reason string) (caseflow.Text, error) {
	file, err := s.file(ctx, t, viewer, f.Ref)
	if err != nil || normalise(reason) == "" {
		return caseflow.Text{}, err
	}
	sealed, n, err := s.seal(ctx, t, file.Case, "reason", reason, caseflow.MaxReasonChars, vault.Reason)
	return caseflow.Text{Sealed: sealed, Chars: n}, err
}

// line is a text of one line. One that is empty or too long is not sealed:
// caseflow has the words for it.
func (s *Service) line(ctx context.Context, t store.Tenant, c caseflow.Case, field, text string, limit int, p vault.Purpose) (caseflow.Text, error) {
	if !utf8.ValidString(text) {
		return caseflow.Text{}, &caseflow.InvalidError{Field: field, Message: "This has characters that cannot be read. Type it again, or paste it as plain text."}
	}
	text = strings.Join(strings.Fields(text), " ")
	n := utf8.RuneCountInString(text)
	if n == 0 || n > limit {
		return caseflow.Text{Chars: n}, nil
	}
	sealed, err := s.cfg.Vault.Seal(ctx, t, t.Info().ID, c.Typist, p, []byte(text))
	if err != nil {
		return caseflow.Text{}, fmt.Errorf("seal %s: %w", field, err)
	}
	return caseflow.Text{Sealed: sealed, Chars: n}, nil
}
