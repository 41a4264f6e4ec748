package session

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// dozes notes what the loop says to its trim.Doze.
type dozes struct{ said chan string }

func (d dozes) Happened(time.Time) { d.said <- "happened" }
func (d dozes) Look(time.Time)     { d.said <- "look" }

// A session process counts as idle when nothing came of the desktop and nothing
// of the service; only the minute's beat looks whether it may doze. It does not
// leave its collector of garbage off behind it.
func TestWhenASessionDozes(t *testing.T) {
	said := make(chan string, 8)
	l := &loop{
		cfg:     Config{Log: slog.New(slog.DiscardHandler), Now: time.Now},
		board:   coverage.NewBoard(time.Now, sensor.Text),
		machine: capture.New(capture.Config{}, nil),
		outbox:  newOutbox(),
		inputs:  make(chan capture.Input),
		doze:    dozes{said},
	}
	l.there = newAttendance(time.Now(), l.outbox.lockReport)
	messages, beats := make(chan received), make(chan time.Time)
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.run(context.Background(), messages, beats); err != nil {
			t.Error(err)
		}
	})
	expect := func(what, want string) {
		t.Helper()
		select {
		case got := <-said:
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		case <-time.After(15 * time.Second): // only something broken takes so long
			t.Fatalf("%s: nothing was said, want %s", what, want)
		}
	}
	expect("the start", "happened")
	beats <- time.Now()
	expect("a beat", "look")
	l.inputs <- capture.Input{At: time.Now(), Kind: capture.Typed, Rune: 'x'}
	expect("a key", "happened")
	messages <- received{message: &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Told{Told: &lapwingv1.Told{Version: "1"}}}}
	expect("a message", "happened")
	l.board.Report(sensor.Text, sensor.Status{State: sensor.OK}) // says nothing to it
	beats <- time.Now()
	expect("another beat", "look")
	messages <- received{err: io.EOF}
	expect("the last message", "happened")
	expect("the end", "happened")
	running.Wait()
	if len(said) > 0 {
		t.Errorf("and then %s", <-said)
	}
}
