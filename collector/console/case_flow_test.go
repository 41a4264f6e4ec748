package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// one makes a case of a pupil and returns its address.
func (f *fixture) one(account string) string {
	return "/cases/" + string(f.typeText(typed{account: account, audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you"}))
}

func TestEscalateToTheHeadAndBack(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	if p := head.get(path); p.status != http.StatusNotFound {
		t.Fatalf("the head opens a pupil's case: status %d", p.status)
	}
	p := dsl.get(path)
	if p = dsl.post(path+"/escalate", with(hidden(t, p), "to", "head", "escalate_reason", "", "note", "half a note")); p.status != http.StatusUnprocessableEntity ||
		!strings.Contains(p.body, `id="escalate_reason-error"`) || !strings.Contains(p.body, "half a note</textarea>") || !strings.Contains(p.body, `id="escalate" open`) {
		t.Errorf("without a reason: status %d", p.status)
	}
	p = dsl.post(path+"/escalate", with(hidden(t, p), "to", "head", "escalate_reason", "Please ring social care", "note", "half a note"))
	for _, want := range []string{"Escalated to the head teacher: an answer is wanted by 9:14am", "You escalated this case to the head teacher", "Please ring social care", "half a note</textarea>"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("after escalating the page does not say %q", want)
		}
	}
	if strings.Contains(p.body, "Please ring social care</textarea>") {
		t.Error("what was sent as the reason stands in the form again")
	}
	if q := head.get("/cases"); !strings.Contains(q.body, "Ivo") {
		t.Error("the head's list does not have it")
	}
	f.pass(61 * time.Minute)
	dsl, head = f.signIn("H. Marlow2", caseflow.DSL), f.signIn("A. Reed2", caseflow.Head)
	if p = head.get(path); !strings.Contains(p.body, "the answer is 1 minute late") {
		t.Error("the late answer is not told")
	}
	head.post(path+"/claim", hidden(t, p))
	if p = head.get(path); !strings.Contains(p.body, "answered 9:15am") {
		t.Error("the head's claim does not answer it")
	}
	p = head.post(path+"/escalate/end", with(hidden(t, p), "end_reason", "Rang them, they will call you"))
	if p.path != "/cases?returned="+path[len("/cases/"):] || p.status != http.StatusOK {
		t.Errorf("giving it back led to %s", p.path)
	}
	if p = head.get(path); p.status != http.StatusNotFound {
		t.Errorf("given back, the head still opens it: status %d", p.status)
	}
	if p = dsl.get(path); !strings.Contains(p.body, "A. Reed2 ended the escalation") || !strings.Contains(p.body, "Rang them, they will call you") {
		t.Error("the DSL does not read the answer")
	}
}

func TestTransferAndWait(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	f.signIn("A. Reed", caseflow.Head)
	p := dsl.get(path)
	if strings.Contains(p.body, "A. Reed, head") || !strings.Contains(p.body, "O. Thistle, deputy DSL") {
		t.Error("the list of colleagues is not those who may see the case")
	}
	for _, to := range []string{"", "u-a.-reed", "u-nobody"} {
		if p := dsl.post(path+"/transfer", with(hidden(t, p), "colleague", to)); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Choose a colleague from the list") {
			t.Errorf("to %q: status %d", to, p.status)
		}
	}
	dsl.post(path+"/transfer", with(hidden(t, p), "colleague", "u-o.-thistle", "transfer_reason", "She knows him"))
	p = deputy.get(path)
	if !strings.Contains(p.body, "Claimed by you until 9:14am") || !strings.Contains(p.body, "H. Marlow gave this case to O. Thistle") || !strings.Contains(p.body, "She knows him") {
		t.Error("the colleague does not hold it")
	}
	for until, want := range map[string]string{"": "Enter until when", "soon": "like 12/11/2026 08:45", "2026-11-01T08:00": "in the next 30 days"} {
		if p := deputy.post(path+"/wait", with(hidden(t, p), "on", "social care", "until", until)); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, want) || !strings.Contains(p.body, `value="social care"`) {
			t.Errorf("until %q: status %d", until, p.status)
		}
	}
	p = deputy.post(path+"/wait", with(hidden(t, p), "on", "social <b>care</b>", "until", "12/11/2026 15:30"))
	if !strings.Contains(p.body, "It waits on <bdi>social &lt;b&gt;care&lt;/b&gt;</bdi></strong> until 3:30pm") {
		t.Error("the wait is not told")
	}
	if q := deputy.get("/cases"); !strings.Contains(q.body, "When you can") || strings.Contains(q.body, `id="group-soon"`) {
		t.Error("a case that waits still presses")
	}
	if p = deputy.post(path+"/wait/end", hidden(t, p)); strings.Contains(p.body, "It waits on") {
		t.Error("the wait does not end")
	}
}

// TestOutcomeDetails: each outcome asks for what it needs, at its field, and
// the case says it afterwards.
func TestOutcomeDetails(t *testing.T) {
	f := newFixture(t)
	b := f.signIn("H. Marlow", caseflow.DSL)
	for i, tc := range []struct {
		outcome, field string // fields that are missing, all of them told at once
		fields         []string
		says           string
	}{
		{"false-alarm", "why", []string{"why", "quote"}, "False alarm, every rule that matched, a song, film, game or news story"},
		{"parents-informed", "parents_whom parents_when", []string{"parents_whom", "Mrs Fernley", "parents_when", "2026-11-12T08:05"}, "Parents informed, spoke to Mrs Fernley, 8:05am"},
		{"concern-recorded", "record_agency record_reference", []string{"record_agency", "cpoms", "record_reference", "C-118"}, "recorded elsewhere, CPOMS, reference C-118"},
		{"referred", "refer_agency refer_whom refer_when", []string{"refer_agency", "lado", "refer_whom", "P. Hale", "refer_when", "8:05", "refer_reference", "L/7"}, "LADO (local authority designated officer), spoke to P. Hale, 8:05am, reference L/7"},
	} {
		path := f.one("pupil" + string(rune('a'+i)))
		p := b.get(path)
		form := with(hidden(t, p), "act", "close", "outcome", tc.outcome)
		p = b.post(path+"/record", form)
		for _, field := range strings.Fields(tc.field) {
			if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `href="#`+field+`"`) || !strings.Contains(p.body, `id="`+field+`-error"`) {
				t.Errorf("%s without details: status %d, nothing at %s", tc.outcome, p.status, field)
			}
		}
		if p := b.post(path+"/record", with(form, tc.fields...)); !strings.Contains(p.path, "done=") {
			t.Errorf("%s: status %d at %s", tc.outcome, p.status, p.path)
		}
		if p := b.get(path); !strings.Contains(p.body, tc.says) {
			t.Errorf("%s: the case does not say %q", tc.outcome, tc.says)
		}
	}
}

// TestNothingWrittenIsLost: whatever is pressed, and whoever holds the case,
// what was filled in is there again, for its writer alone.
func TestNothingWrittenIsLost(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	const note = "pasted <script>alert(1)</script> \u202etxet\u202c and 😀\r\nsecond line"
	shown := "pasted &lt;script&gt;alert(1)&lt;/script&gt; \u202etxet\u202c and 😀\r\nsecond line</textarea>"
	for _, press := range []string{"claim", "release", "claim", "draft", "steps", "transfer", "wait", "escalate", "escalate/end", "reopen"} {
		p := dsl.get(path)
		dsl.post(path+"/"+press, with(hidden(t, p), "note", note, "outcome", "referred", "refer_whom", "P. Hale"))
		if p = dsl.get(path); !strings.Contains(p.body, shown) || !strings.Contains(p.body, `value="referred" checked`) || !strings.Contains(p.body, `value="P. Hale"`) || !strings.Contains(p.body, "Draft kept at 8:14am") {
			t.Errorf("after %s what was written is lost", press)
		}
	}
	if p := deputy.get(path); strings.Contains(p.body, "alert(1)") {
		t.Error("another person reads the draft")
	}
	// The owner changes; the draft stays.
	dsl.post(path+"/release", hidden(t, dsl.get(path)))
	deputy.post(path+"/claim", nil)
	p := dsl.get(path)
	if !strings.Contains(p.body, shown) || !strings.Contains(p.body, "O. Thistle has held this case") {
		t.Error("with another owner the draft is lost")
	}
	if p = dsl.post(path+"/record", with(hidden(t, p), "act", "note", "note", note)); !strings.Contains(p.body, "pasted &lt;script&gt;") || strings.Contains(p.body, shown) {
		t.Error("the saved note is not in the timeline, or still in the form")
	}
}

// TestStaleVersionShowsBothSides: what was and what is, and one press adds the note.
func TestStaleVersionShowsBothSides(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	before := dsl.get(path)
	q := deputy.get(path)
	deputy.post(path+"/steps", with(hidden(t, q), "steps", "", "step", "target"))
	deputy.post(path+"/claim", nil)
	f.pass(2 * time.Minute)
	p := dsl.post(path+"/record", with(hidden(t, before), "act", "close", "outcome", "no-concern", "note", "my own words"))
	for _, want := range []string{
		"O. Thistle changed this case at 8:14am, before you saved.", "Nothing was overwritten and your note is kept.", ">Claimed by</th>", "<bdi>Nobody</bdi>", "<bdi>O. Thistle</bdi>",
		"<bdi>0 of 6</bdi>", "<bdi>1 of 6: Speak to the pupil it was aimed at</bdi>", "Add my note to their case", "Go to the case as it is now", "my own words</textarea>",
	} {
		if p.status != http.StatusConflict || !strings.Contains(p.body, want) {
			t.Errorf("status %d; the page does not say %q", p.status, want)
		}
	}
	if p = dsl.post(path+"/record", with(hidden(t, p), "act", "note", "note", "my own words")); p.status != http.StatusOK || !strings.Contains(p.body, "You wrote a note") {
		t.Errorf("adding the note: status %d", p.status)
	}
}

// TestTwoTabsAndTheBackButton: the same page sent twice with other words is
// two notes; with the same words, one. Another button of it is not taken for the first.
func TestTwoTabsAndTheBackButton(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	b := f.signIn("H. Marlow", caseflow.DSL)
	old := hidden(t, b.get(path))
	b.post(path+"/record", with(old, "act", "note", "note", "first words"))
	b.post(path+"/record", with(old, "act", "note", "note", "first words"))
	p := b.post(path+"/record", with(old, "act", "note", "note", "second words"))
	if strings.Count(p.body, "first words") != 1 || strings.Count(p.body, "second words") != 1 {
		t.Error("a changed note after going back is lost, or the same one stands twice")
	}
	if p = b.post(path+"/record", with(old, "act", "close", "outcome", "no-concern")); !strings.Contains(p.path, "done=") {
		t.Errorf("another button of the same page: status %d at %s", p.status, p.path)
	}
	if p = b.post(path+"/record", with(old, "act", "close", "outcome", "no-concern")); !strings.Contains(p.path, "done=") {
		t.Errorf("closing pressed twice: status %d at %s", p.status, p.path)
	}
	if p = b.post(path+"/record", with(old, "act", "close", "outcome", "pastoral-support", "note", "too late")); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "closed already") {
		t.Errorf("closing otherwise from an old tab: status %d", p.status)
	}
}

func TestStepsAndTheTimelineFilter(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	old := hidden(t, dsl.get(path))
	deputy.post(path+"/steps", with(hidden(t, deputy.get(path)), "steps", "", "step", "safe-now"))
	// An old page does not take away what a colleague ticked meanwhile.
	p := dsl.post(path+"/steps", with(old, "steps", "", "step", "parents"))
	for _, want := range []string{`value="safe-now" checked`, `value="parents" checked`, "O. Thistle, 8:14am", "You, 8:14am", "You ticked a step: Tell the parents of both"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	form := with(hidden(t, p), "steps", "safe-now parents")
	form["step"] = []string{"safe-now"}
	if p = dsl.post(path+"/steps", form); !strings.Contains(p.body, "You took the tick off a step: Tell the parents of both") || strings.Contains(p.body, `value="parents" checked`) {
		t.Error("the tick stays")
	}
	if p = dsl.post(path+"/steps", url.Values{"steps": {""}, "step": {"none-such"}}); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "not of the playbook") {
		t.Errorf("a step that is not there: status %d", p.status)
	}
	if p = dsl.get(path + "?show=captures"); strings.Contains(p.body, "You ticked a step") || !strings.Contains(p.body, "opened this case") {
		t.Error("captures only")
	}
	if p = dsl.get(path + "?show=decisions"); !strings.Contains(p.body, "You ticked a step") || strings.Contains(p.body, "High, chromium, opened this case") {
		t.Error("decisions only")
	}
}

func TestExportIsAFileThatIsRecorded(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	path := "/cases/" + string(f.queue(b)["Rowan Ashdown"])
	b.post(path+"/record", with(hidden(t, b.get(path)), "act", "note", "note", "Rang home <b>today</b>"))
	if p := b.get(path + "/export"); p.status != http.StatusOK || !strings.Contains(p.body, "Once it has left") {
		t.Errorf("status %d", p.status)
	}
	if p := b.post(path+"/export", url.Values{"reason": {" "}}); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="reason-error"`) {
		t.Errorf("without a reason: status %d", p.status)
	}
	p := b.post(path+"/export", url.Values{"reason": {"Strategy meeting"}})
	if p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Disposition"), `attachment; filename="lapwing-case-`) {
		t.Fatalf("status %d, %v", p.status, p.header)
	}
	for _, want := range []string{"Rowan Ashdown", `<mark class="lw-hit">everyone hates you</mark>`, "Rang home &lt;b&gt;today&lt;/b&gt;", "Reason given: <bdi>Strategy meeting</bdi>", "took it out of Lapwing: <bdi>Strategy meeting</bdi>", "Bullying: what to do (version 1)",
		// It is read by others, and later.
		"H. Marlow wrote a note", "Thursday 12 November 2026", "12 Nov 2026, 8:01am"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the file does not have %q", want)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "/assets/", ">You ", ">You<", "Today"} {
		if strings.Contains(p.body, bad) {
			t.Errorf("the file has %q", bad)
		}
	}
	for _, way := range []page{head.get(path + "/export"), head.post(path+"/export", url.Values{"reason": {"x"}})} {
		if way.status != http.StatusNotFound {
			t.Errorf("the head takes a pupil's case: status %d", way.status)
		}
	}
	entries, err := f.tenant.Entries(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if e.Action == audit.CasesExported {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d entries of exports", n)
	}
}

func TestClaimWarningIsOnThePage(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	b := f.signIn("H. Marlow", caseflow.DSL)
	b.post(path+"/claim", nil)
	if p := b.get(path); !strings.Contains(p.body, `data-ends="3600000" hidden`) {
		t.Error("the warning is there from the beginning, or not at all")
	}
	f.pass(28 * time.Minute)
	b.get(path) // or the session would end
	f.pass(28 * time.Minute)
	p := b.get(path)
	if !strings.Contains(p.body, `data-ends="240000">`) || !strings.Contains(p.body, "Your claim ends at 9:14am, in 4 minutes.") {
		t.Error("the warning is not shown 4 minutes before")
	}
	if p = b.post(path+"/claim", with(hidden(t, p), "note", "half")); !strings.Contains(p.body, "Claimed by you until 10:10am") || !strings.Contains(p.body, "half</textarea>") {
		t.Error("one press does not keep it, with the note")
	}
}
