package supervise

import (
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Notes of media that wait for a session process: so many, for so long.
const (
	mostNotes = 4
	notesKept = time.Minute
)

// mediaNote is a word about a medium that was not passed on yet.
type mediaNote struct {
	note *lapwingv1.MediaNote
	at   time.Time
}

// NoteMedium has the session process tell its person of a medium, now or when
// it runs within a minute. Nobody changes n afterwards.
func (s *Supervisor) NoteMedium(n *lapwingv1.MediaNote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notes) >= mostNotes {
		s.notes = s.notes[1:]
	}
	s.notes = append(s.notes, mediaNote{n, s.cfg.Now()})
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// takeNotes are those that are to be passed on now.
func (s *Supervisor) takeNotes() []*lapwingv1.MediaNote {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fresh []*lapwingv1.MediaNote
	for _, n := range s.notes {
		if s.cfg.Now().Sub(n.at) < notesKept {
			fresh = append(fresh, n.note)
		}
	}
	s.notes = nil
	return fresh
}
