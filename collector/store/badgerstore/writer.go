package badgerstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// maxGroupOps is how many writes share a commit at most: beyond a few hundred
// the fsync is no longer what costs.
const maxGroupOps = 512

// op is one write. apply stages it, on the writer's goroutine; done gets the
// answer once it is durable, or once it has failed and left nothing.
type op struct {
	apply func(*tx) error
	fate  *fate // shared by the ops of one call that must keep their order; or nil
	done  chan<- error
}

// fate ties ops together: when one fails, those after it are not kept. Only
// the writer touches it.
type fate struct{ failed error }

// do runs one write and waits for it to be durable.
func (s *Store) do(ctx context.Context, apply func(*tx) error) error {
	done := make(chan error, 1)
	if err := s.send(ctx, &op{apply: apply, done: done}); err != nil {
		return err
	}
	// Not given up with ctx: apply may be writing to the caller's variables.
	return <-done
}

func (s *Store) send(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.isClosed() {
		return store.ErrClosed
	}
	select {
	case s.ops <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is the writer: it ends when Close has closed ops and all are answered.
func (s *Store) run() {
	defer close(s.finished)
	var next *op // did not fit into the group before
	for {
		first := next
		if first == nil {
			var ok bool
			if first, ok = <-s.ops; !ok {
				return
			}
		}
		next = s.group(first)
	}
}

// group commits first and what waits behind it, answers them, and returns the
// op that no longer fitted.
func (s *Store) group(first *op) (next *op) {
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	g := newTx(s, reader{txn})
	var staged []*op
	for o := first; o != nil; o = s.waiting(len(staged)) {
		fits, err := s.stage(g, o, len(staged) == 0)
		if !fits {
			next = o
			break
		}
		if err != nil {
			o.answer(err)
			continue
		}
		staged = append(staged, o)
	}
	err := s.commit(g)
	if err == nil {
		g.publish()
	}
	for _, o := range staged {
		o.answer(err)
	}
	return next
}

func (s *Store) waiting(staged int) *op {
	if staged >= maxGroupOps {
		return nil
	}
	select {
	case o := <-s.ops: // nil once closed and empty
		return o
	default:
		return nil
	}
}

// stage applies o to a write-set of its own and adds that to the group's if it
// succeeds. It does not fit when the group, unless empty, would become too large.
func (s *Store) stage(g *tx, o *op, alone bool) (fits bool, err error) {
	if o.fate != nil && o.fate.failed != nil {
		return true, o.fate.failed
	}
	t := newTx(s, g.r)
	t.under = g
	if err := o.apply(t); err != nil {
		return true, err
	}
	switch total, limit := g.size+t.size, s.db.MaxBatchSize(); {
	case alone && total > limit*9/10:
		return true, fmt.Errorf("%w: one write of %d bytes", store.ErrInvalid, total)
	case !alone && total > limit/2:
		return false, nil
	}
	t.mergeInto(g)
	return true, nil
}

func (o *op) answer(err error) {
	if err != nil && o.fate != nil && o.fate.failed == nil {
		o.fate.failed = err
	}
	o.done <- err
}

// commit makes the group durable in one transaction with one fsync.
func (s *Store) commit(g *tx) error {
	s.mu.RLock()
	err := s.failed
	s.mu.RUnlock()
	if err != nil || len(g.writes) == 0 {
		return err
	}
	if err := s.space.check(); err != nil {
		return err
	}
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	for k, v := range g.writes {
		if v == nil {
			err = errors.Join(err, txn.Delete([]byte(k)))
		} else {
			err = errors.Join(err, txn.SetEntry(badger.NewEntry([]byte(k), v)))
		}
	}
	if err != nil { // nothing was written: a fault of ours
		return fmt.Errorf("commit: %w", err)
	}
	if err := s.commitTxn(txn); err != nil {
		// It may or may not be on disk, and what stands in memory may no longer
		// be its fold. Only reading it all again could tell: stop writing.
		err = fmt.Errorf("commit failed, the collector must be restarted: %w", err)
		s.mu.Lock()
		s.failed = err
		s.mu.Unlock()
		return err
	}
	return nil
}
