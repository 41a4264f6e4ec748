package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// enrol --force leaves a service alone that does not answer: it may go on, and
// would write its own certificate into the new identity.
func TestEnrolUnderAServiceThatHangs(t *testing.T) {
	c := &fakecollector.Collector{Address: "127.0.0.1:0"}
	c.Start(t)
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "control.sock")) // accepts nothing
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var out bytes.Buffer
	code := execute(t.Context(), []string{"enrol", "--force", "--dir", dir, c.Enrolment().String()}, streams{nil, &out, &out})
	if code != exitFailed || !strings.Contains(out.String(), "service stop") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
	if _, err := identity.Load(dir); !errors.Is(err, identity.ErrNotEnrolled) {
		t.Errorf("it enrolled: %v", err)
	}
}

// Why a service does not start is in its log, which goes with the bundle: the
// service manager's journal does not.
func TestWhyItDoesNotStartIsLogged(t *testing.T) {
	c := &fakecollector.Collector{Address: "127.0.0.1:0"}
	c.Start(t)
	dir := filepath.Join(t.TempDir(), "agent")
	_, err := identity.Enrol(t.Context(), dir, c.Enrolment(), identity.Facts{Hostname: "pc1", OS: "linux", Arch: "amd64"},
		identity.Options{Clock: tlsx.SystemClock})
	if err = errors.Join(err, os.WriteFile(filepath.Join(dir, "spool"), nil, 0o600)); err != nil { // in the folder's place
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := execute(t.Context(), []string{"run", "--dir", dir}, streams{nil, &out, &out}); code != exitFailed {
		t.Errorf("exit code %d: %s", code, out.String())
	}
	b, err := os.ReadFile(filepath.Join(dir, "log", "agent.log"))
	if err != nil || !strings.Contains(string(b), "service_not_started") || !strings.Contains(string(b), "spool") {
		t.Errorf("the log says %s %v", b, err)
	}
}

// A device that was told a time years ahead refuses its collector once that is
// right again, and enrol --force mends it (docs/adr/0006).
func TestEnrolForceLowersTheFloor(t *testing.T) {
	c := &fakecollector.Collector{Address: "127.0.0.1:0"}
	c.Start(t)
	dir := filepath.Join(t.TempDir(), "agent")
	command := func(args ...string) string {
		var out bytes.Buffer
		execute(t.Context(), append(args, "--dir", dir), streams{nil, &out, &out})
		return out.String()
	}
	command("enrol", c.Enrolment().String())
	floor := filepath.Join(dir, "identity", "trusted-time")
	ahead := strconv.FormatInt(time.Now().AddDate(3, 0, 0).UnixMilli(), 10)
	if err := os.WriteFile(floor, []byte(ahead), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := command("doctor"); !strings.Contains(out, "was told a time that had not come") {
		t.Errorf("doctor does not say why: %s", out)
	}
	if out := command("enrol", "--force", c.Enrolment().String()); !strings.Contains(out, "Enrolled with") {
		t.Errorf("enrol --force: %s", out)
	}
	if out := command("doctor"); !strings.Contains(out, "the collector answers in") {
		t.Errorf("it still refuses the collector: %s", out)
	}
}
