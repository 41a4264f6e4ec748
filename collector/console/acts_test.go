package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// hidden returns the decision form's hidden fields as the page sent them.
func hidden(t testing.TB, p page) url.Values {
	t.Helper()
	form := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="(version|key|seen)" value="([^"]*)">`).FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], m[2])
	}
	if form.Get("version") == "" || form.Get("key") == "" {
		t.Fatalf("the page has no decision form (status %d)", p.status)
	}
	return form
}

func with(form url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, v := range form {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// TestCaseFromQueueToClosed walks a case through its life by forms alone, as
// a browser without JavaScript does.
func TestCaseFromQueueToClosed(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b := f.signIn("H. Marlow", caseflow.DSL)
	refs := f.queue(b)
	rowan := "/cases/" + string(refs["Rowan Ashdown"])
	p := b.get(rowan)
	for _, want := range []string{`<mark class="lw-hit">everyone hates you</mark>`, "8R project group – Class chat", "PGS-LT-0142", "Please do not", "Bullying: what to do", "Told they are hated or unwanted", "These 3 captures are all that Lapwing kept", "cannot tell who they were for"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the case does not show %q", want)
		}
	}
	if strings.Contains(p.body, `href="/devices/`) {
		t.Error("a DSL, who opens no device, gets a link to one")
	}
	if p = b.post(rowan+"/claim", nil); p.path != rowan || !strings.Contains(p.body, "Claimed by you until 9:14am") {
		t.Errorf("claim led to %s", p.path)
	}
	if p = b.post(rowan+"/record", with(hidden(t, p), "act", "note", "note", "Spoke to form tutor at 8:10.\r\nAll safe.")); !strings.Contains(p.body, "Spoke to form tutor at 8:10.\nAll safe.") {
		t.Error("the note is not in the timeline")
	}
	ivo := refs["Ivo Fernley"]
	p = b.post(rowan+"/record", with(hidden(t, p), "act", "close", "outcome", "pastoral-support", "note", "Done."))
	if p.path != "/cases/"+string(ivo)+"?done="+string(refs["Rowan Ashdown"]) || !strings.Contains(p.body, "is recorded and closed") {
		t.Errorf("closing led to %s, want the next case %s", p.path, ivo)
	}
	p = b.get(rowan)
	if !strings.Contains(p.body, "Pastoral support") || !strings.Contains(p.body, "Reopen this case") || strings.Contains(p.body, "Record and open next case") {
		t.Error("the closed case does not offer reopening alone")
	}
	if strings.Contains(b.get("/cases").body, "Rowan Ashdown") || !strings.Contains(b.get("/cases?show=closed").body, "Rowan Ashdown") {
		t.Error("the closed case is not where closed cases are")
	}
	if p = b.post(rowan+"/reopen", with(hidden(t, p), "reason", "")); p.status != http.StatusUnprocessableEntity {
		t.Errorf("reopening without a reason: status %d", p.status)
	}
	if p = b.post(rowan+"/reopen", with(hidden(t, p), "reason", "Her mother called")); !strings.Contains(p.body, "Her mother called") || !strings.Contains(p.body, "Not claimed") {
		t.Errorf("reopening: status %d", p.status)
	}
}

// TestLastCaseClosedShowsTheList: with nothing left there is no next case.
func TestLastCaseClosedShowsTheList(t *testing.T) {
	f := newFixture(t)
	ref := f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "x"})
	b := f.signIn("H. Marlow", caseflow.DSL)
	p := b.get("/cases/" + string(ref))
	p = b.post("/cases/"+string(ref)+"/record", with(hidden(t, p), "act", "close", "outcome", "no-concern"))
	if p.path != "/cases?done="+string(ref) || !strings.Contains(p.body, "not proved") {
		t.Errorf("closing the last case led to %s", p.path)
	}
}

func TestTwoReviewers(t *testing.T) {
	f := newFixture(t)
	f.demo()
	marlow, thistle := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	ivo := "/cases/" + string(f.queue(marlow)["Ivo Fernley"])
	before := marlow.get(ivo)
	thistle.post(ivo+"/claim", nil)

	if p := marlow.get("/cases"); !strings.Contains(p.body, "Claimed by O. Thistle") {
		t.Error("the queue does not show that it is taken")
	}
	if p := marlow.post(ivo+"/claim", nil); p.status != http.StatusConflict || !strings.Contains(p.body, "O. Thistle has claimed this case until 9:14am") {
		t.Errorf("claiming a taken case: status %d", p.status)
	}
	p := marlow.post(ivo+"/record", with(hidden(t, before), "act", "close", "outcome", "no-concern", "note", "my long note"))
	if p.status != http.StatusConflict || !strings.Contains(p.body, "my long note</textarea>") || !strings.Contains(p.body, "Nothing was overwritten") {
		t.Errorf("closing a taken case: status %d, note kept %v", p.status, strings.Contains(p.body, "my long note</textarea>"))
	}
	if p := marlow.get(ivo); strings.Contains(p.body, `value="close"`) || !strings.Contains(p.body, "O. Thistle has held this case since 8:14am") {
		t.Error("a taken case offers closing")
	}
	if p := marlow.post(ivo+"/record", with(hidden(t, p), "act", "note", "note", "my long note")); p.status != http.StatusOK || !strings.Contains(p.body, "my long note") {
		t.Errorf("adding a note to their case: status %d", p.status)
	}
	f.pass(caseflow.ClaimFor / 2)
	marlow.get("/cases") // or the session would have ended too
	f.pass(caseflow.ClaimFor/2 + time.Minute)
	if p := marlow.post(ivo+"/claim", nil); !strings.Contains(p.body, "Claimed by you") {
		t.Errorf("claiming after the claim ran out: status %d", p.status)
	}
}

// TestConflict: what changed is told, the note is kept, and a second press works.
func TestConflict(t *testing.T) {
	f := newFixture(t)
	f.demo()
	marlow, thistle := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	ivo := "/cases/" + string(f.queue(marlow)["Ivo Fernley"])
	before := marlow.get(ivo)
	thistle.post(ivo+"/record", with(hidden(t, thistle.get(ivo)), "act", "note", "note", "rang home"))
	p := marlow.post(ivo+"/record", with(hidden(t, before), "act", "close", "outcome", "no-concern", "note", "kept"))
	if p.status != http.StatusConflict || !strings.Contains(p.body, "O. Thistle changed this case at 8:14am, before you saved.") || !strings.Contains(p.body, "O. Thistle wrote a note") {
		t.Fatalf("status %d", p.status)
	}
	if !strings.Contains(p.body, "kept</textarea>") || !strings.Contains(p.body, `value="no-concern" checked`) {
		t.Error("what was filled in is lost")
	}
	if p = marlow.post(ivo+"/record", with(hidden(t, p), "act", "close", "outcome", "no-concern", "note", "kept")); !strings.Contains(p.path, "?done=") {
		t.Errorf("the second press: status %d at %s", p.status, p.path)
	}
}

// TestNewCaptureStopsClosing: nobody closes over words they have not seen.
func TestNewCaptureStopsClosing(t *testing.T) {
	f := newFixture(t)
	in := typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you"}
	ref := "/cases/" + string(f.typeText(in))
	b := f.signIn("H. Marlow", caseflow.DSL)
	before := b.get(ref)
	in.hit = "i will wait for you outside"
	f.typeText(in)
	p := b.post(ref+"/record", with(hidden(t, before), "act", "close", "outcome", "no-concern"))
	if p.status != http.StatusConflict || !strings.Contains(p.body, "i will wait for you outside") {
		t.Errorf("status %d", p.status)
	}
}

// TestOwnActsDoNotConflict: claiming in another tab is no reason to ask again.
func TestOwnActsDoNotConflict(t *testing.T) {
	f := newFixture(t)
	ref := "/cases/" + string(f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "x"}))
	b := f.signIn("H. Marlow", caseflow.DSL)
	before := b.get(ref)
	b.post(ref+"/claim", nil)
	if p := b.post(ref+"/record", with(hidden(t, before), "act", "close", "outcome", "no-concern")); !strings.Contains(p.path, "?done=") {
		t.Errorf("status %d at %s", p.status, p.path)
	}
}

// TestFormSentTwice: the idempotency key makes a double press one note.
func TestFormSentTwice(t *testing.T) {
	f := newFixture(t)
	ref := "/cases/" + string(f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "x"}))
	b := f.signIn("H. Marlow", caseflow.DSL)
	form := with(hidden(t, b.get(ref)), "act", "note", "note", "only once please")
	b.post(ref+"/record", form)
	p := b.post(ref+"/record", form)
	if n := strings.Count(p.body, "only once please"); n != 1 {
		t.Errorf("the note stands %d times", n)
	}
}

func TestCoverTheWords(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b := f.signIn("H. Marlow", caseflow.DSL)
	p := b.post("/preferences", url.Values{"set": {"cover"}, "back": {"/cases?severity=high"}})
	if p.path != "/cases?severity=high" {
		t.Errorf("led to %s", p.path)
	}
	p = b.get("/cases")
	for _, secret := range []string{"everyone hates you", "free spins", "8R project group"} {
		if strings.Contains(p.body, secret) {
			t.Errorf("the covered queue sends %q", secret)
		}
	}
	if !strings.Contains(p.body, "Words covered") || !strings.Contains(p.body, "Show the words") {
		t.Error("the covered queue does not say so")
	}
	if p = b.get("/cases/" + string(f.queue(b)["Rowan Ashdown"])); !strings.Contains(p.body, "everyone hates you") || !strings.Contains(p.body, "<details") {
		t.Error("the case does not keep its words behind a press")
	}
	b.post("/preferences", url.Values{"set": {"uncover"}})
	if p = b.get("/cases"); !strings.Contains(p.body, "everyone hates you") {
		t.Error("the words stay covered")
	}
}

func TestShortcutsCanBeTurnedOff(t *testing.T) {
	f := newFixture(t)
	b := f.signIn("H. Marlow", caseflow.DSL)
	if p := b.get("/cases"); !strings.Contains(p.body, `data-keys="on"`) {
		t.Error("keys are not on at first")
	}
	if p := b.post("/preferences", url.Values{"set": {"keys-off"}, "back": {"/cases"}}); strings.Contains(p.body, `data-keys="on"`) || !strings.Contains(p.body, "Turn keyboard shortcuts on") {
		t.Error("keys stay on")
	}
}

// TestQueueRowSaysWhen: the row has the time of its newest capture.
func TestQueueRowSaysWhen(t *testing.T) {
	f := newFixture(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	b := f.signIn("H. Marlow", caseflow.DSL)
	ivo := typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "x", ago: 20 * time.Minute}
	f.typeText(ivo)
	ivo.ago = 3 * time.Minute
	f.typeText(ivo)
	const today = `<strong>Bullying</strong> · 2 captures · <bdi>chromium on PGS-LT-0142</bdi> · 8:11am</p>`
	if p := b.get("/cases"); !strings.Contains(p.body, today) {
		t.Errorf("today: the row does not say %s", today)
	}
	f.pass(16 * time.Hour)
	if p := f.signIn("O. Thistle", caseflow.DSL).get("/cases"); !strings.Contains(p.body, " · 12 Nov, 8:11am</p>") {
		t.Error("the day after: the row does not say which day")
	}
}

// TestRaisedCaptureInWords: the timeline says which capture weighs more, and
// from what to what; a person who covers the words gets none of them there.
func TestRaisedCaptureInWords(t *testing.T) {
	f := newFixture(t)
	ivo := typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "i will find you", unfinished: true}
	ref := "/cases/" + string(f.typeText(ivo))
	ivo.severity, ivo.after, ivo.unfinished = vocab.Critical, " and stab you", false
	f.revise(ivo)
	b := f.signIn("H. Marlow", caseflow.DSL)
	const title = "Raised from high to critical when the text was finished</h4>"
	p := b.get(ref)
	_, item, ok := strings.Cut(p.body, title)
	if item, _, _ = strings.Cut(item, "<h4"); !ok || !strings.Contains(item, `<mark class="lw-hit">i will find you</mark> and stab you`) || !strings.Contains(item, "Typed text, 8:14am") {
		t.Errorf("the timeline says %q", item)
	}
	b.post("/preferences", url.Values{"set": {"cover"}})
	_, item, ok = strings.Cut(b.get(ref).body, title)
	if item, _, _ = strings.Cut(item, "<h4"); !ok || strings.Contains(item, "stab") || !strings.Contains(item, "Words covered") {
		t.Errorf("covered, the timeline says %q", item)
	}
}

func TestQueueFilters(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b := f.signIn("H. Marlow", caseflow.DSL)
	names := func(path string) string {
		var out []string
		for _, m := range regexp.MustCompile(`class="lw-row__name"[^>]*><bdi>([^<]*)</bdi>`).FindAllStringSubmatch(b.get(path).body, -1) {
			out = append(out, m[1])
		}
		return strings.Join(out, ", ")
	}
	if got, want := names("/cases"), "Tamsin Oakfield, Rowan Ashdown, Ivo Fernley, mswift.8r, Pax Hollins"; got != want {
		t.Errorf("order: %s\nwant:  %s", got, want)
	}
	if got, want := names("/cases?category=bullying"), "Rowan Ashdown, Ivo Fernley"; got != want {
		t.Errorf("category: %s, want %s", got, want)
	}
	if got, want := names("/cases?severity=low"), "Pax Hollins"; got != want {
		t.Errorf("severity: %s, want %s", got, want)
	}
	if got := names("/cases?show=mine"); got != "" {
		t.Errorf("mine, before any claim: %s", got)
	}
	b.post("/cases/"+string(f.queue(b)["Pax Hollins"])+"/claim", nil)
	if got, want := names("/cases?show=mine"), "Pax Hollins"; got != want {
		t.Errorf("mine: %s, want %s", got, want)
	}
	p := b.get("/cases?category=suicide&severity=low")
	if !strings.Contains(p.body, "No case matches these 2 filters") || !strings.Contains(p.body, `href="/cases?severity=low"`) {
		t.Error("an empty filter does not show the way out")
	}
}

func TestQueuePages(t *testing.T) {
	f := newFixture(t)
	for i := range 60 {
		f.typeText(typed{account: "pupil" + string(rune('a'+i%26)) + string(rune('a'+i/26)), audience: vocab.Pupil, category: vocab.Piracy, severity: vocab.Low, hit: "crack"})
	}
	b := f.signIn("H. Marlow", caseflow.DSL)
	p := b.get("/cases")
	next := regexp.MustCompile(`href="(/cases\?after=[^"]+)">Show the next`).FindStringSubmatch(p.body)
	if strings.Count(p.body, `class="lw-row__name"`) != 50 || !strings.Contains(p.body, "Showing 50 of 60") || next == nil {
		t.Fatalf("first page: %d rows", strings.Count(p.body, `class="lw-row__name"`))
	}
	p = b.get(strings.ReplaceAll(next[1], "&amp;", "&"))
	if strings.Count(p.body, `class="lw-row__name"`) != 10 {
		t.Errorf("second page: %d rows", strings.Count(p.body, `class="lw-row__name"`))
	}
	if p := b.get("/cases?after=garbage"); p.status != http.StatusNotFound {
		t.Errorf("a made-up cursor: status %d", p.status)
	}
}
