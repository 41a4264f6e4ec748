package doctor_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/doctor"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/logging"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// well is a device of which nothing is wrong.
func well(t *testing.T) doctor.Env {
	t.Helper()
	env, _ := wellAt(t)
	return env
}

func wellAt(t *testing.T) (doctor.Env, *fakecollector.Collector) {
	t.Helper()
	c := &fakecollector.Collector{Address: "127.0.0.1:0"}
	c.Start(t)
	dir := filepath.Join(t.TempDir(), "agent")
	id, err := identity.Enrol(t.Context(), dir, c.Enrolment(), identity.Facts{Hostname: "pc1", OS: "linux", Arch: "amd64"},
		identity.Options{Clock: tlsx.SystemClock})
	check(t, err)
	skew := int64(300)
	return doctor.Env{
		Dir: dir, ID: id, Clock: tlsx.SystemClock, Dialer: &dial.Dialer{}, Now: time.Now(),
		Status: status.Report{Running: true, Uplink: &status.Uplink{State: "connected", SkewMillis: &skew}, Spool: &status.Spool{},
			Sessions: 1, Coverage: map[string]status.Sensor{"text": {State: "ok"}, "usb": {State: "off", Code: conditions.Unsupported}}},
	}, c
}

func find(t *testing.T, r doctor.Report, name string) doctor.Result {
	t.Helper()
	for _, c := range r.Checks {
		if c.Check == name {
			return c
		}
	}
	t.Fatalf("no check %s", name)
	return doctor.Result{}
}

func TestAWellDevice(t *testing.T) {
	r := doctor.Run(t.Context(), well(t))
	if !r.OK || len(r.Checks) != 10 {
		t.Errorf("ok %v, %d checks", r.OK, len(r.Checks))
	}
	for _, c := range r.Checks {
		if want := map[bool]string{true: doctor.Unknown, false: doctor.Pass}[c.Check == "canary"]; c.State != want {
			t.Errorf("%s: %s: %s", c.Check, c.State, c.Detail)
		}
	}
}

func TestEachCheckFailsForItsOwnReason(t *testing.T) {
	day := 24 * time.Hour
	for name, tc := range map[string]struct {
		check, state, code string
		spoil              func(t *testing.T, e *doctor.Env)
	}{
		"others may look":    {"rights", doctor.Fail, "", func(t *testing.T, e *doctor.Env) { check(t, os.Chmod(e.Dir, 0o755)) }},
		"no directory":       {"rights", doctor.Fail, "", func(t *testing.T, e *doctor.Env) { e.Dir += "-gone" }},
		"not enrolled":       {"certificate", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.ID, e.IDErr = nil, identity.ErrNotEnrolled }},
		"certificate ends":   {"certificate", doctor.Fail, conditions.CertExpiring, func(_ *testing.T, e *doctor.Env) { e.Now = e.Now.Add(27 * day) }},
		"certificate ended":  {"certificate", doctor.Fail, conditions.CertExpiring, func(_ *testing.T, e *doctor.Env) { e.Now = e.Now.Add(60 * day) }},
		"ended long ago":     {"certificate", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Now = e.Now.Add(400 * day) }},
		"ended by the floor": {"certificate", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status, e.Clock = status.Report{}, floor(400*day) }},
		"clock ahead, alone": {"certificate", doctor.Unknown, "", func(_ *testing.T, e *doctor.Env) {
			e.Status, e.Clock, e.Now = status.Report{Running: true}, floor(-day), e.Now.Add(3650*day)
		}},
		"damaged": {"certificate", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.ID, e.IDErr = nil, errors.New("no PEM") }},
		"others' file": {"rights", doctor.Fail, "", func(t *testing.T, e *doctor.Env) {
			check(t, os.Lchown(filepath.Join(e.Dir, "identity", "device.key"), 1000, -1))
		}},
		"not the socket":      {"rights", doctor.Fail, "", func(t *testing.T, e *doctor.Env) { elsewhere(t, e.Dir) }},
		"a shell's proxy":     {"proxy", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Dialer = via(e, "http://127.0.0.1:1") }},
		"the service's proxy": {"proxy", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status.Uplink.Proxy = "http://127.0.0.1:1" }},
		"the service's way": {"connection", doctor.Fail, conditions.Stranger, func(_ *testing.T, e *doctor.Env) {
			e.Status.Uplink.State, e.Status.Uplink.Code = "waiting", conditions.Stranger
		}},
		"refused": {"connection", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status.Uplink.State = "refused" }},
		"refused, and at the door": {"connection", doctor.Fail, "", func(t *testing.T, e *doctor.Env) {
			*e = old(t)
			e.Status.Uplink.State = "refused"
		}},
		"refused at the door": {"connection", doctor.Fail, conditions.CertExpiring, func(t *testing.T, e *doctor.Env) { *e = old(t) }},
		"no logind": {"sessions", doctor.Fail, conditions.DesktopsUnknown, func(_ *testing.T, e *doctor.Env) {
			e.Status.Sessions, e.Status.Coverage["text"] = 0, status.Sensor{State: "off", Code: conditions.DesktopsUnknown}
		}},
		"name unknown": {"dns", doctor.Fail, conditions.NameUnknown, func(_ *testing.T, e *doctor.Env) { e.ID.Collector.Address = "nobody.invalid:9443" }},
		"proxy gone": {"proxy", doctor.Fail, conditions.ProxyAway, func(t *testing.T, e *doctor.Env) {
			check(t, os.WriteFile(filepath.Join(e.Dir, dial.FileName), []byte("http://u:geheim@127.0.0.1:1"), 0o600))
			e.Dialer, e.Status.Uplink.Proxy = via(e, ""), "http://127.0.0.1:1"
		}},
		"collector gone":      {"connection", doctor.Fail, conditions.NoAnswer, func(_ *testing.T, e *doctor.Env) { e.ID.Collector.Address = "127.0.0.1:1" }},
		"log-in page":         {"connection", doctor.Fail, conditions.Stranger, func(t *testing.T, e *doctor.Env) { e.ID.Collector.Address = loginPage(t) }},
		"another's collector": {"connection", doctor.Fail, conditions.Stranger, func(t *testing.T, e *doctor.Env) { e.ID.CA = well(t).ID.CA }},
		"revoked":             {"connection", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status.Uplink.State = "revoked" }},
		"service stopped":     {"sessions", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status = status.Report{} }},
		"service hangs":       {"sessions", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status = status.Report{Hangs: true} }},
		"clock ahead":         {"clock", doctor.Fail, conditions.ClockSkew, func(_ *testing.T, e *doctor.Env) { *e.Status.Uplink.SkewMillis = (time.Hour).Milliseconds() }},
		"clock behind":        {"clock", doctor.Fail, conditions.ClockSkew, func(_ *testing.T, e *doctor.Env) { *e.Status.Uplink.SkewMillis = -(time.Hour).Milliseconds() }},
		"blind": {"sessions", doctor.Fail, conditions.RightMissing, func(_ *testing.T, e *doctor.Env) {
			e.Status.Coverage["text"] = status.Sensor{State: "off", Code: conditions.RightMissing}
		}},
		"spool full": {"spool", doctor.Fail, conditions.SpoolFull, func(_ *testing.T, e *doctor.Env) { e.Status.Spool.Full = true }},
		"spool damaged": {"spool", doctor.Unknown, conditions.SpoolQuarantined, func(_ *testing.T, e *doctor.Env) {
			e.Status.Spool.DamagedSegments, e.Status.Spool.LastDamage = 1, &e.Now
		}},
		"events lost": {"spool", doctor.Unknown, "", func(_ *testing.T, e *doctor.Env) { e.Status.Spool.MergedUrgent = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			env := well(t)
			tc.spoil(t, &env)
			r := doctor.Run(t.Context(), env)
			c := find(t, r, tc.check)
			if c.State != tc.state || c.Code != tc.code || c.Do == "" || c.Detail == "" {
				t.Errorf("%+v; want %s with code %q and what to do", c, tc.state, tc.code)
			}
			if r.OK != (tc.state != doctor.Fail) {
				t.Errorf("ok is %v", r.OK)
			}
			var out bytes.Buffer
			check(t, doctor.Write(&out, r))
			if strings.Contains(out.String(), "geheim") {
				t.Error("a password is on the screen")
			}
		})
	}
}

// A device that was told a time that had not come refuses the collector, and
// no waiting helps: doctor says what does, unless the device's own clock agrees.
func TestToldATimeThatHadNotCome(t *testing.T) {
	env := well(t)
	ahead := 500 * 24 * time.Hour
	env.Clock = floor(ahead)
	for clock, again := range map[time.Duration]bool{0: true, ahead: false} {
		env.Now = time.Now().Add(clock)
		c := find(t, doctor.Run(t.Context(), env), "connection")
		if c.Code != conditions.ServerCert || strings.Contains(c.Do, "enrol --force") != again {
			t.Errorf("own clock %v ahead: %+v", clock, c)
		}
	}
}

func floor(d time.Duration) tlsx.Clock {
	return func() (time.Time, bool) { return time.Now().Add(d), false }
}

// old shows the collector a certificate that has ended.
func old(t *testing.T) doctor.Env {
	t.Helper()
	e, c := wellAt(t)
	csr, err := tlsx.NewCSR(e.ID.Key)
	check(t, err)
	e.ID.Cert, err = c.CA.IssueDevice(csr, e.ID.Device, time.Now().AddDate(0, 0, -40))
	check(t, err)
	return e
}

// elsewhere has another account than the files' run the service.
func elsewhere(t *testing.T, dir string) {
	t.Helper()
	name := filepath.Join(dir, "control.sock")
	ln, err := new(net.ListenConfig).Listen(t.Context(), "unix", name)
	check(t, err)
	t.Cleanup(func() { ln.Close() })
	check(t, os.Lchown(name, 1000, -1))
}

// A directory in which nobody enrolled may be anybody's: no word of changing it.
func TestAnothersDirectory(t *testing.T) {
	env := well(t)
	env.Dir, env.ID, env.IDErr = t.TempDir(), nil, identity.ErrNotEnrolled
	check(t, os.Chmod(env.Dir, 0o755))
	c := find(t, doctor.Run(t.Context(), env), "rights")
	if c.State != doctor.Unknown || !strings.Contains(c.Do, "--dir") || strings.Contains(c.Do, "chmod") {
		t.Errorf("%+v", c)
	}
}

// A clock that is ten years ahead is a matter for the check of the clock, not a
// certificate that ended.
func TestWrongClockIsNoLostCertificate(t *testing.T) {
	env := well(t)
	years := 3650 * 24 * time.Hour
	*env.Status.Uplink.SkewMillis, env.Now = years.Milliseconds(), env.Now.Add(years)
	r := doctor.Run(t.Context(), env)
	if c := find(t, r, "certificate"); c.State != doctor.Pass {
		t.Errorf("%+v", c)
	}
	if c := find(t, r, "clock"); c.State != doctor.Fail || !strings.Contains(c.Detail, "3650 days ahead") {
		t.Errorf("%+v", c)
	}
}

// The spool writes down the collector's time, on a device that lives in 2056, too.
func TestDamageByTheCollectorsClock(t *testing.T) {
	env := well(t)
	at, years := env.Now, 30*365*24*time.Hour
	env.Status.Spool.DamagedSegments, env.Status.Spool.LastDamage = 1, &at
	*env.Status.Uplink.SkewMillis, env.Now = years.Milliseconds(), env.Now.Add(years)
	if c := find(t, doctor.Run(t.Context(), env), "spool"); c.Code != conditions.SpoolQuarantined {
		t.Errorf("%+v", c)
	}
}

// While the service is stopped, nobody can say that it will find the proxy of
// this shell.
func TestProxyOfTheShellAlone(t *testing.T) {
	env := well(t)
	env.Status, env.Dialer = status.Report{}, via(&env, "http://127.0.0.1:1")
	if c := find(t, doctor.Run(t.Context(), env), "proxy"); c.State != doctor.Unknown || !strings.Contains(c.Do, dial.FileName) {
		t.Errorf("%+v", c)
	}
}

// Who may not ask is told to ask as the administrator, and nothing else: not
// that the service is down, not to enrol the device.
func TestWithoutRights(t *testing.T) {
	env := doctor.Env{Dir: t.TempDir(), Status: status.Report{Problem: status.ErrNotAllowed.Error()}, Now: time.Now(),
		IDErr: fmt.Errorf("load identity: %w", fs.ErrPermission), Clock: tlsx.SystemClock, Dialer: &dial.Dialer{}}
	check(t, os.Chmod(env.Dir, 0o700))
	r := doctor.Run(t.Context(), env)
	for _, c := range r.Checks {
		if c.State == doctor.Fail || strings.Contains(c.Do, "service start") || strings.Contains(c.Do, "enrol") {
			t.Errorf("%+v", c)
		}
	}
}

// Why a device was revoked is a technician's free text. It stays on the device.
func TestBundleHoldsNoReason(t *testing.T) {
	env := well(t)
	env.Status.Uplink.State, env.Status.Uplink.Detail = "revoked", "stolen from Alice Smith"
	var out bytes.Buffer
	check(t, doctor.Bundle(&out, env, doctor.Run(t.Context(), env)))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	check(t, err)
	for _, f := range z.File {
		in, err := f.Open()
		check(t, err)
		if b, err := io.ReadAll(in); err != nil || bytes.Contains(b, []byte("Alice")) {
			t.Errorf("%s: %v, holds a name", f.Name, err)
		}
	}
}

func via(e *doctor.Env, proxy string) *dial.Dialer {
	return dial.Open(e.Dir, func(name string) string {
		if name == "LAPWING_PROXY" {
			return proxy
		}
		return ""
	})
}

// loginPage answers everybody with HTTP.
func loginPage(t *testing.T) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 1024))
				_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n")
			}()
		}
	}()
	return ln.Addr().String()
}

// Whatever lies in the agent's directory, the bundle holds no captured text
// and no secret, and it does hold the log.
func TestBundleHoldsNoSecret(t *testing.T) {
	env := well(t)
	const planted = "planted-secret-words"
	s, err := spool.Open(spool.Config{Dir: filepath.Join(env.Dir, "spool"), MinFree: -1})
	check(t, err)
	_, err = s.Append(spool.Event{Lane: spool.Urgent, Payload: []byte(planted), Wall: time.Now()})
	check(t, err)
	check(t, s.Close())
	check(t, os.WriteFile(filepath.Join(env.Dir, dial.FileName), []byte("http://u:"+planted+"@127.0.0.1:1"), 0o600))
	check(t, os.WriteFile(filepath.Join(env.Dir, "policy"), []byte(planted), 0o600))
	check(t, os.Mkdir(filepath.Join(env.Dir, doctor.LogDir), 0o700))
	file, err := os.Create(filepath.Join(env.Dir, doctor.LogDir, "agent.log"))
	check(t, err)
	log := logging.New(file, logging.Options{})
	log.Info("uplink_waiting", "excerpt", planted, "window_title", planted, "account", planted)
	log.Error("proxy_failed", "error", errors.New("the proxy refuses"))
	check(t, file.Close())
	check(t, os.WriteFile(filepath.Join(env.Dir, doctor.LogDir, "notes.txt"), []byte(planted), 0o600))
	env.Dialer = dial.Open(env.Dir, func(string) string { return "" })

	var out bytes.Buffer
	check(t, doctor.Bundle(&out, env, doctor.Run(t.Context(), env)))
	key, err := os.ReadFile(filepath.Join(env.Dir, "identity", "device.key"))
	check(t, err)
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	check(t, err)
	names := map[string]bool{}
	for _, f := range z.File {
		names[f.Name] = true
		in, err := f.Open()
		check(t, err)
		b, err := io.ReadAll(in)
		check(t, err)
		for what, secret := range map[string]string{"the planted words": planted, "the key": string(key[30:80])} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %s", f.Name, what)
			}
		}
		if f.Name == "log/agent.log" && !bytes.Contains(b, []byte("proxy_failed")) {
			t.Error("the log is empty")
		}
	}
	for _, want := range []string{"doctor.json", "status.json", "versions.txt", "files.txt", "log/agent.log"} {
		if !names[want] {
			t.Errorf("%s is missing from %v", want, names)
		}
	}
}
