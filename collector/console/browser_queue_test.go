package console_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// TestQueueStates opens every state of the queue in Chromium, at three widths.
func TestQueueStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.signIn("H. Marlow", caseflow.DSL)
	s := f.screen()
	s.as(b)
	all := func(name, path string) {
		t.Helper()
		for _, w := range []int64{1440, 820, 390} {
			s.size(w, 900)
			s.open(path)
			s.check(fmt.Sprintf("%s at %d", name, w))
			s.picture(fmt.Sprintf("%s-%d", name, w))
		}
	}
	all("cases-not-proved", "/cases")
	f.demo()
	for _, who := range []string{"Wren Coldbrook", "Ashby Linnet", "Merle Sandhurst-Vale"} {
		f.typeText(typed{account: who, audience: vocab.Pupil, category: vocab.Piracy, severity: vocab.Low, level: vocab.Log, before: "where do i get ", hit: "films for free", after: " without paying"})
	}
	all("cases", "/cases")
	all("cases-filtered", "/cases?category=piracy&severity=low&when=today")
	all("cases-filtered-empty", "/cases?category=extremism&severity=low&exempt=only")
	p := b.post("/cases/find", url.Values{"q": {"Rowan Ashdown"}, "back": {"/cases"}})
	all("cases-search", p.path)

	s.size(1440, 900)
	s.open("/cases")
	s.live()
	s.run("search", pressKey("/"))
	if got := eval[string](s, `document.activeElement.id`); got != "q" {
		t.Errorf("/ goes to %q", got)
	}
	s.run("leave the field", pressKey("Tab"))
	s.until("a row to select", `document.querySelector(".lw-select") !== null`)
	s.run("a low row", focusOn(`document.querySelector(".lw-select").closest(".lw-row").querySelector(".lw-row__name")`), pressKey("s"))
	if got := eval[string](s, `document.querySelector("#together [data-count]").textContent`); got != "1 selected" {
		t.Errorf("s: %q", got)
	}
	s.check("the queue with a case selected")
	s.picture("cases-selected-1440")
	s.size(390, 900)
	s.open("/cases")
	category := func(seen bool) {
		s.until("the filters", fmt.Sprintf(`document.querySelector("#category").checkVisibility() === %t`, seen))
	}
	category(false)
	s.run("open the filters", focusOn(`document.querySelector("#filter summary")`), chromedp.KeyEvent(kb.Enter))
	category(true)
	s.check("the queue with its filters open")
	s.picture("cases-open-filters-390")
}

// clickOn presses what is there once it is to be seen. It does not aim: a line
// that says "saved" meanwhile moves what a pointer is on its way to.
func clickOn(selector string) chromedp.Action {
	return chromedp.Tasks{chromedp.WaitVisible(selector, chromedp.ByQuery),
		chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).click()`, selector), nil)}
}

func focusOn(element string) chromedp.Action { return chromedp.Evaluate(element+`.focus()`, nil) }
