package auth_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// clocked is a service with a clock set by hand and two people.
func clocked(t *testing.T, key []byte) (svc *auth.Service, school store.SchoolID, pass func(time.Duration), lead, deputy auth.Started) {
	t.Helper()
	_, s, tenant := newService(t)
	now := time.Now()
	pass = func(d time.Duration) { now = now.Add(d) }
	svc, err := auth.New(auth.Config{Schools: s, Now: func() time.Time { return now }, Cost: auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for to, u := range map[*auth.Started]store.User{
		&lead:   {ID: "u1", Name: "H. Marlow", Email: "marlow@peewit.example", Roles: []caseflow.Role{caseflow.DSL}},
		&deputy: {ID: "u2", Name: "O. Thistle", Roles: []caseflow.Role{caseflow.Deputy}},
	} {
		if *to, err = svc.RedeemLink(t.Context(), addUser(t, tenant, u), words); err != nil {
			t.Fatal(err)
		}
	}
	return svc, tenant.Info().ID, pass, lead, deputy
}

// guess tries wrong passphrases until the throttle says stop.
func guess(t *testing.T, svc *auth.Service, school store.SchoolID, login string, from auth.Browser) int {
	t.Helper()
	for n := range 100 {
		_, err := svc.SignIn(t.Context(), school, login, "wrong words all along", from)
		var slow *auth.ThrottledError
		if errors.As(err, &slow) {
			return n
		}
		if !errors.Is(err, auth.ErrRefused) {
			t.Fatal(err)
		}
	}
	return 100
}

// A pupil who guesses at the lead's account locks out nobody but himself.
func TestGuessingLocksNobodyElseOut(t *testing.T) {
	svc, school, _, lead, deputy := clocked(t, nil)
	in := func(from auth.Browser) error {
		_, err := svc.SignIn(t.Context(), school, "H. Marlow", words, from)
		return err
	}
	if n := guess(t, svc, school, "H. Marlow", auth.Browser{Address: "192.0.2.66"}); n != 5 {
		t.Fatalf("%d guesses from one address", n)
	}
	if err := in(auth.Browser{Address: "192.0.2.1"}); err != nil {
		t.Errorf("the lead, from a new browser at another address: %v", err)
	}
	if n := guess(t, svc, school, "MARLOW@peewit.example", auth.Browser{Address: "192.0.2.66"}); n != 0 {
		t.Errorf("%d more guesses at the same account by its e-mail address", n)
	}
	for i := range 40 { // from forty laptops
		guess(t, svc, school, "H. Marlow", auth.Browser{Address: fmt.Sprintf("192.0.2.%d", 100+i)})
	}
	var slow *auth.ThrottledError
	if err := in(auth.Browser{Address: "192.0.2.2"}); !errors.As(err, &slow) || slow.Wait > time.Minute {
		t.Errorf("a browser nobody knows, at the height of it: %v", err)
	}
	if err := in(auth.Browser{Address: "192.0.2.66", Cookies: []*http.Cookie{deputy.Known, lead.Known}}); err != nil {
		t.Errorf("the lead's own browser, behind the attacker's address: %v", err)
	}
	if err := in(auth.Browser{Address: "192.0.2.2", Cookies: []*http.Cookie{deputy.Known}}); !errors.As(err, &slow) {
		t.Errorf("a browser known to another account: %v", err)
	}
	renamed := *deputy.Known
	renamed.Name = lead.Known.Name
	if err := in(auth.Browser{Address: "192.0.2.2", Cookies: []*http.Cookie{&renamed}}); !errors.As(err, &slow) {
		t.Errorf("another account's cookie under the lead's name: %v", err)
	}
}

func TestAKnownBrowserHasNoEndlessTries(t *testing.T) {
	svc, school, pass, lead, _ := clocked(t, nil)
	known := auth.Browser{Address: "192.0.2.1", Cookies: []*http.Cookie{lead.Known}}
	if n := guess(t, svc, school, "H. Marlow", known); n != 5 {
		t.Errorf("%d guesses with a stolen cookie", n)
	}
	if n := guess(t, svc, school, "H. Marlow", auth.Browser{Address: "192.0.2.1", Cookies: []*http.Cookie{lead.Known, {Name: lead.Known.Name, Value: "x"}}}); n != 0 {
		t.Errorf("%d more with a second cookie", n)
	}
	pass(181 * 24 * time.Hour)
	if n := guess(t, svc, school, "H. Marlow", known); n != 5 {
		t.Fatalf("%d guesses with a cookie out of date", n)
	}
	// It counts as no cookie now: the address waits with it.
	if n := guess(t, svc, school, "H. Marlow", auth.Browser{Address: "192.0.2.1"}); n != 0 {
		t.Errorf("a cookie out of date has tries of its own: %d", n)
	}
}

func TestTheKnownBrowserCookie(t *testing.T) {
	key := bytes.Repeat([]byte{7}, auth.MinKey)
	_, _, _, lead, _ := clocked(t, key)
	c := lead.Known
	if err := c.Valid(); err != nil {
		t.Error(err)
	}
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Name[:7] != "__Host-" || c.MaxAge <= 0 {
		t.Errorf("cookie %s", c)
	}

	// A restart with the key that was kept knows the browser, another key does not.
	for name, tc := range map[string]struct {
		key  []byte
		want int
	}{"the same key": {key, 5}, "another": {bytes.Repeat([]byte{8}, auth.MinKey), 0}, "a random one": {nil, 0}} {
		svc, school, _, _, _ := clocked(t, tc.key)
		guess(t, svc, school, "H. Marlow", auth.Browser{Address: "192.0.2.1"})
		if n := guess(t, svc, school, "H. Marlow", auth.Browser{Address: "192.0.2.1", Cookies: []*http.Cookie{c}}); n != tc.want {
			t.Errorf("%s: %d tries of its own, want %d", name, n, tc.want)
		}
	}
	if _, err := auth.New(auth.Config{Schools: oneSchool{}, Key: []byte("short")}); err == nil {
		t.Error("a short key is taken")
	}
}
