package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWhatParentsAreToldIsTested: each promise of docs/what-lapwing-sees.md
// names the tests that hold it, and these are there.
func TestWhatParentsAreToldIsTested(t *testing.T) {
	const root = "../.."
	page, err := os.ReadFile(filepath.Join(root, "docs/what-lapwing-sees.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(src, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllSubmatch(page, -1)
	if len(named) < 15 {
		t.Errorf("the page names %d tests only", len(named))
	}
	for _, m := range named {
		if !there[string(m[1])] {
			t.Errorf("the page names %s, which is not there", m[1])
		}
	}
	// What is never kept is said with its test, line by line.
	_, never, _ := strings.Cut(string(page), "## What it never keeps")
	never, _, _ = strings.Cut(never, "\n## ")
	for _, promise := range strings.Split(never, "\n- ")[1:] {
		if !strings.Contains(promise, "`Test") && !strings.Contains(promise, "no part that could") {
			t.Errorf("a promise names no test: %.60s", promise)
		}
	}
}
