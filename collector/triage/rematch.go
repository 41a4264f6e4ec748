package triage

import (
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// News is what became known of a case's people after its captures came.
type News struct {
	// Person and Audience are the account's match; zero when there is none, or
	// no news of it.
	Person   caseflow.PersonKey
	Audience vocab.Audience
	Subjects []caseflow.PersonKey // staff found in it since
}

// Rematch is the command that brings news into a case. Give it to
// caseflow.Decide as a System actor; often nothing follows. The device's group
// is not asked again: for an account that stays unknown it has been, and the
// case never moves to a laxer queue.
func Rematch(c caseflow.Case, n News, posts caseflow.Posts) caseflow.Rematch {
	person, audience := c.Person, c.Audience
	if !n.Person.IsZero() {
		person, audience = n.Person, n.Audience
	}
	subjects := append(append([]caseflow.PersonKey(nil), c.Subjects...), n.Subjects...)
	return caseflow.Rematch{Person: n.Person, Audience: n.Audience, Subjects: n.Subjects,
		Queue: caseflow.Route(caseflow.Facts{Typist: c.Typist, Person: person, Audience: audience, Group: vocab.GroupPupil, Subjects: subjects, Help: c.Help}, posts)}
}
