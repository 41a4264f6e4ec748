package rulepack

import (
	"fmt"
	"io"
	"io/fs"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// Exit statuses of the commands below.
const (
	ExitOK     = 0
	ExitFailed = 1
)

// CheckCommand is "lapwing-collector rules check DIR": it prints every problem
// of the packs in fsys, or the sizes of the rule set, and returns the exit status.
func CheckCommand(fsys fs.FS, out io.Writer) int {
	_, stats, ok := load(fsys, out)
	if !ok {
		return ExitFailed
	}
	fmt.Fprintf(out, "ok: %d packs, %d rules, %d phrases, %d words, automaton %d bytes\n",
		stats.Packs, stats.Rules, stats.Phrases, stats.Words, stats.AutomatonBytes)
	return ExitOK
}

// TestCommand is "lapwing-collector rules test DIR": it checks the packs, runs
// the examples that every rule carries, prints those that fail, and returns
// the exit status.
func TestCommand(fsys fs.FS, out io.Writer) int {
	packs, _, ok := load(fsys, out)
	if !ok {
		return ExitFailed
	}
	e, err := Engine(packs)
	if err != nil {
		fmt.Fprintln(out, err)
		return ExitFailed
	}
	ran, problems := RunExamples(packs, e)
	for _, p := range problems {
		fmt.Fprintln(out, p)
	}
	if len(problems) > 0 {
		fmt.Fprintf(out, "failed: %d of %d examples\n", len(problems), ran)
		return ExitFailed
	}
	fmt.Fprintf(out, "ok: %d examples\n", ran)
	return ExitOK
}

func load(fsys fs.FS, out io.Writer) ([]Pack, detect.Stats, bool) {
	packs, problems := ReadDir(fsys)
	_, stats, more := Check(packs)
	problems = append(problems, more...)
	for _, p := range problems {
		fmt.Fprintln(out, p)
	}
	if len(problems) > 0 {
		fmt.Fprintf(out, "failed: %d problems\n", len(problems))
	}
	return packs, stats, len(problems) == 0
}

// Engine compiles and loads packs.
func Engine(packs []Pack) (*detect.Engine, error) {
	b, err := Compile(packs)
	if err != nil {
		return nil, err
	}
	return detect.Load(b)
}

// HashCommand is "lapwing-collector rules hash": it hashes the open entries of
// in with the key that the first line of keyFile holds, and writes the list to
// out. Its errors name lines, never entries.
func HashCommand(in io.Reader, keyFile io.Reader, form HashForm, out io.Writer) error {
	key, err := ReadKey(keyFile)
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	if err := WriteHashes(in, form, key, out); err != nil {
		return fmt.Errorf("hash entries: %w", err)
	}
	return nil
}
