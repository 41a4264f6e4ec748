package page

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/notice"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type desk struct {
	info   notice.Info
	sent   []*lapwingv1.HelpRequest
	forms  []string
	answer string
	err    error
}

func (d *desk) Look(context.Context) (notice.Info, error) { return d.info, d.err }

func (d *desk) Help(_ context.Context, form string, h *lapwingv1.HelpRequest) (notice.Info, error) {
	if d.err == nil {
		d.sent, d.forms = append(d.sent, h), append(d.forms, form)
	}
	return d.info, d.err
}

func (d *desk) Answer(_ context.Context, version, answer string) (notice.Info, error) {
	d.answer = version + " " + answer
	return d.info, d.err
}

func newPage(t *testing.T, d *desk) *Page {
	t.Helper()
	p, ln, err := Listen(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return p
}

func (p *Page) do(method, path string, form url.Values, change ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, p.URL()+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func good() url.Values {
	return url.Values{"form": {"f1"}, "when": {"today"}, "about": {"no"}, "words": {"line one\r\nline two"}, "hide": {"yes"}, "talk_to": {" Mrs Marlow "}}
}

func TestHelpIsSentAsItWasWritten(t *testing.T) {
	d := &desk{info: notice.Info{Connected: true}}
	r := newPage(t, d).do(http.MethodPost, "help", good())
	if text := body(t, r); r.StatusCode != http.StatusOK || !strings.Contains(text, "We have it") || !strings.Contains(text, "0800 1111") {
		t.Fatalf("%d %s", r.StatusCode, text)
	}
	h := d.sent[0]
	if h.Words != "line one\nline two" || !h.Today || h.AboutAdult || !h.HideName || h.TalkTo != "Mrs Marlow" || d.forms[0] != "f1" {
		t.Errorf("%v", h)
	}
}

func TestOfflineIsSaid(t *testing.T) {
	r := newPage(t, &desk{}).do(http.MethodPost, "help", good())
	if text := body(t, r); !strings.Contains(text, "kept safely here") {
		t.Error(text)
	}
}

func TestMissingAndTooLongIsSaidBesideItsField(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"when":    {func(v url.Values) { v.Del("when") }, "Choose how soon you need someone"},
		"about":   {func(v url.Values) { v.Set("about", "perhaps") }, "Say if it is about an adult"},
		"words":   {func(v url.Values) { v.Set("words", strings.Repeat("é", 2001)) }, "2,000 letters at most, this is 2001"},
		"talk_to": {func(v url.Values) { v.Set("talk_to", strings.Repeat("x", 101)) }, "100 letters at most"},
	} {
		d := &desk{}
		v := good()
		tc.change(v)
		r := newPage(t, d).do(http.MethodPost, "help", v)
		text := body(t, r)
		if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, tc.want) || !strings.Contains(text, `id="`+name+`-error"`) || len(d.sent) != 0 {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
		if name != "words" && !strings.Contains(text, "line one\nline two") {
			t.Errorf("%s: what was written is gone", name)
		}
	}
	if r := newPage(t, &desk{}).do(http.MethodPost, "help", url.Values{"words": {strings.Repeat("x", maxForm)}}); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge form: %d", r.StatusCode)
	}
}

func TestWhatIsTypedStaysText(t *testing.T) {
	v := good()
	v.Set("words", `</textarea><script>alert(1)</script>`)
	v.Del("when")
	if text := body(t, newPage(t, &desk{}).do(http.MethodPost, "help", v)); strings.Contains(text, "<script") {
		t.Error("markup came through")
	}
}

func TestDeskThatDoesNotAnswerKeepsTheWordsAndNamesHelp(t *testing.T) {
	p := newPage(t, &desk{err: notice.ErrNotRunning})
	text := body(t, p.do(http.MethodPost, "help", good()))
	if !strings.Contains(text, "line two") || !strings.Contains(text, "is not running") || !strings.Contains(text, "0800 1111") {
		t.Error(text)
	}
}

func TestOthersAreKeptOut(t *testing.T) {
	d := &desk{}
	p := newPage(t, d)
	for name, tc := range map[string]struct {
		path   string
		change func(*http.Request)
		want   int
	}{
		"a name that leads here": {"help", func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		"another site's form":    {"help", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"an old browser's":       {"help", func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"without the secret":     {"help", func(r *http.Request) { r.URL.Path = "/help" }, http.StatusNotFound},
	} {
		if r := p.do(http.MethodPost, tc.path, good(), tc.change); r.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", name, r.StatusCode, tc.want)
		}
	}
	if len(d.sent) != 0 {
		t.Error("something was sent")
	}
}

func TestAnswerGoesBackToTheNotice(t *testing.T) {
	d := &desk{info: notice.Info{Version: "autumn-1", Paragraphs: []string{"We look after you."}}}
	p := newPage(t, d)
	if text := body(t, p.do(http.MethodGet, "", nil)); !strings.Contains(text, "We look after you.") || !strings.Contains(text, "I have read this") {
		t.Error(text)
	}
	r := p.do(http.MethodPost, "answer", url.Values{"version": {"autumn-1"}, "answer": {"declined"}})
	if r.StatusCode != http.StatusSeeOther || d.answer != "autumn-1 declined" {
		t.Errorf("%d %q", r.StatusCode, d.answer)
	}
}

// The page is served for real, to this account, and ends when nobody uses it.
func TestServesAndEndsByItself(t *testing.T) {
	p, ln, err := Listen(t.Context(), &desk{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Serve(context.Background(), ln, 200*time.Millisecond) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	text := body(t, r)
	r.Body.Close()
	if r.StatusCode != http.StatusOK || !strings.Contains(text, "Want to tell someone something?") || r.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// Another account that has read the address is not answered.
func TestAnotherAccountIsNotAnswered(t *testing.T) {
	p, ln, err := Listen(t.Context(), &desk{})
	if err != nil {
		t.Fatal(err)
	}
	mine := ln.(own)
	mine.uid++
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, mine, time.Minute) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if r, err := client.Get(p.URL()); err == nil {
		r.Body.Close()
		t.Errorf("answered with %d", r.StatusCode)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 2 1 0 20 4 30 10 -1
`

func TestTheTableSaysWhoConnects(t *testing.T) {
	caller, here := netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:8080")
	if uid, err := ownerIn([]byte(table), caller, here); err != nil || uid != 1001 {
		t.Errorf("uid %d, %v", uid, err)
	}
	if _, err := ownerIn([]byte(table), here, caller); err == nil {
		t.Error("the listener's row was taken for the caller's")
	}
}

func FuzzOwnerIn(f *testing.F) {
	f.Add([]byte(table))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, err := ownerIn(in, netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:8080"))
		if err != nil && errors.Unwrap(err) != nil {
			t.Error(err)
		}
	})
}

// TestNoticeFirst: the page that opens at log-on has the notice, who reads, whom
// to talk to and both answers, and says so when a browser has been given it.
func TestNoticeFirst(t *testing.T) {
	d := &desk{info: notice.Info{School: "Peewit Green", Version: "autumn-1", Lang: "cy", Title: "Hysbysiad", Paragraphs: []string{"Un.", "Dau."},
		WhoReads: []string{"Mrs Marlow"}, WhoToTalkTo: []string{"Nurse Hale"}, Hours: "8am to 4pm", Now: "It is looking now, until 6:00pm today."}}
	p := newPage(t, d)
	shown := 0
	p.OnShown(func() { shown++ })
	r := p.do(http.MethodGet, "notice", nil)
	text := body(t, r)
	for _, want := range []string{"Peewit Green monitors this computer", `lang="cy"`, "Hysbysiad", "Dau.", "Mrs Marlow", "Nurse Hale", "8am to 4pm", "until 6:00pm",
		"I have read this", "I do not agree", "0800 1111", "Version autumn-1"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if r.StatusCode != http.StatusOK || shown != 1 {
		t.Errorf("status %d, shown %d times", r.StatusCode, shown)
	}
	p.do(http.MethodGet, "", nil)
	d.err = errors.New("down")
	p.do(http.MethodGet, "notice", nil)
	if shown != 1 {
		t.Errorf("another page, or one without the notice, counted as shown: %d", shown)
	}
}
