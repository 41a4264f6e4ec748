package casework

import (
	"context"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// pseudonym stands for whoever asked for help without showing a name. It is
// the same in every such case: a stable one would tell two requests of one
// child apart from another's.
const pseudonym = "Somebody who asked not to be named"

// Ask is what the form said beside the words.
type Ask struct {
	Today  bool   // wants somebody today, not this week
	TalkTo string // whom they would like to talk to; empty: anybody
}

// OpenName shows the name of a person who asked not to show it, to everybody
// who may see the case, for a reason of 1 to 500 characters.
func (s *Service) OpenName(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, reason string) (caseflow.Case, error) {
	return s.actWith(ctx, t, viewer, f, words{"reason", reason, caseflow.MaxReasonChars, vault.Reason},
		func(sealed caseflow.Sealed, n int) caseflow.Command {
			return caseflow.OpenName{Reason: sealed, Chars: n}
		})
}

// asked puts a person's own words in the place of an excerpt.
func asked(w Words, h *lapwingv1.HelpRequest) Words {
	w.Excerpt, w.Marks = h.GetWords(), nil
	w.Ask = &Ask{Today: h.GetToday(), TalkTo: h.GetTalkTo()}
	return w
}

// unnamed takes out of a view what would tell who it is about: the machine, the
// account and what they did before. It is a courtesy that was promised, not a
// secret: whoever gives a reason sees it all.
func (v CaseView) unnamed() CaseView {
	if v.Case.NameHidden() {
		v.DeviceHost, v.DeviceGroup, v.Earlier, v.Similar, v.Case.LinkedTo = "", "", nil, nil, ""
	}
	return v
}
