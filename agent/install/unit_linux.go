package install

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kardianos/service"
)

//go:embed lapwing-agent.service
var unitText string

// Unit returns the systemd unit for a program and its data directory.
func Unit(program, dir string, o Options) (string, error) {
	for _, path := range []string{program, dir} {
		if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", fmt.Errorf("the path %q holds a control character", path)
		}
	}
	// Braces would be taken for a template by kardianos/service.
	if strings.Contains(program+dir, "{{") {
		return "", fmt.Errorf("the paths %q and %q may not hold {{", program, dir)
	}
	state := ""
	if filepath.Dir(dir) == "/var/lib" {
		state = "StateDirectory=" + escape(filepath.Base(dir)) + "\nStateDirectoryMode=0700\n"
	}
	block := ""
	if o.BlockMedia {
		block = "# Blocking USB media: the kernel's switch for each device stands here.\nReadWritePaths=/sys/devices\n"
	}
	return strings.NewReplacer(
		"@BLOCK@\n", block, "@PROGRAM@", quote(program), "@DIR@", quote(dir), "@PLAINDIR@", escape(dir), "@WORD@", word(dir), "@STATE@\n", state,
	).Replace(unitText), nil
}

// escape writes a value as systemd takes it literally (systemd.unit, specifiers).
func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// word writes one of a list of words (systemd.syntax, quoting).
func word(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(escape(s)) + `"`
}

// quote writes one word of a command line, where $ would name a variable.
func quote(s string) string { return strings.ReplaceAll(word(s), "$", "$$") }

func optionsOf(program, dir string, o Options) (service.KeyValue, error) {
	unit, err := Unit(program, dir, o)
	if err != nil {
		return nil, err
	}
	return service.KeyValue{"SystemdScript": unit}, nil
}
