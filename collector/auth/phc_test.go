package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

var cheap = Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}

func newTestHasher(t testing.TB) *hasher {
	t.Helper()
	h, err := newHasher(cheap, 2)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The vectors are those of the reference implementation
// (phc-winner-argon2, src/test.c, argon2id version 0x13).
func TestVerifyReferenceVectors(t *testing.T) {
	h := newTestHasher(t)
	for _, phc := range []string{
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	} {
		if ok, err := h.verify(t.Context(), phc, "password"); !ok || err != nil {
			t.Errorf("%s: %v, %v", phc, ok, err)
		}
		if ok, _ := h.verify(t.Context(), phc, "Password"); ok {
			t.Errorf("%s takes another passphrase", phc)
		}
	}
}

func TestHash(t *testing.T) {
	h, err := newHasher(OWASP(), 2)
	if err != nil {
		t.Fatal(err)
	}
	one, err := h.hash(t.Context(), "plover marsh teapot ladder")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("not at OWASP's cost: %s", one[:31])
	}
	two, err := h.hash(t.Context(), "plover marsh teapot ladder")
	if err != nil || one == two {
		t.Error("two hashes of one passphrase are equal: no salt")
	}
	if ok, err := h.verify(t.Context(), one, "plover marsh teapot ladder"); !ok || err != nil {
		t.Errorf("its own hash: %v, %v", ok, err)
	}
}

func TestVerifyRefusesWhatIsNoHash(t *testing.T) {
	h := newTestHasher(t)
	for _, phc := range []string{
		"", "x", h.dummy[1:], "$argon2id", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=64,t=1,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		for _, p := range []string{"", "password"} {
			if ok, err := h.verify(t.Context(), phc, p); ok || err != nil {
				t.Errorf("%q with %q: %v, %v", phc, p, ok, err)
			}
		}
	}
}

func TestHashingIsBounded(t *testing.T) {
	h := newTestHasher(t)
	for range cap(h.slots) {
		if err := h.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("with all slots taken: %v", err)
	}
	for range cap(h.slots) {
		h.release()
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := h.hash(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func FuzzParsePHC(f *testing.F) {
	h := newTestHasher(f)
	f.Add(h.dummy)
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=64,t=1,p=1 $c29tZXNhbHQ$CTFh")
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, sum, err := parsePHC(s)
		if err != nil {
			return
		}
		if c.MemoryKiB > maxMemoryKiB || c.Passes > maxPasses || c.Lanes > maxLanes || c.Passes == 0 || c.Lanes == 0 {
			t.Errorf("cost %+v is out of its limits", c)
		}
		if again, _, _, err := parsePHC(formatPHC(c, salt, sum)); err != nil || again != c {
			t.Errorf("%q does not survive being written: %v", s, err)
		}
	})
}
