package auth

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fakeClock is set by hand.
type fakeClock struct{ t time.Time }

func (c *fakeClock) now() time.Time { return c.t }

func newTestThrottle() (*throttle, *fakeClock) {
	c := &fakeClock{time.Date(2026, 11, 12, 8, 0, 0, 0, time.UTC)}
	return newThrottle(c.now), c
}

func TestThrottleAccount(t *testing.T) {
	th, clock := newTestThrottle()
	for i := range accountTries {
		if w := th.try("marlow", fmt.Sprint(i)); w != 0 {
			t.Fatalf("try %d waits %s", i+1, w)
		}
	}
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
		if w := th.try("marlow", "elsewhere"); w != want {
			t.Fatalf("wait %s, want %s", w, want)
		}
		if w := th.try("thistle", "another"); w != 0 {
			t.Fatalf("another account waits %s", w)
		}
		th.succeeded("thistle", "another")
		clock.t = clock.t.Add(want)
		if w := th.try("marlow", "elsewhere"); w != 0 {
			t.Fatalf("after the wait still %s", w)
		}
	}
	th.succeeded("marlow", "elsewhere")
	if w := th.try("marlow", "elsewhere"); w != 0 {
		t.Errorf("after success: wait %s", w)
	}
}

func TestThrottleAddress(t *testing.T) {
	th, clock := newTestThrottle()
	for i := range addressTries {
		if w := th.try(fmt.Sprint("account", i), "one address"); w != 0 {
			t.Fatalf("try %d waits %s", i+1, w)
		}
	}
	if w := th.try("fresh", "one address"); w != firstWait {
		t.Errorf("one address, many accounts: wait %s", w)
	}
	if w := th.try("fresh", "another"); w != 0 {
		t.Errorf("another address: wait %s", w)
	}
	clock.t = clock.t.Add(forgetAfter + firstWait)
	if w := th.try("fresh2", "one address"); w != 0 {
		t.Errorf("after a quiet hour: wait %s", w)
	}
}

// One known account must not unlock guessing at others from its address.
func TestThrottleSuccessForgivesOneTryOfTheAddress(t *testing.T) {
	th, _ := newTestThrottle()
	for i := range addressTries - 1 {
		th.try(fmt.Sprint("account", i), "here")
	}
	th.try("mine", "here")
	th.succeeded("mine", "here")
	if w := th.try("guess1", "here"); w != 0 {
		t.Fatalf("wait %s", w)
	}
	if w := th.try("guess2", "here"); w == 0 {
		t.Error("the address starts from nothing after one success")
	}
}

func TestThrottleMemoryIsBounded(t *testing.T) {
	th, _ := newTestThrottle()
	for range accountTries + 1 {
		th.try("victim", "v")
	}
	th.limit = 200
	for i := range th.limit {
		th.try(fmt.Sprint("a", i), fmt.Sprint("b", i))
	}
	if n := len(th.tracked); n > th.limit {
		t.Errorf("%d entries tracked, at most %d", n, th.limit)
	}
	if w := th.try("victim", "v"); w == 0 {
		t.Error("a flood of names unlocked an account that was barred")
	}
}

// However tries are mixed, no account gets more than its share in any minute.
func TestThrottleProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th, clock := newTestThrottle()
		allowed := map[string][]time.Time{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			clock.t = clock.t.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			account := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account")
			if th.try(account, rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "address")) == 0 {
				allowed[account] = append(allowed[account], clock.t)
			}
		}
		for account, at := range allowed {
			for i := range at {
				if j := i + accountTries + 1; j < len(at) && at[j].Sub(at[i]) < firstWait {
					t.Fatalf("%s got %d tries in %s", account, accountTries+2, at[j].Sub(at[i]))
				}
			}
		}
	})
}
