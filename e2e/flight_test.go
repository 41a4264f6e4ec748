//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// phrase is flagged as suicide, critical, at level alert.
const phrase = "i want to kill myself tonight"

// TestFirstFlight is the main job, as people see it: a phrase typed in an
// editor reaches the DSL's queue without a reload; she opens, claims, notes and
// closes the case, and everybody else sees what is theirs to see.
func TestFirstFlight(t *testing.T) {
	f := takeOff(t)
	dsl := f.signIn(t, "DSL")
	dsl.open(t, "/cases")
	dsl.noReload(t)

	f.focus(t, "mousepad")
	f.typeText(t, phrase+"\n")
	dsl.await(t, "the phrase in the queue", shows(phrase))
	if !dsl.keptPage(t) {
		t.Error("the queue was loaded anew")
	}
	dsl.says(t, "Critical", "Suicide", "mousepad")
	cases := f.awaitCases(t, "one case", func(c []caseLine) bool { return len(c) == 1 })
	if c := cases[0]; c.Category != "suicide" || c.Severity != "critical" || c.Level != "alert" || c.State != "new" || c.Audience != "unknown" {
		t.Errorf("the case is %+v", c)
	}

	// More of the same episode joins the open case.
	f.typeText(t, "nobody would miss me, i am going to end my life\n")
	f.awaitCases(t, "the second capture in the first case", func(c []caseLine) bool { return len(c) == 1 && c[0].Captures == 2 })

	ref := cases[0].ID
	decide(t, f, dsl, ref)
	outsiders(t, f, ref)
}

// shows is a condition: the queue's list shows words.
func shows(words string) string {
	return fmt.Sprintf(`document.querySelector("#groups").innerText.includes(%q)`, words)
}

// decide opens, claims, notes and closes a case, with a second reviewer beside.
func decide(t *testing.T, f *flight, dsl *person, ref string) {
	dsl.open(t, "/cases/"+ref)
	dsl.says(t, "Critical", "Please do not", "Why Lapwing flagged this", f.devices(t)[0].Host)
	var marked string
	dsl.do(t, "read the mark", innerText("mark", &marked))
	if marked == "" || !strings.Contains("nobody would miss me, i am going to end my life", marked) {
		t.Errorf("the marked hit is %q", marked)
	}
	dsl.press(t, "Claim")
	dsl.await(t, "the claim", `document.body.innerText.includes("Claimed by you")`)

	deputy := f.signIn(t, "deputy DSL")
	deputy.open(t, "/cases/"+ref)
	deputy.says(t, "Claimed by H. Marlow")

	dsl.press(t, "Record and open next case")
	dsl.await(t, "the missing outcome", `document.title.startsWith("Error")`)
	dsl.do(t, "choose an outcome and write a note",
		chromedp.Click(`input[name=outcome][value=concern-recorded]`, chromedp.ByQuery),
		chromedp.SendKeys(`#note`, "Spoke to the form tutor at 8:10.", chromedp.ByQuery))
	dsl.press(t, "Record and open next case")
	dsl.await(t, "the missing place of the record", `document.querySelector("#record_agency-error") !== null`)
	dsl.do(t, "say where it is recorded",
		chromedp.SetValue(`#record_agency`, "cpoms", chromedp.ByQuery),
		chromedp.SendKeys(`#record_reference`, "C-118", chromedp.ByQuery))
	dsl.press(t, "Record and open next case")
	dsl.await(t, "the case to be closed", `document.body.innerText.includes("is recorded and closed")`)
	if c := f.cases(t, ""); len(c) != 1 || c[0].State != "closed" {
		t.Errorf("after closing: %+v", c)
	}
	dsl.open(t, "/cases/"+ref)
	dsl.says(t, "Spoke to the form tutor at 8:10.", "recorded elsewhere, CPOMS, reference C-118", "Reopen this case")
}

// outsiders looks with the eyes of those who must not see captured text.
func outsiders(t *testing.T, f *flight, ref string) {
	id := f.devices(t)[0].ID
	technician := f.signIn(t, "technician")
	technician.open(t, "/devices")
	technician.says(t, f.devices(t)[0].Host)
	technician.open(t, "/devices/"+id)
	technician.says(t, "Debian", "0.1.0")
	for _, role := range []string{"technician", "head teacher", "governor"} {
		who := technician
		if role != "technician" {
			who = f.signIn(t, role)
		}
		_, missing := who.status(t, "/cases/ZZZZZZZZ")
		paths := []string{"/", "/devices", "/devices/" + id, "/cases", "/cases/" + ref, "/audit", "/cases/" + ref + "/"}
		if role != "head teacher" { // who has a queue of his own, and so a stream without an end
			paths = append(paths, "/cases/live")
		}
		for _, path := range paths {
			code, body := who.status(t, path)
			for _, secret := range []string{"kill myself", "end my life", "miss me"} {
				if strings.Contains(body, secret) {
					t.Errorf("the %s reads %q on %s", role, secret, path)
				}
			}
			if path == "/cases/"+ref && (code != 404 || body != missing) {
				t.Errorf("the %s can tell the case %s (status %d) from one that does not exist", role, ref, code)
			}
		}
	}
}
