package console_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

var anchor = regexp.MustCompile(`href="(/[^"#?]*)`)

// Whoever may open a page gets to it by links from where they begin; nobody has
// to know an address.
func TestEveryPageIsLedTo(t *testing.T) {
	f := withAll(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	f.inForce("d-0142")
	for _, role := range caseflow.Roles() {
		b := f.signIn("N. "+string(role), role)
		seen, rest := map[string]bool{}, []string{"/"}
		for len(rest) > 0 {
			at := rest[0]
			rest = rest[1:]
			for _, m := range anchor.FindAllStringSubmatch(b.get(at).body, -1) {
				if to := m[1]; !seen[to] && !strings.HasPrefix(to, "/assets/") && !strings.HasSuffix(to, ".csv") {
					seen[to] = true
					rest = append(rest, to)
				}
			}
		}
		for route, d := range doors {
			path, get := strings.CutPrefix(route, "GET ")
			open := get && slices.Contains(strings.Fields(d.roles), string(role))
			// Addresses with something in them, of a stream, of a file, and of what
			// only a limited deputy has.
			if !open || strings.ContainsAny(path, "{") || path == "/cases/live" || strings.HasSuffix(path, ".csv") || path == "/cases/beyond" {
				continue
			}
			if !seen[path] {
				t.Errorf("%s: nothing leads to %s", role, path)
			}
		}
	}
}
