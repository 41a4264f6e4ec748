package console_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// TestGolden holds the pages' whole HTML, so that a change of one is looked
// at. Run with -update after you have.
func TestGolden(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	refs := f.queue(dsl)
	dsl.post("/cases/"+string(refs["Rowan Ashdown"])+"/claim", nil)
	tech := f.signIn("S. Brack", caseflow.Technician)
	for name, p := range map[string]page{
		"sign-in": f.browser().get("/sign-in"), "signed-out": f.browser().get("/signed-out"),
		"cases": dsl.get("/cases"), "case": dsl.get("/cases/" + string(refs["Rowan Ashdown"])), "missing": dsl.get("/nothing"),
		"devices": tech.get("/devices"), "device": tech.get("/devices/d-0087"),
		"home-governor": f.signIn("G. Owens", caseflow.Governor).get("/"), "home-head": f.signIn("A. Reed", caseflow.Head).get("/"),
		"help-keyboard": dsl.get("/help/keyboard"), "help-accessibility": dsl.get("/help/accessibility"), "help-who-sees-what": dsl.get("/help/who-sees-what"),
	} {
		got := settle(p.body)
		file := filepath.Join("testdata", "golden", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s at: %s", name, file, difference(got, string(want)))
		}
	}
}

// settle replaces what is different in each run: references, form keys,
// positions and the hashes of built files.
func settle(body string) string {
	names := map[string]string{}
	body = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{8}\b`).ReplaceAllStringFunc(body, func(ref string) string {
		if names[ref] == "" {
			names[ref] = fmt.Sprintf("CASE%d", len(names)+1)
		}
		return names[ref]
	})
	body = regexp.MustCompile(`(name="key" value=")[^"]*`).ReplaceAllString(body, "${1}KEY")
	body = regexp.MustCompile(`(live\?after=)[^"]*`).ReplaceAllString(body, "${1}POSITION")
	return regexp.MustCompile(`(/assets/[\w-]+)\.[0-9a-f]{12}\.`).ReplaceAllString(body, "${1}.HASH.")
}

func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			old := "(nothing)"
			if i < len(w) {
				old = w[i]
			}
			return fmt.Sprintf("line %d\n got: %s\nwant: %s", i+1, g[i], old)
		}
	}
	return fmt.Sprintf("line %d is missing", len(g)+1)
}
