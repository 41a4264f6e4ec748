package notice

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is what stands behind a desk.
type service struct {
	mu      sync.Mutex
	now     time.Time
	help    []*lapwingv1.HelpRequest
	answers []*lapwingv1.NoticeSeen
	who     []string
	err     error
}

func (s *service) config(path string) Config {
	return Config{
		Path: path, Log: slog.New(slog.DiscardHandler),
		Account: func(uid uint32) (string, error) {
			if uid != uint32(os.Geteuid()) {
				return "", errors.New("somebody else")
			}
			return "rowan", nil
		},
		Info: func(account, _ string) Info {
			return Info{School: "Peewit Green", Version: "autumn-1", State: account}
		},
		Now: func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now },
		Help: func(account string, h *lapwingv1.HelpRequest) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.err == nil {
				s.help, s.who = append(s.help, h), append(s.who, account)
			}
			return s.err
		},
		Answer: func(_ string, n *lapwingv1.NoticeSeen) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.answers = append(s.answers, n)
			return s.err
		},
	}
}

func serve(t *testing.T, s *service) Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "notice.sock")
	d := NewDesk(s.config(path))
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- d.Serve(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("desk ended: %v", err)
		}
	})
	return Client{Path: path}
}

var ask = &lapwingv1.HelpRequest{Words: "someone keeps my phone", Today: true, AboutAdult: true, HideName: true, TalkTo: "Mrs Marlow"}

func TestHelpIsKeptOnceAForm(t *testing.T) {
	s := &service{now: time.Unix(1_800_000_000, 0)}
	c := serve(t, s)
	for range 3 { // the button pressed again, the page sent again
		info, err := c.Help(t.Context(), "form-1", ask)
		if err != nil || info.School != "Peewit Green" || info.State != "rowan" {
			t.Fatalf("%+v, %v", info, err)
		}
	}
	if _, err := c.Help(t.Context(), "form-2", &lapwingv1.HelpRequest{}); err != nil {
		t.Fatal(err)
	}
	if len(s.help) != 2 || !proto.Equal(s.help[0], ask) || s.who[0] != "rowan" {
		t.Errorf("kept %v for %v", s.help, s.who)
	}
}

// Both clicks of a double click arrive before the first is on disk.
func TestDoubleClickIsOneRequest(t *testing.T) {
	s := &service{now: time.Unix(1_800_000_000, 0)}
	c := serve(t, s)
	var clicks sync.WaitGroup
	for range 8 {
		clicks.Go(func() {
			if _, err := c.Help(t.Context(), "form-1", ask); err != nil {
				t.Error(err)
			}
		})
	}
	clicks.Wait()
	if len(s.help) != 1 {
		t.Errorf("kept %d times", len(s.help))
	}
}

func TestWhatCouldNotBeKeptIsSaidAndMayBeSentAgain(t *testing.T) {
	s := &service{now: time.Unix(1_800_000_000, 0), err: errors.New("disk full: planted-secret")}
	c := serve(t, s)
	_, err := c.Help(t.Context(), "form-1", ask)
	if err == nil || strings.Contains(err.Error(), "planted-secret") || !strings.Contains(err.Error(), "0800 1111") {
		t.Fatalf("%v", err)
	}
	s.mu.Lock()
	s.err = nil
	s.mu.Unlock()
	if _, err := c.Help(t.Context(), "form-1", ask); err != nil || len(s.help) != 1 {
		t.Errorf("again: %v, kept %d", err, len(s.help))
	}
}

func TestScriptIsSlowedAndAChildIsNot(t *testing.T) {
	s := &service{now: time.Unix(1_800_000_000, 0)}
	c := serve(t, s)
	for range helpBurst {
		if _, err := c.Help(t.Context(), "", ask); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Help(t.Context(), "", ask); err == nil || err.Error() != ErrTooMany.Error() {
		t.Fatalf("after the burst: %v", err)
	}
	s.mu.Lock()
	s.now = s.now.Add(helpEvery)
	s.mu.Unlock()
	if _, err := c.Help(t.Context(), "", ask); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	s := &service{now: time.Unix(1_800_000_000, 0)}
	c := serve(t, s)
	for _, answer := range []string{Declined, Acknowledged} {
		if _, err := c.Answer(t.Context(), "autumn-1", answer); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.answers) != 2 || s.answers[0].State != lapwingv1.NoticeSeen_STATE_DECLINED || s.answers[1].Version != "autumn-1" {
		t.Errorf("%v", s.answers)
	}
	for _, tc := range []struct{ version, answer, want string }{
		{"spring-1", Acknowledged, "version: not that of the notice in force"},
		{"autumn-1", Shown, "state: must be acknowledged or declined"},
		{"", Acknowledged, "version: empty"},
	} {
		if _, err := c.Answer(t.Context(), tc.version, tc.answer); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestBadRequestsAreRefusedWithTheField(t *testing.T) {
	for in, want := range map[string]string{
		``:                      "the request is not JSON",
		`{"op":"run"}`:          "op: must be look, help or answer",
		`{"op":"look","uid":0}`: "known fields",
		`{"op":"help","words":"` + strings.Repeat("x", 2001) + `"}`: "words: 2001 characters, at most 2000",
		`{"op":"help","form":"` + strings.Repeat("x", 65) + `"}`:    "form: over 64 bytes",
		`{"op":"help","words":"` + strings.Repeat("x", maxRequest):  "at most 65536 bytes",
	} {
		if _, err := readRequest(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", in, err, want)
		}
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add(`{"op":"help","form":"a","words":"b","today":true}`)
	f.Add(`{"op":"answer","version":"1","state":"declined"}`)
	f.Fuzz(func(t *testing.T, in string) {
		req, err := readRequest(strings.NewReader(in))
		if err == nil && req.Op == "help" && req.help().Validate() != nil {
			t.Errorf("took %q", in)
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	if _, err := (Client{Path: filepath.Join(t.TempDir(), "none")}).Look(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("%v", err)
	}
}
