package ingest

import (
	"context"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// help makes an urgent capture of a request for help. Who asks for somebody
// today waits an hour at most, who says that this week is fine a school day
// (caseflow.DueAt): nobody has judged the words yet.
func (b *builder) help(ctx context.Context, who caseflow.PersonKey, h *lapwingv1.HelpRequest) (*triage.Capture, error) {
	sealed, err := b.seal(ctx, who, &lapwingv1.Capture{Help: h})
	if err != nil {
		return nil, err
	}
	// Whoever is named in the words, or asked for, may be whom it is about; a
	// person who asks to talk to somebody does not accuse them.
	subjects, err := b.staffNamed(ctx, h.Words, "")
	if err != nil {
		return nil, err
	}
	severity := vocab.Medium
	if h.Today {
		severity = vocab.High
	}
	return &triage.Capture{
		Categories: []vocab.Category{vocab.Help}, Severity: severity, Level: vocab.Alert,
		Subjects: subjects, Count: 1, Final: true, Content: sealed,
		Help: caseflow.Help{Asked: true, AboutStaff: h.AboutAdult, HideName: h.HideName,
			AboutHead: h.AboutAdult && directory.MeansHead(h.Words)},
	}, nil
}
