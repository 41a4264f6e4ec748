package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/notice"
	"github.com/lapwing-schools/lapwing/agent/notice/browser"
	"github.com/lapwing-schools/lapwing/agent/notice/page"
	"github.com/lapwing-schools/lapwing/agent/notice/window"
)

type tellCmd struct {
	dirFlag
}

func (tellCmd) Help() string {
	return `Shows the notice on the desktop in its environment: in a window, or in the person's browser. It reads the notice
from standard input and says on standard output what became of it, so it is of use to the service only:

  lapwing-agent run`
}

// Words of the notice's process, one a line.
const (
	saidWindow  = "shown window"
	saidBrowser = "shown browser"
	saidRead    = "acknowledged"
	saidDecline = "declined"
)

// maxNotice bounds the line that describes the notice, in bytes: the policy's
// limits, and each character as an escape.
const maxNotice = 256 << 10

// browserBound is how long a browser may take to fetch the page.
const browserBound = time.Minute

func (c *tellCmd) Run(ctx context.Context, s *streams) error {
	in := bufio.NewReader(io.LimitReader(s.in, maxNotice))
	line, err := in.ReadBytes('\n')
	var text window.Text
	if err != nil || json.Unmarshal(line, &text) != nil {
		return usageError("tell is started by the service: lapwing-agent run")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // the service closes our input when the notice is to go
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	t := &teller{dir: c.Dir, out: s.out}
	defer t.pages.Wait()
	if !browser.ScreenReader(ctx, os.Getenv) {
		err := window.Show(ctx, os.Getenv("DISPLAY"), text, func(e window.Event) { t.window(ctx, e) })
		if t.shown || err == nil {
			return err
		}
		fmt.Fprintln(s.err, "no window:", err) // it names no text
	}
	return t.byPage(ctx)
}

// teller is the notice's process.
type teller struct {
	dir   string
	out   io.Writer
	shown bool
	pages sync.WaitGroup
}

func (t *teller) say(word string) { fmt.Fprintln(t.out, word) }

// window says what happened to the window.
func (t *teller) window(ctx context.Context, e window.Event) {
	switch e {
	case window.Shown:
		t.shown = true
		t.say(saidWindow)
	case window.Read:
		t.say(saidRead)
	case window.Declined:
		t.say(saidDecline)
	case window.Help:
		t.pages.Go(func() { _ = t.open(ctx, (*page.Page).URL, nil) }) // without a browser the notice still stands there
	}
}

// byPage shows the notice in the browser. Answers go to the service's desk, as
// they do from the page at any other time.
func (t *teller) byPage(ctx context.Context) error {
	fetched := make(chan struct{})
	first := sync.OnceFunc(func() {
		t.say(saidBrowser)
		close(fetched)
	})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(browserBound, func() {
		select {
		case <-fetched:
		default:
			cancel(browser.ErrNone)
		}
	})
	defer late.Stop()
	if err := t.open(ctx, (*page.Page).NoticeURL, first); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause == browser.ErrNone {
		return cause
	}
	return nil
}

// open serves the page and has the desktop open it, until nobody uses it any more.
func (t *teller) open(ctx context.Context, address func(*page.Page) string, shown func()) error {
	p, ln, err := page.Listen(ctx, notice.Client{Path: deskSocket(t.dir), Lang: os.Getenv("LANG")})
	if err != nil {
		return err
	}
	p.OnShown(shown)
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- p.Serve(serving, ln, page.Idle) }()
	if err := browser.Open(ctx, os.Getenv, address(p)); err != nil {
		cancel()
		<-served
		return err
	}
	return <-served
}
