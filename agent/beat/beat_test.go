package beat_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/beat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBeats(t *testing.T) {
	b := beat.Every(5 * time.Millisecond)
	for range 5 {
		<-b.C
	}
	b.Stop()
	b.Stop()
}

// What stopped beats no more, and leaves no goroutine (see TestMain).
func TestStop(t *testing.T) {
	b := beat.Every(time.Hour)
	b.Stop()
	select {
	case <-b.C:
		t.Error("a beat after Stop")
	default:
	}
}
