package supervise_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// up counts the session processes of each desktop that have spoken and not ended.
type up struct {
	mu     sync.Mutex
	cond   *sync.Cond
	now    map[string]int
	starts map[string]int
}

func (u *up) status(id string, st *lapwingv1.SessionStatus) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if st == nil {
		u.now[id] = 0
	} else {
		u.now[id]++
		u.starts[id]++
	}
	u.cond.Broadcast()
}

func (u *up) await(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.AfterFunc(30*time.Second, func() { panic("the group did not do as it was told") })
	defer deadline.Stop()
	u.mu.Lock()
	defer u.mu.Unlock()
	for !ok() {
		u.cond.Wait()
	}
}

// TestGroupFollowsItsTargets: one process in each desktop that is wanted, a new
// one when a desktop is found elsewhere, none in those that are gone.
func TestGroupFollowsItsTargets(t *testing.T) {
	u := &up{now: map[string]int{}, starts: map[string]int{}}
	u.cond = sync.NewCond(&u.mu)
	g := supervise.NewGroup(func(target supervise.Target) supervise.Config {
		return supervise.Config{
			Command: []string{os.Args[0]}, Target: target,
			OnHit:    func(context.Context, *lapwingv1.Hit) error { return nil },
			OnStatus: func(st *lapwingv1.SessionStatus) { u.status(target.ID, st) },
			OnLock:   func(context.Context, *lapwingv1.LockReport) error { return nil },
			OnCanary: func(*lapwingv1.CanarySeen) {}, OnTamper: func(uint32) { t.Error("tampering without any") },
			Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		}
	})
	target := func(id, display string) supervise.Target {
		return supervise.Target{ID: id, UID: uint32(os.Geteuid()), Env: []string{childMode + "=obedient", "DISPLAY=" + display}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	g.SetTargets([]supervise.Target{target("a", ":1"), target("b", ":2")})
	u.await(t, func() bool { return u.now["a"] == 1 && u.now["b"] == 1 })
	g.SetTargets([]supervise.Target{target("b", ":2"), target("c", ":3")})
	u.await(t, func() bool { return u.now["a"] == 0 && u.now["c"] == 1 })
	g.SetTargets([]supervise.Target{target("b", ":9"), target("c", ":3")})
	u.await(t, func() bool { return u.starts["b"] == 2 && u.now["b"] == 1 })
	if u.starts["c"] != 1 {
		t.Errorf("a desktop that stayed as it was had %d processes", u.starts["c"])
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for id, n := range u.now {
		if n != 0 {
			t.Errorf("the process of %s is left", id)
		}
	}
}
