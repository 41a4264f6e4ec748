//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

// A process whose standard error nobody reads any more ends as it would have,
// and not by the signal of the broken pipe.
func TestNobodyReadsStandardError(t *testing.T) {
	for name, want := range map[string]int{"run": exitFailed, "session": exitUsage} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		args := []string{"lapwing-agent", name}
		if name == "run" {
			args = append(args, "--dir", t.TempDir()) // not enrolled, which it says
		}
		cmd := &exec.Cmd{Path: os.Args[0], Args: args, Stderr: w}
		err = cmd.Run()
		w.Close()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != want {
			t.Errorf("%s: %v, want exit code %d", name, err, want)
		}
	}
}
