package console_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/network"
	paper "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/simulate"
)

var pdfPage = regexp.MustCompile(`/Type\s*/Page[^s]`)

// TestComplianceOnPaper: a school of 600 in a dozen groups prints on two sides
// of A4, for who may open the devices and for a governor; and the page with
// everything on it is accessible and fits its widths.
func TestComplianceOnPaper(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := simulate.Fill(t.Context(), f.tenant, simulate.Options{Devices: 600, Now: f.clock(), Seed: 3, Weeks: 9, Details: true}); err != nil {
		t.Fatal(err)
	}
	f.device("d-1", "LAB-01", 0, works(morning)...)
	f.plugIn("d-1", []byte("0123456789abcdef0123456789abcdef"))
	tech := f.signIn("S. Brack", caseflow.Technician)
	s := f.screen()
	for _, st := range []struct {
		name, path string
		who        *browser
	}{
		{"compliance-full", "/compliance", tech}, {"compliance-group", "/compliance?group=Year+7+trolley+A", tech},
		{"compliance-full-governor", "/compliance", f.signIn("J. Sedge", caseflow.Governor)},
		{"media-new", "/media/new?device=d-1&visit=09000000000000000000000000000000", tech}, {"media-make", "/media/new", tech},
		{"trends", "/compliance/trends", tech}, {"trends-governor", "/compliance/trends", f.signIn("J. Sedge2", caseflow.Governor)},
		{"devices-check", "/devices?show=all&check=disk_encryption&state=unknown", tech}, {"devices-happened", "/devices?show=all&happened=refused", tech},
		{"devices-full", "/devices", tech}, {"device-full", "/devices/sim-000021", tech}, {"record-full", "/compliance/record", tech}, {"device-media", "/devices/d-1", tech}, {"media", "/media", tech},
	} {
		s.run("forget", network.ClearBrowserCookies())
		s.as(st.who)
		if st.name == "media" {
			f.permit(tech)
		}
		s.open(st.path)
		eval[bool](s, `document.querySelectorAll("main details").forEach(d => d.open = true), true`)
		for _, width := range []int64{1440, 820, 390} {
			s.size(width, 900)
			s.check(fmt.Sprintf("%s at %d", st.name, width))
			s.picture(fmt.Sprintf("%s-%d", st.name, width))
		}
		if n := s.print(st.name); (st.path == "/compliance") && n > 2 {
			t.Errorf("%s prints on %d sides, want 2", st.name, n)
		}
	}
}

// permit gives one permission, so that the list has one.
func (f *fixture) permit(b *browser) {
	f.t.Helper()
	form := map[string][]string{"key": {"p-1"}, "what": {"Kingston sticks of the drama department"}, "vendor": {"0951"}, "until": {"2026-12-18"}, "reason": {"Lighting files of the play"}}
	if p := b.post("/media", form); p.path != "/media" {
		f.t.Fatalf("permit: status %d", p.status)
	}
}

// print prints the page that is open, and counts the sides. With
// LAPWING_SCREENSHOTS it keeps the file there.
func (s *screen) print(name string) int {
	s.f.t.Helper()
	var pdf []byte
	s.run("print "+name, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = paper.PrintToPDF().WithPreferCSSPageSize(true).WithPrintBackground(false).Do(ctx)
		return err
	}))
	if dir := os.Getenv("LAPWING_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), pdf, 0o644); err != nil {
			s.f.t.Fatal(err)
		}
	}
	return len(pdfPage.FindAll(pdf, -1))
}
