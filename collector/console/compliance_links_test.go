package console_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/simulate"
)

// TestEveryNumberOpensItsDevices follows every number of devices on the page, and
// counts: behind each stand as many devices as it says, and behind each count of
// media and open screens at least one.
func TestEveryNumberOpensItsDevices(t *testing.T) {
	f := newFixture(t)
	if err := simulate.Fill(t.Context(), f.tenant, simulate.Options{Devices: 90, Groups: 3, Now: f.clock(), Seed: 5, Weeks: 1, Details: true}); err != nil {
		t.Fatal(err)
	}
	tech := f.signIn("S. Brack", caseflow.Technician)
	var pages []string
	for _, at := range []string{"/compliance", "/compliance?group=Staff"} {
		pages = append(pages, tech.get(at).body)
	}
	link := regexp.MustCompile(`<a class="lw-link lw-n" href="([^"]+)">([\d,]+)([^<]*)</a>`)
	shown := regexp.MustCompile(`Showing \d+ of ([\d,]+) devices?`)
	followed, counts := map[string]bool{}, 0
	for _, body := range pages {
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			href := html.UnescapeString(m[1])
			if followed[href] {
				continue
			}
			followed[href] = true
			p := tech.get(href)
			got := shown.FindStringSubmatch(p.body)
			switch {
			case p.status != http.StatusOK || got == nil:
				t.Errorf("%s, a number of %s: status %d, no device", href, m[2], p.status)
			case strings.Contains(href, "happened="):
				counts++
			case got[1] != m[2]:
				t.Errorf("%s: %s devices behind a number of %s", href, got[1], m[2])
			}
		}
	}
	if len(followed) < 80 || counts < 10 {
		t.Errorf("%d numbers followed, %d of them of media and screens", len(followed), counts)
	}
}
