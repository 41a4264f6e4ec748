package console_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/console"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// pickups is an inbox with a given past.
type pickups struct{ last roster.Pickup }

func (p pickups) Last(store.SchoolID) roster.Pickup { return p.last }

// withDirectory is the fixture with the pages of the directory.
func withDirectory(t *testing.T) (*fixture, *roster.Service) {
	t.Helper()
	f := newFixture(t)
	logger := slog.New(slog.NewTextHandler(f.log, nil))
	service := roster.New(f.vault, f.clock, logger)
	signer, err := auth.New(auth.Config{Schools: f.store, Now: f.clock, Cost: auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := console.New(console.Config{Store: f.store, Cases: f.cases, Auth: signer, Now: f.clock, Logger: logger, Directory: service,
		Pickups: pickups{roster.Pickup{File: "night.csv", At: morning, Problem: "night.csv line 3, role: the role must be pupil or staff."}}})
	if err != nil {
		t.Fatal(err)
	}
	f.serve(handler)
	return f, service
}

// upload sends a file as the form does.
func (b *browser) upload(name, content string) page {
	b.f.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		b.f.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.f.t.Context(), http.MethodPost, b.f.server.URL+"/people/directory/preview", &body)
	if err != nil {
		b.f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

func keyOf(t *testing.T, p page) string {
	t.Helper()
	m := regexp.MustCompile(`action="/people/directory/apply"><input type="hidden" name="key" value="([^"]+)"`).FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("no preview on the page, status %d:\n%s", p.status, p.body)
	}
	return m[1]
}

const schoolCSV = "account,name,role,year,aliases\n" +
	"rowan.ash,Rowan Ashdown,pupil,Year 8,\n" +
	"tamsin.o,Tamsin Oakfield,pupil,Year 8,\n" +
	"evil,<script>alert(1)</script>=cmd,pupil,Year 7,\n" +
	"h.marlow,Helen Marlow,staff,,\n" +
	"j.porter,Jane Porter,staff,,JPO\n"

func (f *fixture) unmatched(account, hit string) caseflow.Ref {
	return f.typeText(typed{account: account, category: vocab.Bullying, severity: vocab.High, hit: hit})
}

func TestDirectoryFromFileToQueue(t *testing.T) {
	f, _ := withDirectory(t)
	pupil, teacher := f.unmatched("rowan.ash", "first words"), f.unmatched(`j.porter`, "teacher words")
	f.unmatched("stranger.8r", "third words")
	admin, dsl, head := f.signIn("A. Admin", caseflow.Administrator), f.signIn("H. Marlow", caseflow.DSL), f.signIn("R. Teasel", caseflow.Head)
	if p := dsl.get("/cases/" + string(teacher)); p.status != http.StatusOK {
		t.Fatalf("before the import: %d", p.status)
	}

	p := admin.get("/people/directory")
	for _, want := range []string{"No directory has been imported.", "stranger.8r", "night.csv line 3, role", "3 accounts are unmatched", "Not linked"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, secret := range []string{"first words", "teacher words", "third words", string(pupil)} {
		if strings.Contains(p.body, secret) {
			t.Errorf("an administrator reads %q", secret)
		}
	}

	p = admin.upload("people.csv", schoolCSV)
	for _, want := range []string{"The file has 3 pupils and 2 staff.", "Rowan Ashdown", "&lt;script&gt;alert(1)&lt;/script&gt;=cmd", "1 would stay unmatched"} {
		if p.status != http.StatusOK || !strings.Contains(p.body, want) {
			t.Errorf("the preview, status %d, lacks %q", p.status, want)
		}
	}
	if state, err := f.tenant.DirectoryState(t.Context()); err != nil || state.Version != 0 {
		t.Errorf("a preview has imported: %+v %v", state, err)
	}
	key := keyOf(t, p)
	if p := dsl.post("/people/directory/apply", url.Values{"key": {key}}); p.status != http.StatusNotFound {
		t.Errorf("a DSL imports: %d", p.status)
	}
	if p = admin.post("/people/directory/apply", url.Values{"key": {key}}); p.status != http.StatusOK || !strings.Contains(p.body, "The directory was imported") {
		t.Fatalf("import: %d\n%s", p.status, p.body)
	}
	if p := admin.post("/people/directory/apply", url.Values{"key": {key}}); p.status != http.StatusUnprocessableEntity {
		t.Errorf("the same preview again: %d", p.status)
	}
	p = dsl.get("/cases")
	if !strings.Contains(p.body, "Rowan Ashdown") || !strings.Contains(p.body, "Year 8") || strings.Contains(p.body, "teacher words") || !strings.Contains(p.body, "Unmatched account") {
		t.Errorf("the DSL's queue after the import:\n%s", p.body)
	}
	if p := dsl.get("/cases/" + string(teacher)); p.status != http.StatusNotFound {
		t.Errorf("a staff case before a DSL: %d", p.status)
	}
	if p := head.get("/cases/" + string(teacher)); p.status != http.StatusOK || !strings.Contains(p.body, "Jane Porter") || !strings.Contains(p.body, "directory: staff") {
		t.Errorf("the staff case before the head: %d", p.status)
	}
	if p := dsl.get("/cases/" + string(pupil)); !strings.Contains(p.body, "Account <bdi>rowan.ash</bdi>") {
		t.Error("the case does not say which account it was")
	}
}

func TestDirectoryRefusals(t *testing.T) {
	f, _ := withDirectory(t)
	admin := f.signIn("A. Admin", caseflow.Administrator)
	for name, tt := range map[string]struct{ file, content, want string }{
		"nothing":  {"", "", "Choose a file."},
		"empty":    {"a.csv", "", "The file is empty."},
		"a line":   {"a.csv", "account,name,role\na,b,boss\n", "a.csv line 2, role: the role must be pupil or staff."},
		"encoding": {"a.csv", "account,name,role\na,Zo\xeb,pupil\n", "looks like Windows-1252"},
		"zip":      {"a.zip", "PK\x03\x04 no", "not a zip file"},
		"hostile":  {"<img src=x>.csv", "account\n", "&lt;img src=x&gt;.csv line 1"},
	} {
		if p := admin.upload(tt.file, tt.content); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, tt.want) {
			t.Errorf("%s: %d, lacks %q", name, p.status, tt.want)
		}
	}
	if p := admin.upload("large.csv", strings.Repeat("x", 33<<20)); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "over 32 MB") {
		t.Errorf("33 MB: %d", p.status)
	}
}

// import puts a directory in place.
func (f *fixture) imports(service *roster.Service, csv string) {
	f.t.Helper()
	r, err := directory.ParseSimple("people.csv", []byte(csv))
	if err != nil {
		f.t.Fatal(err)
	}
	plan, err := service.Plan(f.t.Context(), f.tenant, r)
	if err == nil {
		_, err = service.Apply(f.t.Context(), f.tenant, plan, audit.Who{Via: audit.ViaCommand, Name: "root"})
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestLinkedUserSeesNoOwnCase(t *testing.T) {
	f, service := withDirectory(t)
	f.imports(service, schoolCSV)
	about := f.typeText(typed{account: "rowan.ash", category: vocab.Bullying, severity: vocab.High, hit: "hit", subjects: []caseflow.PersonKey{f.vault.EntryKey(1, "csv", "j.porter")}})
	head := f.signIn("J. Porter", caseflow.Head)
	admin := f.signIn("A. Admin", caseflow.Administrator)
	chair := f.signIn("C. Chair", caseflow.Chair)
	if p := head.get("/cases/" + string(about)); p.status != http.StatusOK || !strings.Contains(p.body, "Names <strong><bdi>Jane Porter</bdi></strong>") {
		t.Fatalf("before the link: %d", p.status)
	}
	for account, want := range map[string]string{"": "Enter the account", strings.Repeat("x", 5000): "Enter an account of at most", "rowan.ash": "The directory has a pupil under this account"} {
		if p := admin.post("/people/directory/link", url.Values{"user": {"u-j.-porter"}, "account": {account}}); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, want) {
			t.Errorf("account %q: %d", account, p.status)
		}
	}
	if p := admin.post("/people/directory/link", url.Values{"user": {"u-nobody"}, "account": {"j.porter"}}); p.status != http.StatusNotFound {
		t.Errorf("no such user: %d", p.status)
	}
	if p := admin.post("/people/directory/link", url.Values{"user": {"u-j.-porter"}, "account": {`PEEWIT\J.Porter`}}); p.status != http.StatusOK || !strings.Contains(p.body, "Jane Porter") {
		t.Errorf("link: %d", p.status)
	}
	if p := head.get("/cases/" + string(about)); p.status != http.StatusNotFound {
		t.Errorf("the head reads an allegation about the head: %d", p.status)
	}
	if p := chair.get("/cases/" + string(about)); p.status != http.StatusOK {
		t.Errorf("the chair does not: %d", p.status)
	}
}

func TestFlags(t *testing.T) {
	f, service := withDirectory(t)
	f.imports(service, schoolCSV)
	f.unmatched("rowan.ash", "words")
	dsl, deputy := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	p := dsl.post("/people/flags/find", url.Values{"who": {"ASHD"}})
	m := regexp.MustCompile(`href="(/people/flags/person/[0-9a-f]{32})"`).FindStringSubmatch(p.body)
	if m == nil || !strings.Contains(p.body, "Rowan Ashdown") || strings.Contains(p.body, "Tamsin") || strings.Contains(p.path, "ASHD") {
		t.Fatalf("find: %d %s\n%s", p.status, p.path, p.body)
	}
	if p := dsl.post("/people/flags/find", url.Values{"who": {"Porter"}}); strings.Contains(p.body, "Jane") {
		t.Error("a search for pupils finds staff")
	}
	path := m[1]
	good := url.Values{"kind": {"looked-after"}, "reason": {"Lives with an aunt <b>since</b> May"}, "review": {"2027-03-26"}}
	for field, bad := range map[string]string{"kind": "naughty", "reason": strings.Repeat("x", 501), "review": "2026-11-12"} {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		form.Set(field, bad)
		if p := dsl.post(path, form); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `href="#`+field+`"`) || !strings.Contains(p.body, "Lives with an aunt") && field != "reason" {
			t.Errorf("%s: %d", field, p.status)
		}
	}
	p = dsl.post(path, url.Values{"reason": {"\u202etxt"}})
	for _, field := range []string{"kind", "reason", "review"} {
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-error"`) {
			t.Errorf("all fields wrong: status %d, nothing at %s", p.status, field)
		}
	}
	good.Set("key", "the form's")
	dsl.post(path, good)
	if p := dsl.post(path, good); strings.Count(p.body, "End this flag") != 1 {
		t.Errorf("a form sent twice set %d flags", strings.Count(p.body, "End this flag"))
	}
	if p := dsl.post(path, good); p.status != http.StatusOK || !strings.Contains(p.body, "Lives with an aunt &lt;b&gt;since&lt;/b&gt; May") || !strings.Contains(p.body, "26 March 2027") {
		t.Fatalf("set: %d\n%s", p.status, p.body)
	}
	for _, b := range []*browser{dsl, deputy} {
		if p := b.get("/cases"); !strings.Contains(p.body, "Looked after") || strings.Contains(p.body, "an aunt") {
			t.Error("the queue does not show the flag alone")
		}
	}
	if p := deputy.get(path); p.status != http.StatusNotFound {
		t.Errorf("a deputy reads reasons: %d", p.status)
	}
	f.pass(200 * 24 * 3600e9)
	dsl = f.signIn("H. Marlow the second", caseflow.DSL)
	p = dsl.get("/people/flags")
	if !strings.Contains(p.body, "Overdue") || !strings.Contains(p.body, "1 is past the review date") {
		t.Error("an overdue flag does not say so")
	}
	id := regexp.MustCompile(`name="flag" value="([^"]+)"`).FindStringSubmatch(dsl.get(path).body)
	for range 2 { // ended twice is ended
		if p := dsl.post(path+"/end", url.Values{"flag": {html.UnescapeString(id[1])}}); p.status != http.StatusOK || !strings.Contains(p.body, "No flag is in force") {
			t.Errorf("end: %d", p.status)
		}
	}
}

// Every address of the directory by every role: no name for a technician, or
// anybody else who has no part in it.
func TestDirectoryByRole(t *testing.T) {
	f, service := withDirectory(t)
	f.imports(service, schoolCSV)
	f.unmatched("stranger.8r", "words")
	entry := fmt.Sprintf("%x", f.vault.EntryKey(1, "csv", "rowan.ash"))
	for _, role := range caseflow.Roles() {
		b := f.signIn("N. "+string(role), role)
		for path, may := range map[string]bool{
			"/people/directory": role == caseflow.Administrator, "/people/flags": role == caseflow.DSL, "/people/flags/person/" + entry: role == caseflow.DSL,
			"/people/flags/person/00": false, "/people/flags/person/" + strings.Repeat("0", 32): false,
		} {
			if p := b.get(path); (p.status == http.StatusOK) != may || !may && (p.status != http.StatusNotFound || strings.Contains(p.body, "Ashdown") || strings.Contains(p.body, "stranger")) {
				t.Errorf("%s on %s: %d", role, path, p.status)
			}
		}
		for path, may := range map[string]bool{
			"/people/directory/apply": role == caseflow.Administrator, "/people/directory/link": role == caseflow.Administrator, "/people/directory/preview": role == caseflow.Administrator,
			"/people/flags/find": role == caseflow.DSL, "/people/flags/person/" + entry: role == caseflow.DSL,
		} {
			if p := b.post(path, url.Values{"who": {"Rowan"}, "user": {"u-n.-administrator"}}); (p.status == http.StatusNotFound) == may || !may && strings.Contains(p.body, "Ashdown") {
				t.Errorf("%s posts to %s: %d", role, path, p.status)
			}
		}
		if role == caseflow.Technician {
			for _, path := range []string{"/", "/devices", "/devices/d-0142", "/people"} {
				if p := b.get(path); strings.Contains(p.body, "Ashdown") || strings.Contains(p.body, "stranger") {
					t.Errorf("a technician reads a person on %s", path)
				}
			}
		}
	}
	if strings.Contains(f.log.String(), "Ashdown") || strings.Contains(f.log.String(), "stranger") {
		t.Error("a name is in the log")
	}
}

func TestDirectoryPagesAccessible(t *testing.T) {
	t.Parallel()
	f, service := withDirectory(t)
	f.unmatched("stranger.8r", "words")
	f.unmatched("PEEWIT\\a.very.long.account.name.that.does.not.fit.in.a.narrow.column", "words")
	admin, dsl := f.signIn("A. Admin", caseflow.Administrator), f.signIn("H. Marlow", caseflow.DSL)
	f.imports(service, schoolCSV)
	entry := f.vault.EntryKey(1, "csv", "rowan.ash")
	who := caseflow.Actor{User: "u-h.-marlow", Name: "H. Marlow", Roles: []caseflow.Role{caseflow.DSL}}
	if err := service.SetFlag(t.Context(), f.tenant, who, audit.Who{User: "u-h.-marlow", Name: "H. Marlow", Via: audit.ViaConsole}, roster.FlagForm{
		Person: entry, Kind: store.FlagLookedAfter, Reason: "Lives with an aunt since May. Virtual school head: J. Sedge.", Review: morning.AddDate(0, 4, 0)}); err != nil {
		t.Fatal(err)
	}
	f.unmatched("rowan.ash", "words")
	f.says("rowan.ash", triage.NoticeDeclined)
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte(schoolCSV+"new.one,New One,pupil,Year 7,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.csv")
	if err := os.WriteFile(broken, []byte("account,name,role\na,b,boss\nb,,pupil\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := f.screen()
	send := func(file string) func() {
		return func() {
			s.run("upload", chromedp.SetUploadFiles("#file", []string{file}, chromedp.ByQuery), chromedp.ActionFunc(func(ctx context.Context) error {
				_, err := chromedp.RunResponse(ctx, clickOn("#import-h ~ form button"))
				return err
			}), chromedp.WaitReady("main", chromedp.ByQuery))
		}
	}
	for _, c := range []struct {
		name, path string
		as         *browser
		then       func()
	}{
		{"people", "/people", admin, nil},
		{"directory", "/people/directory", admin, nil},
		{"directory-preview", "/people/directory", admin, send(file)},
		{"directory-broken", "/people/directory", admin, send(broken)},
		{"flags", "/people/flags", dsl, nil},
		{"pupil", fmt.Sprintf("/people/flags/person/%x", entry), dsl, nil},
		{"queue-with-directory", "/cases", dsl, nil},
		{"acknowledgements", "/acknowledgements", dsl, nil},
	} {
		s.as(c.as)
		for _, width := range []int64{1440, 820, 390, 320} {
			s.size(width, 900)
			s.open(c.path)
			if c.then != nil {
				c.then()
			}
			s.check(fmt.Sprintf("%s at %d", c.name, width))
			if width != 320 {
				s.picture(fmt.Sprintf("%s-%d", c.name, width))
			}
		}
	}
}
