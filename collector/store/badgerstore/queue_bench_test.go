package badgerstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// BenchmarkQueueMillion is the queue of a large trust: 10,000 cases open,
// 1,000,000 captures kept, 10,000 people in the directory. The captures of the
// open cases come through Ingest; the rest are rows of the same size, as they
// stand after years, for building them one by one takes longer than reading them.
func BenchmarkQueueMillion(b *testing.B) {
	const open, kept, years = 10_000, 1_000_000, 7
	s, tn := benchStore(b)
	ctx := context.Background()
	var entries []store.DirectoryEntry
	for n := range open {
		key := storetest.Person(1<<30 + n)
		entries = append(entries, store.DirectoryEntry{
			Person: directory.Person{Key: key, Audience: vocab.Pupil, Accounts: []caseflow.PersonKey{storetest.Person(n)}},
			Year:   fmt.Sprintf("Year %d", 7+n%years), Content: make([]byte, 120), Digest: key, Since: storetest.Start,
			Terms: []caseflow.PersonKey{storetest.Person(1<<31 + n%500), storetest.Person(1<<32 + n%900)},
		})
	}
	who := audit.Who{Name: "root", Via: audit.ViaCommand}
	if _, err := tn.PutDirectory(ctx, store.DirectoryImport{Source: "csv", Entries: entries, By: who, At: storetest.Start}); err != nil {
		b.Fatal(err)
	}
	for n := 0; n < open; n += 500 {
		var batch []triage.Arrival
		for i := range 500 {
			a := storetest.Arrive(n+i, n+i, time.Duration(n+i)*time.Second)
			a.Device = caseflow.DeviceID(fmt.Sprintf("device-%d", (n+i)%600))
			a.Capture.Severity = vocab.Severity(1 + (n+i)%4)
			a.Capture.Categories = []vocab.Category{vocab.Categories()[(n+i)/4%10]} // in each, every severity
			a.Capture.Content = make([]byte, 400)
			batch = append(batch, a)
		}
		if _, err := tn.Ingest(ctx, batch); err != nil {
			b.Fatal(err)
		}
	}
	id := tn.Info().ID
	for n := open; n < kept; n += 2_000 {
		err := s.do(ctx, func(x *tx) error {
			for i := n; i < n+2_000; i++ {
				a := storetest.Arrive(i, i%open, time.Duration(i)*time.Second)
				a.Capture.Content = make([]byte, 400)
				key := keyCapture(id, captureID{a.Device, ulid.ID{0: 1, 12: byte(i >> 24), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}})
				x.put(key, encode(key, store.CaptureRecord{Arrival: a, Case: "0000000Z"}, captureRecordFields))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	whole := caseflow.Actor{User: "u", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{storetest.Person(1 << 40)}}
	scoped := whole
	scoped.Scope = caseflow.Scope{Years: []string{"Year 8"}, Of: tn.Place}
	now := storetest.Start.Add(3 * time.Hour)
	found, err := tn.FindPeople(ctx, []caseflow.PersonKey{storetest.Person(1<<31 + 42), storetest.Person(1<<32 + 42)}, 21)
	if err != nil || len(found) == 0 {
		b.Fatal(found, err)
	}
	for _, c := range []struct {
		name   string
		viewer caseflow.Actor
		q      store.QueueQuery
	}{
		{"first page", whole, store.QueueQuery{}},
		{"category and severity", whole, store.QueueQuery{Category: vocab.Categories()[3], Severity: vocab.High}},
		{"year group", whole, store.QueueQuery{Year: "Year 9"}},
		{"person", whole, store.QueueQuery{People: found}},
		{"device and day", whole, store.QueueQuery{Device: "device-7", From: storetest.Start, Until: storetest.Start.Add(24 * time.Hour)}},
		{"limited to a year", scoped, store.QueueQuery{}},
		{"counts of a tab", whole, store.QueueQuery{CountOnly: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var waits []time.Duration
			c.q.Now = now
			for b.Loop() {
				start := time.Now()
				p, err := tn.Queue(ctx, c.viewer, c.q)
				if err != nil || p.Total == 0 {
					b.Fatal(p.Total, err)
				}
				waits = append(waits, time.Since(start))
			}
			reportWaits(b, waits)
		})
	}
	b.Run("find a person", func(b *testing.B) {
		var waits []time.Duration
		for b.Loop() {
			start := time.Now()
			if _, err := tn.FindPeople(ctx, []caseflow.PersonKey{storetest.Person(1<<31 + 42), storetest.Person(1<<32 + 42)}, 21); err != nil {
				b.Fatal(err)
			}
			waits = append(waits, time.Since(start))
		}
		reportWaits(b, waits)
	})
}
