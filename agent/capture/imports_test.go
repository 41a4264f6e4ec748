package capture

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the package pure: it can neither read a clock, nor write a
// file, nor speak to a network, nor log. (time is needed for its types; time.Now
// is not called, and the same test holds that.)
func TestImports(t *testing.T) {
	allowed := []string{
		"cmp", "hash/maphash", "regexp", "slices", "strings", "time", "unicode", "unicode/utf8",
		"google.golang.org/protobuf/proto",
		"github.com/lapwing-schools/lapwing/internal/detect",
		"github.com/lapwing-schools/lapwing/internal/vocab",
		"github.com/lapwing-schools/lapwing/proto/lapwing/v1",
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		for _, call := range []string{"time.Now", "time.Since", "time.After", "time.NewTimer", "time.Sleep"} {
			if strings.Contains(string(src), call+"(") {
				t.Errorf("%s calls %s; time comes with the Input", name, call)
			}
		}
	}
}
