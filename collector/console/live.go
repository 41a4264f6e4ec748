package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

const (
	// maxStreams is how many pages one person may hold open live.
	maxStreams = 8
	// streamWrite bounds one write to a browser that does not read.
	streamWrite = 10 * time.Second
	// maxPosition bounds what a browser may send back as its position.
	maxPosition = 256
)

// streams counts the open streams of each person.
type streams struct {
	mu   sync.Mutex // guards open
	open map[streamOwner]int
}

type streamOwner struct {
	school store.SchoolID
	user   caseflow.UserID
}

// enter takes a place; leave gives it back. ok is false when all are taken.
func (s *streams) enter(o streamOwner) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[streamOwner]int{}
	}
	if s.open[o] >= maxStreams {
		return nil, false
	}
	s.open[o]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[o]--; s.open[o] == 0 {
			delete(s.open, o)
		}
	}, true
}

// live is the stream of the queue. It says "changed" and an opaque position,
// nothing else: the page then asks for the queue again through every
// permission. It waits per viewer and not for a shared queue, because even the
// moment of a change of a case about the viewer would tell of it; the store
// waits in memory, so a stream costs no polling.
func (c *Console) live(w http.ResponseWriter, r *http.Request) {
	id, err := c.auth.Resolve(r.Context(), r, false)
	if err != nil && !errors.Is(err, auth.ErrSignedOut) {
		c.fail(w, r, err)
		return
	}
	if err != nil {
		c.askToSignIn(w, r)
		return
	}
	if !caseflow.Allows(id.Actor, caseflow.ReviewCases) {
		c.missing(w, r, id)
		return
	}
	leave, ok := c.streams.enter(streamOwner{id.Tenant.Info().ID, id.User.ID})
	if !ok {
		http.Error(w, "too many live pages", http.StatusTooManyRequests)
		return
	}
	defer leave()

	s := &stream{console: c, w: w, out: http.NewResponseController(w), id: id}
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	if len(after) > maxPosition {
		after = ""
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between must not hold it back
	if s.send("retry: 2000\n: live\n\n") != nil {
		return
	}
	s.run(r, store.Position(after))
}

// stream is one browser's.
type stream struct {
	console *Console
	w       http.ResponseWriter
	out     *http.ResponseController
	id      auth.Identity
}

// run tells of changes until the browser leaves, the session ends, or what
// the person may see changes.
func (s *stream) run(r *http.Request, at store.Position) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	moved := make(chan store.Position)
	failed := make(chan error, 1)
	go func() {
		for pos := at; ; {
			next, err := s.id.Tenant.Wait(ctx, s.id.Actor, pos)
			if err != nil {
				failed <- err
				return
			}
			select {
			case moved <- next:
				pos = next
			case <-ctx.Done():
				return
			}
		}
	}()
	beat := time.NewTicker(s.console.heartbeat)
	defer beat.Stop()
	for {
		var message string
		select {
		case <-ctx.Done():
			return
		case err := <-failed:
			if ctx.Err() == nil {
				s.console.log.WarnContext(ctx, "live stream ended by the store", "error", err)
			}
			return
		case pos := <-moved:
			message = fmt.Sprintf("id: %s\nevent: changed\ndata: %s\n\n", pos, pos)
		case <-beat.C:
			message = ": still here\n\n"
		}
		// Before each word: does the session stand, with the same rights?
		id, err := s.console.auth.Resolve(ctx, r, false)
		if errors.Is(err, auth.ErrSignedOut) {
			_ = s.send("event: ended\ndata: signed-out\n\n")
			return
		}
		if err != nil || !id.SameRights(s.id) || s.send(message) != nil {
			return // the browser asks again, and gets what is right now
		}
	}
}

// send writes one message. The write deadline is its own: the server's
// would end the stream, and in HTTP/2 a deadline does so even between writes.
func (s *stream) send(message string) error {
	if err := s.deadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(message)); err != nil {
		return fmt.Errorf("write stream: %w", err)
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("flush stream: %w", err)
	}
	return s.deadline(time.Time{})
}

func (s *stream) deadline(at time.Time) error {
	if err := s.out.SetWriteDeadline(at); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set write deadline: %w", err)
	}
	return nil
}
