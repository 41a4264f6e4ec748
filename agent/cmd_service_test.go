package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lapwing-schools/lapwing/agent/status"
)

// Installing takes over and uninstalling removes an agent's directory, and no
// other that somebody named.
func TestOnlyAnAgentsDirectoryIsRemoved(t *testing.T) {
	for name, tc := range map[string]struct {
		folders, files []string
		ours           bool
	}{
		"enrolled":            {[]string{"identity", "spool", "log"}, []string{"policy", "proxy"}, true},
		"enrolling again":     {[]string{"identity.replaced", "identity.new", "spool"}, nil, true},
		"identity removed":    {[]string{"spool", "log"}, []string{ownerFile, "policy"}, true},
		"never enrolled":      {[]string{"log"}, []string{"proxy"}, true},
		"empty":               {nil, nil, true},
		"people's homes":      {[]string{"anna", "ben"}, nil, false},
		"somebody's document": {nil, []string{"identity"}, false},
		"a system's logs":     {[]string{"log", "lib", "cache"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range tc.folders {
				if err := os.Mkdir(filepath.Join(dir, f), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range tc.files {
				if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := checkOurs(dir, "stop"); (err == nil) != tc.ours {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := checkOurs(filepath.Join(t.TempDir(), "gone"), "stop"); err != nil {
		t.Error(err)
	}
}

// Nothing is removed that the collector may not have.
func TestWhatWouldGoWithTheData(t *testing.T) {
	for name, tc := range map[string]struct {
		report status.Report
		gone   bool
	}{
		"all is there": {status.Report{Running: true, Spool: &status.Spool{}}, true},
		"some waits":   {status.Report{Running: true, Spool: &status.Spool{Routine: 1}}, false},
		"no answer":    {status.Report{Hangs: true, Problem: status.ErrNoAnswer.Error()}, false},
	} {
		if err := delivered(tc.report); (err == nil) != tc.gone {
			t.Errorf("%s: %v", name, err)
		}
	}
}
