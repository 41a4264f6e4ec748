package ingest_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func openDefault(_ context.Context, dir string) (store.Store, error) {
	return badgerstore.Open(dir, badgerstore.Options{})
}

// BenchmarkReconnect is one device coming back: TCP, mutual TLS, the stream,
// a batch of one event and its acknowledgement. Client and collector share the
// processors.
func BenchmarkReconnect(b *testing.B) {
	c := collectortest.Start(b, openDefault)
	d := c.Enrol(b)
	seq := uint64(0)
	for b.Loop() {
		s := stream(b, c, d)
		seq++
		roundTrip(b, s, batch(seq))
	}
}

// BenchmarkIngest is 64 devices that send batches of 16 events and wait for
// each acknowledgement.
func BenchmarkIngest(b *testing.B) {
	c := collectortest.Start(b, openDefault)
	const devices, events = 64, 16
	var streams [devices]line
	for i := range streams {
		streams[i] = stream(b, c, c.Enrol(b))
	}
	rounds := max(b.N/(devices*events), 1)
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, s := range streams {
		wg.Go(func() {
			for r := range rounds {
				out := batch()
				for e := range events {
					ev := event(uint64(r*events + e + 1))
					ev.Account = fmt.Sprintf("pupil-%d", i)
					out.Events = append(out.Events, ev)
				}
				roundTrip(b, s, out)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(rounds*devices*events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkIdle is the memory of a connected device that says nothing, both
// ends of it.
func BenchmarkIdle(b *testing.B) {
	c := collectortest.Start(b, openDefault)
	d := make([]collectortest.Device, 500)
	for i := range d {
		d[i] = c.Enrol(b)
	}
	before := inUse()
	for i := range d {
		stream(b, c, d[i])
	}
	each := float64(inUse()-before) / float64(len(d)) / 1024
	for b.Loop() {
		runtime.Gosched()
	}
	b.ReportMetric(each, "KB/device")
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

func stream(b *testing.B, c *collectortest.Collector, d collectortest.Device) line {
	b.Helper()
	s, err := c.AgentDoor(b, d).Stream(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	h := hello()
	h.GetHello().PolicyVersion = 1
	if err := s.Send(h); err != nil {
		b.Fatal(err)
	}
	if m, err := s.Recv(); err != nil || m.GetAck().GetServerTimeMs() == 0 {
		b.Fatal(m, err) // the time comes first
	}
	return s
}

func roundTrip(b *testing.B, s line, out *lapwingv1.Batch) {
	if err := s.Send(&lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Batch{Batch: out}}); err != nil {
		b.Error(err)
		return
	}
	m, err := s.Recv()
	if err != nil || m.GetAck().GetUpto() != out.Events[len(out.Events)-1].Seq {
		b.Errorf("got %v, %v", m, err)
	}
}
