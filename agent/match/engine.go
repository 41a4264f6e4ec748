package match

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

// Engine compiles the packs of a directory, or those that Lapwing ships when
// dir is empty. Its error lists every problem of the packs, one a line.
func Engine(dir string) (*detect.Engine, error) {
	var fsys fs.FS = configs.Rules()
	if dir != "" {
		fsys = os.DirFS(dir)
	}
	packs, problems := rulepack.ReadDir(fsys)
	if len(problems) > 0 {
		lines := make([]string, len(problems))
		for i, p := range problems {
			lines[i] = p.String()
		}
		return nil, fmt.Errorf("read rules: %s", strings.Join(lines, "\n"))
	}
	e, err := rulepack.Engine(packs)
	if err != nil {
		return nil, fmt.Errorf("compile rules: %w", err)
	}
	return e, nil
}
