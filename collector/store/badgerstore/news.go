package badgerstore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// change is a case as it was and as it is; before is nil when it is new.
type change struct {
	school        store.SchoolID
	before, after *caseflow.Case
}

// news is the stream of changes of one school, by queue. A viewer's position
// is made of the newest changes that he may see, so that one who is the
// subject of a case in his own queue is not told of it either.
type news struct {
	seq    uint64
	recent map[caseflow.Queue][]item // oldest first, at most maxRecent
	woken  chan struct{}             // closed and replaced at each change
}

// item is one change in the view of one queue: the case as that queue has it,
// or last had it.
type item struct {
	seq uint64
	c   *caseflow.Case
}

// maxRecent bounds how far back a viewer's newest change is looked for. When
// it lies further back, behind changes that are all hidden from him, his
// position changes once, which tells him nothing but costs a look.
const maxRecent = 256

func newNews() news {
	return news{recent: map[caseflow.Queue][]item{}, woken: make(chan struct{})}
}

func (n *news) add(ch change) {
	n.seq++
	n.put(ch.after.Queue, ch.after)
	if b, a := ch.before, ch.after; b != nil && (b.Queue != a.Queue || b.Escalated.To != a.Escalated.To || b.Person != a.Person || len(b.Consulted) > len(a.Consulted)) {
		n.put(b.Queue, b) // it has left that queue, those it was handed up to, somebody's years, or who was asked from outside
	}
}

func (n *news) put(q caseflow.Queue, c *caseflow.Case) {
	r := n.recent[q]
	if len(r) >= maxRecent {
		r = append(r[:0], r[len(r)-maxRecent/2:]...)
	}
	n.recent[q] = append(r, item{n.seq, c})
}

func (n *news) wake() {
	close(n.woken)
	n.woken = make(chan struct{})
}

// latest is the newest change in q that the viewer may see; 0 when there is none.
func (n *news) latest(q caseflow.Queue, viewer caseflow.Actor) uint64 {
	r := n.recent[q]
	for i := len(r) - 1; i >= 0; i-- {
		if caseflow.MaySee(*r[i].c, viewer) {
			return r[i].seq
		}
	}
	return 0
}

func (t *tenant) position(viewer caseflow.Actor) (store.Position, <-chan struct{}) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	mac := hmac.New(sha256.New, t.s.secret[:])
	mac.Write(be64(uint64(t.info.ID)))
	rights := t.users[viewer.User].rights
	mac.Write(rights[:])
	if viewer.Scope.Limited() {
		mac.Write(be64(t.roster.state.Version)) // with the directory, who is in the scope
	}
	// Every queue: a case may have been handed up to somebody who does not review its own.
	for _, q := range caseflow.Queues() {
		mac.Write([]byte{byte(q)})
		mac.Write(be64(t.news.latest(q, viewer)))
	}
	return store.Position(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])), t.news.woken
}

func (t *tenant) Position(ctx context.Context, viewer caseflow.Actor) (store.Position, error) {
	if t.s.isClosed() {
		return "", store.ErrClosed
	}
	p, _ := t.position(viewer)
	return p, ctx.Err()
}

func (t *tenant) Wait(ctx context.Context, viewer caseflow.Actor, after store.Position) (store.Position, error) {
	for {
		p, woken := t.position(viewer)
		if p != after {
			return p, nil
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return "", ctx.Err()
		case <-t.s.closed:
			return "", store.ErrClosed
		}
	}
}
