package console_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func TestHeadersOnEveryAnswer(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	for _, path := range []string{"/sign-in", "/link/x", "/cases", "/nothing", "/cases/7ZZZ7ZZZ", "/signed-out"} {
		h := dsl.get(path).header
		if got, want := h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"; got != want {
			t.Errorf("%s: CSP %q", path, got)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": ""} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// TestPagesKeepToTheirPolicy looks for what the policy would block.
func TestPagesKeepToTheirPolicy(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	paths := []string{"/sign-in", "/signed-out", "/cases", "/help/keyboard"}
	for _, ref := range f.queue(dsl) {
		paths = append(paths, "/cases/"+string(ref))
	}
	inline := regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\sstyle=|\son[a-z]+=|javascript:|(src|href)="https?:`)
	for _, path := range paths {
		if at := inline.FindString(dsl.get(path).body); at != "" {
			t.Errorf("%s contains %q", path, at)
		}
	}
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	ref := f.queue(dsl)["Ivo Fernley"]
	own := strings.TrimSuffix(f.server.URL, "/")
	for name, c := range map[string]struct {
		headers map[string]string
		ok      bool
	}{
		"same origin":                  {map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		"own origin, older browser":    {map[string]string{"Origin": own}, true},
		"cross-site":                   {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, false},
		"same-site, another host":      {map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		"other origin, older browser":  {map[string]string{"Origin": "https://evil.example"}, false},
		"opaque origin":                {map[string]string{"Origin": "null"}, false},
		"says nothing of where it was": {nil, false},
	} {
		req := dsl.form("/cases/"+string(ref)+"/claim", nil)
		req.Header.Del("Sec-Fetch-Site")
		for k, v := range c.headers {
			req.Header.Set(k, v)
		}
		p := dsl.do(req)
		if c.ok != (p.status == http.StatusOK) || !c.ok && p.status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, p.status)
		}
		claimed := strings.Contains(dsl.get("/cases/"+string(ref)).body, "Claimed by you")
		if claimed != c.ok {
			t.Errorf("%s: claimed %v", name, claimed)
		}
		if claimed {
			dsl.post("/cases/"+string(ref)+"/release", nil)
		}
	}
	for _, path := range []string{"/cases/" + string(ref) + "/claim", "/sign-out", "/preferences"} {
		if p := dsl.get(path); p.status != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, p.status)
		}
	}
}

// TestHostileTextStaysText brings markup in wherever somebody else can write.
func TestHostileTextStaysText(t *testing.T) {
	f := newFixture(t)
	f.device("d-0142", `<b>host</b>`, 0)
	evil := `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	ref := f.typeText(typed{account: "ivo" + evil, audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, before: evil + " ", hit: "nobody " + evil, after: evil, app: "app" + evil, title: "title" + evil})
	b := f.signIn(`O. "Thistle" <i>`, caseflow.DSL)
	b.post("/cases/"+string(ref)+"/record", url.Values{"act": {"note"}, "note": {"note" + evil}})
	paths := []string{"/cases", "/cases/" + string(ref), "/cases?done=" + url.QueryEscape(evil), "/cases?category=" + url.QueryEscape(evil) + "&after=x", "/sign-in?next=" + url.QueryEscape(evil), "/link/" + url.PathEscape(evil), "/" + url.PathEscape(evil)}
	for _, path := range paths {
		body := b.get(path).body
		for _, bad := range []string{"<script>alert", "<img src=x", "<b>host", "<i>"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s contains %q", path, bad)
			}
		}
	}
	if body := b.get("/cases/" + string(ref)).body; !strings.Contains(body, "title&lt;script&gt;") || !strings.Contains(body, "note&lt;script&gt;") {
		t.Error("the title or the note is not shown as text")
	}
	p := b.post("/sign-in", url.Values{"login": {evil}, "passphrase": {"wrong passphrase"}})
	if p.status != http.StatusUnprocessableEntity || strings.Contains(p.body, "<script>alert") || !strings.Contains(p.body, "&lt;script&gt;alert(1)") {
		t.Errorf("sign-in with markup: status %d", p.status)
	}
}

// TestFieldLimits sends forms with missing, too long and broken fields: each
// gets a message at its field or a plain page, never a fault.
func TestFieldLimits(t *testing.T) {
	f := newFixture(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	ref := f.queue(dsl)["Ivo Fernley"]
	record := "/cases/" + string(ref) + "/record"
	_, token := f.user("N. Fresh", nil, caseflow.Deputy)
	link := "/link/" + token
	for name, c := range map[string]struct {
		path string
		form url.Values
		code int
		want string
	}{
		"no outcome":           {record, url.Values{"act": {"close"}, "note": {"kept words"}}, 422, "Choose an outcome before you close the case"},
		"its note is kept":     {record, url.Values{"act": {"close"}, "note": {"kept words"}}, 422, "kept words</textarea>"},
		"unknown outcome":      {record, url.Values{"act": {"close"}, "outcome": {"eaten"}}, 422, "There is a problem"},
		"withdrawn by hand":    {record, url.Values{"act": {"close"}, "outcome": {"withdrawn"}}, 422, "There is a problem"},
		"empty note":           {record, url.Values{"act": {"note"}, "note": {"  \r\n "}}, 422, "There is a problem"},
		"note too long":        {record, url.Values{"act": {"note"}, "note": {strings.Repeat("é", 10001)}}, 422, "10,000"},
		"note not UTF-8":       {record, url.Values{"act": {"note"}, "note": {"a\xffb"}}, 422, "There is a problem"},
		"key too long":         {record, url.Values{"act": {"note"}, "note": {"x"}, "key": {strings.Repeat("k", 65)}}, 422, "damaged"},
		"huge form":            {record, url.Values{"act": {"note"}, "note": {strings.Repeat("x", 200<<10)}}, 413, "too much text"},
		"no act":               {record, nil, 422, "Choose an outcome"},
		"no passphrase":        {link, nil, 422, "Enter a passphrase"},
		"short passphrase":     {link, url.Values{"passphrase": {"four"}, "passphrase_again": {"four"}}, 422, "at least 15 characters"},
		"not the same":         {link, url.Values{"passphrase": {passphrase}, "passphrase_again": {passphrase + "x"}}, 422, "not the same"},
		"passphrase too long":  {link, url.Values{"passphrase": {strings.Repeat("ab c", 300)}, "passphrase_again": {strings.Repeat("ab c", 300)}}, 422, "at most 1,024"},
		"passphrase is a name": {link, url.Values{"passphrase": {"N. Fresh N. Fresh"}, "passphrase_again": {"N. Fresh N. Fresh"}}, 422, "easy to guess"},
		"sign-in, empty":       {"/sign-in", nil, 422, "Enter your name or e-mail address"},
		"sign-in, long login":  {"/sign-in", url.Values{"login": {strings.Repeat("a", 400)}, "passphrase": {"x"}}, 422, "at most 320"},
		"sign-in, long secret": {"/sign-in", url.Values{"login": {"a"}, "passphrase": {strings.Repeat("a", 1025)}}, 422, "at most 1,024"},
		"preference unknown":   {"/preferences", url.Values{"set": {"everything"}}, 404, "You cannot open this page"},
		"bad reference":        {"/cases/'or'1/record", url.Values{"act": {"note"}, "note": {"x"}}, 404, "You cannot open this page"},
	} {
		p := dsl.post(c.path, c.form)
		if p.status != c.code || !strings.Contains(p.body, c.want) {
			t.Errorf("%s: status %d, want %d with %q", name, p.status, c.code, c.want)
		}
	}
	if p := dsl.get(link); !strings.Contains(p.body, "Choose a passphrase") {
		t.Error("failed tries used the link up")
	}
	for _, secret := range []string{"kept words", "four"} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("the log holds what was typed: %q", secret)
		}
	}
	if strings.Contains(f.log.String(), "page failed") {
		t.Errorf("a form made the console fail:\n%s", f.log)
	}
}

func TestNotesOfTheWholeLength(t *testing.T) {
	f := newFixture(t)
	ref := f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "x"})
	b := f.signIn("H. Marlow", caseflow.DSL)
	p := b.post("/cases/"+string(ref)+"/record", url.Values{"act": {"note"}, "note": {strings.Repeat("🐦", 10000)}})
	if p.status != http.StatusOK || !strings.Contains(p.body, "wrote a note") {
		t.Errorf("a note of 10,000 of the longest characters: status %d", p.status)
	}
}

func TestAssets(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	sheet := regexp.MustCompile(`/assets/console\.[0-9a-f]{12}\.css`).FindString(b.get("/sign-in").body)
	css := b.get(sheet)
	if css.status != http.StatusOK || css.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || css.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Fatalf("style sheet %q: status %d, %v", sheet, css.status, css.header)
	}
	fonts := regexp.MustCompile(`/assets/[\w.-]+\.woff2`).FindAllString(css.body, -1)
	if len(fonts) < 3 {
		t.Fatalf("the style sheet names %d fonts", len(fonts))
	}
	for _, u := range fonts {
		if p := b.get(u); p.status != http.StatusOK || p.header.Get("Content-Type") != "font/woff2" {
			t.Errorf("%s: status %d: build the assets again", u, p.status)
		}
	}
	for _, banned := range []string{"gds transport", "crown"} {
		if strings.Contains(strings.ToLower(css.body), banned) {
			t.Errorf("the style sheet contains %q", banned)
		}
	}
	if p := b.get("/assets/../console.go"); strings.Contains(p.body, "package console") {
		t.Error("a source file is served")
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.server.URL+sheet, nil)
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := b.client.Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	packed, _ := io.ReadAll(resp.Body)
	if resp.Header.Get("Content-Encoding") != "gzip" || len(packed) > len(css.body)/3 {
		t.Errorf("gzip: %q, %d of %d bytes", resp.Header.Get("Content-Encoding"), len(packed), len(css.body))
	}
}
