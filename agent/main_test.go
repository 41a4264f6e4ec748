package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata/script are the specification of the commands: their
// help, their errors and their exit codes, as other people's scripts see them.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lapwing-agent": func() {
			os.Exit(execute(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
		},
	})
}

func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}
