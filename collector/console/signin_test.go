package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

func TestLinkWorksOnce(t *testing.T) {
	f := newFixture(t)
	_, token := f.user("H. Marlow", nil, caseflow.DSL)
	form := url.Values{"passphrase": {passphrase}, "passphrase_again": {passphrase}}
	for range 3 {
		if p := f.browser().get("/link/" + token); p.status != http.StatusOK {
			t.Fatalf("looking at the link: status %d", p.status)
		}
	}
	first := f.browser()
	if p := first.post("/link/"+token, form); p.path != "/cases" {
		t.Fatalf("using the link led to %s (%d)", p.path, p.status)
	}
	again := f.browser()
	for name, p := range map[string]page{"look": again.get("/link/" + token), "use": again.post("/link/"+token, form), "unknown": again.get("/link/1." + strings.Repeat("A", 43))} {
		if p.status != http.StatusNotFound || !strings.Contains(p.body, "does not work any more") {
			t.Errorf("%s after use: status %d", name, p.status)
		}
	}
	if p := again.get("/cases"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("a used link signed somebody in: %s", p.path)
	}

	_, late := f.user("N. Late", nil, caseflow.DSL)
	f.pass(61 * time.Minute)
	if p := f.browser().post("/link/"+late, form); p.status != http.StatusNotFound {
		t.Errorf("a link out of date: status %d", p.status)
	}
}

// TestLinkEndsOtherSessions: a link is also the way back in after a theft.
func TestLinkEndsOtherSessions(t *testing.T) {
	f := newFixture(t)
	old := f.signIn("H. Marlow", caseflow.DSL)
	token, err := auth.NewLink(t.Context(), f.tenant, "u-h.-marlow", f.clock(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	second := "another set of words"
	f.browser().post("/link/"+token, url.Values{"passphrase": {second}, "passphrase_again": {second}})
	if p := old.get("/cases"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("the older session still opens %s", p.path)
	}
	b := f.browser()
	if p := b.post("/sign-in", url.Values{"login": {"h. marlow"}, "passphrase": {passphrase}}); p.status != http.StatusUnprocessableEntity {
		t.Errorf("the older passphrase: status %d", p.status)
	}
	if p := b.post("/sign-in", url.Values{"login": {"H. MARLOW"}, "passphrase": {second}, "next": {"/help/keyboard"}}); p.path != "/help/keyboard" {
		t.Errorf("the new passphrase led to %s", p.path)
	}
}

func TestSessionFixation(t *testing.T) {
	f := newFixture(t)
	_, token := f.user("H. Marlow", nil, caseflow.DSL)
	b := f.browser()
	u, err := url.Parse(f.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	planted := "1." + strings.Repeat("A", 43)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: auth.Cookie, Value: planted, Path: "/", Secure: true}})
	b.post("/link/"+token, url.Values{"passphrase": {passphrase}, "passphrase_again": {passphrase}})
	first := b.client.Jar.Cookies(u)[0].Value
	if first == planted {
		t.Fatal("the planted session was taken over")
	}
	b.post("/sign-in", url.Values{"login": {"H. Marlow"}, "passphrase": {passphrase}})
	second := b.client.Jar.Cookies(u)[0].Value
	if second == first {
		t.Error("signing in again kept the session's secret")
	}
	thief := f.browser()
	for name, v := range map[string]string{"planted": planted, "before signing in again": first} {
		thief.client.Jar.SetCookies(u, []*http.Cookie{{Name: auth.Cookie, Value: v, Path: "/", Secure: true}})
		if p := thief.get("/cases"); !strings.HasPrefix(p.path, "/sign-in") {
			t.Errorf("%s: the session opens %s", name, p.path)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	f := newFixture(t)
	_, token := f.user("H. Marlow", nil, caseflow.DSL)
	b := f.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := b.post("/link/"+token, url.Values{"passphrase": {passphrase}, "passphrase_again": {passphrase}})
	got := p.header.Get("Set-Cookie")
	for _, want := range []string{"__Host-lapwing=", "Path=/", "HttpOnly", "Secure", "SameSite=Strict"} {
		if !strings.Contains(got, want) {
			t.Errorf("cookie %q lacks %s", got[:min(14, len(got))], want)
		}
	}
	if strings.Contains(strings.ToLower(got), "domain=") {
		t.Error("the cookie names a domain")
	}
}

func TestSessionEnds(t *testing.T) {
	f := newFixture(t)
	idle := f.signIn("A. Idle", caseflow.DSL)
	f.pass(auth.DefaultIdle - time.Minute)
	if p := idle.get("/cases"); p.path != "/cases" {
		t.Fatalf("a session in use ended: %s", p.path)
	}
	// What the page's script fetches does not keep it alive.
	f.pass(30 * time.Minute)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.server.URL+"/cases", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Dest", "empty")
	if p := idle.do(req); p.status != http.StatusOK {
		t.Fatalf("the script's fetch: status %d", p.status)
	}
	f.pass(31 * time.Minute)
	if p := idle.do(req.Clone(t.Context())); p.status != http.StatusUnauthorized {
		t.Errorf("the script's fetch after the idle time: status %d, want 401", p.status)
	}
	if p := idle.get("/cases"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("an idle session opens %s", p.path)
	}

	busy := f.signIn("B. Busy", caseflow.DSL)
	for range 13 {
		f.pass(55 * time.Minute)
		busy.get("/cases")
	}
	f.pass(6 * time.Minute)
	if p := busy.get("/cases"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("after 12 hours the session opens %s", p.path)
	}

	out := f.signIn("C. Out", caseflow.DSL)
	u, _ := url.Parse(f.server.URL)
	kept := out.client.Jar.Cookies(u)
	if p := out.post("/sign-out", nil); p.path != "/signed-out" {
		t.Errorf("sign out led to %s", p.path)
	}
	out.client.Jar.SetCookies(u, kept)
	if p := out.get("/cases"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("the session outlived signing out: %s", p.path)
	}
}

// TestSignInSaysNothing compares the answers for a wrong passphrase and for
// nobody, and counts tries for both.
func TestSignInSaysNothing(t *testing.T) {
	f := newFixture(t)
	f.signIn("H. Marlow", caseflow.DSL)
	f.user("N. Never", nil, caseflow.DSL) // has no passphrase yet
	try := func(login, pass string) page {
		return f.browser().post("/sign-in", url.Values{"login": {login}, "passphrase": {pass}})
	}
	same := func(login string) string {
		return strings.ReplaceAll(try(login, "wrong words here").body, login, "LOGIN")
	}
	nobody := same("X. Nobody")
	for _, login := range []string{"H. Marlow", "N. Never"} {
		if same(login) != nobody {
			t.Errorf("%s gets another answer than nobody", login)
		}
	}
	for _, login := range []string{"H. Marlow", "X. Nobody"} {
		for range 4 {
			try(login, "wrong words here")
		}
		p := try(login, passphrase)
		if p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") == "" || !strings.Contains(p.body, "Too many tries") {
			t.Errorf("%s: the sixth try, even the right one, gets status %d", login, p.status)
		}
	}
	f.pass(31 * time.Second)
	if p := try("H. Marlow", passphrase); p.path != "/cases" {
		t.Errorf("after the wait: %s (%d)", p.path, p.status)
	}
}

func TestNextLeadsNowhereElse(t *testing.T) {
	f := newFixture(t)
	f.signIn("H. Marlow", caseflow.DSL)
	for _, next := range []string{"https://evil.example/", "//evil.example", "///evil.example", `/\evil.example`, "javascript:alert(1)", "/%2f/evil.example", "evil", "/a\r\nSet-Cookie: x=y"} {
		b := f.browser()
		b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p := b.post("/sign-in", url.Values{"login": {"H. Marlow"}, "passphrase": {passphrase}, "next": {next}})
		to, err := url.Parse(p.header.Get("Location"))
		if err != nil || to.Host != "" || to.Scheme != "" || !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(p.header.Get("Location"), "//") {
			t.Errorf("next %q leads to %q", next, p.header.Get("Location"))
		}
	}
}

// TestStrictCookieFromElsewhere: a link in an e-mail leaves the cookie out, so
// the first answer opens the address again from our own page.
func TestStrictCookieFromElsewhere(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.server.URL+"/cases?show=mine", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Sec-Fetch-Dest", "document")
	p := b.do(req)
	if p.status != http.StatusOK || !strings.Contains(p.body, `http-equiv="refresh" content="0; url=/cases?show=mine"`) {
		t.Errorf("status %d\n%s", p.status, p.body)
	}
}

// TestTwoSchools: with a choice of schools the form asks, and a session of one
// opens nothing of the other.
func TestTwoSchools(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	ref := f.queue(dsl)["Ivo Fernley"]
	other, err := f.store.AddSchool(t.Context(), "dotterel", "Dotterel <Academy>", f.clock())
	if err != nil {
		t.Fatal(err)
	}
	first := f.tenant
	if f.tenant, err = f.store.School(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	f.signIn("H. Marlow", caseflow.DSL)
	f.tenant = first

	b := f.browser()
	if p := b.get("/sign-in"); !strings.Contains(p.body, "Dotterel &lt;Academy&gt;</option>") {
		t.Error("the form does not offer the schools")
	}
	form := url.Values{"login": {"H. Marlow"}, "passphrase": {passphrase}}
	if p := b.post("/sign-in", form); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Choose your school") {
		t.Errorf("without a school: status %d", p.status)
	}
	form.Set("school", "99")
	if p := b.post("/sign-in", form); p.status != http.StatusUnprocessableEntity {
		t.Errorf("with a school that is not there: status %d", p.status)
	}
	form.Set("school", "2")
	if p := b.post("/sign-in", form); p.path != "/cases" || !strings.Contains(p.body, "Dotterel") || strings.Contains(p.body, "Ivo Fernley") {
		t.Errorf("signing in to the second school: %s", p.path)
	}
	if p := b.get("/cases/" + string(ref)); p.status != http.StatusNotFound {
		t.Errorf("a case of the first school: status %d", p.status)
	}
	if p := b.get("/devices/d-0142"); p.status != http.StatusNotFound {
		t.Errorf("a device of the first school: status %d", p.status)
	}
}

// A pupil's guesses from behind the same address do not keep the safeguarding
// lead's own browser out, also when she had signed out of it.
func TestGuessesDoNotLockAKnownBrowserOut(t *testing.T) {
	f := newFixture(t)
	lead := f.signIn("H. Marlow", caseflow.DSL)
	lead.post("/sign-out", nil)
	wrong, right := url.Values{"login": {"H. Marlow"}, "passphrase": {"wrong words here"}}, url.Values{"login": {"H. Marlow"}, "passphrase": {passphrase}}
	for range 10 {
		f.browser().post("/sign-in", wrong)
	}
	if p := f.browser().post("/sign-in", right); p.status != http.StatusTooManyRequests {
		t.Fatalf("an unknown browser at the guesser's address: status %d", p.status)
	}
	if p := lead.post("/sign-in", right); p.status != http.StatusOK || p.path != "/cases" {
		t.Errorf("the lead's own browser: %s, status %d", p.path, p.status)
	}
}
