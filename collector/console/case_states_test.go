package console_test

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestCaseStatesAccessible opens the case page in each of its states, at the
// widths of the pictures and at 320.
func TestCaseStatesAccessible(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.demo()
	dsl, deputy, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy), f.signIn("A. Reed", caseflow.Head)
	refs := f.queue(dsl)
	at := func(name string) string { return "/cases/" + string(refs[name]) }
	rowan, ivo, tamsin, pax, swift := at("Rowan Ashdown"), at("Ivo Fernley"), at("Tamsin Oakfield"), at("Pax Hollins"), at("mswift.8r")
	send := func(b *browser, path string, pairs ...string) {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		if p := b.post(path, form); p.status != 200 {
			t.Fatalf("%s: status %d\n%s", path, p.status, p.body)
		}
	}
	send(dsl, rowan+"/claim")
	send(dsl, rowan+"/steps", "steps", "", "step", "safe-now", "note", "Spoke to form tutor at 8:10.", "outcome", "pastoral-support")
	send(deputy, ivo+"/claim")
	send(deputy, tamsin+"/escalate", "to", "head", "escalate_reason", "Needs somebody who can call social care now")
	send(dsl, swift+"/wait", "on", "the IT technician", "until", "2026-11-13T10:00")
	send(dsl, pax+"/record", "act", "close", "outcome", "false-alarm", "why", "lesson", "note", "A maths lesson on chance.")
	staff := f.typeText(typed{account: "J. Porter", audience: vocab.Staff, category: vocab.Gambling, severity: vocab.High, hit: "accumulator tips", ago: 3 * time.Minute})
	words := "Somebody in my form keeps my phone and reads what my sister sends me.\n\nI do not want to go to the youth club any more. Please do not ring home."
	asks := f.asks("Amy Wren", &lapwingv1.HelpRequest{Words: words, Today: true, TalkTo: "Mrs Marlow", HideName: true})
	opened := f.asks("Finn Larch", &lapwingv1.HelpRequest{Words: words, HideName: true})
	send(dsl, opened+"/name", "name_reason", "They wrote that they are not safe at home")
	_, outsideLink := f.user("E. Quill", nil, caseflow.External)
	outside := f.enter(outsideLink)
	f.imports(roster.New(f.vault, f.clock, nil), reviewCSV)
	asked := "/cases/" + string(f.unmatched("ivo.fern", "nobody wants you here"))
	send(dsl, asked+"/consult", "reviewer", "u-e.-quill", "question", "Is this more than a quarrel? They have not spoken since half term.")
	waits := "/cases/" + string(f.unmatched("t.oakfield", "tell tammy nobody likes her"))
	send(dsl, waits+"/consult", "reviewer", "u-e.-quill", "question", "What would you do?")
	mine := func(path string) string { return strings.Replace(path, "/cases/", "/reviews/", 1) }
	send(outside, mine(asked)+"/suggest", "outcome", "pastoral-support", "severity", "medium", "reason", "A quarrel that both of them feed. Somebody should sit down with the two.")
	unasked := "/cases/" + string(f.typeText(typed{account: "rowan.ash", category: vocab.Drugs, severity: vocab.High, hit: "weed"}))
	empty := f.signIn("N. Body", caseflow.External)

	s := f.screen()
	for _, st := range []struct {
		name, path string
		who        *browser
	}{
		{"case", rowan, dsl}, {"case-taken", ivo, dsl}, {"case-escalated", tamsin, head}, {"case-waiting", swift, dsl}, {"case-closed", pax, dsl},
		{"case-staff", "/cases/" + string(staff), head}, {"case-decisions", rowan + "?show=decisions", dsl}, {"case-export", rowan + "/export", dsl},
		{"case-help", asks, dsl}, {"case-help-opened", opened, dsl}, {"cases-help", "/cases", dsl},
		{"case-suggested", asked, dsl}, {"case-asked", waits, dsl}, {"reviews", "/reviews", outside}, {"reviews-empty", "/reviews", empty},
		{"review", mine(waits), outside}, {"review-sent", mine(asked) + "?sent=yes", outside},
	} {
		s.run("forget", network.ClearBrowserCookies())
		s.as(st.who)
		for _, width := range []int64{1440, 820, 390, 320} {
			s.size(width, 900)
			s.open(st.path)
			s.check(fmt.Sprintf("%s at %d", st.name, width))
			if width != 320 {
				s.picture(fmt.Sprintf("%s-%d", st.name, width))
			}
		}
	}
	// Every part of the form open, and every error in it.
	s.run("forget", network.ClearBrowserCookies())
	s.as(dsl)
	for _, width := range []int64{1440, 390} {
		s.size(width, 900)
		for _, st := range []struct{ name, choose, press, field string }{
			{"referred", "referred", `#decide button[value="close"]`, "refer_agency"},
			{"false alarm", "false-alarm", `#decide button[value="close"]`, "why"},
			{"recorded", "concern-recorded", `#decide button[value="close"]`, "record_agency"},
			{"parents", "parents-informed", `#decide button[value="close"]`, "parents_whom"},
			{"escalate", "no-concern", `button[formaction$="/escalate"]`, "escalate_reason"},
			{"transfer", "no-concern", `button[formaction$="/transfer"]`, "colleague"},
			{"wait", "no-concern", `button[formaction$="/wait"]`, "on"},
			{"consult", "no-concern", `button[formaction$="/consult"]`, "reviewer"},
			{"name", "no-concern", `button[formaction$="/name"]`, "name_reason"},
		} {
			s.open(cmp.Or(map[string]string{"name": asks, "consult": unasked}[st.name], rowan))
			s.run(st.name, chromedp.Evaluate(`for (const d of document.querySelectorAll("details")) d.open = true`, nil),
				clickOn(fmt.Sprintf(`[name="outcome"][value=%q] + label`, st.choose)),
				clickOn(st.press), chromedp.WaitVisible(".govuk-error-summary", chromedp.ByQuery))
			s.check(fmt.Sprintf("%s with an error at %d", st.name, width))
			s.picture(fmt.Sprintf("case-error-%s-%d", st.choose, width))
			href := eval[string](s, `document.querySelector(".govuk-error-summary a").getAttribute("href")`)
			if href != "#"+st.field {
				t.Errorf("%s: the summary leads to %s, want #%s", st.name, href, st.field)
			}
			if !eval[bool](s, fmt.Sprintf(`document.getElementById(%q).checkVisibility()`, st.field)) {
				t.Errorf("%s: the field in error is not to be seen", st.name)
			}
		}
	}
}
