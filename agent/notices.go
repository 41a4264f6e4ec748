package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/notice"
	"github.com/lapwing-schools/lapwing/agent/notice/told"
	"github.com/lapwing-schools/lapwing/agent/notice/window"
	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/internal/timetable"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Pauses before a notice that could not be shown is tried again.
const (
	tellAgain    = 15 * time.Second
	tellAgainMax = 5 * time.Minute
	// termLook is how often it is looked whether another term has begun.
	termLook = time.Minute
	// keepAgain is the pause before a word that could not be kept is kept again.
	keepAgain = time.Second
)

// notices shows the notice to people who have not been told, and lets their
// sessions look once it was shown. It is safe for concurrent use.
type notices struct {
	service *service
	book    *told.Book
	wake    chan struct{}

	keeping sync.Mutex // makes a look into the book and a word in it one step

	mu     sync.Mutex // guards what follows
	notice *lapwingv1.Notice
	plan   *lapwingv1.Schedule
	stands map[string]*stand // by target id
}

// stand is the notice on one desktop.
type stand struct {
	target supervise.Target
	open   bool // its session process runs and its screen is not locked

	process *supervise.Beside // nil: none
	version string            // in force when it was last looked at, empty for none
	browser bool              // it shows a page, which stays for other uses
	shown   string            // version that this desktop showed
	again   time.Time
	pause   time.Duration
}

func newNotices(s *service, book *told.Book) *notices {
	return &notices{service: s, book: book, wake: make(chan struct{}, 1), stands: map[string]*stand{}}
}

func (n *notices) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// desktops says which desktops there are from now on.
func (n *notices) desktops(targets []supervise.Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := map[string]*stand{}
	for _, t := range targets {
		s := n.stands[t.ID]
		if s == nil || !s.target.Equal(t) {
			if s != nil {
				s.stop()
			}
			s = &stand{target: t, pause: tellAgain}
		}
		kept[t.ID] = s
	}
	for id, s := range n.stands {
		if kept[id] == nil {
			s.stop()
		}
	}
	n.stands = kept
	n.signal()
}

func (s *stand) stop() {
	if s.process != nil {
		s.process.Stop()
	}
}

// status takes a session's word about itself; nil when its process is down.
func (n *notices) status(id string, st *lapwingv1.SessionStatus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.stands[id]
	if open := st != nil && !st.Locked; s != nil && s.open != open {
		s.open = open
		n.signal()
	}
}

// run follows the policy and shows what is to be shown, until ctx is done.
func (n *notices) run(ctx context.Context, group *supervise.Group) error {
	policies, stop := n.service.policy.Subscribe()
	defer stop()
	var said sync.WaitGroup
	defer said.Wait()
	defer n.desktops(nil)
	look, again := beat.Every(termLook), time.NewTimer(time.Hour)
	again.Stop() // most never wait for a notice to be shown
	defer look.Stop()
	defer again.Stop()
	for {
		select {
		case p := <-policies:
			n.mu.Lock()
			n.notice, n.plan = p.Policy.Notice, p.Policy.Schedule
			n.mu.Unlock()
		case <-n.wake:
		case <-look.C:
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if wait := n.adjust(ctx, group, &said); wait > 0 {
			again.Reset(wait)
		}
	}
}

// adjust tells sessions who was told, starts and ends what shows the notice,
// and returns when to try again what did not show, 0 for nothing to try.
func (n *notices) adjust(ctx context.Context, group *supervise.Group, said *sync.WaitGroup) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	var next time.Duration
	version, since := n.versionLocked(), n.since()
	untold := map[string]bool{}
	for id, s := range n.stands {
		word := n.book.Of(s.target.Account, version, since)
		if n.service.shared(s.target.Account) && s.shown != version {
			word = told.Word{} // whoever was told may have been somebody else
		}
		answered := word.State > lapwingv1.NoticeSeen_STATE_SHOWN
		if s.version != version {
			s.stop()
			s.version, s.again, s.pause = version, time.Time{}, tellAgain
		} else if answered && !s.browser {
			s.stop()
		}
		group.SetTold(id, word.Version)
		if version == "" || word.State != 0 {
			continue
		}
		untold[id] = true
		switch wait := time.Until(s.again); {
		case s.process != nil || !s.open:
		case wait > 0:
			if next == 0 || wait < next {
				next = wait
			}
		default:
			n.show(ctx, s, said)
		}
	}
	n.service.view.untold(untold)
	return next
}

// versionLocked is the version that must be shown on a screen, empty for none.
func (n *notices) versionLocked() string {
	if n.notice.GetMode() != lapwingv1.Notice_MODE_SCREEN {
		return ""
	}
	return n.notice.GetVersion()
}

// since is when the term began: who was told before is told again.
func (n *notices) since() time.Time {
	return timetable.TermStart(n.plan, time.Now().Add(-n.service.skew()))
}

// show starts the notice's process on a desktop. The caller holds mu.
func (n *notices) show(ctx context.Context, s *stand, said *sync.WaitGroup) {
	s.again = time.Now().Add(s.pause)
	s.pause = min(2*s.pause, tellAgainMax)
	text := notice.TextIn(n.notice.GetTexts(), value(s.target, "LANG"))
	line, err := json.Marshal(window.Text{
		School: n.service.link.Identity().Collector.SchoolName, Version: n.notice.GetVersion(), Lang: text.GetLang(), Title: text.GetTitle(),
		Body: text.GetBody(), WhoReads: text.GetWhoReads(), WhoToTalkTo: text.GetWhoToTalkTo(), Hours: text.GetReadingHours(),
	})
	if err == nil {
		s.process, err = supervise.StartBeside(s.target, []string{n.service.program, "tell", "--dir", n.service.dir}, line, stderrFile())
	}
	if err != nil {
		n.service.log.Error("the notice cannot be shown", "error", err)
		return
	}
	s.browser = false
	process, version := s.process, n.notice.GetVersion()
	said.Go(func() {
		for word := range process.Lines() {
			n.said(ctx, s, version, word)
		}
		n.mu.Lock()
		if s.process == process {
			s.process = nil
		}
		n.mu.Unlock()
		n.signal()
	})
}

// said keeps a word of the notice's process.
func (n *notices) said(ctx context.Context, s *stand, version, word string) {
	seen := &lapwingv1.NoticeSeen{Version: version}
	switch word {
	case saidWindow:
		seen.State, seen.Way = lapwingv1.NoticeSeen_STATE_SHOWN, lapwingv1.NoticeSeen_WAY_WINDOW
	case saidBrowser:
		seen.State, seen.Way = lapwingv1.NoticeSeen_STATE_SHOWN, lapwingv1.NoticeSeen_WAY_BROWSER
		n.mu.Lock()
		s.browser = true
		n.mu.Unlock()
	case saidRead:
		seen.State = lapwingv1.NoticeSeen_STATE_ACKNOWLEDGED
	case saidDecline:
		seen.State = lapwingv1.NoticeSeen_STATE_DECLINED
	default:
		return
	}
	n.service.log.InfoContext(ctx, "notice", "state", seen.State.String(), "way", seen.Way.String(), "desktop", s.target.ID)
	for {
		err := n.keep(s.target.Account, seen)
		if err == nil {
			n.mu.Lock()
			s.shown = version
			n.mu.Unlock()
			n.signal()
			return
		}
		n.service.log.Error("a word on the notice was not kept, it is tried again", "error", err)
		select {
		case <-time.After(keepAgain):
		case <-ctx.Done():
			return
		}
	}
}

// keep makes news of a person durable: for the collector first, then in the
// book. A crash between the two tells the collector twice, whose ledger keeps
// one; the other way round it might never hear.
func (n *notices) keep(account string, seen *lapwingv1.NoticeSeen) error {
	n.keeping.Lock()
	defer n.keeping.Unlock()
	n.mu.Lock()
	since := n.since()
	n.mu.Unlock()
	if !n.book.News(account, seen.Version, since, seen.State) {
		return nil
	}
	if err := n.service.stamps.Notice(account, seen); err != nil {
		return err
	}
	word := told.Word{Version: seen.Version, State: seen.State, At: time.Now().Add(-n.service.skew())}
	if err := n.book.Put(account, word); err != nil {
		return err
	}
	n.signal()
	return nil
}

// about fills what the desk tells of the notice, for a person and a language.
func (n *notices) about(info *notice.Info, account, lang string) (waits bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.notice.GetMode() == lapwingv1.Notice_MODE_NONE || len(n.notice.GetTexts()) == 0 {
		return false
	}
	text := notice.TextIn(n.notice.Texts, lang)
	info.Version, info.Lang, info.Title, info.Paragraphs = n.notice.Version, text.Lang, text.Title, text.Body
	info.WhoReads, info.WhoToTalkTo, info.Hours = text.WhoReads, text.WhoToTalkTo, text.ReadingHours
	word := n.book.Of(account, n.notice.Version, n.since())
	info.State = notice.StateWord(word.State)
	return n.versionLocked() != "" && word.State == 0
}
