package console_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// until waits for a JavaScript condition on the page.
func (s *screen) until(what, condition string) {
	s.f.t.Helper()
	if err := chromedp.Run(s.ctx, chromedp.Poll(condition, nil, chromedp.WithPollingMutation())); err != nil {
		var text string
		_ = chromedp.Run(s.ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 800)`, &text)) // only for the message
		s.f.t.Fatalf("%s: %v\n%s", what, err, text)
	}
}

func eval[T any](s *screen, js string) T {
	s.f.t.Helper()
	var v T
	s.run(js, chromedp.Evaluate(js, &v))
	return v
}

func (s *screen) live() {
	s.f.t.Helper()
	s.until("the page is live", `document.getElementById("live-state")?.textContent === "Live" && !document.getElementById("live-state").hidden`)
}

const rowNames = `[...document.querySelectorAll("#groups .lw-row__name")].map(n => n.textContent).join(", ")`

// TestLiveQueue drives the queue's script in Chromium.
func TestLiveQueue(t *testing.T) {
	f := newFixture(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	b := f.signIn("H. Marlow", caseflow.DSL)
	s := f.screen()
	s.as(b)
	s.size(1440, 900)

	// An empty queue at rest: the case stands in the list, once, without a press.
	s.open("/cases")
	s.live()
	ivo := typed{account: "Ivo Fernley", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, before: "yeah ", hit: "nobody wants you here", after: " leave"}
	f.typeText(ivo)
	s.until("the case appears", `document.querySelector("#groups mark.lw-hit")?.textContent === "nobody wants you here"`)
	if got := eval[string](s, rowNames); got != "Ivo Fernley" {
		t.Errorf("rows: %s", got)
	}
	if got := eval[string](s, `document.getElementById("sentence").textContent`); !strings.Contains(got, "1 case is due by") {
		t.Errorf("sentence: %s", got)
	}

	// At rest, a more pressing one goes above it.
	f.typeText(typed{account: "Tamsin Oakfield", audience: vocab.Pupil, category: vocab.Exploitation, severity: vocab.Critical, hit: "don’t tell anyone"})
	s.until("the second case appears in order", rowNames+` === "Tamsin Oakfield, Ivo Fernley"`)

	// While a row has the focus, nothing moves: the new case waits in the bar, with its words.
	s.run("focus", chromedp.Evaluate(`document.querySelectorAll("#groups .lw-row__name")[1].focus()`, nil))
	tops := `[...document.querySelectorAll("#groups .lw-row")].map(r => r.getBoundingClientRect()).map(r => r.top + "-" + r.bottom).join()`
	before := eval[string](s, tops)
	f.typeText(typed{account: "Rowan Ashdown", audience: vocab.Pupil, category: vocab.Violence, severity: vocab.Critical, before: "i will ", hit: "bring a knife", after: " tomorrow"})
	s.until("the bar tells of it", `document.getElementById("news-text").textContent.startsWith("1 new case came in")`)
	if got := eval[string](s, `document.getElementById("news-words").textContent`); !strings.Contains(got, "bring a knife") || !strings.Contains(got, "Critical") {
		t.Errorf("the bar shows %q", got)
	}
	if got := eval[string](s, rowNames); got != "Tamsin Oakfield, Ivo Fernley" {
		t.Errorf("the list changed under the eye: %s", got)
	}

	s.check("the queue with a case behind the bar")
	s.picture("cases-new-1440")

	// A capture that joins a case changes its row in place.
	ivo.before, ivo.hit, ivo.after = "and ", "everyone hates you", " and nobody wants you in the group so dont come on friday or ever again and so on and on"
	f.typeText(ivo)
	s.until("the row has the newest words", `document.querySelectorAll("#groups .lw-row")[1].textContent.includes("everyone hates you")`)
	if got := eval[string](s, tops); got != before {
		t.Errorf("rows moved from %s to %s", before, got)
	}
	if got := eval[string](s, `document.activeElement.textContent`); got != "Ivo Fernley" {
		t.Errorf("the focus went to %q", got)
	}

	// Another reviewer's claim is seen without a reload.
	thistle := f.signIn("O. Thistle", caseflow.Deputy)
	thistle.post("/cases/"+string(f.queue(thistle)["Tamsin Oakfield"])+"/claim", nil)
	s.until("the claim is seen", `document.querySelectorAll("#groups .lw-row")[0].textContent.includes("Claimed by O. Thistle")`)

	// The reader asks for what waits, with the key the bar stands for.
	s.run("press r", chromedp.KeyEvent("r"))
	s.until("what waited is in order", rowNames+`.split(", ").sort().join() === "Ivo Fernley,Rowan Ashdown,Tamsin Oakfield" && document.getElementById("news-show").hidden`)
	s.check("the queue after live changes")
}

// pressKey is one key as a keyboard gives it: its text comes with the key, so
// that a page can keep it from a field. chromedp.KeyEvent sends both apart.
func pressKey(key string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		if err := input.DispatchKeyEvent(input.KeyDown).WithKey(key).WithText(key).Do(ctx); err != nil {
			return err
		}
		return input.DispatchKeyEvent(input.KeyUp).WithKey(key).Do(ctx)
	})
}

// TestKeys presses the single keys in the list and in a case.
func TestKeys(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b := f.signIn("H. Marlow", caseflow.DSL)
	refs := f.queue(b)
	s := f.screen()
	s.as(b)
	s.size(1440, 900)
	s.open("/cases")
	focus := `document.activeElement.textContent`
	s.run("j j k", chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	if got := eval[string](s, focus); got != "Rowan Ashdown" {
		t.Errorf("j j: the focus is on %q", got)
	}
	s.run("k", chromedp.KeyEvent("k"))
	if got := eval[string](s, focus); got != "Tamsin Oakfield" {
		t.Errorf("k: the focus is on %q", got)
	}
	s.run("c", chromedp.KeyEvent("c"), chromedp.WaitVisible(`.lw-chip--mine`, chromedp.ByQuery))
	if got := eval[string](s, `location.pathname`); got != "/cases/"+string(refs["Tamsin Oakfield"]) {
		t.Errorf("c: claimed %s", got)
	}
	s.run("n, then letters in the note", pressKey("n"), chromedp.KeyEvent("jku?x"))
	if got := eval[string](s, `document.getElementById("note").value + " " + location.pathname`); got != "jku?x /cases/"+string(refs["Tamsin Oakfield"]) {
		t.Errorf("keys in the note: %q", got)
	}
	s.run("x goes to the outcome", chromedp.Evaluate(`document.activeElement.blur()`, nil), chromedp.KeyEvent("x"))
	if got := eval[string](s, `document.activeElement.id`); got != "outcome" {
		t.Errorf("x: the focus is on %q", got)
	}
	s.run("u", chromedp.Evaluate(`document.activeElement.blur()`, nil), chromedp.KeyEvent("u"), chromedp.WaitVisible("#groups", chromedp.ByQuery))
	s.run("?", chromedp.KeyEvent("?"), chromedp.WaitVisible(`button[value="keys-off"]`, chromedp.ByQuery))

	b.post("/preferences", url.Values{"set": {"keys-off"}})
	s.open("/cases")
	s.run("keys when they are off", chromedp.KeyEvent("j"), chromedp.KeyEvent("?"))
	if got := eval[string](s, `document.activeElement.tagName + location.pathname`); got != "BODY/cases" {
		t.Errorf("keys that are off led to %s", got)
	}
}

// TestConnectionLost shuts the collector while a page is open.
func TestConnectionLost(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b := f.signIn("H. Marlow", caseflow.DSL)
	ref := f.queue(b)["Ivo Fernley"]
	s := f.screen()
	s.as(b)
	s.open("/cases/" + string(ref))
	s.live()
	b.post("/cases/"+string(ref)+"/claim", nil)
	s.until("the case tells that it changed", `!document.getElementById("changed").hidden`)
	s.open("/cases")
	s.live()
	if err := f.server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	f.server.CloseClientConnections()
	s.until("the page tells that it is not live", `document.getElementById("live-state").textContent === "Not live" && !document.getElementById("lost").hidden`)
	if got := eval[string](s, `document.getElementById("lost-text").textContent`); !strings.Contains(got, "What you see is as it was then") {
		t.Errorf("it says %q", got)
	}
	if got := eval[string](s, rowNames); !strings.Contains(got, "Rowan Ashdown") {
		t.Error("the list went away")
	}
	s.check("a queue that is not live")
}

// TestSignedOutElsewhereClearsThePage: words do not stay on an open screen.
func TestSignedOutElsewhereClearsThePage(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b := f.signIn("H. Marlow", caseflow.DSL)
	s := f.screen()
	s.as(b)
	s.open("/cases")
	s.live()
	b.post("/sign-out", nil)
	s.run("the page leaves", chromedp.WaitVisible(`a[href="/sign-in"]`, chromedp.ByQuery))
	if got := eval[string](s, `location.pathname`); got != "/signed-out" {
		t.Errorf("the page is %s", got)
	}
}

// takeRoles leaves a user with a role that opens no case.
func (f *fixture) takeRoles(id caseflow.UserID) {
	f.t.Helper()
	u, err := f.tenant.User(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	u.Roles = []caseflow.Role{caseflow.Governor}
	if err := f.tenant.PutUser(f.t.Context(), u, audit.Who{Via: audit.ViaCommand}, f.clock()); err != nil {
		f.t.Fatal(err)
	}
}

// TestLostRoleClearsThePage: a role taken away takes the words off the screen.
func TestLostRoleClearsThePage(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b := f.signIn("H. Marlow", caseflow.DSL)
	s := f.screen()
	s.as(b)
	s.open("/cases")
	s.live()
	f.takeRoles("u-h.-marlow")
	s.run("the words are gone", chromedp.WaitNotPresent("#groups", chromedp.ByQuery), chromedp.WaitVisible("h1", chromedp.ByQuery))
	if got := eval[string](s, `document.querySelector("h1").textContent`); got != "You cannot open this page" {
		t.Errorf("the page says %q", got)
	}
}

// TestWithoutScriptByKeyboard goes from the sign-in link to a closed case with
// JavaScript off and the keyboard alone.
func TestWithoutScriptByKeyboard(t *testing.T) {
	f := newFixture(t)
	f.demo()
	_, token := f.user("H. Marlow", nil, caseflow.DSL)
	s := f.screen()
	s.run("no script", emulation.SetScriptExecutionDisabled(true))
	s.open("/link/" + token)
	s.size(390, 844)

	// tabTo presses Tab until the focus is where it should be.
	tabTo := func(what, selector string) {
		t.Helper()
		for range 80 {
			s.run("Tab to "+what, chromedp.KeyEvent(kb.Tab))
			if eval[bool](s, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
				return
			}
		}
		t.Fatalf("Tab does not reach %s", what)
	}
	tabTo("the passphrase", "#passphrase")
	s.run("type", chromedp.KeyEvent(passphrase))
	tabTo("it again", "#passphrase_again")
	s.run("type and send", chromedp.KeyEvent(passphrase), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#groups", chromedp.ByQuery))
	tabTo("the first case", ".lw-row__name")
	s.run("open it", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#case", chromedp.ByQuery))
	tabTo("claim", `[data-key="claim"]`)
	s.run("claim", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".lw-chip--mine", chromedp.ByQuery))
	tabTo("the outcome", `input[name="outcome"]`)
	s.run("choose it", chromedp.KeyEvent(kb.ArrowDown))
	tabTo("the note", "#note")
	s.run("write", chromedp.KeyEvent("Spoke to the pupil"))
	tabTo("the button", `button[value="close"]`)
	s.run("close it", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".lw-notice--done", chromedp.ByQuery))
	closed := f.signIn("O. Thistle", caseflow.Deputy).get("/cases?show=closed").body
	if !strings.Contains(closed, "Tamsin Oakfield") {
		t.Error("the case is not closed")
	}
}
