package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// spy tells the console of each change that the script heard of, once it has
// acted on it, and how often the page had asked for itself by then (a draft
// that is kept asks for nothing).
const spy = `{ let asked = 0; const add = EventSource.prototype.addEventListener, get = window.fetch
EventSource.prototype.addEventListener = function (kind, act, ...rest) {
  return add.call(this, kind, (event) => { act(event); if (kind === "changed") console.debug("heard", asked) }, ...rest) }
window.fetch = (...what) => { if (what[1]?.method !== "POST") asked++; return get(...what) } }`

// errorPage opens a case, writes a note and presses Record without an outcome:
// the page that follows is the answer to a form, at an address of its own.
func (s *screen) errorPage(path, note string) {
	s.f.t.Helper()
	s.open(path)
	s.run("press Record without an outcome", chromedp.SendKeys("#note", note, chromedp.ByQuery),
		clickOn(`button[value="close"]`), chromedp.WaitVisible(".govuk-error-summary", chromedp.ByQuery))
	s.live()
	if got := eval[string](s, `location.pathname`); got != path+"/record" {
		s.f.t.Fatalf("the error is at %s", got)
	}
}

// TestChangeDoesNotReloadAFormsAnswer: a page that came from a form asks for
// the case by the case's address, and keeps what is typed.
func TestChangeDoesNotReloadAFormsAnswer(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	ivo := "/cases/" + string(f.queue(dsl)["Ivo Fernley"])
	s := f.screen()
	s.as(dsl)
	s.errorPage(ivo, "Spoke to form tutor")
	s.run("write more", chromedp.Evaluate(`window.same = true; document.getElementById("note").value += " at 8:10."`, nil))
	deputy.post(ivo+"/record", url.Values{"act": {"note"}, "note": {"rang home"}, "key": {"k"}})
	s.until("the case tells that it changed", `!document.getElementById("changed").hidden`)
	if !eval[bool](s, `window.same === true`) {
		t.Error("the page was loaded again")
	}
	if got := eval[string](s, `document.getElementById("note").value`); got != "Spoke to form tutor at 8:10." {
		t.Errorf("the note is %q", got)
	}
	// Taken away from this person, the words go, and the form is not sent again.
	f.takeRoles("u-h.-marlow")
	s.run("the words are gone", chromedp.WaitNotPresent("#case", chromedp.ByQuery), chromedp.WaitVisible("h1", chromedp.ByQuery))
	if got := eval[string](s, `document.querySelector("h1").textContent + " " + location.pathname`); got != "You cannot open this page "+ivo {
		t.Errorf("the page says %q", got)
	}
}

// TestOwnChangeWaitsForTheAnswer holds the answer to Record until the stream
// has told of the closing: the page must still follow the answer.
func TestOwnChangeWaitsForTheAnswer(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	refs := f.queue(dsl)
	rowan, ivo := "/cases/"+string(refs["Rowan Ashdown"]), "/cases/"+string(refs["Ivo Fernley"])
	s := f.screen()
	s.as(dsl)
	s.run("spy", chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdppage.AddScriptToEvaluateOnNewDocument(spy).Do(ctx)
		return err
	}))
	s.errorPage(rowan, "Spoke to form tutor.")
	held, heard := make(chan fetch.RequestID, 1), make(chan string, 10)
	chromedp.ListenTarget(s.ctx, func(event any) {
		switch e := event.(type) {
		case *fetch.EventRequestPaused:
			held <- e.RequestID
		case *runtime.EventConsoleAPICalled:
			if len(e.Args) == 2 {
				heard <- string(e.Args[1].Value)
			}
		}
	})
	s.run("press Record and hold the answer", fetch.Enable().WithPatterns([]*fetch.RequestPattern{{URLPattern: "*/record", RequestStage: fetch.RequestStageResponse}}),
		clickOn(`label[for="outcome-no-concern"]`), clickOn(`button[value="close"]`))
	select {
	case asked := <-heard:
		if asked != "0" {
			t.Errorf("the page asked %s times for itself while its form was on its way", asked)
		}
	case <-s.ctx.Done():
		t.Fatal("the stream does not tell of the closing")
	}
	s.run("let the answer come", fetch.ContinueRequest(<-held), chromedp.WaitVisible(".lw-notice--done", chromedp.ByQuery))
	if got := eval[string](s, `location.pathname`); got != ivo {
		t.Errorf("Record led to %s, want the next case %s", got, ivo)
	}
	if p := dsl.get(rowan); !strings.Contains(p.body, "Spoke to form tutor.") || !strings.Contains(p.body, "Reopen this case") {
		t.Error("the case is not closed with the note")
	}
}

// TestFormAnswersNameTheirPage: each answer to a form about a case carries the
// case's own address for the script.
func TestFormAnswersNameTheirPage(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	refs := f.queue(dsl)
	ivo, rowan := "/cases/"+string(refs["Ivo Fernley"]), "/cases/"+string(refs["Rowan Ashdown"])
	deputy.post(ivo+"/claim", nil)
	deputy.post(rowan+"/record", with(hidden(t, deputy.get(rowan)), "act", "close", "outcome", "no-concern"))
	for name, form := range map[string]struct {
		path, act string
		values    url.Values
		status    int
	}{
		"record without an outcome":  {ivo, "record", url.Values{"act": {"close"}, "note": {"kept"}}, http.StatusUnprocessableEntity},
		"claim of a taken case":      {ivo, "claim", nil, http.StatusConflict},
		"release of another's claim": {ivo, "release", nil, http.StatusConflict},
		"reopening without a reason": {rowan, "reopen", with(hidden(t, dsl.get(rowan)), "reason", ""), http.StatusUnprocessableEntity},
	} {
		p := dsl.post(form.path+"/"+form.act, form.values)
		if p.status != form.status || !strings.Contains(p.body, `data-page="`+form.path+`"`) {
			t.Errorf("%s: status %d, want %d; it must name %s", name, p.status, form.status, form.path)
		}
	}
	if p := dsl.get(ivo); !strings.Contains(p.body, `data-page="`+ivo+`"`) {
		t.Error("the case's page does not name itself")
	}
	if p := dsl.get("/cases?severity=high&done=" + string(refs["Ivo Fernley"])); !strings.Contains(p.body, `data-page="/cases?severity=high"`) {
		t.Error("the queue does not name itself with its filter")
	}
}
