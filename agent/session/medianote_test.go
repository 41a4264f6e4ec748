package session

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func mediaNote(reason lapwingv1.MediaNote_Reason, why string) *lapwingv1.MediaNote {
	return &lapwingv1.MediaNote{Kind: lapwingv1.MediaKind_MEDIA_KIND_STICK, Reason: reason, Why: why}
}

// TestWordsOfAMedium: whatever it is, a sentence each on what, why and whom to
// ask, without anything that a notification service would take for markup.
func TestWordsOfAMedium(t *testing.T) {
	got := wordsOf(mediaNote(lapwingv1.MediaNote_REASON_BLOCKED, checks.USBNoPermit))
	want := words{"This USB memory stick cannot be used here",
		"The school allows USB sticks, disks and phones only with permission. Please take it out. If you need it, ask your school’s IT support."}
	if got != want {
		t.Errorf("%+v", got)
	}
	for kind := range lapwingv1.MediaKind_name {
		for reason := range lapwingv1.MediaNote_Reason_name {
			for _, why := range []string{checks.USBNoPermit, checks.USBExpired, checks.USBNotEncrypted, checks.USBNobody, checks.USBBadUSB, checks.USBRecorded, "<b>unknown"} {
				w := wordsOf(&lapwingv1.MediaNote{Kind: lapwingv1.MediaKind(kind), Reason: lapwingv1.MediaNote_Reason(reason), Why: why})
				if !strings.Contains(w.title, " this ") && !strings.HasPrefix(w.title, "This ") || !strings.HasSuffix(w.body, "ask your school’s IT support.") ||
					strings.ContainsAny(w.title+w.body, "<>&_") || len(w.title) > 70 || len(w.body) > 200 {
					t.Errorf("%d %d %s: %+v", kind, reason, why, w)
				}
			}
		}
	}
}

// TestNotesWaitForTheScreen: none before it is known not to be locked, few, and
// none that is old.
func TestNotesWaitForTheScreen(t *testing.T) {
	var n mediaNotes
	now := time.Now()
	for range 30 {
		n.add(mediaNote(lapwingv1.MediaNote_REASON_BLOCKED, checks.USBNoPermit), now)
	}
	if got := n.due(now); got != nil {
		t.Errorf("shown on a screen that may be locked: %v", got)
	}
	n.open = true
	if got := n.due(now.Add(time.Minute)); len(got) != mostNotes {
		t.Errorf("shown: %v", got)
	}
	if got := n.due(now); got != nil {
		t.Errorf("shown twice: %v", got)
	}
	n.add(mediaNote(lapwingv1.MediaNote_REASON_BLOCKED, checks.USBNoPermit), now)
	if got := n.due(now.Add(noteKept)); got != nil {
		t.Errorf("shown late: %v", got)
	}
}

// TestWithoutNotificationsTheLogSaysSoOnce.
func TestWithoutNotificationsTheLogSaysSoOnce(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{Desktop: Desktop{SessionBus: "unix:path=" + t.TempDir() + "/none"}, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now}
	n := mediaNotes{open: true}
	for range 3 {
		n.add(mediaNote(lapwingv1.MediaNote_REASON_BLOCKED, checks.USBNoPermit), time.Now())
		n.show(t.Context(), cfg)
	}
	n.wait()
	if got := strings.Count(log.String(), "\n"); got != 1 {
		t.Errorf("%d lines: %s", got, log.String())
	}
}
