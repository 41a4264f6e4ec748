package console_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// axe-core 4.14.1, MPL-2.0, unchanged; its licence stands beside it.
//
//go:embed testdata/axe/axe.min.js
var axe string

// screen is a real Chromium.
type screen struct {
	f     *fixture
	ctx   context.Context
	width int64 // as set by size
}

func (f *fixture) screen() *screen {
	f.t.Helper()
	if testing.Short() {
		f.t.Skip("needs a browser and minutes: make test runs it")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("force-prefers-reduced-motion", true),
		chromedp.UserDataDir(f.t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	alloc, cancel := chromedp.NewExecAllocator(context.WithoutCancel(f.t.Context()), opts...)
	ctx, cancel2 := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	ctx, cancel3 := context.WithTimeout(ctx, 4*time.Minute)
	f.t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			f.t.Logf("close browser: %v", err)
		}
		cancel3()
		cancel2()
		cancel()
	})
	if err := chromedp.Run(ctx, network.Enable()); err != nil {
		f.t.Fatalf("start chromium: %v", err)
	}
	return &screen{f: f, ctx: ctx}
}

func (s *screen) run(what string, actions ...chromedp.Action) {
	s.f.t.Helper()
	if err := chromedp.Run(s.ctx, actions...); err != nil {
		s.f.t.Fatalf("%s: %v", what, err)
	}
}

// as gives the browser a user's session.
func (s *screen) as(b *browser) {
	s.f.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.f.server.URL, nil)
	if err != nil {
		s.f.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(req.URL) {
		s.run("set cookie", network.SetCookie(c.Name, c.Value).WithURL(s.f.server.URL).WithSecure(true).WithHTTPOnly(true).WithPath("/").WithSameSite(network.CookieSameSiteStrict))
	}
}

func (s *screen) size(width, height int64) {
	s.f.t.Helper()
	s.width = width
	s.run("size", emulation.SetDeviceMetricsOverride(width, height, 1, false))
}

func (s *screen) open(path string) {
	s.f.t.Helper()
	s.run("open "+path, chromedp.Navigate(s.f.server.URL+path), chromedp.WaitReady("main", chromedp.ByQuery),
		chromedp.Evaluate(`document.fonts.ready.then(() => true)`, nil, awaitPromise))
}

// check runs axe-core and looks for sideways scroll on the page that is open.
func (s *screen) check(what string) {
	s.f.t.Helper()
	// The layouts between have the same elements: there only the width matters.
	if s.width != 820 && s.width != 320 {
		s.axe(what)
	}
	var over string
	s.run("width of "+what, chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth ? "scrolls sideways: " + document.documentElement.scrollWidth + " in " + innerWidth + ": " + [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".lw-nav, .moj-sub-navigation, .lw-enter__big, .govuk-visually-hidden")).slice(0, 3).map(e => e.tagName + "." + e.className).join(" ") : ""`, &over))
	if over != "" {
		s.f.t.Errorf("%s: %s", what, over)
	}
}

// axe finds what a machine can find of WCAG 2.2.
func (s *screen) axe(what string) {
	s.f.t.Helper()
	var report string
	if !eval[bool](s, `"axe" in window`) {
		s.run("axe for "+what, chromedp.Evaluate(axe+`;0`, nil))
	}
	s.run("axe on "+what,
		chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}).then(r => JSON.stringify({ran: r.passes.length, v: r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).slice(0, 3).join(" | "))}))`,
			&report, chromedp.EvalAsValue, awaitPromise))
	var r struct {
		Ran int
		V   []string
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil || r.Ran < 5 {
		s.f.t.Fatalf("%s: axe did not run: %v %q", what, err, report)
	}
	for _, v := range r.V {
		s.f.t.Errorf("%s: %s", what, v)
	}
}

// TestPagesAccessible opens every page at the two widths of the acceptance,
// and 320 for reflow (WCAG 1.4.10). With LAPWING_SCREENSHOTS=DIR it keeps
// pictures at 1440, 820 and 390 there.
func TestPagesAccessible(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	deputy := f.signIn("O. Thistle", caseflow.Deputy)
	cases := f.queue(dsl)
	rowan, ivo := cases["Rowan Ashdown"], cases["Ivo Fernley"]
	dsl.post("/cases/"+string(rowan)+"/claim", nil)
	deputy.post("/cases/"+string(ivo)+"/claim", nil)
	fresh, link := f.user("N. Fresh", nil)
	fresh.Pending = []caseflow.Role{caseflow.Deputy}
	if err := f.tenant.PutUser(t.Context(), fresh, audit.Who{Via: audit.ViaCommand}, f.clock()); err != nil {
		t.Fatal(err)
	}
	limited, year8 := f.user("L. Sone", nil, caseflow.Deputy)
	limited.Reach.Years = []string{"Year 8"}
	if err := f.tenant.PutUser(t.Context(), limited, audit.Who{Via: audit.ViaCommand}, f.clock()); err != nil {
		t.Fatal(err)
	}
	scoped := f.enter(year8)
	admin := f.signIn("K. Lang", caseflow.Administrator)
	f.imports(roster.New(f.vault, f.clock, nil), reviewCSV) // nobody whose cases there are

	f.enrolled(f.manyUses(), "d-201", "d-202", "d-203")
	tech := f.signIn("S. Brack", caseflow.Technician)
	f.inForce("d-0087")
	f.edit.Edit = policy.Edit{At: morning, Problem: "policy.yaml:7: field sone not found"}
	if _, err := f.tenant.Suspect(t.Context(), "d-0311", store.SuspectTwo, f.clock()); err != nil {
		t.Fatal(err)
	}
	s := f.screen()
	type stop struct {
		name, path string
		who        *browser
	}
	stops := []stop{
		{"sign-in", "/sign-in", nil}, {"link", "/link/" + link, nil}, {"dead-link", "/link/1." + strings.Repeat("a", 43), nil}, {"signed-out", "/signed-out", nil},
		{"cases", "/cases", dsl}, {"case", "/cases/" + string(rowan), dsl}, {"case-taken", "/cases/" + string(ivo), dsl},
		{"cases-filtered", "/cases?category=suicide&severity=low", dsl}, {"cases-mine", "/cases?show=mine", deputy}, {"cases-empty", "/cases", f.signIn("C. Ayre", caseflow.Chair)},
		{"cases-limited", "/cases", scoped}, {"beyond", "/cases/beyond", scoped}, {"scope", "/people/u-o.-thistle/scope", admin}, {"home-administrator", "/", admin},
		{"devices", "/devices", tech}, {"enrolment", "/enrolment", tech}, {"device", "/devices/d-0087", tech}, {"device-clone", "/devices/d-0311", tech},
		{"home-governor", "/", f.signIn("G. Owens", caseflow.Governor)}, {"home-head", "/", f.signIn("A. Reed", caseflow.Head)},
		{"people", "/people", dsl}, {"playbooks", "/playbooks", dsl}, {"playbook", "/playbooks/bullying", dsl}, {"record", "/compliance/record", dsl}, {"policy", "/policy", tech},
		{"compliance", "/compliance", tech}, {"compliance-governor", "/compliance", f.signIn("G. Owens2", caseflow.Governor)}, {"compliance-head", "/compliance", f.signIn("A. Reed2", caseflow.Head)},
		{"audit", "/audit", f.signIn("D. Pole", caseflow.DPO)}, {"missing", "/nothing", dsl},
		{"help-keyboard", "/help/keyboard", dsl}, {"help-accessibility", "/help/accessibility", dsl}, {"help-who-sees-what", "/help/who-sees-what", dsl},
	}
	for _, st := range stops {
		s.run("forget", network.ClearBrowserCookies())
		if st.who != nil {
			s.as(st.who)
		}
		s.open(st.path)
		for _, width := range []int64{1440, 820, 390, 320} {
			s.size(width, 900)
			s.check(fmt.Sprintf("%s at %d", st.name, width))
			if width != 320 {
				s.picture(fmt.Sprintf("%s-%d", st.name, width))
			}
		}
	}
}

// TestAnswersAccessible looks at what comes after a form: an error, a conflict.
func TestAnswersAccessible(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.demo()
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	ivo := "/cases/" + string(f.queue(dsl)["Ivo Fernley"])
	s := f.screen()
	s.as(dsl)
	for _, width := range []int64{1440, 390} {
		s.size(width, 900)
		dsl.post(ivo+"/draft", url.Values{"note": {""}})
		s.open(ivo)
		s.run("close without an outcome", clickOn(`button[value="close"]`), chromedp.WaitVisible(".govuk-error-summary", chromedp.ByQuery))
		s.check(fmt.Sprintf("form error at %d", width))
		s.picture(fmt.Sprintf("form-error-%d", width))
		if got := eval[bool](s, `document.activeElement.matches(".govuk-error-summary")`); !got {
			t.Error("the focus is not on the error summary")
		}

		dsl.post(ivo+"/draft", url.Values{"note": {""}}) // a draft would be filled in again
		s.open(ivo)
		deputy.post(ivo+"/record", url.Values{"act": {"note"}, "note": {"rang home"}, "key": {fmt.Sprint(width)}})
		s.run("close what has changed", chromedp.SendKeys("#note", "Spoke to form tutor at 8:10.", chromedp.ByQuery), clickOn(`label[for="outcome-no-concern"]`),
			clickOn(`button[value="close"]`), chromedp.WaitVisible("#conflict", chromedp.ByQuery))
		s.check(fmt.Sprintf("conflict at %d", width))
		s.picture(fmt.Sprintf("conflict-%d", width))
		if got := eval[string](s, `document.getElementById("note").value`); got != "Spoke to form tutor at 8:10." {
			t.Errorf("the note is %q", got)
		}
	}
	// Beyond one's own years: without a reason, and then for an hour.
	limited, year8 := f.user("L. Sone", nil, caseflow.Deputy)
	limited.Reach.Years = []string{"Year 8"}
	if err := f.tenant.PutUser(t.Context(), limited, audit.Who{Via: audit.ViaCommand}, f.clock()); err != nil {
		t.Fatal(err)
	}
	s.run("forget", network.ClearBrowserCookies())
	s.as(f.enter(year8))
	for _, width := range []int64{1440, 390} {
		s.size(width, 900)
		s.open("/cases/beyond")
		s.run("no reason", chromedp.Submit(`form[action="/cases/beyond"]`, chromedp.ByQuery), chromedp.WaitVisible(".govuk-error-summary", chromedp.ByQuery))
		s.check(fmt.Sprintf("beyond without a reason at %d", width))
		s.picture(fmt.Sprintf("beyond-error-%d", width))
	}
	s.run("a reason", chromedp.SendKeys("#reason", "A teacher rang about a Year 10 pupil", chromedp.ByQuery), chromedp.Submit(`form[action="/cases/beyond"]`, chromedp.ByQuery), chromedp.WaitVisible("#groups", chromedp.ByQuery))
	for _, width := range []int64{1440, 820, 390} {
		s.size(width, 900)
		s.check(fmt.Sprintf("beyond one's own years at %d", width))
		s.picture(fmt.Sprintf("cases-beyond-%d", width))
	}
	s.run("forget", network.ClearBrowserCookies())
	s.open("/sign-in")
	s.run("sign in with nothing", chromedp.Submit("form", chromedp.ByQuery), chromedp.WaitVisible(".govuk-error-summary", chromedp.ByQuery))
	s.check("sign-in error")
}

// picture keeps a picture of the page if LAPWING_SCREENSHOTS names a folder.
func (s *screen) picture(name string) {
	s.f.t.Helper()
	dir := os.Getenv("LAPWING_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	s.run("picture", chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		s.f.t.Fatal(err)
	}
}

// queue reads the references of the queue by the name in the row.
func (f *fixture) queue(b *browser) map[string]caseflow.Ref {
	f.t.Helper()
	out := map[string]caseflow.Ref{}
	rest := b.get("/cases").body
	for {
		_, after, ok := strings.Cut(rest, `class="lw-row__name" href="/cases/`)
		if !ok {
			return out
		}
		ref, tail, _ := strings.Cut(after, `"`)
		_, name, _ := strings.Cut(tail, "<bdi>")
		name, rest, _ = strings.Cut(name, "</bdi>")
		out[name] = caseflow.Ref(ref)
	}
}

// awaitPromise makes Evaluate wait for a promise.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
