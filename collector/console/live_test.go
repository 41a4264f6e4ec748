package console_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/console"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// listen opens a stream and sends its lines until it ends.
func (b *browser) listen(ctx context.Context, after string) (int, <-chan string) {
	b.f.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.f.server.URL+"/cases/live?after="+url.QueryEscape(after), nil)
	if err != nil {
		b.f.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Dest", "empty")
	resp, err := b.client.Do(req)
	if err != nil {
		b.f.t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return resp.StatusCode, lines
}

// await returns the lines up to and with the first that begins with want;
// found is false when the stream ended before.
func await(t *testing.T, lines <-chan string, want string) (seen []string, found bool) {
	t.Helper()
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				return seen, false
			}
			seen = append(seen, l)
			if strings.HasPrefix(l, want) {
				return seen, true
			}
		case <-t.Context().Done():
			t.Fatalf("no line %q; got %q", want, seen)
		}
	}
}

func (f *fixture) position(u caseflow.Actor) string {
	at, err := f.tenant.Position(f.t.Context(), u)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(at)
}

func TestLiveSaysOnlyChanged(t *testing.T) {
	f := newFixture(t)
	b := f.signIn("H. Marlow", caseflow.DSL)
	status, lines := b.listen(t.Context(), f.position(caseflow.Actor{User: "u-h.-marlow", Roles: []caseflow.Role{caseflow.DSL}}))
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if seen, ok := await(t, lines, ": still here"); !ok || strings.Contains(strings.Join(seen, "\n"), "changed") {
		t.Fatalf("before any change: %q", seen)
	}
	ref := f.typeText(typed{account: "Ivo Fernley", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you here"})
	seen, ok := await(t, lines, "event: changed")
	if !ok {
		t.Fatal("the stream ended")
	}
	data, _ := await(t, lines, "data: ")
	all := strings.Join(append(seen, data...), "\n")
	for _, secret := range []string{"nobody", "Ivo", "bullying", string(ref), "high"} {
		if strings.Contains(strings.ToLower(all), strings.ToLower(secret)) {
			t.Errorf("the stream says %q", secret)
		}
	}
}

// TestLiveIsSilentOfHiddenCases: not even the moment of a change is told.
func TestLiveIsSilentOfHiddenCases(t *testing.T) {
	f := newFixture(t)
	own := f.person("h.marlow")
	_, token := f.user("H. Marlow", []caseflow.PersonKey{own}, caseflow.DSL)
	b := f.browser()
	b.post("/link/"+token, url.Values{"passphrase": {passphrase}, "passphrase_again": {passphrase}})
	_, lines := b.listen(t.Context(), f.position(caseflow.Actor{User: "u-h.-marlow", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{own}}))
	if _, ok := await(t, lines, ": live"); !ok {
		t.Fatal("no stream")
	}
	f.typeText(typed{account: "h.marlow", audience: vocab.Staff, category: vocab.Drugs, severity: vocab.High, hit: "weed"})
	f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "miss marlow hits us", subjects: []caseflow.PersonKey{own}})
	for range 3 {
		seen, ok := await(t, lines, ": still here")
		if !ok || strings.Contains(strings.Join(seen, "\n"), "changed") {
			t.Fatalf("after changes that are hidden: %q (open %v)", seen, ok)
		}
	}
	f.typeText(typed{account: "Ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "other"})
	if _, ok := await(t, lines, "event: changed"); !ok {
		t.Error("a change that is not hidden is not told")
	}
}

func TestLiveEnds(t *testing.T) {
	f := newFixture(t)
	t.Run("with the session", func(t *testing.T) {
		b := f.signIn("A. One", caseflow.DSL)
		_, lines := b.listen(t.Context(), "")
		b.post("/sign-out", nil)
		if _, ok := await(t, lines, "event: ended"); !ok {
			t.Error("the page is not told that the session ended")
		}
		if _, ok := await(t, lines, "never"); ok {
			t.Error("the stream goes on")
		}
	})
	t.Run("with the role", func(t *testing.T) {
		b := f.signIn("B. Two", caseflow.DSL)
		_, lines := b.listen(t.Context(), "")
		u, err := f.tenant.User(t.Context(), "u-b.-two")
		if err != nil {
			t.Fatal(err)
		}
		u.Roles = []caseflow.Role{caseflow.Technician}
		if err := f.tenant.PutUser(t.Context(), u, audit.Who{Via: audit.ViaCommand}, f.clock()); err != nil {
			t.Fatal(err)
		}
		if seen, ok := await(t, lines, "event: ended"); ok {
			t.Errorf("a changed role is told as signed out: %q", seen)
		}
		if p := b.get("/cases/live"); p.status != http.StatusNotFound {
			t.Errorf("asking again: status %d, want 404", p.status)
		}
	})
	t.Run("and is never opened for others", func(t *testing.T) {
		for _, role := range []caseflow.Role{caseflow.Technician, caseflow.Governor, caseflow.Administrator} {
			if p := f.signIn("N. "+string(role), role).get("/cases/live"); p.status != http.StatusNotFound {
				t.Errorf("%s: status %d", role, p.status)
			}
		}
		if status, _ := f.browser().listen(t.Context(), ""); status != http.StatusUnauthorized {
			t.Errorf("signed out: status %d, want 401", status)
		}
	})
}

// TestLiveOutlivesServerTimeouts: the limits that end a slow client must not
// end a stream, in HTTP/2 nor in HTTP/1.1.
func TestLiveOutlivesServerTimeouts(t *testing.T) {
	f := newFixture(t)
	b := f.signIn("H. Marlow", caseflow.DSL)
	const short = 300 * time.Millisecond
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(nil)
			srv.Config = console.NewServer(f.server.Config.Handler)
			srv.Config.ReadTimeout, srv.Config.WriteTimeout = short, short
			srv.EnableHTTP2 = h2
			srv.StartTLS()
			defer srv.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/cases/live", nil)
			if err != nil {
				t.Fatal(err)
			}
			at, _ := url.Parse(f.server.URL)
			for _, c := range b.client.Jar.Cookies(at) {
				req.AddCookie(c)
			}
			began := time.Now()
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.Proto != name {
				t.Fatalf("served by %s", resp.Proto)
			}
			for lines := bufio.NewScanner(resp.Body); time.Since(began) < 3*short; {
				if !lines.Scan() {
					t.Fatalf("the stream ended: %v", lines.Err())
				}
			}
		})
	}
}

func TestLiveLimit(t *testing.T) {
	f := newFixture(t)
	b := f.signIn("H. Marlow", caseflow.DSL)
	var last context.CancelFunc
	for i := range 8 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		last = cancel
		status, lines := b.listen(ctx, "")
		if status != http.StatusOK {
			t.Fatalf("stream %d: status %d", i+1, status)
		}
		await(t, lines, ": live")
	}
	if status, _ := b.listen(t.Context(), ""); status != http.StatusTooManyRequests {
		t.Errorf("the ninth: status %d, want 429", status)
	}
	if status, _ := f.signIn("O. Thistle", caseflow.Deputy).listen(t.Context(), ""); status != http.StatusOK {
		t.Errorf("another person's first: status %d", status)
	}
	last()
	for {
		if status, _ := b.listen(t.Context(), ""); status == http.StatusOK {
			break
		} else if t.Context().Err() != nil {
			t.Fatal("a closed page's place is not given back")
		}
	}
}
