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
		"lapwing-collector": func() {
			os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

func TestAdvertised(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		listen, host, want string
	}{
		{"127.0.0.1:9443", "", "127.0.0.1:9443"},
		{"127.0.0.1:9443", "ignored.example", "127.0.0.1:9443"},
		{":9443", "lapwing.school.example", "lapwing.school.example:9443"},
		{"0.0.0.0:9443", "2001:db8::1", "[2001:db8::1]:9443"},
		{"[::]:9443", "", host + ":9443"},
	}
	for _, tt := range tests {
		got, err := advertised("agents", tt.listen, tt.host)
		if err != nil || got != tt.want {
			t.Errorf("advertised(%q, %q) = %q, %v; want %q", tt.listen, tt.host, got, err, tt.want)
		}
	}
	if _, err := advertised("agents", "9443", ""); err == nil {
		t.Error("a port without a colon was taken")
	}
}
