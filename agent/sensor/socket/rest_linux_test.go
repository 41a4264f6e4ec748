package socket_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// step is the number of the present step.
func step(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / int64(socket.Step)
}

// What arrives during a rest wakes nobody before its step is over.
func TestRestIsUndisturbed(t *testing.T) {
	ours, theirs := pair(t)
	l := listen(t, ours, resting())
	say(t, theirs, "a")
	if err := l.Wait(false); err != nil || hear(t, l) != "a" {
		t.Fatalf("the first word does not come: %v", err)
	}
	for range 5 {
		if err := l.Wait(true); err != nil { // to the beginning of a step
			t.Fatal(err)
		}
		hear(t, l)
		began := step(t)
		say(t, theirs, "b", "c")
		if err := l.Wait(true); err != nil {
			t.Fatal(err)
		}
		if step(t) == began {
			t.Fatal("a word ended the rest")
		}
	}
}
