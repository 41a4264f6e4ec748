package logind

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestChoose(t *testing.T) {
	session := func(change func(*Session)) Session {
		s := Session{ID: "1", Type: "x11", Class: "user", State: "active", Active: true, UID: 1000, GID: 1000, Name: "pupil"}
		change(&s)
		return s
	}
	here := func(Session) ([]string, bool) { return []string{"DISPLAY=:0"}, true }
	hidden := func(Session) ([]string, bool) { return nil, false }
	for _, tc := range []struct {
		name             string
		session          Session
		own              uint32
		find             func(Session) ([]string, bool)
		watch, away, hid int
	}{
		{"in front", session(func(*Session) {}), 0, here, 1, 0, 0},
		{"Wayland", session(func(s *Session) { s.Type = "wayland" }), 0, here, 1, 0, 0},
		{"still opening", session(func(s *Session) { s.State = "opening" }), 0, here, 1, 0, 0},
		{"switched away", session(func(s *Session) { s.State, s.Active = "online", false }), 0, here, 0, 1, 0},
		{"logging out", session(func(s *Session) { s.State = "closing" }), 0, here, 0, 0, 0},
		{"log-on screen", session(func(s *Session) { s.Class = "greeter" }), 0, here, 0, 0, 0},
		{"a console", session(func(s *Session) { s.Type = "tty" }), 0, here, 0, 0, 0},
		{"no display yet", session(func(*Session) {}), 0, hidden, 0, 0, 1},
		{"somebody else's, without root", session(func(*Session) {}), 1001, here, 0, 0, 0},
		{"one's own, without root", session(func(*Session) {}), 1000, here, 1, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := choose([]Session{tc.session}, tc.own, tc.find)
			if len(d.Targets) != tc.watch || d.Away != tc.away || d.Hidden != tc.hid {
				t.Errorf("%+v", d)
			}
			if tc.watch == 1 && (d.Targets[0].Account != "pupil" || d.Targets[0].UID != 1000 || d.Targets[0].ID != "logind-1") {
				t.Errorf("target %+v", d.Targets[0])
			}
		})
	}
}

// fakeProc writes a process of this test's own user.
func fakeProc(t *testing.T, proc string, pid uint32, scope string, environ ...string) {
	t.Helper()
	dir := filepath.Join(proc, strconv.Itoa(int(pid)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"environ": strings.Join(environ, "\x00") + "\x00", "cgroup": "0::/user.slice/user-1000.slice/" + scope + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlaces(t *testing.T) {
	s := Session{ID: "3", Type: "x11", UID: uint32(os.Geteuid()), Leader: 10, Scope: "session-3.scope", RuntimeDir: "/run/user/1"}
	for _, tc := range []struct {
		name string
		make func(proc string)
		typ  string
		want string // of DISPLAY or WAYLAND_DISPLAY; empty: not found
	}{
		{"the leader's own", func(p string) { fakeProc(t, p, 10, s.Scope, "DISPLAY=:5") }, "x11", ":5"},
		{"a process of the scope before another of the person", func(p string) {
			fakeProc(t, p, 10, s.Scope)
			fakeProc(t, p, 11, "user@1000.service", "DISPLAY=:9")
			fakeProc(t, p, 12, s.Scope, "DISPLAY=:6")
		}, "x11", ":6"},
		{"one under the person's systemd that names the session", func(p string) {
			fakeProc(t, p, 11, "user@1000.service", "DISPLAY=:7", "XDG_SESSION_ID=3")
		}, "x11", ":7"},
		{"not one of another session", func(p string) {
			fakeProc(t, p, 11, "user@1000.service", "DISPLAY=:7", "XDG_SESSION_ID=4")
		}, "x11", ""},
		{"the oldest, whatever its number begins with: a program may have made its own", func(p string) {
			fakeProc(t, p, 10234, "user@1000.service", "DISPLAY=:99")
			fakeProc(t, p, 1500, "user@1000.service", "DISPLAY=:8")
		}, "x11", ":8"},
		{"Wayland needs its own display", func(p string) { fakeProc(t, p, 10, s.Scope, "DISPLAY=:5") }, "wayland", ""},
		{"Wayland", func(p string) { fakeProc(t, p, 10, s.Scope, "WAYLAND_DISPLAY=wayland-1") }, "wayland", "wayland-1"},
		{"a value beyond reason", func(p string) { fakeProc(t, p, 10, s.Scope, "DISPLAY=:5", "HOME=/"+strings.Repeat("x", 2000)) }, "x11", ":5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			proc := t.TempDir()
			tc.make(proc)
			s := s
			s.Type = tc.typ
			env, ok := places{proc}.find(s)
			if ok != (tc.want != "") {
				t.Fatalf("found %v: %q", ok, env)
			}
			name := map[string]string{"x11": "DISPLAY=", "wayland": "WAYLAND_DISPLAY="}[tc.typ]
			if ok && !slices.Contains(env, name+tc.want) {
				t.Errorf("environment %q", env)
			}
			for _, kv := range env {
				if len(kv) > maxValue+64 {
					t.Errorf("%d bytes of %.20s", len(kv), kv)
				}
			}
		})
	}
}

// TestCompositorWithoutPrograms: its socket is enough, if there is but one.
func TestCompositorWithoutPrograms(t *testing.T) {
	dir := t.TempDir()
	s := Session{ID: "3", Type: "wayland", UID: uint32(os.Geteuid()), Leader: 10, RuntimeDir: dir}
	proc := t.TempDir()
	fakeProc(t, proc, 10, "", "HOME=/home/p")
	find := func() []string {
		env, _ := places{proc}.find(s)
		return env
	}
	if err := os.WriteFile(filepath.Join(dir, "wayland-0.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if env := find(); env != nil {
		t.Errorf("without a socket: %q", env)
	}
	for i, want := range []bool{true, false} {
		l, err := net.Listen("unix", filepath.Join(dir, "wayland-"+strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if got := slices.Contains(find(), "WAYLAND_DISPLAY=wayland-0"); got != want {
			t.Errorf("with %d sockets: %v", i+1, got)
		}
	}
}

func TestEnvironmentTakesNothingElse(t *testing.T) {
	s := Session{ID: "3", Type: "x11", UID: uint32(os.Geteuid()), Leader: 10, RuntimeDir: "/run/user/1"}
	proc := t.TempDir()
	fakeProc(t, proc, 10, "", "DISPLAY=:5", "LD_PRELOAD=/tmp/x.so", "GODEBUG=x=1", "DISPLAY=:6", "SECRET=s")
	env, _ := places{proc}.find(s)
	want := []string{"XDG_SESSION_ID=3", "XDG_SESSION_TYPE=x11", "XDG_RUNTIME_DIR=/run/user/1", "DISPLAY=:5"}
	if !slices.Equal(env, want) {
		t.Errorf("environment %q, want %q", env, want)
	}
}

func TestLeaderThatEndsIsTold(t *testing.T) {
	cmd := exec.Command("sleep", "infinity")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := uint32(cmd.Process.Pid)
	l := newLeaders()
	defer l.stop()
	if !alive(pid) {
		t.Error("a process that runs is said to have ended")
	}
	l.follow(t.Context(), []uint32{pid})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-l.left
	if alive(pid) {
		t.Error("a process that has ended, and is not reaped yet, is said to run")
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it was not killed")
	}
	if alive(pid) {
		t.Error("a process that is gone is said to run")
	}
}

// A desktop that takes five minutes to appear is not looked for five minutes
// later, nor all the time until then.
func TestSlowDesktopIsFoundSoon(t *testing.T) {
	looks, late := 0, time.Duration(0)
	for at, pause := time.Duration(0), lookAgain; at < 5*time.Minute; pause = longer(pause) {
		at += pause
		looks, late = looks+1, at-5*time.Minute
	}
	if looks > 30 || late > 20*time.Second {
		t.Errorf("found after %d looks, %v late", looks, late)
	}
}

func TestNoBusIsAbsent(t *testing.T) {
	err := once(t.Context(), Config{SystemBus: "unix:path=" + t.TempDir() + "/none", Proc: "/proc"})
	if !errors.Is(err, ErrAbsent) {
		t.Errorf("error %v", err)
	}
}
