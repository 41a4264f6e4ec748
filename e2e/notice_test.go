//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	"github.com/lapwing-schools/lapwing/internal/testkit/stack"
)

// TestNothingBeforeTheNotice: while a notice cannot be shown nothing is
// captured, and everybody can see why; from the moment at which it stands on
// the screen phrases are; "I do not agree", given by keys alone while the
// collector is away, is in the ledger once, and changes nothing on the computer.
func TestNothingBeforeTheNotice(t *testing.T) {
	f := flightWithNotice(t)
	// In letters that the window has not, on a desktop without a browser.
	f.prepare(t, "ur-1", "یہ کمپیوٹر")
	f.launch(t, "PATH="+t.TempDir())
	f.awaitText(t, "off", "notice_unseen")
	f.typeText(t, "marmalade "+phrase+"\n")

	f.writeNotice(t, "autumn-1", "This computer is monitored")
	f.awaitNotice(t)
	f.awaitText(t, "ok", "")
	f.focus(t, "mousepad")
	f.typeText(t, "after it "+phrase+"\n")
	only := func(c []caseLine) bool { return len(c) == 1 && c[0].Captures == 1 }
	if c := f.awaitCases(t, "the phrase typed after the notice", only)[0]; !strings.Contains(c.Excerpt, "after it") {
		t.Errorf("kept %q", c.Excerpt)
	}
	dsl := f.signIn(t, "DSL")
	dsl.open(t, "/acknowledgements")
	dsl.says(t, "autumn-1", "Shown on the screen")

	if err := f.KillCollector(); err != nil {
		t.Fatal(err)
	}
	f.focus(t, noticeClass)
	f.key(t, "Tab", "Tab", "Return")
	f.noNotice(t)
	if err := f.StartCollector(t.Context()); err != nil {
		t.Fatal(err)
	}
	dsl = f.signIn(t, "DSL")
	await(t, "the answer in the ledger", func() error {
		dsl.open(t, "/acknowledgements?show=declined")
		if n := strings.Count(dsl.text(t), "Does not agree"); n < 2 { // the filter, and a row
			return fmt.Errorf("named %d times", n)
		}
		return nil
	})
	f.focus(t, "mousepad")
	f.typeText(t, "and after that "+phrase+"\n")
	f.awaitCases(t, "a phrase typed after the answer", func(c []caseLine) bool { return len(c) == 1 && c[0].Captures == 2 })

	// Who was told is not told again.
	if err := f.KillAgent(); err != nil {
		t.Fatal(err)
	}
	if err := f.StartAgent(); err != nil {
		t.Fatal(err)
	}
	await(t, "the new agent to see", func() error {
		out, err := f.Agent(t.Context(), "status", "--json", "--dir", f.AgentDir())
		var now struct {
			Sessions int `json:"sessions"`
			Coverage map[string]struct {
				State string `json:"state"`
			} `json:"coverage"`
		}
		if jsonErr := json.Unmarshal([]byte(out), &now); jsonErr != nil {
			return errors.Join(err, jsonErr)
		}
		if now.Sessions != 1 || now.Coverage["text"].State != "ok" {
			return fmt.Errorf("%d sessions, text %s", now.Sessions, now.Coverage["text"].State)
		}
		return nil
	})
	f.typeText(t, "and once more "+phrase+"\n")
	f.awaitCases(t, "a phrase after a restart", func(c []caseLine) bool { return len(c) == 1 && c[0].Captures == 3 })
	f.noNotice(t)
	for _, c := range f.cases(t, "what was typed before the notice") {
		if strings.Contains(c.Excerpt, "marmalade") {
			t.Errorf("kept %q", c.Excerpt)
		}
	}
	f.searchFiles(t, []string{"marmalade"})
}

// flightWithNotice is a desktop with an editor, and programs not started yet.
func flightWithNotice(t *testing.T) *flight {
	t.Helper()
	dir := t.TempDir()
	d, err := desktop.Start(t.Context(), desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	f := &flight{desktop: d, dir: dir}
	f.openEditor(t)
	return f
}

// prepare makes a school and an agent that has a policy with a notice, before it
// has a desktop: a demo school is made in an empty folder, so it is there before
// its policy is.
func (f *flight) prepare(t *testing.T, version, title string) {
	t.Helper()
	f.launch(t, "DISPLAY=")
	f.awaitPolicy(t, 1)
	f.writeNotice(t, version, title)
	f.awaitPolicy(t, 2)
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
}

// launch starts both programs, with more in the agent's environment.
func (f *flight) launch(t *testing.T, more ...string) {
	t.Helper()
	o := stack.Options{Bin: bin, Dir: f.dir, Env: append(f.desktop.Env(), more...), Out: t.Output()}
	if before := f.Stack; before != nil { // it is enrolled there
		o.Console, o.Agents = strings.TrimPrefix(before.ConsoleURL(), "https://"), before.AgentsAddress()
	}
	var err error
	f.Stack, err = stack.Start(t.Context(), o)
	if err != nil {
		f.printLogs(t)
		t.Fatal(err)
	}
	started := f.Stack
	t.Cleanup(func() {
		if err := started.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			f.printLogs(t)
		}
	})
}

// writeNotice changes the notice of the shipped policy in the collector's folder.
func (f *flight) writeNotice(t *testing.T, version, title string) {
	t.Helper()
	shipped, err := os.ReadFile("../configs/policy/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("version: shipped-1", "version: "+version, "title: This computer is monitored", "title: "+title).Replace(string(shipped))
	path := filepath.Join(f.dir, "collector", "policy", "policy.yaml")
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// awaitPolicy waits until the agent obeys a version, or a later one.
func (f *flight) awaitPolicy(t *testing.T, version float64) {
	t.Helper()
	await(t, "the policy", func() error {
		out, err := f.Agent(t.Context(), "status", "--json", "--dir", f.AgentDir())
		var now any
		if jsonErr := json.Unmarshal([]byte(out), &now); jsonErr != nil {
			return errors.Join(err, jsonErr)
		}
		if v, _ := find(now, "policy_version").(float64); v < version {
			return fmt.Errorf("version %v", v)
		}
		return nil
	})
}

// awaitText waits until the collector knows the text sensor in a state.
func (f *flight) awaitText(t *testing.T, state, code string) {
	t.Helper()
	await(t, "typed text to be "+state, func() error {
		ds := f.devices(t)
		if len(ds) != 1 {
			return fmt.Errorf("%d devices", len(ds))
		}
		if c := ds[0].Coverage["text"]; c.State != state || c.Code != code {
			return fmt.Errorf("it is %s (%s)", c.State, c.Code)
		}
		return nil
	})
}

func (f *flight) awaitNotice(t testing.TB) {
	t.Helper()
	if _, err := f.desktop.Window(t.Context(), noticeClass); err != nil {
		t.Fatal(err)
	}
}

func (f *flight) noNotice(t testing.TB) {
	t.Helper()
	await(t, "the notice to be gone", func() error {
		out, err := f.desktop.Run(t.Context(), "xdotool", "search", "--onlyvisible", "--class", noticeClass)
		if err == nil && out != "" {
			return errors.New("it is there")
		}
		return nil
	})
}
