package detect_test

import (
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the promise of the package comment: the browser extension
// runs this engine as WebAssembly, so it stays small and knows nothing of
// files, networks, clocks, JSON, protobuf or cryptography.
func TestImports(t *testing.T) {
	allowed := []string{
		"bytes", "cmp", "encoding/binary", "errors", "fmt", "iter", "math/bits", "slices", "sync", "unicode", "unicode/utf8",
		"golang.org/x/text/unicode/norm", "github.com/lapwing-schools/lapwing/internal/vocab",
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		src, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range src.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			if !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s; the engine must do without it", f.Name(), path)
			}
		}
	}
	if seen < len(allowed)-1 {
		t.Errorf("only %d imports were looked at", seen)
	}
}
