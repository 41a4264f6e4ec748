package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

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
