package console_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestStyleNamesStandOnce: a class that two of our style sheets define by the same
// name draws one page's list in another page's shape.
func TestStyleNamesStandOnce(t *testing.T) {
	files, err := filepath.Glob("assets-src/scss/_*.scss")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	class := regexp.MustCompile(`(?m)^\.(lw-[\w-]+) \{`)
	owner := map[string]string{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range class.FindAllStringSubmatch(string(b), -1) {
			if had := owner[m[1]]; had != "" && had != file {
				t.Errorf("%s is defined in %s and %s", m[1], had, file)
			}
			owner[m[1]] = file
		}
	}
}
