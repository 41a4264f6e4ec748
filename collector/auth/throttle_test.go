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

func from(account, address string) attempt { return attempt{account: account, address: address} }

func TestThrottlePair(t *testing.T) {
	for name, a := range map[string]attempt{"an address": from("marlow", "here"), "a known browser": {"marlow", "here", "browser"}} {
		t.Run(name, func(t *testing.T) {
			th, clock := newTestThrottle()
			for i := range pairTries {
				if w := th.try(a); w != 0 {
					t.Fatalf("try %d waits %s", i+1, w)
				}
			}
			for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
				if w := th.try(a); w != want {
					t.Fatalf("wait %s, want %s", w, want)
				}
				for _, other := range []attempt{from("thistle", "here"), from("marlow", "elsewhere"), {"marlow", "here", "other browser"}} {
					if w := th.try(other); w != 0 {
						t.Fatalf("%+v waits %s", other, w)
					}
					th.succeeded(other)
				}
				clock.t = clock.t.Add(want)
				if w := th.try(a); w != 0 {
					t.Fatalf("after the wait still %s", w)
				}
			}
			th.succeeded(a)
			if w := th.try(a); w != 0 {
				t.Errorf("after success: wait %s", w)
			}
		})
	}
}

// A pupil who tries the safeguarding lead's account without end, from many
// addresses, delays no browser that the lead signed in with, and no other one
// for longer than a minute.
func TestThrottleShutsNobodyOut(t *testing.T) {
	th, clock := newTestThrottle()
	for i := range 24 * 60 * 6 {
		clock.t = clock.t.Add(10 * time.Second)
		th.try(from("marlow", fmt.Sprint(i)))
	}
	if w := th.try(from("marlow", "fresh")); w <= 0 || w > accountEvery {
		t.Errorf("a fresh browser during the attack waits %s", w)
	}
	known := attempt{"marlow", "0", "browser"}
	if w := th.try(known); w != 0 {
		t.Errorf("a known browser waits %s", w)
	}
	clock.t = clock.t.Add(accountEvery)
	if w := th.try(from("marlow", "fresh")); w != 0 {
		t.Errorf("a minute later: wait %s", w)
	}
}

// All of a school may stand behind one address.
func TestThrottleAddress(t *testing.T) {
	th, clock := newTestThrottle()
	for i := range addressTries {
		if w := th.try(from(fmt.Sprint("account", i), "school")); w != 0 {
			t.Fatalf("try %d waits %s", i+1, w)
		}
	}
	if w := th.try(from("fresh", "school")); w != addressEvery {
		t.Errorf("one address, many accounts: wait %s", w)
	}
	if w := th.try(attempt{"fresh", "school", "browser"}); w != 0 {
		t.Errorf("a known browser behind the address: wait %s", w)
	}
	if w := th.try(from("fresh", "another")); w != 0 {
		t.Errorf("another address: wait %s", w)
	}
	clock.t = clock.t.Add(addressEvery)
	if w := th.try(from("fresh2", "school")); w != 0 {
		t.Errorf("after the wait: %s", w)
	}
	if w := th.try(from("fresh3", "school")); w != addressEvery {
		t.Errorf("one more: wait %s", w)
	}
}

// One known account must not unlock guessing at others from its address.
func TestThrottleSuccessForgivesOneTryOfTheAddress(t *testing.T) {
	th, _ := newTestThrottle()
	for i := range addressTries - 1 {
		th.try(from(fmt.Sprint("account", i), "here"))
	}
	th.try(from("mine", "here"))
	th.succeeded(from("mine", "here"))
	if w := th.try(from("guess1", "here")); w != 0 {
		t.Fatalf("wait %s", w)
	}
	if w := th.try(from("guess2", "here")); w == 0 {
		t.Error("the address starts from nothing after one success")
	}
}

func TestThrottleMemoryIsBounded(t *testing.T) {
	th, _ := newTestThrottle()
	for range pairTries + 1 {
		th.try(from("victim", "v"))
	}
	th.limit = 200
	for i := range th.limit {
		th.try(from(fmt.Sprint("a", i), fmt.Sprint("b", i)))
	}
	if n := len(th.tracked); n > th.limit {
		t.Errorf("%d entries tracked, at most %d", n, th.limit)
	}
	if w := th.try(from("victim", "v")); w == 0 {
		t.Error("a flood of names unlocked an account that was barred")
	}
}

// However tries are mixed, no address gets more than its share of an account
// in any half minute, and all together no more than the account's.
func TestThrottleProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th, clock := newTestThrottle()
		pairs, accounts := map[attempt][]time.Time{}, map[string][]time.Time{}
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			clock.t = clock.t.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			a := from(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account"), fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "address")))
			if th.try(a) == 0 {
				pairs[a] = append(pairs[a], clock.t)
				accounts[a.account] = append(accounts[a.account], clock.t)
			}
		}
		for a, at := range pairs {
			for i := range at {
				if j := i + pairTries + 1; j < len(at) && at[j].Sub(at[i]) < firstWait {
					t.Fatalf("%+v got %d tries in %s", a, pairTries+2, at[j].Sub(at[i]))
				}
			}
		}
		for account, at := range accounts {
			for i := range at {
				for j := i; j < len(at); j++ {
					if most := accountTries + int(at[j].Sub(at[i])/accountEvery); j-i+1 > most {
						t.Fatalf("%s got %d tries in %s, at most %d", account, j-i+1, at[j].Sub(at[i]), most)
					}
				}
			}
		}
	})
}
