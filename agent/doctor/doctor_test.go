package doctor_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
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
	}
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
		"others may look":     {"rights", doctor.Fail, "", func(t *testing.T, e *doctor.Env) { check(t, os.Chmod(e.Dir, 0o755)) }},
		"no directory":        {"rights", doctor.Fail, "", func(t *testing.T, e *doctor.Env) { e.Dir += "-gone" }},
		"not enrolled":        {"certificate", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.ID, e.IDErr = nil, identity.ErrNotEnrolled }},
		"certificate ends":    {"certificate", doctor.Fail, conditions.CertExpiring, func(_ *testing.T, e *doctor.Env) { e.Clock = later(27 * day) }},
		"certificate ended":   {"certificate", doctor.Fail, conditions.CertExpiring, func(_ *testing.T, e *doctor.Env) { e.Clock = later(60 * day) }},
		"ended long ago":      {"certificate", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Clock = later(400 * day) }},
		"name unknown":        {"dns", doctor.Fail, conditions.NameUnknown, func(_ *testing.T, e *doctor.Env) { e.ID.Collector.Address = "nobody.invalid:9443" }},
		"proxy gone":          {"proxy", doctor.Fail, conditions.ProxyAway, func(t *testing.T, e *doctor.Env) { e.Dialer = via(e, "http://u:geheim@127.0.0.1:1") }},
		"collector gone":      {"connection", doctor.Fail, conditions.NoAnswer, func(_ *testing.T, e *doctor.Env) { e.ID.Collector.Address = "127.0.0.1:1" }},
		"log-in page":         {"connection", doctor.Fail, conditions.Stranger, func(t *testing.T, e *doctor.Env) { e.ID.Collector.Address = loginPage(t) }},
		"another's collector": {"connection", doctor.Fail, conditions.Stranger, func(t *testing.T, e *doctor.Env) { e.ID.CA = well(t).ID.CA }},
		"revoked":             {"connection", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status.Uplink.State = "revoked" }},
		"service stopped":     {"sessions", doctor.Fail, "", func(_ *testing.T, e *doctor.Env) { e.Status = status.Report{} }},
		"clock ahead":         {"clock", doctor.Fail, conditions.ClockSkew, func(_ *testing.T, e *doctor.Env) { *e.Status.Uplink.SkewMillis = (time.Hour).Milliseconds() }},
		"clock behind":        {"clock", doctor.Fail, conditions.ClockSkew, func(_ *testing.T, e *doctor.Env) { *e.Status.Uplink.SkewMillis = -(time.Hour).Milliseconds() }},
		"blind": {"sessions", doctor.Fail, conditions.RightMissing, func(_ *testing.T, e *doctor.Env) {
			e.Status.Coverage["text"] = status.Sensor{State: "off", Code: conditions.RightMissing}
		}},
		"spool full":    {"spool", doctor.Fail, conditions.SpoolFull, func(_ *testing.T, e *doctor.Env) { e.Status.Spool.Full = true }},
		"spool damaged": {"spool", doctor.Unknown, conditions.SpoolQuarantined, func(_ *testing.T, e *doctor.Env) { e.Status.Spool.DamagedSegments = 1 }},
		"events lost":   {"spool", doctor.Unknown, "", func(_ *testing.T, e *doctor.Env) { e.Status.Spool.MergedUrgent = 1 }},
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

func later(d time.Duration) tlsx.Clock {
	return func() (time.Time, bool) { return time.Now().Add(d), true }
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
