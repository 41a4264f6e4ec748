//go:build linux

package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// agentStatus is what the fault tests need of `lapwing-agent status --json`.
type agentStatus struct {
	Running bool `json:"running"`
	Uplink  struct {
		State  string `json:"state"`
		Detail string `json:"detail"`
	} `json:"uplink"`
	Spool struct {
		Urgent  int `json:"urgent"`
		Routine int `json:"routine"`
	} `json:"spool"`
}

func (f *flight) agentStatus(t testing.TB) agentStatus {
	t.Helper()
	var s agentStatus
	out, err := f.Agent(t.Context(), "status", "--json", "--dir", f.AgentDir())
	if jsonErr := json.Unmarshal([]byte(out), &s); jsonErr != nil {
		t.Fatalf("status printed %q: %v, %v", out, err, jsonErr)
	}
	return s
}

// waitForSpool waits until the spool holds n urgent events or more, or, for 0, none.
func (f *flight) waitForSpool(t testing.TB, n int) {
	t.Helper()
	await(t, fmt.Sprintf("%d events in the spool", n), func() error {
		s := f.agentStatus(t)
		if held := s.Spool.Urgent; (n == 0) != (held == 0) || held < n {
			return fmt.Errorf("it holds %d", held)
		}
		return nil
	})
}

func (f *flight) waitForCaptures(t testing.TB, n int) {
	t.Helper()
	f.awaitCases(t, fmt.Sprintf("%d captures in one case", n), func(c []caseLine) bool {
		return len(c) == 1 && c[0].Captures == n
	})
}

// revisions is how many events an urgent phrase makes: one when it is seen, and
// one when Enter ends it.
const revisions = 2

// TestKilledInTheMiddle kills each program with -9 at the worst moments and
// has the collector away while phrases are typed. Each phrase arrives once.
func TestKilledInTheMiddle(t *testing.T) {
	f := takeOff(t)
	typePhrase := func(n int) { f.typeText(t, fmt.Sprintf("number %d i want to kill myself\n", n)) }
	typePhrase(1)
	f.waitForCaptures(t, 1)

	// The collector dies as a phrase is on its way, and stays away for two more.
	typePhrase(2)
	if err := f.KillCollector(); err != nil {
		t.Fatal(err)
	}
	// Keys are read in steps, and what has not been read when the agent dies is
	// lost: what is typed is in the spool, or was delivered, before it is killed.
	held := 0
	await(t, "phrase 2 to be read", func() error {
		before := held
		held = f.agentStatus(t).Spool.Urgent
		if c := f.cases(t, "end-to-end test"); held != before || held < revisions && (len(c) != 1 || c[0].Captures < 2) {
			return fmt.Errorf("%d events in the spool, %d before, cases %+v", held, before, c)
		}
		return nil
	})
	typePhrase(3)
	typePhrase(4)
	held += 2 * revisions
	f.waitForSpool(t, held)

	// The agent dies with them in its spool.
	if err := f.KillAgent(); err != nil {
		t.Fatal(err)
	}
	if err := f.StartAgent(); err != nil {
		t.Fatal(err)
	}
	f.waitForSpool(t, held)

	if err := f.StartCollector(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.waitForSpool(t, 0)
	f.waitForCaptures(t, 4)
	f.waitForSensors(t)

	// The agent's own child went with it, and a new one watches.
	f.focus(t, "mousepad")
	typePhrase(5)
	f.waitForCaptures(t, 5)
	if out, err := f.Collector(t.Context(), "audit", "verify", "--data", f.CollectorDir()); err != nil {
		t.Errorf("the ledger: %s %v", out, err)
	}
}

// TestRevokedDevice shows a clear refusal on both sides.
func TestRevokedDevice(t *testing.T) {
	f := takeOff(t)
	id := f.devices(t)[0].ID
	if _, err := f.Collector(t.Context(), "devices", "revoke", "--data", f.CollectorDir(), id, "--reason", "lost, ref 88"); err != nil {
		t.Fatal(err)
	}
	await(t, "the device to know", func() error {
		if s := f.agentStatus(t).Uplink; s.State != "revoked" {
			return fmt.Errorf("it is %s (%s)", s.State, s.Detail)
		}
		return nil
	})
	f.typeText(t, phrase+"\n")
	f.waitForSpool(t, 1)
	if c := f.cases(t, ""); len(c) != 0 {
		t.Errorf("a revoked device made a case: %+v", c)
	}
	f.searchBundle(t, append(words(phrase), "ref 88"))
}

// searchBundle makes the bundle that a technician sends to others, and finds in
// it neither these words nor a key. What waits in the spool is beside it.
func (f *flight) searchBundle(t *testing.T, secrets []string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bundle.zip")
	_, _ = f.Agent(t.Context(), "doctor", "--dir", f.AgentDir(), "--bundle", name) // a check may fail
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, file := range []string{"identity/device.key", "spool/key"} {
		key, err := os.ReadFile(filepath.Join(f.AgentDir(), file))
		if err != nil || len(key) < 32 {
			t.Fatalf("%s: %d bytes, %v", file, len(key), err)
		}
		secrets = append(secrets, string(key[len(key)/3:len(key)/3+10]))
	}
	for _, in := range z.File {
		r, err := in.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if len(s) > 3 && bytes.Contains(content, []byte(s)) {
				t.Errorf("%s in the bundle holds %q", in.Name, s)
			}
		}
	}
}
