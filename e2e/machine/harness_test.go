//go:build linux

// Package machine proves the agent as a service of a real system: installed in
// systemd, finding the people who log on through logind, on a machine of its
// own (internal/testkit/machine). The collector is the fake one, in this
// process, with a policy of the rules that Lapwing ships.
package machine

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/testkit/machine"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// built is the agent as TestMain built it; rules are the compiled packs.
var (
	built string
	rules []byte
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		fmt.Println("machine: left out with -short; make test-service runs it")
		return 0
	}
	dir, err := os.MkdirTemp("", "lapwing-machine-build-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "lapwing-agent")
	build := exec.Command("go", "build", "-trimpath", "-o", built, "../../agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the agent: %v\n%s", err, out)
		return 1
	}
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 {
		fmt.Fprintln(os.Stderr, problems)
		return 1
	}
	if rules, err = rulepack.Compile(packs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// People of the test machine.
const (
	pupilUID   = 2001
	otherUID   = 2002
	greeterUID = 2003
)

// bound of every wait: far above what a busy machine was seen to need (8 s).
const bound = 90 * time.Second

var errNotYet = errors.New("not yet")

// program is where the agent stands in the machine; dataDir its directory.
const (
	program = "/opt/lapwing/lapwing-agent"
	dataDir = "/var/lib/lapwing-agent"
)

// world is a machine and a collector.
type world struct {
	t         *testing.T
	m         *machine.Machine
	collector *fakecollector.Collector
	line      *line
	limit     *lapwingv1.LockPolicy
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "lapwing-machine-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // t.TempDir would stumble over files of journald
	w := &world{t: t, collector: &fakecollector.Collector{Address: "127.0.0.1:0"}}
	w.m, err = machine.Start(t.Context(), machine.Options{Dir: dir, Accounts: []machine.Account{
		{Name: "pupil", UID: pupilUID}, {Name: "other", UID: otherUID}, {Name: "greeter", UID: greeterUID},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := w.m.Run(context.Background(), "journalctl", "--no-pager", "-u", "lapwing-agent")
			t.Log(out)
		}
		if err := w.m.Stop(); err != nil {
			t.Error(err)
		}
	})
	w.collector.Start(t)
	enrolment := w.collector.Enrolment()
	w.line = newLine(t, fmt.Sprintf("127.0.0.1:%d", enrolment.Port))
	w.policy()
	if out, err := exec.Command("install", "-D", "-m", "0755", built, filepath.Join(w.m.Root(), program)).CombinedOutput(); err != nil {
		t.Fatalf("put the agent into the machine: %v: %s", err, out)
	}
	return w
}

// policy has the collector send the shipped rules.
func (w *world) policy() {
	w.t.Helper()
	signed, err := policydoc.Sign(&lapwingv1.Policy{
		Version: 1, School: fakecollector.School, IssuedMs: time.Now().UnixMilli(), Rules: rules, Lock: w.limit,
		Limits: &lapwingv1.Limits{HeartbeatSeconds: 5},
	}, w.collector.PolicyKey)
	if err != nil {
		w.t.Fatal(err)
	}
	w.collector.Do(func(c *fakecollector.Collector) { c.Policy = signed })
}

// run runs a program in the machine, which must succeed.
func (w *world) run(name string, args ...string) string {
	w.t.Helper()
	out, err := w.m.Run(w.t.Context(), name, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// refused runs a program in the machine, which must fail with these words.
func (w *world) refused(words, name string, args ...string) {
	w.t.Helper()
	out, err := w.m.Run(w.t.Context(), name, args...)
	if err == nil || !strings.Contains(err.Error(), words) {
		w.t.Errorf("%s %q: %q, %v; want an error with %q", name, args, out, err, words)
	}
}

func (w *world) agent(args ...string) string {
	w.t.Helper()
	return w.run(program, args...)
}

// enrol enrols the machine, over the line.
func (w *world) enrol() {
	w.t.Helper()
	enrolment := w.collector.Enrolment()
	enrolment.Port = w.line.port()
	w.agent("enrol", enrolment.String())
}

// await asks again until condition is nil.
func (w *world) await(what string, condition func() error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), bound)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

// awaitCollector waits until what the collector was told satisfies cond.
func (w *world) awaitCollector(what string, cond func() bool) {
	w.t.Helper()
	w.await(what, func() error {
		if cond() {
			return nil
		}
		return errNotYet
	})
}

func (w *world) unit(property string) string {
	w.t.Helper()
	return w.run("systemctl", "show", "--value", "--property", property, "lapwing-agent")
}

// awaitRestart waits until systemd has the service running as another process
// than before, and returns that and how long it took.
func (w *world) awaitRestart(before string) (string, time.Duration) {
	w.t.Helper()
	begin := time.Now()
	var now string
	w.await("the service to come back", func() error {
		if now = w.unit("MainPID"); now == "0" || now == before || w.unit("ActiveState") != "active" {
			return fmt.Errorf("process %s, state %s", now, w.unit("ActiveState"))
		}
		return nil
	})
	return now, time.Since(begin)
}

// status is what the agent says of itself.
type status struct {
	Running  bool `json:"running"`
	Sessions int  `json:"sessions"`
	Enrolled struct {
		Device string `json:"device"`
	} `json:"enrolled"`
	Uplink struct {
		State string `json:"state"`
	} `json:"uplink"`
	Coverage map[string]struct {
		State string `json:"state"`
		Code  string `json:"code"`
	} `json:"coverage"`
}

func (w *world) status() status {
	w.t.Helper()
	var s status
	out, _ := w.m.Run(w.t.Context(), program, "status", "--json")
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		w.t.Fatalf("status printed %q: %v", out, err)
	}
	return s
}

// device is the name under which the machine is enrolled.
func (w *world) device() string {
	w.t.Helper()
	return w.status().Enrolled.Device
}

func (w *world) awaitConnected() {
	w.t.Helper()
	w.awaitUplink("connected")
}

// awaitUplink waits until the agent says that its connection is in this state.
func (w *world) awaitUplink(state string) {
	w.t.Helper()
	w.await("the uplink to be "+state, func() error {
		if s := w.status(); s.Uplink.State != state {
			return fmt.Errorf("it is %q", s.Uplink.State)
		}
		return nil
	})
}

// watchers are the people as whom session processes run, by their names.
func (w *world) watchers() []string {
	w.t.Helper()
	out, _ := w.m.Run(w.t.Context(), "ps", "-o", "user=", "--ppid", w.unit("MainPID"))
	names := strings.Fields(out)
	slices.Sort(names)
	return names
}

func (w *world) awaitWatchers(want ...string) {
	w.t.Helper()
	w.await(fmt.Sprintf("session processes of %q", want), func() error {
		if got := w.watchers(); !slices.Equal(got, want) {
			return fmt.Errorf("they are of %q", got)
		}
		return nil
	})
}
