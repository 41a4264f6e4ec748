package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// TestLessonJourney: a DSL asks for an exemption of a lesson, the head approves
// it, a capture inside is marked and stands lower, and after its last day
// nothing is covered any more.
func TestLessonJourney(t *testing.T) {
	f := withOversight(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	f.classes()
	f.typeText(typed{account: "Ivo Fernley", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.Low, hit: "nobody likes her", device: "d-other"})
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	s := f.screen()
	s.as(dsl)
	s.open("/exemptions")
	s.run("ask", clickOn(`a[href="/exemptions/new"]`), chromedp.WaitVisible("#title", chromedp.ByQuery))
	s.run("send it empty", clickOn(`main form .govuk-button`), chromedp.WaitVisible(".govuk-error-summary", chromedp.ByQuery))
	s.check("exemption form with errors")
	s.look("exemption-ask-errors")
	s.run("choose a class", clickOn(`details:has([name="classes"]) summary`), clickOn(`details:has([name="rules"]) summary`), clickOn(`input[name="classes"]`))
	s.check("exemption form with classes and rules")
	s.look("exemption-ask-classes")
	s.run("no class", clickOn(`input[name="classes"]`))
	s.run("fill it in",
		chromedp.SendKeys("#title", "Year 9 history", chromedp.ByQuery), chromedp.SendKeys("#asker", "Mr Quill", chromedp.ByQuery), chromedp.SetValue("#asked", "2026-11-09", chromedp.ByQuery),
		clickOn(`input[name="groups"]`), clickOn(`input[name="categories"][value="violence"]`),
		chromedp.SetValue("#from", "2026-11-12", chromedp.ByQuery), chromedp.SetValue("#until", "2026-11-20", chromedp.ByQuery),
		chromedp.SendKeys("#reason", "Causes of the First World War", chromedp.ByQuery), chromedp.SendKeys("#risk", "A real threat reads like the lesson; the teacher walks round.", chromedp.ByQuery),
		clickOn(`main form .govuk-button`), chromedp.WaitVisible(`section[id^="e-"]`, chromedp.ByQuery))
	if body := dsl.get("/exemptions").body; !strings.Contains(body, "Waits for approval") {
		t.Fatal("it does not wait for approval")
	}
	s.as(head)
	s.open("/exemptions")
	s.check("exemptions to approve")
	s.look("exemptions-waiting")
	s.run("approve", clickOn(`button[value="approve"]`), chromedp.WaitVisible(`button[value="revoke"]`, chromedp.ByQuery))
	inside := f.typeText(typed{account: "Pax Hollins", audience: vocab.Pupil, category: vocab.Violence, severity: vocab.Critical, before: "so they ", hit: "drop a bomb on", after: " the factory"})
	s.as(dsl)
	s.open("/cases")
	if got := eval[string](s, `[...document.querySelectorAll(".lw-row__name")].map(a => a.textContent).join()`); got != "Ivo Fernley,Pax Hollins" {
		t.Errorf("the queue's order is %s", got)
	}
	if got := eval[string](s, `document.querySelector(".lw-chip--exempt").textContent`); got != "Exempt: Year 9 history, until 20 November" {
		t.Errorf("the chip says %q", got)
	}
	s.check("queue with an exempt case")
	s.look("cases-exempt")
	s.open("/cases/" + string(inside))
	s.check("exempt case")
	s.look("case-exempt")
	f.pass(9 * 24 * time.Hour) // the session ends with it, and the open page leaves
	s.run("the page leaves", chromedp.WaitVisible(`a[href="/sign-in"]`, chromedp.ByQuery))
	after := f.typeText(typed{account: "Rowan Ashdown", audience: vocab.Pupil, category: vocab.Violence, severity: vocab.High, hit: "drop a bomb on"})
	s.as(f.enter(f.link("u-h.-marlow")))
	s.open("/cases/" + string(after))
	if n := eval[int](s, `document.querySelectorAll(".lw-chip--exempt").length`); n != 0 {
		t.Error("exempt after its last day")
	}
	s.open("/exemptions")
	s.check("exemptions that ended")
}

// TestRulePages looks at every page of rules as a DSL and a head see them.
func TestRulePages(t *testing.T) {
	t.Parallel()
	f := withOversight(t)
	f.demo()
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	for i := range 10 {
		ref := f.typeText(typed{account: "pupil " + string(rune('a'+i)), audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.Low, hit: "nobody likes her"})
		outcome := caseflow.Close{Outcome: caseflow.NoConcern}
		if i < 3 {
			outcome = caseflow.Close{Outcome: caseflow.FalseAlarm, Why: caseflow.WhyLesson, Rule: "r-1"}
		}
		f.act(ref, outcome)
	}
	s := f.screen()
	s.as(dsl)
	s.open("/rules")
	s.check("rules")
	s.look("rules")
	s.open("/rules/r-1")
	s.check("rule")
	s.run("send the change empty", clickOn(`main form .govuk-button`), chromedp.WaitVisible(".govuk-error-summary", chromedp.ByQuery))
	s.check("rule with errors")
	s.look("rule")
	s.run("propose", clickOn(`label[for="setting"]`), clickOn(`label[for="level-1"]`),
		chromedp.SendKeys("#reason", "A set text in year 8", chromedp.ByQuery), chromedp.SendKeys("#risk", "Real bullying stays in the log.", chromedp.ByQuery),
		clickOn(`main form .govuk-button`), chromedp.WaitVisible(`section[id^="c-"]`, chromedp.ByQuery))
	s.as(head)
	s.open("/rules/changes")
	s.check("changes to approve")
	s.look("changes")
	s.run("approve", clickOn(`button[value="approve"]`), chromedp.WaitNotPresent(`button[value="approve"]`, chromedp.ByQuery))
	s.open("/rules")
	s.check("rules for the head")
	s.as(dsl)
	s.open("/rules/try")
	s.run("try", chromedp.SendKeys("#phrase", "nobody (wants|likes)", chromedp.ByQuery), clickOn(`main form .govuk-button`), chromedp.WaitVisible(`tbody a[href^="/cases/"]`, chromedp.ByQuery))
	s.check("a phrase tried")
	s.look("trial")
}

// look checks and pictures the page as it stands at each width.
func (s *screen) look(name string) {
	s.f.t.Helper()
	for _, width := range []int64{1440, 820, 390} {
		s.size(width, 900)
		s.check(fmt.Sprintf("%s at %d", name, width))
		s.picture(fmt.Sprintf("%s-%d", name, width))
	}
	s.size(1440, 900)
}
