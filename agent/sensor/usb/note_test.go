package usb

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestFewNotes: the person is told of a medium once, of three a minute, of what
// is blocked, of what should not be there and of what should only be read.
func TestFewNotes(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var told []*lapwingv1.MediaNote
	s := New(Config{Root: t.TempDir(), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		Emit: func(*lapwingv1.Media) error { return nil },
		Note: func(n *lapwingv1.MediaNote) {
			if err := n.Validate(); err != nil {
				t.Error(err)
			}
			told = append(told, n)
		}})
	s.SetPolicy(&lapwingv1.UsbPolicy{Use: lapwingv1.UsbPolicy_USE_PERMITTED})
	m := Medium{Kind: lapwingv1.MediaKind_MEDIA_KIND_STICK, Disk: "sdb"}
	for i := range 30 {
		m.Key = fmt.Sprint(i)
		v := s.arrived(context.Background(), m)
		s.update(v, m, nil)
		s.update(v, m, nil)
	}
	if len(told) != mostNotes || told[0].Reason != lapwingv1.MediaNote_REASON_UNPERMITTED || told[0].Why != checks.USBNoPermit {
		t.Fatalf("told %v", told)
	}
	now = now.Add(notesWithin)
	s.look(t.Context()) // all are gone
	reasons := func(v *visit) lapwingv1.MediaNote_Reason {
		told = nil
		s.note(v)
		s.note(v)
		if len(told) != 1 {
			return lapwingv1.MediaNote_REASON_UNSPECIFIED
		}
		return told[0].Reason
	}
	if got := reasons(&visit{medium: m, blocked: true}); got != lapwingv1.MediaNote_REASON_BLOCKED {
		t.Errorf("blocked: %v", got)
	}
	unknown := m
	unknown.Disk = ""
	if got := reasons(&visit{medium: unknown}); got != lapwingv1.MediaNote_REASON_UNSPECIFIED {
		t.Errorf("before it is known what it is: %v", got)
	}
	s.SetPolicy(&lapwingv1.UsbPolicy{ReadOnly: true})
	if got := reasons(&visit{medium: m}); got != lapwingv1.MediaNote_REASON_UNSPECIFIED {
		t.Errorf("not mounted for writing: %v", got)
	}
	m.Writable = true
	if got := reasons(&visit{medium: m}); got != lapwingv1.MediaNote_REASON_READ_ONLY {
		t.Errorf("mounted for writing: %v", got)
	}
}
