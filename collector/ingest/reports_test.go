package ingest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// reporter is a school that keeps reports.
type reporter struct {
	store.Tenant
	mu    sync.Mutex // guards all below
	calls int
	last  map[caseflow.DeviceID]uint64
	fail  error
}

func (r *reporter) Info() store.School { return store.School{ID: 1} }

func (r *reporter) Report(_ context.Context, all []store.DeviceReport) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.fail != nil {
		return r.fail
	}
	for _, d := range all {
		r.last[d.ID] = d.SpoolRecords
	}
	return nil
}

// seen returns the number of calls and what was last stored of a and b.
func (r *reporter) seen() [3]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return [3]uint64{uint64(r.calls), r.last["a"], r.last["b"]}
}

func report(id caseflow.DeviceID, n uint64) store.DeviceReport {
	return store.DeviceReport{ID: id, SpoolRecords: n}
}

func TestReportsShareACommitAndTheLastWordCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReports(slog.New(slog.DiscardHandler))
		s := &reporter{last: map[caseflow.DeviceID]uint64{}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.run(ctx); close(done) }()
		synctest.Wait()
		r.put(s, report("a", 1)) // stored at once: nothing was said for long
		synctest.Wait()
		if got := s.seen(); got != [3]uint64{1, 1, 0} {
			t.Errorf("after the first: %v", got)
		}
		for i := range uint64(1000) {
			r.put(s, report("a", i))
			r.put(s, report("b", i))
		}
		synctest.Wait()
		if got := s.seen(); got[0] != 1 {
			t.Errorf("%d calls within the half second", got[0])
		}
		time.Sleep(reportEvery) // of the bubble's clock
		synctest.Wait()
		if got := s.seen(); got != [3]uint64{2, 999, 999} {
			t.Errorf("after it: %v; want two calls and the last words", got)
		}
		cancel()
		<-done
	})
}

func TestReportsAreKeptWhileTheStoreIsFull(t *testing.T) {
	r := newReports(slog.New(slog.DiscardHandler))
	s := &reporter{last: map[caseflow.DeviceID]uint64{}, fail: store.ErrFull}
	r.put(s, report("a", 1))
	r.put(s, report("b", 1))
	r.flush(t.Context())
	r.put(s, report("b", 2))
	r.flush(t.Context())
	s.fail = nil
	r.flush(t.Context())
	if s.last["a"] != 1 || s.last["b"] != 2 {
		t.Errorf("stored %v, want the last words of both", s.last)
	}
	r.put(s, report("a", 3))
	s.fail = errors.Join(store.ErrInvalid)
	r.flush(t.Context())
	calls := s.calls
	r.flush(t.Context())
	if s.calls != calls {
		t.Error("a report that can never be kept was tried again")
	}
}
