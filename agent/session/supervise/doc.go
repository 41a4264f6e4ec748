// Package supervise is the service's side of the session process: it starts one
// in a desktop, gives it the policy, takes its hits, acknowledges each when it
// is durable, and starts it again when it ends.
//
// It may import agent/ipc, agent/sensor and the messages of proto/lapwing/v1. It
// knows nothing of the spool or the collector: what a hit becomes is its
// caller's business.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Target is a desktop to be watched. Which desktops there are is found by
// whoever makes Targets: DisplayTarget for the display of this program's own
// environment, agent/session/logind for those that people log on to.
type Target struct {
	// ID names the session for as long as it lasts, at most 64 bytes.
	ID string
	// Account is the person's account on this machine, at most 256 bytes.
	Account string
	// UID and GID to run as; used only when they differ from the service's own.
	UID, GID uint32
	// Env is the whole environment of the session process.
	Env []string
}

// Equal reports whether two targets are the same desktop, found in the same place.
func (t Target) Equal(o Target) bool {
	return t.ID == o.ID && t.Account == o.Account && t.UID == o.UID && t.GID == o.GID && slices.Equal(t.Env, o.Env)
}

// Config of a Supervisor. Callbacks come from one goroutine, one at a time.
type Config struct {
	// Command is the session process's program and arguments, for example
	// {os.Executable(), "session"}.
	Command []string
	Target  Target
	// OnHit returns nil when the hit is durable. After an error it is called
	// again with the same hit a second later, until ctx is done: a hit is not
	// thrown away because a disk was full. The hit is valid.
	OnHit func(ctx context.Context, h *lapwingv1.Hit) error
	// OnStatus takes each status of the session; nil when none is running.
	OnStatus func(*lapwingv1.SessionStatus)
	// OnCanary takes what became of a canary, which is valid.
	OnCanary func(*lapwingv1.CanarySeen)
	// OnLock takes what the lock sensor counted, and is called again as OnHit is.
	OnLock func(context.Context, *lapwingv1.LockReport) error
	// OnTamper says that the account's session processes were killed count times
	// within TamperWindow.
	OnTamper func(count uint32)
	// LookEvery is how often the session process is looked at, whether a signal has
	// stopped it: then it is killed and started again, which counts as a kill. Zero
	// means a minute.
	LookEvery time.Duration
	// Stderr is where the session process logs to; nil discards it.
	Stderr *os.File
	Log    *slog.Logger
	Now    func() time.Time
}

// Kills that count as tampering: one may be an accident, or the kernel short
// of memory.
const (
	TamperKills  = 3
	TamperWindow = 10 * time.Minute
)

// Times of a session process.
const (
	// restartAfter is the pause before it is started again. It stays so short
	// when the process was killed: whoever kills it should gain little.
	restartAfter = 1 * time.Second
	// restartMax is where the pause ends that doubles while the process fails
	// by itself.
	restartMax = 30 * time.Second
	// stable is how long it must have run for the pause to start anew.
	stable = 1 * time.Minute
	// policyAgain is the pause before a policy that could not be read is read again.
	policyAgain = 1 * time.Second
	// lookEvery is LookEvery unless it is set; all that looks once a minute looks
	// at the same moment (see agent/beat).
	lookEvery = 1 * time.Minute
	// retryHit is the pause before OnHit is called again.
	retryHit = 1 * time.Second
)

func (c Config) check() error {
	switch {
	case len(c.Command) == 0:
		return errors.New("no command")
	case c.OnHit == nil, c.OnLock == nil, c.OnStatus == nil, c.OnCanary == nil, c.OnTamper == nil:
		return errors.New("a callback is missing")
	case c.Log == nil, c.Now == nil:
		return errors.New("logger or clock is missing")
	case len(c.Target.ID) > 64:
		return fmt.Errorf("session id of %d bytes, limit 64", len(c.Target.ID))
	}
	return nil
}
