package ratelimit_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/ratelimit"
)

func TestTakeRefillsAndTellsTheWait(t *testing.T) {
	now := time.Unix(0, 0)
	b := ratelimit.New(2, 4, 10, func() time.Time { return now })
	for i := range 4 {
		if ok, _ := b.Take("a", 1); !ok {
			t.Fatalf("take %d of a full bucket of 4 refused", i+1)
		}
	}
	ok, wait := b.Take("a", 1)
	if ok || wait != 500*time.Millisecond {
		t.Fatalf("fifth take = %v, wait %v; want refused, 500ms", ok, wait)
	}
	if ok, _ := b.Take("b", 4); !ok {
		t.Error("another key was refused")
	}
	now = now.Add(wait)
	if empty, _ := b.Empty("a"); empty {
		t.Error("empty after the wait that it told")
	}
	if ok, _ := b.Take("a", 1); !ok {
		t.Error("refused after the wait that it told")
	}
	if ok, _ := b.Take("c", 1000); !ok {
		t.Error("a request above the burst must pass when the bucket is full")
	}
}

func TestInventedKeysShareOneBucket(t *testing.T) {
	now := time.Unix(0, 0)
	b := ratelimit.New(1, 2, 3, func() time.Time { return now })
	passed := 0
	for i := range 100 {
		if ok, _ := b.Take(strconv.Itoa(i), 1); ok {
			passed++
		}
	}
	if passed != 3+2 {
		t.Errorf("%d of 100 keys passed; want 3 with a bucket and 2 from the shared one", passed)
	}
	now = now.Add(time.Minute) // all are full again and can be forgotten
	if ok, _ := b.Take("new", 1); !ok {
		t.Error("no room after the old buckets filled up")
	}
}

// However takes and pauses are mixed, no key gets more than burst + rate × time.
func TestNeverAboveRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		b := ratelimit.New(5, 10, 4, func() time.Time { return now })
		got, forward := 0, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			n := rapid.IntRange(1, 10).Draw(t, "n")
			if ok, _ := b.Take("k", n); ok {
				got += n
			}
			ms := rapid.IntRange(-100, 500).Draw(t, "ms") // a clock may step back
			now = now.Add(time.Duration(ms) * time.Millisecond)
			forward += max(ms, 0)
		}
		if most := 10 + 5*float64(forward)/1000; float64(got) > most {
			t.Fatalf("%d tokens given, at most %g exist", got, most)
		}
	})
}

func TestAddressKey(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7:1234":          "192.0.2.7",
		"[::ffff:192.0.2.7]:1234": "192.0.2.7",
		"[2001:db8:1:2:3::4]:1":   "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1":        "fe80::/64",
	} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			// The zone of the last one need not exist here.
			a = &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 1}
		}
		if got := ratelimit.AddressKey(a); got != want {
			t.Errorf("AddressKey(%s) = %q, want %q", addr, got, want)
		}
	}
}
