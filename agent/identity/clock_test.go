package identity_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// clocks are a machine's two clocks, set by hand.
type clocks struct {
	wall time.Time
	up   time.Duration
}

func (c *clocks) now() time.Time         { return c.wall }
func (c *clocks) elapsed() time.Duration { return c.up }

func TestClock(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "identity"), 0o700); err != nil {
		t.Fatal(err)
	}
	built := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	server := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	m := &clocks{wall: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), up: time.Minute}
	c := identity.NewClock(dir, built, m.now, m.elapsed)

	if now, exact := c.Now(); !now.Equal(built) || exact {
		t.Errorf("before contact: %v, %v, want the build time as a floor", now, exact)
	}
	if _, known := c.Skew(); known {
		t.Error("the skew is known before contact")
	}
	if got := c.Reckoned(); !got.Equal(built) {
		t.Errorf("before contact, in 1970, it reckons %v, want the build time", got)
	}
	c.Observe(server)
	if skew, known := c.Skew(); !known || skew != m.wall.Sub(server) {
		t.Errorf("skew %v, %v", skew, known)
	}
	if got := c.Corrected(m.wall.Add(time.Second)); !got.Equal(server.Add(time.Second)) {
		t.Errorf("corrected %v", got)
	}
	// Somebody sets the clock, and two hours pass: trusted time does not jump.
	m.wall = m.wall.AddDate(90, 0, 0)
	m.up += 2 * time.Hour
	if now, exact := c.Now(); !now.Equal(server.Add(2*time.Hour)) || !exact {
		t.Errorf("two hours later: %v, %v", now, exact)
	}
	if got := c.Reckoned(); !got.Equal(server.Add(2 * time.Hour)) {
		t.Errorf("two hours later it reckons %v", got)
	}
	c.Observe(server.Add(2 * time.Hour)) // not written down: once a day is enough
	m.up += 24 * time.Hour
	server = server.AddDate(0, 0, 1)
	c.Observe(server.Add(2 * time.Hour))

	// After a restart it is a floor, whatever the machine's clock says.
	c = identity.NewClock(dir, built, m.now, m.elapsed)
	if now, exact := c.Now(); !now.Equal(server.Add(2*time.Hour)) || exact {
		t.Errorf("after a restart: %v, %v, want the last told time as a floor", now, exact)
	}
	if got := c.Reckoned(); !got.Equal(m.wall) {
		t.Errorf("after a restart it reckons %v, want the machine's clock, which is later", got)
	}
	// A file of nonsense leaves the build time.
	if err := os.WriteFile(filepath.Join(dir, "identity", "trusted-time"), []byte("tomorrow"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = identity.NewClock(dir, built, m.now, m.elapsed)
	if now, _ := c.Now(); !now.Equal(built) {
		t.Errorf("with a damaged file: %v, want %v", now, built)
	}
}

// A collector whose clock was two years ahead, and is put right, is refused by
// the devices that believed it, also after a restart. A technician's
// re-enrolment ends that: it starts from the build's time again.
func TestEnrolAgainAfterTheCollectorWasAhead(t *testing.T) {
	c := start(t)
	ahead, built := time.Now().AddDate(2, 0, 0), time.Now().AddDate(0, -1, 0)
	c.RotateCertificateAt(t, ahead)
	dir := t.TempDir()
	m := &clocks{wall: time.Now()}
	enrolNow := func(force bool) *identity.Identity {
		t.Helper()
		clock := identity.NewClock("", built, m.now, m.elapsed) // as the command makes it
		id, err := identity.Enrol(t.Context(), dir, c.Enrolment(), facts, identity.Options{Force: force, Clock: clock.Now})
		check(t, err)
		return id
	}
	connect := func(id *identity.Identity) (*identity.Clock, error) {
		clock := identity.NewClock(dir, built, m.now, m.elapsed)
		cc, err := identity.NewLink(id, clock, 0.5, nil, nil).Connect(t.Context())
		if err == nil {
			cc.Close()
		}
		return clock, err
	}
	id := enrolNow(false)
	clock, err := connect(id)
	check(t, err)
	clock.Observe(ahead)

	c.RotateCertificate(t)
	for range 2 { // starts of the service
		if _, err := connect(id); !errors.Is(err, tlsx.ErrServerCert) || identity.Code(err) != conditions.ServerCert {
			t.Fatalf("got %v, want ErrServerCert", err)
		}
	}
	clock, err = connect(enrolNow(true))
	check(t, err)
	if now, exact := clock.Now(); !now.Equal(built) || exact {
		t.Errorf("after enrolling again the floor is %v, want %v", now, built)
	}
}

// Time is written down at the first contact and then at most once a day.
func TestClockSeldomWrites(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "identity"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "identity", "trusted-time")
	m := &clocks{wall: time.Now()}
	c := identity.NewClock(dir, time.Time{}, m.now, m.elapsed)
	writes := 0
	for range 2 * 24 * 12 { // two days of an acknowledgement each five minutes
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		c.Observe(m.wall)
		if _, err := os.Stat(path); err == nil {
			writes++
		}
		m.up += 5 * time.Minute
	}
	if writes != 2 {
		t.Errorf("written %d times in two days, want 2", writes)
	}
}

// How long the certificate is good for does not hang on a clock that is wrong.
func TestLeftByTrustedTime(t *testing.T) {
	c := start(t)
	id, err := enrol(t, t.TempDir(), c.Enrolment(), false)
	check(t, err)
	for _, wrong := range []int{-40, 10} {
		m := &clocks{wall: time.Now().AddDate(wrong, 0, 0)}
		clock := identity.NewClock("", time.Now(), m.now, m.elapsed)
		clock.Observe(time.Now())
		if left := identity.NewLink(id, clock, 0.5, nil, nil).Left(); left < 29*24*time.Hour || left > 31*24*time.Hour {
			t.Errorf("%d years wrong: %v left, want 30 days", wrong, left)
		}
	}
}

// A device that has not been told the time yet renews by its own clock.
func TestRenewalByTheMachinesClock(t *testing.T) {
	c := start(t)
	id, err := enrol(t, t.TempDir(), c.Enrolment(), false)
	check(t, err)
	m := &clocks{wall: time.Now()}
	clock := identity.NewClock("", time.Now().AddDate(-1, 0, 0), m.now, m.elapsed)
	link := identity.NewLink(id, clock, 0.5, nil, nil)
	if in := link.RenewIn(); in < 19*24*time.Hour || in > 20*24*time.Hour {
		t.Errorf("renew in %v, want about 20 days", in)
	}
	m.wall = m.wall.AddDate(0, 0, 25)
	if in := link.RenewIn(); in > 0 {
		t.Errorf("after 25 days renew in %v, want now", in)
	}
	if link.Expired() {
		t.Error("a floor of a year ago says that the certificate has expired")
	}
	clock.Observe(id.Cert.NotBefore)
	if in := link.RenewIn(); in < 19*24*time.Hour {
		t.Errorf("once told the time, renew in %v, want about 20 days", in)
	}
}
