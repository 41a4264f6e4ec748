package badgerstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func benchStore(b *testing.B) (*Store, store.Tenant) {
	b.Helper()
	s, err := Open(b.TempDir(), Options{Ballast: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s, storetest.NewSchool(b, s)
}

// BenchmarkIngest is durable ingest with all that belongs to it: dedupe,
// triage, events, head, indexes, ledger. Each of the streams sends a message of
// batch captures and waits for its acknowledgement. 1,000 pupils; a capture
// opens a case or joins one.
func BenchmarkIngest(b *testing.B) {
	for _, c := range []struct{ streams, batch int }{{1, 1}, {1, 16}, {8, 1}, {64, 1}, {64, 16}} {
		b.Run(fmt.Sprintf("streams=%d/batch=%d", c.streams, c.batch), func(b *testing.B) {
			_, tn := benchStore(b)
			var next atomic.Int64
			waits := make([][]time.Duration, c.streams)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for stream := range c.streams {
				wg.Go(func() {
					for {
						n := int(next.Add(int64(c.batch)))
						if n > b.N+c.batch {
							return
						}
						batch := make([]triage.Arrival, c.batch)
						for i := range batch {
							batch[i] = storetest.Arrive(n+i, (n+i)%1000, time.Duration(n)*time.Second)
							batch[i].Capture.Content = make([]byte, 400)
						}
						start := time.Now()
						if _, err := tn.Ingest(context.Background(), batch); err != nil {
							b.Error(err)
							return
						}
						waits[stream] = append(waits[stream], time.Since(start))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			reportWaits(b, slices.Concat(waits...))
		})
	}
}

// BenchmarkFloor is what BenchmarkIngest cannot go below: the same group commit
// and fsync, with one row of the same size a capture and no domain at all.
func BenchmarkFloor(b *testing.B) {
	s, _ := benchStore(b)
	value := make([]byte, 700)
	done := make(chan error, 1024)
	for n := range b.N {
		key := prefix(9, tCapture, be64(uint64(n)))
		if err := s.send(b.Context(), &op{done: done, apply: func(x *tx) error { x.put(key, value); return nil }}); err != nil {
			b.Fatal(err)
		}
		if n >= cap(done) {
			<-done
		}
	}
	for range min(b.N, cap(done)) {
		<-done
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func reportWaits(b *testing.B, waits []time.Duration) {
	slices.Sort(waits)
	at := func(q float64) float64 { return float64(waits[int(q*float64(len(waits)-1))]) / 1e6 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.95), "p95-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}

// BenchmarkQueue10k reads the first page with 10,000 cases open.
func BenchmarkQueue10k(b *testing.B) {
	s, tn := benchStore(b)
	for n := 0; n < 10_000; n += 500 {
		var batch []triage.Arrival
		for i := range 500 {
			a := storetest.Arrive(n+i, n+i, time.Duration(n+i)*time.Second)
			a.Capture.Severity = vocab.Severity(1 + (n+i)%4)
			batch = append(batch, a)
		}
		if _, err := tn.Ingest(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
	viewer := caseflow.Actor{User: "u", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{storetest.Person(1 << 40)}}
	now := storetest.Start.Add(3 * time.Hour)
	page := func(b *testing.B, q store.QueueQuery) store.QueuePage {
		p, err := tn.Queue(context.Background(), viewer, q)
		if err != nil || p.Total != 10_000 {
			b.Fatal(p.Total, err)
		}
		return p
	}
	deep := store.QueueQuery{Now: now, Limit: 200}
	for range 25 {
		deep.Cursor = page(b, deep).Next
	}
	for name, q := range map[string]store.QueueQuery{"first page": {Now: now}, "page 26 of 200": deep} {
		b.Run(name, func(b *testing.B) {
			var waits []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				page(b, q)
				waits = append(waits, time.Since(start))
			}
			reportWaits(b, waits)
		})
	}
	b.Run("load at start", func(b *testing.B) {
		for b.Loop() {
			again := &Store{db: s.db, schools: map[store.SchoolID]*school{}}
			if err := again.load(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
