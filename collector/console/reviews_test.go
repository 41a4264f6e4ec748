package console_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const reviewCSV = "account,name,role,year,aliases\n" +
	"rowan.ash,Rowan Ashdown,pupil,Year 8,\n" +
	"t.oakfield,Tamsin Oakfield,pupil,Year 8,tammy\n" +
	"ivo.fern,Ivo Fernley,pupil,Year 9,\n" +
	"o.thistle,Olive Thistle,staff,,\n"

// secrets are what of a case nobody outside may meet, in any answer, by any way.
var secrets = []string{"rowan", "ashdown", "tamsin", "tammy", "oakfield", "ivo", "fernley", "pgs-lt", "d-0142", "chromium", "zebra title", "colleague wrote", "secret step", "marlow", "thistle", "8r project"}

// reviewed is a school with a pupil's case about which somebody outside is asked,
// all that surrounds it, and a second case that is nobody's business.
type reviewed struct {
	*fixture
	dsl, outside, colleague *browser

	asked, other caseflow.Ref
}

func newReviewed(t *testing.T) reviewed {
	t.Helper()
	f := withAll(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	f.imports(roster.New(f.vault, f.clock, nil), reviewCSV)
	r := reviewed{fixture: f}
	add := func(account, before, hit, after string) caseflow.Ref {
		return f.typeText(typed{account: account, category: vocab.Bullying, severity: vocab.High, before: before, hit: hit, after: after, title: "8R project zebra title"})
	}
	r.other = add("ivo.fern", "everyone ", "nobody wants you", " here")
	r.asked = add("rowan.ash", "tell Tamsin ", "nobody wants you", " signed Rowan Ashdown aka rowan_ash, R.O.W.A.N")
	add("rowan.ash", "t a m s i n and TAMMY oakfield: ", "everyone hates you", "")
	r.dsl, r.colleague = f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	r.outside = f.signIn("E. Quill", caseflow.External)
	at := "/cases/" + string(r.asked)
	p := r.dsl.get(at)
	r.dsl.post(at+"/record", with(hidden(t, p), "act", "note", "note", "a colleague wrote: Rowan's mum rang"))
	r.dsl.post(at+"/wait", with(hidden(t, p), "on", "Mrs Oakfield", "until", "2026-11-13T10:00"))
	return r
}

// ask asks the external reviewer.
func (r reviewed) ask(question string) page {
	r.t.Helper()
	at := "/cases/" + string(r.asked)
	return r.dsl.post(at+"/consult", with(hidden(r.t, r.dsl.get(at)), "reviewer", "u-e.-quill", "question", question))
}

// clean looks for anything in an answer that somebody outside may not meet.
func (r reviewed) clean(what, body string) {
	r.t.Helper()
	low := strings.ToLower(body)
	for _, s := range append([]string{strings.ToLower(string(r.other))}, secrets...) {
		if strings.Contains(low, s) {
			i := strings.Index(low, s)
			r.t.Errorf("%s holds %q: …%s…", what, s, body[max(0, i-60):min(len(body), i+60)])
		}
	}
}

// Whatever somebody outside asks for, by whatever way, no answer holds a name,
// a device, a place, another case or what others wrote.
func TestReviewerMeetsNoName(t *testing.T) {
	r := newReviewed(t)
	for _, path := range []string{"/reviews", "/reviews/" + string(r.asked), "/cases/" + string(r.asked)} {
		p := r.outside.get(path)
		r.clean("before being asked, "+path, p.body)
		if path != "/reviews" && p.status != http.StatusNotFound {
			t.Errorf("before being asked %s answers %d", path, p.status)
		}
	}
	if p := r.ask("Is it more than a quarrel between Rowan and Tamsin? Mrs Thistle thinks so"); p.status != http.StatusOK || !strings.Contains(p.body, "E. Quill is asked from outside") {
		t.Fatalf("asking: status %d", p.status)
	}
	list, one := r.outside.get("/reviews"), r.outside.get("/reviews/"+string(r.asked))
	for _, want := range []string{"1 case waits for your view", "Pupil ", "Year 8", "Bullying", "nobody wants you", string(r.asked)} {
		if want != "nobody wants you" && !strings.Contains(list.body, want) {
			t.Errorf("the list does not show %q", want)
		}
	}
	for _, want := range []string{`tell [name] <mark class="lw-hit">nobody wants you</mark> signed [name] aka [name]`, `<mark class="lw-hit">everyone hates you</mark>`, "between [name] and [name]? Mrs [name] thinks so", "Told they are hated or unwanted", "What would you do?"} {
		if !strings.Contains(one.body, want) {
			t.Errorf("the case does not show %q:\n%s", want, one.body)
		}
	}
	// Every door that there is, with both cases and a made-up one, and forms that are refused.
	for _, route := range r.routes {
		method, path, ok := strings.Cut(route, " ")
		if !ok || path == "/cases/live" || path == "/sign-out" {
			continue
		}
		if d := doors[route]; d.path != "" {
			path = d.path
		}
		for _, ref := range []caseflow.Ref{r.asked, r.other, "7ZZZ7ZZZ"} {
			at := strings.ReplaceAll(path, "{ref}", string(ref))
			var p page
			if method == http.MethodPost {
				if strings.HasPrefix(at, "/reviews/") {
					p = r.outside.post(at, nil)
				} else {
					p = r.outside.post(at, doors[route].form)
				}
			} else {
				p = r.outside.get(at)
			}
			what := method + " " + at
			for k, v := range p.header {
				r.clean(what+", header "+k, strings.Join(v, " "))
			}
			if ref == r.other && strings.Contains(path, "{ref}") {
				p.body = strings.ReplaceAll(p.body, string(ref), "")
			}
			r.clean(what, p.body)
		}
	}
	r.stream()
	if log := r.log.String(); strings.Contains(log, "Rowan") || strings.Contains(log, "nobody wants") {
		t.Error("the log has words")
	}
	reads := 0
	for _, e := range r.ledger() {
		if e.Who.Name == "E. Quill" && e.Action == audit.CaseRead {
			reads++
		}
	}
	if reads != 1 {
		t.Errorf("%d looks of the reviewer in the ledger", reads)
	}
}

// stream reads the live stream of the reviewer over a change that is theirs to see.
func (r reviewed) stream() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL+"/cases/live?after=x", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.outside.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("the stream answers %d", resp.StatusCode)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		r.clean("the stream", lines.Text())
	}
	r.clean("the stream", lines.Text())
}

// What somebody outside suggests stands on the case page; one press chooses the
// outcome, and closing the case takes it from them.
func TestReviewerSuggestsAndTheDSLAccepts(t *testing.T) {
	r := newReviewed(t)
	at, mine := "/cases/"+string(r.asked), "/reviews/"+string(r.asked)
	for field, form := range map[string]url.Values{
		"reviewer": {"question": {"x"}, "reviewer": {""}}, "question": {"question": {" "}, "reviewer": {"u-e.-quill"}},
	} {
		p := r.dsl.post(at+"/consult", with(hidden(t, r.dsl.get(at)), "question", form.Get("question"), "reviewer", form.Get("reviewer"), "note", "half a note"))
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-error"`) || !strings.Contains(p.body, "half a note</textarea>") {
			t.Errorf("asking without %s: status %d", field, p.status)
		}
	}
	r.ask("What would you do?")
	for name, x := range map[string]struct {
		form  url.Values
		field string
	}{
		"nothing chosen": {url.Values{"reason": {"x"}, "note": {"half"}}, "outcome"}, "no reason": {url.Values{"outcome": {"no-concern"}, "note": {"half"}}, "reason"},
		"too long":   {url.Values{"outcome": {"no-concern"}, "reason": {strings.Repeat("x", 501)}, "note": {"half"}}, "reason"},
		"made up":    {url.Values{"outcome": {"withdrawn"}, "reason": {"x"}, "note": {"half"}}, "outcome"},
		"a severity": {url.Values{"severity": {"huge"}, "reason": {"x"}, "note": {"half"}}, "severity"},
	} {
		p := r.outside.post(mine+"/suggest", x.form)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+x.field+`-error"`) || !strings.Contains(p.body, `href="#`+x.field) || !strings.Contains(p.body, "half</textarea>") {
			t.Errorf("%s: status %d", name, p.status)
		}
	}
	form := url.Values{"key": {"once"}, "outcome": {"pastoral-support"}, "severity": {"low"}, "reason": {"A quarrel that both of them feed"}, "note": {""}}
	for range 2 { // pressed twice
		if p := r.outside.post(mine+"/suggest", form); p.status != http.StatusOK || !strings.Contains(p.body, "has your view") || !strings.Contains(p.body, "You suggested: Pastoral support; severity low") {
			t.Fatalf("suggesting: status %d\n%s", p.status, p.body)
		}
	}
	if p := r.outside.post(mine+"/note", url.Values{"note": {"Look at the whole chat"}}); !strings.Contains(p.body, "Look at the whole chat") {
		t.Error("the note is not told")
	}
	if q := r.dsl.get("/cases"); !strings.Contains(q.body, "View from outside is in") {
		t.Error("the row does not say that there is an answer")
	}
	p := r.dsl.get(at)
	for _, want := range []string{"E. Quill, from outside, suggests: Pastoral support; severity low", "A quarrel that both of them feed", "Look at the whole chat", `name="use" value="pastoral-support"`} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the case does not show %q", want)
		}
	}
	if strings.Count(p.body, "said what they would do") != 1 {
		t.Error("the second press suggested again")
	}
	p = r.dsl.post(at+"/draft", with(hidden(t, p), "use", "pastoral-support", "outcome", "no-concern", "note", "half a note"))
	if !strings.Contains(p.body, `value="pastoral-support" checked`) || strings.Contains(p.body, `value="no-concern" checked`) || !strings.Contains(p.body, "half a note</textarea>") {
		t.Error("the outcome is not chosen")
	}
	if p = r.dsl.post(at+"/record", with(hidden(t, p), "act", "close", "outcome", "pastoral-support", "note", "half a note")); p.status != http.StatusOK {
		t.Fatalf("closing: status %d", p.status)
	}
	missing := r.outside.get("/nothing")
	for _, path := range []string{mine, at} {
		if p := r.outside.get(path); p.status != missing.status || p.body != missing.body {
			t.Errorf("closed, %s answers %d", path, p.status)
		}
	}
	if p := r.outside.post(mine+"/note", url.Values{"note": {"x"}}); p.status != missing.status || p.body != missing.body {
		t.Errorf("closed, a note is answered with %d", p.status)
	}
	words := map[audit.Action]int{}
	for _, e := range r.ledger() {
		words[e.Action]++
	}
	if words[audit.CaseConsulted] != 1 || words[audit.CaseSuggested] != 1 {
		t.Errorf("the ledger: %d asked, %d suggested", words[audit.CaseConsulted], words[audit.CaseSuggested])
	}
}

// Taking a case back takes effect at once; an account that nobody has matched,
// and a case about staff, go to nobody outside.
func TestReviewerLosesTheCase(t *testing.T) {
	r := newReviewed(t)
	r.ask("What would you do?")
	at := "/cases/" + string(r.asked)
	if p := r.outside.get("/reviews/" + string(r.asked)); p.status != http.StatusOK {
		t.Fatalf("asked: %d", p.status)
	}
	r.dsl.post(at+"/consult/end", with(hidden(t, r.dsl.get(at)), "from", "u-e.-quill"))
	if p := r.outside.get("/reviews/" + string(r.asked)); p.status != http.StatusNotFound {
		t.Errorf("taken back: %d", p.status)
	}
	if p := r.outside.get("/reviews"); !strings.Contains(p.body, "Nobody has asked you") {
		t.Error("taken back, the list has it")
	}
	lost := "/cases/" + string(r.unmatched("who.knows", "nobody wants you"))
	p := r.dsl.get(lost)
	if !strings.Contains(p.body, "An external reviewer cannot be asked") || strings.Contains(p.body, "Ask somebody outside") {
		t.Error("an unmatched account is offered")
	}
	if p = r.dsl.post(lost+"/consult", with(hidden(t, p), "reviewer", "u-e.-quill", "question", "x")); p.status != http.StatusUnprocessableEntity {
		t.Errorf("an unmatched account: %d", p.status)
	}
	// A request for help that hides its name has another pseudonym in every case, and no wish by name.
	help := r.askedForHelp(&lapwingv1.HelpRequest{Words: "tammy takes my phone", TalkTo: "Mrs Thistle", Today: true, HideName: true})
	r.dsl.post("/cases/"+help+"/consult", with(hidden(t, r.dsl.get("/cases/"+help)), "reviewer", "u-e.-quill", "question", "x"))
	p = r.outside.get("/reviews/" + help)
	if r.clean("a request for help", p.body); p.status != http.StatusOK || !strings.Contains(p.body, "[name] takes my phone") {
		t.Errorf("a request for help: %d", p.status)
	}
}

func (r reviewed) askedForHelp(h *lapwingv1.HelpRequest) string {
	return string(r.typeText(typed{account: "rowan.ash", severity: vocab.High, help: h}))
}
