package usb

import (
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// The person is told of so many media in so much time, and of no more: thirty
// sticks in a hub are not thirty messages.
const (
	mostNotes   = 3
	notesWithin = time.Minute
)

// note has the person told of a medium that is blocked, or that should not be
// used as it is; once for each stay.
func (s *Sensor) note(v *visit) {
	if v.noted || s.cfg.Note == nil {
		return
	}
	now := s.cfg.Now()
	verdict := Judge(s.inForce(), v.medium, s.account(), now)
	reason := noteReason(v, verdict)
	if reason == lapwingv1.MediaNote_REASON_UNSPECIFIED {
		return
	}
	v.noted = true
	for len(s.notes) > 0 && now.Sub(s.notes[0]) >= notesWithin {
		s.notes = s.notes[1:]
	}
	if len(s.notes) >= mostNotes {
		return
	}
	s.notes = append(s.notes, now)
	s.cfg.Note(&lapwingv1.MediaNote{Kind: v.medium.Kind, Reason: reason, Why: verdict.Why})
}

func noteReason(v *visit, verdict Verdict) lapwingv1.MediaNote_Reason {
	m := v.medium
	switch {
	case v.blocked:
		return lapwingv1.MediaNote_REASON_BLOCKED
	case !verdict.Permitted && (m.Disk != "" || m.Kind == lapwingv1.MediaKind_MEDIA_KIND_PHONE): // what it is, is known
		return lapwingv1.MediaNote_REASON_UNPERMITTED
	case verdict.ReadOnly && m.Writable:
		return lapwingv1.MediaNote_REASON_READ_ONLY
	}
	return lapwingv1.MediaNote_REASON_UNSPECIFIED
}
