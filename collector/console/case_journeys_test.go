package console_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// follow does what leads to another page, and waits for it to be loaded.
func (s *screen) follow(what string, actions ...chromedp.Action) {
	s.f.t.Helper()
	if _, err := chromedp.RunResponse(s.ctx, actions...); err != nil {
		s.f.t.Fatalf("%s: %v", what, err)
	}
}

// offline takes the page's connection away, or gives it back.
func offline(off bool) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, "Network.emulateNetworkConditions", map[string]any{"offline": off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	})
}

// TestTenCasesByKeyboard closes ten cases without the pointer, from the list
// to the empty list.
func TestTenCasesByKeyboard(t *testing.T) {
	f := newFixture(t)
	for i := range 10 {
		f.typeText(typed{account: fmt.Sprintf("pupil %d", i), audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you", ago: time.Duration(i) * time.Minute})
	}
	s := f.screen()
	s.as(f.signIn("H. Marlow", caseflow.DSL))
	s.size(1440, 900)
	s.open("/cases")
	s.run("to the first case", chromedp.KeyEvent("j"))
	s.follow("open it", chromedp.KeyEvent(kb.Enter))
	for i := range 10 {
		s.follow("claim", chromedp.KeyEvent("c"))
		if !eval[bool](s, `!!document.querySelector(".lw-chip--mine")`) {
			t.Fatalf("case %d is not claimed", i)
		}
		if i == 0 {
			for key, field := range map[string]string{"e": "to", "n": "note", "o": "outcome"} {
				s.run("press "+key, chromedp.Evaluate(`document.activeElement.blur()`, nil), chromedp.KeyEvent(key))
				if got := eval[string](s, `document.activeElement.id`); got != field && !(key == "e" && strings.HasPrefix(got, "to")) {
					// Without a head there is nobody to escalate to, but the choice is offered.
					t.Errorf("%s leads to %q, want %s", key, got, field)
				}
			}
			s.run("leave the field", chromedp.Evaluate(`document.activeElement.blur()`, nil))
		}
		s.run("choose no concern", chromedp.KeyEvent("o"), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Tab))
		if got := eval[string](s, `document.activeElement.id`); got != "note" {
			t.Fatalf("case %d: Tab leads from the outcome to %q", i, got)
		}
		s.run("write", chromedp.KeyEvent("Looked at, banter"), chromedp.KeyEvent(kb.Tab))
		s.follow("record", chromedp.KeyEvent(kb.Enter))
		if !eval[bool](s, `!!document.querySelector(".lw-notice--done")`) {
			t.Fatalf("case %d is not recorded", i)
		}
	}
	if got := eval[string](s, `location.pathname`); got != "/cases" {
		t.Errorf("after the last case the page is %s", got)
	}
	if n := strings.Count(f.signIn("O. Thistle", caseflow.Deputy).get("/cases?show=closed").body, `class="lw-row__name"`); n != 10 {
		t.Errorf("%d cases are closed", n)
	}
}

// TestAllegationToTheHead: a member of staff's own words, and a pupil's words
// that name a member of staff, reach the head alone, who works by the playbook
// of allegations and refers to the LADO.
func TestAllegationToTheHead(t *testing.T) {
	f := newFixture(t)
	teacher := f.person("j.porter")
	own := f.typeText(typed{account: "j.porter", audience: vocab.Staff, category: vocab.Gambling, severity: vocab.High, hit: "accumulator tips"})
	named := f.typeText(typed{account: "Ivo Fernley", audience: vocab.Pupil, category: vocab.Exploitation, severity: vocab.High, hit: "mr porter said dont tell", subjects: []caseflow.PersonKey{teacher}})
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	_, token := f.user("J. Porter", []caseflow.PersonKey{teacher}, caseflow.Deputy)
	porter := f.enter(token)
	for who, b := range map[string]*browser{"the DSL": dsl, "who is named": porter} {
		if p := b.get("/cases"); strings.Contains(p.body, string(own)) || strings.Contains(p.body, string(named)) {
			t.Errorf("%s has one of them in the list", who)
		}
		for _, ref := range []caseflow.Ref{own, named} {
			if p := b.get("/cases/" + string(ref)); p.status != http.StatusNotFound {
				t.Errorf("%s opens %s: status %d", who, ref, p.status)
			}
		}
	}
	s := f.screen()
	s.as(head)
	s.size(1440, 900)
	s.open("/cases")
	s.follow("open the allegation", clickOn(fmt.Sprintf(`a[href="/cases/%s"]`, named)))
	if got := eval[string](s, `document.getElementById("steps").textContent`); got != "A member of staff is concerned: what to do" {
		t.Errorf("the playbook is %q", got)
	}
	s.live()
	s.run("tick a step", clickOn(`label[for="step-lado"]`))
	s.until("it says who and when", `document.getElementById("step-lado-by").textContent === "You, 8:14am"`)
	if !eval[bool](s, `document.getElementById("changed").hidden`) {
		t.Error("the own tick is told as news")
	}
	s.run("choose referred", clickOn(`label[for="outcome-referred"]`), chromedp.WaitVisible("#refer_agency", chromedp.ByQuery))
	if eval[bool](s, `document.getElementById("record_agency").checkVisibility()`) {
		t.Error("the fields of another outcome show")
	}
	s.run("fill in and record", chromedp.SetValue("#refer_agency", "lado", chromedp.ByQuery), chromedp.SendKeys("#refer_whom", "P. Hale", chromedp.ByQuery),
		chromedp.SetValue("#refer_when", "2026-11-12T08:10", chromedp.ByQuery), clickOn(`button[value="close"]`), chromedp.WaitVisible(".lw-notice--done", chromedp.ByQuery))
	p := head.get("/cases/" + string(named))
	for _, want := range []string{"LADO (local authority designated officer), spoke to P. Hale, 8:10am", "You ticked a step: Call the local authority designated officer (LADO)"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the record does not say %q", want)
		}
	}
}

// TestDraftsSurvive: what is written is kept while it is written, without a
// connection in the page alone, and is there again afterwards.
func TestDraftsSurvive(t *testing.T) {
	f := newFixture(t)
	f.signIn("A. Reed", caseflow.Head)
	path := f.one("Ivo")
	s := f.screen()
	s.as(f.signIn("H. Marlow", caseflow.DSL))
	s.size(1440, 900)
	s.open(path)
	s.live()
	blur := chromedp.Evaluate(`document.activeElement.blur()`, nil)
	s.run("write", chromedp.SendKeys("#note", "Half a sent", chromedp.ByQuery), blur)
	s.until("it is kept", `document.getElementById("draft-state").textContent === "Draft kept at 8:14am"`)
	s.run("lose the connection", offline(true))
	s.run("write on", chromedp.SendKeys("#note", "ence", chromedp.ByQuery), blur)
	s.until("it says so", `document.getElementById("draft-state").textContent.startsWith("No connection since 8:14am")`)
	if got := eval[string](s, `JSON.stringify([localStorage.length, sessionStorage.length])`); got != "[0,0]" {
		t.Errorf("the browser's storage holds %s", got)
	}
	s.run("connect again", offline(false), chromedp.Focus("#note", chromedp.ByQuery), blur)
	s.until("it is kept again", `document.getElementById("draft-state").textContent === "Draft kept at 8:14am"`)
	s.open(path)
	if got := eval[string](s, `document.getElementById("note").value`); got != "Half a sentence" {
		t.Errorf("after opening it again the note is %q", got)
	}
	s.follow("claim", clickOn(`[data-key="claim"]`))
	if got := eval[string](s, `document.getElementById("note").value`); got != "Half a sentence" {
		t.Errorf("after claiming the note is %q", got)
	}
	// Enter in a one-line field keeps the draft and presses no other button.
	s.run("choose referred", clickOn(`label[for="outcome-referred"]`), chromedp.SendKeys("#refer_whom", "P. Hale", chromedp.ByQuery))
	s.follow("press Enter", chromedp.KeyEvent(kb.Enter))
	if got := eval[string](s, `document.getElementById("refer_whom").defaultValue`); got != "P. Hale" {
		t.Errorf("after Enter the name is %q", got)
	}
	if p := f.signIn("O. Thistle", caseflow.Deputy).get(path); strings.Contains(p.body, "Closed:") || !strings.Contains(p.body, "H. Marlow has held this case") {
		t.Error("Enter did more than keep the draft")
	}
}
