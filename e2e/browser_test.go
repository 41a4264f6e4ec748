//go:build linux

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds one step in a browser; only something broken reaches it.
const patience = 45 * time.Second

// person is somebody at a console page, in a headless Chromium of her own.
type person struct {
	ctx context.Context
	url string // of the console
}

func newPerson(t testing.TB, f *flight) *person {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"),
		chromedp.NoSandbox, // the tests run as root in CI
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("ignore-certificate-errors", true), // the demo school signs its own
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1440, 900),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &person{ctx, f.ConsoleURL()}
}

// signIn opens the one-time link of a role and sets a passphrase.
func (f *flight) signIn(t testing.TB, role string) *person {
	t.Helper()
	p := newPerson(t, f)
	link := ""
	for _, l := range f.Links() {
		if l.Role == role {
			link = l.URL
		}
	}
	if link == "" {
		t.Fatalf("no link for the %s among %v", role, f.Links())
	}
	const passphrase = "kettle window otter seven"
	p.do(t, "sign in as "+role,
		chromedp.Navigate(link),
		chromedp.SendKeys(`[name=passphrase]`, passphrase, chromedp.ByQuery),
		chromedp.SendKeys(`[name=passphrase_again]`, passphrase, chromedp.ByQuery),
		chromedp.Click(`main form button[type=submit]`, chromedp.ByQuery),
		chromedp.WaitVisible(`header nav, header .lw-header, h1`, chromedp.ByQuery),
	)
	p.await(t, "to be signed in", `!location.pathname.startsWith("/link")`)
	return p
}

// do runs steps, and fails with a picture of the page when one does not work.
func (p *person) do(t testing.TB, what string, steps ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, steps...); err != nil {
		t.Fatalf("%s: %v\non %s", what, err, p.describe())
	}
}

// describe says what the page shows, for a failed test.
func (p *person) describe() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	var where, text string
	if err := chromedp.Run(ctx, chromedp.Location(&where), innerText("body", &text)); err != nil {
		return err.Error()
	}
	return where + ":\n" + text
}

// await waits until a JavaScript condition holds.
func (p *person) await(t testing.TB, what, condition string) {
	t.Helper()
	if !p.within(patience, condition) {
		t.Fatalf("waited in vain for %s\non %s", what, p.describe())
	}
}

// soon reports whether a condition comes to hold while nothing is done about it.
func (p *person) soon(t testing.TB, condition string) bool {
	t.Helper()
	return p.within(10*time.Second, condition)
}

// within waits for a condition. The page may change under it, which fails an
// evaluation but not the wait.
func (p *person) within(bound time.Duration, condition string) bool {
	ctx, cancel := context.WithTimeout(p.ctx, bound)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var holds bool
		if err := chromedp.Run(ctx, chromedp.Evaluate(condition, &holds)); err == nil && holds {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func (p *person) open(t testing.TB, path string) {
	t.Helper()
	p.do(t, "open "+path, chromedp.Navigate(p.url+path))
}

// press clicks the button or link with this text.
func (p *person) press(t testing.TB, text string) {
	t.Helper()
	xpath := fmt.Sprintf(`//main//*[self::button or self::a][contains(normalize-space(.), %q)] | //*[contains(@class,"moj-identity-bar")]//*[self::button or self::a][contains(normalize-space(.), %q)]`, text, text)
	p.do(t, "press "+text, chromedp.Click(xpath, chromedp.BySearch))
}

// text is what the page says, in one line.
func (p *person) text(t testing.TB) string {
	t.Helper()
	var text string
	p.do(t, "read the page", innerText("body", &text))
	return strings.Join(strings.Fields(text), " ")
}

// innerText reads in one question what an element says. chromedp.Text asks for a
// node first, which may be one of the page before.
func innerText(selector string, text *string) chromedp.Action {
	return chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).innerText`, selector), text)
}

// says fails unless the page says each of words.
func (p *person) says(t testing.TB, words ...string) {
	t.Helper()
	text := p.text(t)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the page does not say %q:\n%s", w, text)
		}
	}
}

// status is the HTTP status of a path in this person's session.
func (p *person) status(t testing.TB, path string) (code int, body string) {
	t.Helper()
	var got struct {
		Code int
		Body string
	}
	p.do(t, "fetch "+path, chromedp.Evaluate(fmt.Sprintf(
		`fetch(%q).then(async r => ({Code: r.status, Body: await r.text()}))`, path), &got, chromedp.EvalAsValue, awaitPromise))
	return got.Code, got.Body
}

// noReload marks the page, so that keptPage can tell that it was not loaded anew.
func (p *person) noReload(t testing.TB) {
	t.Helper()
	p.do(t, "mark the page", chromedp.Evaluate(`window.lapwingTestMark = true`, nil))
}

func (p *person) keptPage(t testing.TB) bool {
	t.Helper()
	var kept bool
	p.do(t, "look for the mark", chromedp.Evaluate(`window.lapwingTestMark === true`, &kept))
	return kept
}

func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
