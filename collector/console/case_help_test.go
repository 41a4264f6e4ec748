package console_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// asks brings in a request for help and returns its case's address.
func (f *fixture) asks(account string, h *lapwingv1.HelpRequest) string {
	f.t.Helper()
	return "/cases/" + string(f.typeText(typed{account: account, audience: vocab.Pupil, severity: vocab.High, help: h}))
}

// Who asked not to be named is named on no page, in no file and under no
// address until a reviewer says why; the reason is in the case and the ledger.
func TestWhoAskedForHelpIsShownForAReason(t *testing.T) {
	f := newFixture(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	path := f.asks("Amy Oakfield", &lapwingv1.HelpRequest{Words: "somebody keeps\nmy phone", Today: true, TalkTo: "Mrs Marlow", HideName: true})
	f.typeText(typed{account: "Amy Oakfield", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.Low, hit: "nobody wants you"})
	dsl, both := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head, caseflow.DSL)
	p := dsl.get(path)
	for _, want := range []string{"somebody keeps\nmy phone", "Somebody who asked not to be named", "Today", "Mrs Marlow", "They asked that their name is not shown", "Show the name", "Request for help"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the request does not show %q", want)
		}
	}
	export := dsl.post(path+"/export", with(hidden(t, p), "reason", "for the record"))
	for what, got := range map[string]page{"page": p, "a head's page": both.get(path), "file": export} {
		for _, not := range []string{"Amy", "Oakfield", "PGS-LT", "d-0142", "Nothing lowered it"} {
			if strings.Contains(got.body, not) {
				t.Errorf("the %s holds %q", what, not)
			}
		}
	}
	row, _, _ := strings.Cut(dsl.get("/cases").body, "somebody keeps")
	if row = row[strings.LastIndex(row, "<li"):]; strings.Contains(row, "Oakfield") || strings.Contains(row, "PGS-LT") || !strings.Contains(row, "Wants to talk today") {
		t.Errorf("the row: %s", row)
	}

	// A reason is needed, and what was written beside it is kept.
	p = dsl.post(path+"/name", with(hidden(t, p), "name_reason", "  ", "note", "half a note"))
	if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="name_reason-error"`) || !strings.Contains(p.body, `href="#name_reason"`) ||
		!strings.Contains(p.body, "half a note</textarea>") || strings.Contains(p.body, "Oakfield") {
		t.Errorf("without a reason: status %d", p.status)
	}
	p = dsl.post(path+"/name", with(hidden(t, p), "name_reason", strings.Repeat("x", caseflow.MaxReasonChars+1)))
	if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "500 characters or fewer") {
		t.Errorf("a reason too long: status %d", p.status)
	}
	form := with(hidden(t, p), "name_reason", "She may not be safe at home", "note", "half a note")
	for range 2 { // pressed twice
		if p = dsl.post(path+"/name", form); p.status != http.StatusOK || p.path != path {
			t.Fatalf("open the name: status %d at %s", p.status, p.path)
		}
	}
	for _, want := range []string{"Amy Oakfield", "PGS-LT-0142", "You opened it, 8:14am", "She may not be safe at home", "half a note</textarea>"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("opened, the page does not show %q", want)
		}
	}
	if strings.Contains(p.body, "Show the name") {
		t.Error("the name is offered again")
	}
	n := 0
	for _, e := range f.ledger() {
		if e.Action == audit.NameOpened {
			n++
			if e.Who.Name != "H. Marlow" || !slices.Contains(e.Object, path[len("/cases/"):]) {
				t.Errorf("the ledger: %+v", e)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d entries of the ledger say that a name was opened", n)
	}
	if strings.Contains(f.log.String(), "Oakfield") || strings.Contains(f.log.String(), "safe at home") {
		t.Error("the log has words")
	}
}

// Asking without a word, and about an adult, reads as what it is.
func TestRequestsWithoutWordsAndAboutStaff(t *testing.T) {
	f := newFixture(t)
	silent := f.asks("Ivo Fernley", &lapwingv1.HelpRequest{})
	staff := f.asks("Pax Hollins", &lapwingv1.HelpRequest{Words: "he reads my phone", AboutAdult: true, Today: true})
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	if p := dsl.get(silent); !strings.Contains(p.body, "They left the words empty") || !strings.Contains(p.body, "This week is soon enough") || !strings.Contains(p.body, "Ivo Fernley") ||
		strings.Contains(p.body, "Show the name") || strings.Contains(p.body, "no longer matched") {
		t.Error("a request without words")
	}
	if p := dsl.get(staff); p.status != http.StatusNotFound {
		t.Errorf("the DSL opens what is about an adult: status %d", p.status)
	}
	if p := head.get(staff); !strings.Contains(p.body, "it is about an adult who works here") {
		t.Error("the head is not told that it is about an adult")
	}
}
