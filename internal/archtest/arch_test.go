// Package archtest holds the import rules of docs/ARCHITECTURE.md: who may
// know whom, and why. It has no code of its own.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lapwing-schools/lapwing/"

type pkg struct {
	ImportPath string
	Name       string
	Imports    []string
	Deps       []string
}

func load(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Imports,Deps", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// A rule forbids packages in from to depend, directly or not, on those in on.
type rule struct {
	from, on string
	why      string
}

var rules = []rule{
	{"agent", module + "collector", "the agent runs on pupils' devices and must not carry the collector"},
	{"collector", module + "agent", "the collector must work with agents it was not built with"},
	{"agent", module + "internal/policydoc/form", "a device reads signed messages, never what people edit"},
	{"internal/detect", "encoding/json", "the engine also runs as WebAssembly in a browser extension"},
	{"internal/detect", "google.golang.org/protobuf", "the engine also runs as WebAssembly in a browser extension"},
	{"internal/detect", "os/exec", "matching starts nothing"},
}

// Packages that decide, and so must be the same everywhere and always.
var pure = []string{"collector/caseflow", "collector/triage", "collector/directory", "collector/exemption", "agent/capture", "agent/schedule", "internal/timetable", "internal/detect", "internal/vocab"}

// What a pure package must not import itself: time.Now is caught by
// TestPurePackagesReadNoClock, since package time also has Duration.
var impure = []string{
	"net", "net/http", "os", "os/exec", "syscall", "database/sql", "io/fs",
	"google.golang.org/grpc", "github.com/dgraph-io/badger/v4", "github.com/jackc/pgx/v5",
	"log", "log/slog", "math/rand", "math/rand/v2", module + "internal/clock",
}

func TestImportRules(t *testing.T) {
	all := load(t)
	for path, p := range all {
		for _, r := range rules {
			// The rule-pack compiler lives beside the engine, not in it.
			if r.from == "internal/detect" && path != "internal/detect" {
				continue
			}
			if !within(path, r.from) {
				continue
			}
			for _, d := range p.Deps {
				if within(d, r.on) {
					t.Errorf("%s depends on %s: %s", path, d, r.why)
				}
			}
		}
		if within(path, "internal") && !within(path, "internal/testkit") {
			for _, d := range p.Deps {
				if within(d, module+"agent") || within(d, module+"collector") {
					t.Errorf("%s depends on %s: internal is what both programs share", path, d)
				}
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	all := load(t)
	for _, path := range pure {
		p, ok := all[path]
		if !ok {
			t.Errorf("%s is gone: mend the list", path)
		}
		for _, i := range p.Imports {
			// A directory is read through the fs.FS that it is given.
			given := path == "collector/directory" && i == "io/fs"
			if slices.Contains(impure, i) && !given {
				t.Errorf("%s imports %s: it decides by its arguments alone", path, i)
			}
		}
	}
}

func TestDatabasesAreKnownToMainOnly(t *testing.T) {
	for path, p := range load(t) {
		for _, i := range p.Imports {
			store := strings.HasSuffix(i, "/badgerstore") || strings.HasSuffix(i, "/pgstore")
			if store && p.Name != "main" {
				t.Errorf("%s imports %s: only main.go chooses the database", path, i)
			}
		}
	}
}

// gopsutil's version 3 is frozen: one package knows it, so that leaving it is
// a change in one place (docs/adr/0029).
func TestGopsutilIsKnownToPostureOnly(t *testing.T) {
	for path, p := range load(t) {
		for _, i := range p.Imports {
			if strings.HasPrefix(i, "github.com/shirou/gopsutil/") && path != "agent/sensor/posture" {
				t.Errorf("%s imports %s: only agent/sensor/posture may", path, i)
			}
		}
	}
}

// What packages in from may import directly only if they are by.
var reserved = []struct{ from, what, by, why string }{
	{"agent/sensor", "os/exec", "agent/sensor/posture", "sensors start no programs; only the checks ask the system's own tools, seldom and with a bound"},
	{"agent/session", "os/exec", "agent/session/supervise", "the session process starts nothing; only the service starts it"},
	{"agent", "github.com/kardianos/service", "agent/install", "one place changes services of the system"},
}

func TestReservedImports(t *testing.T) {
	for path, p := range load(t) {
		for _, r := range reserved {
			if within(path, r.from) && path != r.by && slices.Contains(p.Imports, r.what) {
				t.Errorf("%s imports %s: %s", path, r.what, r.why)
			}
		}
	}
}

func TestEngineBuildsForBrowsers(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "vet", module+"internal/detect")
	cmd.Env = append(cmd.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("internal/detect for GOOS=js: %v\n%s", err, out)
	}
}
