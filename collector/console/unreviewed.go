package console

import (
	"fmt"
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// unreviewed says what to do where a case waits that nobody may open, to those
// who are told of it: which post to fill, and neither how many nor what.
func (c *Console) unreviewed(r *http.Request, id auth.Identity) (out []string, err error) {
	if !caseflow.Allows(id.Actor, caseflow.LearnUnreviewed) {
		return nil, nil
	}
	queues, err := id.Tenant.Unreviewed(r.Context(), id.Actor)
	if err != nil {
		return nil, fmt.Errorf("ask for cases that nobody may open: %w", err)
	}
	for _, q := range queues {
		out = append(out, fillPost[q])
	}
	return out, nil
}

var fillPost = map[caseflow.Queue]string{
	caseflow.QueueDSL:   "It is for the safeguarding team. Give the role of DSL or deputy to somebody whom it cannot concern.",
	caseflow.QueueHead:  "It is for the head teacher. Give that role to whoever acts as head now.",
	caseflow.QueueChair: "It is for the chair of governors. Give that role to another governor, such as the vice-chair, or ask the local authority designated officer (LADO) who may take it.",
}

// gaps says which posts nobody holds, and what becomes of a case then. It
// looks at accounts only, at no case.
func gaps(all []caseflow.Actor) (out []string) {
	words := map[caseflow.Role]string{
		caseflow.DSL:   "Nobody is DSL or deputy: nobody may open what pupils type.",
		caseflow.Head:  "Nobody is head teacher: nobody may open a case about staff.",
		caseflow.Chair: "Nobody is chair of governors: nobody may open a case about the head teacher.",
		caseflow.DPO:   "Nobody is data protection officer: only administrators are told of a case that nobody may open.",
	}
	for _, r := range caseflow.Unfilled(all) {
		out = append(out, words[r])
	}
	return out
}
