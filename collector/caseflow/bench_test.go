package caseflow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// A case page folds the whole history; an episode has a few captures, a bad
// day a few hundred.
func BenchmarkFold(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		events := []caseflow.Event{caseflow.Opened{Open: open(vocab.Bullying, vocab.High)}}
		for i := 1; i < n; i++ {
			r := capture(0, vocab.Low)
			r.Event, r.At = ulid.ID{13: 1, 14: byte(i >> 8), 15: byte(i)}, t0.Add(time.Duration(i)*time.Second)
			events = append(events, caseflow.Joined{Join: caseflow.Join{Capture: r}})
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c := caseflow.Fold(caseflow.Case{}, events...); c.Count != n {
					b.Fatalf("%d captures", c.Count)
				}
			}
		})
	}
}
