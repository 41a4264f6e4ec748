package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/ingest"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

var epoch = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// school is as much of a tenant as Core needs; any other call is a nil
// dereference, and so a failed test.
type school struct {
	store.Tenant
	mu    sync.Mutex
	keys  map[caseflow.PersonKey][]byte
	kept  []triage.Arrival
	seen  map[store.EventKey]bool
	staff map[caseflow.PersonKey]caseflow.PersonKey // phrase to entry
	fail  error
}

func newSchool() *school {
	return &school{keys: map[caseflow.PersonKey][]byte{}, seen: map[store.EventKey]bool{}}
}

func (s *school) Info() store.School { return store.School{ID: 7, Slug: "demo", Name: "Demo School"} }

func (s *school) Key(_ context.Context, p caseflow.PersonKey) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.keys[p]; ok {
		return k, nil
	}
	return nil, store.ErrNotFound
}

func (s *school) AddKey(_ context.Context, p caseflow.PersonKey, k []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.keys[p]; ok {
		return have, nil
	}
	s.keys[p] = k
	return k, nil
}

func (s *school) Ingest(_ context.Context, all []triage.Arrival) ([]store.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	if err := store.CheckArrivals(all); err != nil {
		return nil, err
	}
	receipts := make([]store.Receipt, len(all))
	for i, a := range all {
		k := store.EventKey{Device: a.Device, Event: a.Event, Revision: a.Revision}
		if receipts[i].Duplicate = s.seen[k]; !s.seen[k] {
			s.seen[k] = true
			s.kept = append(s.kept, a)
		}
	}
	return receipts, nil
}

type fixture struct {
	core  *ingest.Core
	vault *vault.Vault
	reg   *prometheus.Registry
	log   *strings.Builder
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{vault: v, reg: prometheus.NewRegistry(), log: &strings.Builder{}}
	f.core, err = ingest.NewCore(v, func() time.Time { return epoch }, slog.New(slog.NewTextHandler(f.log, nil)), f.reg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var laptop = ingest.Device{ID: "laptop", Group: vocab.GroupPupil}

const boot = "0123456789abcdef"

// batch is a batch of urgent captures with these seqs, a minute old.
func batch(seqs ...uint64) *lapwingv1.Batch {
	b := &lapwingv1.Batch{
		Lane: lapwingv1.Lane_LANE_URGENT,
		Now:  &lapwingv1.DeviceTime{WallMs: epoch.UnixMilli(), MonoMs: 600_000, Boot: []byte(boot)},
	}
	for _, n := range seqs {
		b.Events = append(b.Events, event(n))
	}
	return b
}

func event(seq uint64) *lapwingv1.Event {
	return &lapwingv1.Event{
		Id: []byte(fmt.Sprintf("event-%010d", seq)), Lane: lapwingv1.Lane_LANE_URGENT, Seq: seq,
		Boot: []byte(boot), WallMs: epoch.UnixMilli() - 60_000, MonoMs: 540_000,
		Account: "rowan.ash", Session: "c2",
		Body: &lapwingv1.Event_Capture{Capture: &lapwingv1.Capture{
			Categories: []string{"suicide", "self-harm"},
			Severity:   lapwingv1.Severity_SEVERITY_CRITICAL, Level: lapwingv1.Level_LEVEL_ALERT,
			Source: lapwingv1.Source_SOURCE_TYPED_TEXT,
			Rules: []*lapwingv1.RuleHit{{
				Rule: "suicide-plan", Version: 3, Pack: "suicide", Reading: "plain", Title: "A plan to die",
				Severity: lapwingv1.Severity_SEVERITY_CRITICAL, Level: lapwingv1.Level_LEVEL_ALERT, RaisedBy: []string{"tonight"},
			}},
			Excerpt: "planted excerpt zebra", Marks: []*lapwingv1.Span{{Start: 8, End: 15}},
			App: "planted-app", Title: "planted title", Final: true, Count: 2,
		}},
	}
}

func TestAcceptKeepsWhatItAcknowledges(t *testing.T) {
	f, s := newFixture(t), newSchool()
	ack, err := f.core.Accept(t.Context(), s, laptop, batch(4, 9))
	if err != nil {
		t.Fatal(err)
	}
	want := &lapwingv1.Ack{Lane: lapwingv1.Lane_LANE_URGENT, Upto: 9, ServerTimeMs: epoch.UnixMilli()}
	if !proto.Equal(ack, want) {
		t.Errorf("ack %v, want %v", ack, want)
	}
	if len(s.kept) != 2 {
		t.Fatalf("%d arrivals kept, want 2", len(s.kept))
	}
	rowan := f.vault.PersonKey(7, "rowan.ash")
	got := s.kept[0]
	wantArrival := triage.Arrival{
		Kind: triage.KindCapture, Device: "laptop", Event: ulid.ID([]byte("event-0000000004")), Urgent: true, Seq: 4,
		At: epoch.Add(-time.Minute), ReceivedAt: epoch, Person: rowan, Audience: vocab.Unknown, Group: vocab.GroupPupil,
		Capture: &triage.Capture{
			Categories: []vocab.Category{vocab.Suicide, vocab.SelfHarm}, Severity: vocab.Critical, Level: vocab.Alert,
			Source: triage.Source(lapwingv1.Source_SOURCE_TYPED_TEXT), Count: 2, Final: true,
			Rules: []triage.Rule{{ID: "suicide-plan", Version: 3, Pack: "suicide", Reading: "plain", Title: "A plan to die",
				Severity: vocab.Critical, Level: vocab.Alert, RaisedBy: []string{"tonight"}}},
		},
	}
	if d := cmp.Diff(wantArrival, got, cmpopts.IgnoreTypes(caseflow.Sealed{})); d != "" {
		t.Errorf("arrival (-want +got):\n%s", d)
	}
	name, err := f.vault.Unseal(t.Context(), s, 7, rowan, vault.PersonName, got.PersonName)
	if err != nil || string(name) != "rowan.ash" {
		t.Errorf("person name unseals to %q, %v", name, err)
	}
	content, err := f.vault.Unseal(t.Context(), s, 7, rowan, vault.Capture, got.Capture.Content)
	if err != nil {
		t.Fatal(err)
	}
	var c lapwingv1.Capture
	if err := proto.Unmarshal(content, &c); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("planted excerpt zebra|planted-app|planted title", c.Excerpt+"|"+c.App+"|"+c.Title); d != "" {
		t.Error(d)
	}
	if len(c.Marks) != 1 || len(c.Rules) != 0 || c.Severity != 0 {
		t.Errorf("sealed content holds more or less than it should: %d marks, %d rules", len(c.Marks), len(c.Rules))
	}
}

func TestTheSameBatchTwiceIsKeptOnce(t *testing.T) {
	f, s := newFixture(t), newSchool()
	for range 2 {
		ack, err := f.core.Accept(t.Context(), s, laptop, batch(1, 2, 3))
		if err != nil || ack.Upto != 3 {
			t.Fatalf("ack %v, %v; want upto 3", ack, err)
		}
	}
	if len(s.kept) != 3 {
		t.Errorf("%d arrivals kept, want 3", len(s.kept))
	}
	if n := counter(t, f.reg, "lapwing_ingest_events_total", "duplicate"); n != 3 {
		t.Errorf("%v duplicates counted, want 3", n)
	}
}

func TestOnePoisonedEventDoesNotBlockItsLane(t *testing.T) {
	for name, poison := range map[string]func(*lapwingv1.Event){
		"excerpt too long":               func(e *lapwingv1.Event) { e.GetCapture().Excerpt = strings.Repeat("zebra ", 200) },
		"no body":                        func(e *lapwingv1.Event) { e.Body = nil },
		"id of the wrong length":         func(e *lapwingv1.Event) { e.Id = []byte("zebra") },
		"unknown category":               func(e *lapwingv1.Event) { e.GetCapture().Categories = []string{"zebra"} },
		"id that only the store refuses": func(e *lapwingv1.Event) { e.Id = make([]byte, 16) },
	} {
		t.Run(name, func(t *testing.T) {
			f, s := newFixture(t), newSchool()
			b := batch(1, 2, 3)
			poison(b.Events[1])
			ack, err := f.core.Accept(t.Context(), s, laptop, b)
			if err != nil {
				t.Fatal(err)
			}
			if ack.Upto != 3 || ack.Refused != 1 || ack.RetryAfterMs != 0 {
				t.Errorf("ack %v; want upto 3, 1 refused", ack)
			}
			if len(s.kept) != 2 {
				t.Errorf("%d arrivals kept, want 2", len(s.kept))
			}
			if n := counter(t, f.reg, "lapwing_ingest_events_total", "refused"); n != 1 {
				t.Errorf("%v refusals counted, want 1", n)
			}
			if strings.Contains(f.log.String(), "zebra") || strings.Contains(f.log.String(), "rowan") {
				t.Errorf("the log holds content: %s", f.log)
			}
		})
	}
}

func TestBadEnvelopes(t *testing.T) {
	for name, spoil := range map[string]func(*lapwingv1.Batch){
		"no lane":      func(b *lapwingv1.Batch) { b.Lane = 0 },
		"no events":    func(b *lapwingv1.Batch) { b.Events = nil },
		"no clock":     func(b *lapwingv1.Batch) { b.Now = nil },
		"out of order": func(b *lapwingv1.Batch) { b.Events[0], b.Events[1] = b.Events[1], b.Events[0] },
		"seq twice":    func(b *lapwingv1.Batch) { b.Events[1].Seq = b.Events[0].Seq },
		"other lane":   func(b *lapwingv1.Batch) { b.Events[1].Lane = lapwingv1.Lane_LANE_ROUTINE },
		"too many":     func(b *lapwingv1.Batch) { b.Events = batch(many(513)...).Events },
	} {
		f, s := newFixture(t), newSchool()
		b := batch(1, 2)
		spoil(b)
		if _, err := f.core.Accept(t.Context(), s, laptop, b); !errors.Is(err, ingest.ErrEnvelope) {
			t.Errorf("%s: %v, want ErrEnvelope", name, err)
		}
		if len(s.kept) != 0 {
			t.Errorf("%s: %d arrivals kept", name, len(s.kept))
		}
	}
}

func many(n uint64) (seqs []uint64) {
	for i := range n {
		seqs = append(seqs, i+1)
	}
	return seqs
}

func TestAbsurdTimesAreKeptAndMarked(t *testing.T) {
	f, s := newFixture(t), newSchool()
	b := batch(1, 2)
	b.Events[0].MonoMs = 1 << 60
	if _, err := f.core.Accept(t.Context(), s, laptop, b); err != nil {
		t.Fatal(err)
	}
	if a := s.kept[0]; !a.Suspect || !a.At.Equal(epoch) {
		t.Errorf("event from the future: at %v, suspect %v; want the time of receipt, true", a.At, a.Suspect)
	}
	if a := s.kept[1]; a.Suspect {
		t.Error("its neighbour is suspect too")
	}
}

func TestFaultsOfTheStoreLoseNothing(t *testing.T) {
	for fault, least := range map[error]uint32{store.ErrFull: 60_000, errors.New("disk on fire"): 5_000} {
		f, s := newFixture(t), newSchool()
		s.fail = fmt.Errorf("commit: %w", fault)
		ack, err := f.core.Accept(t.Context(), s, laptop, batch(1, 2))
		if err != nil {
			t.Fatal(err)
		}
		if ack.Upto != 0 || ack.RetryAfterMs < least || ack.RetryAfterMs > 3*least {
			t.Errorf("%v: ack %v; want upto 0, retry after %d to %d ms", fault, ack, least, 3*least)
		}
		if err := ack.Validate(); err != nil {
			t.Error(err)
		}
		s.fail = nil
		if ack, err := f.core.Accept(t.Context(), s, laptop, batch(1, 2)); err != nil || ack.Upto != 2 {
			t.Errorf("second try: %v, %v; want upto 2", ack, err)
		}
	}
}

// blocking lets commits pile up.
type blocking struct {
	*school
	in, out chan struct{}
}

func (b blocking) Ingest(ctx context.Context, all []triage.Arrival) ([]store.Receipt, error) {
	b.in <- struct{}{}
	<-b.out
	return b.school.Ingest(ctx, all)
}

func TestTooMuchPendingWorkIsPutOff(t *testing.T) {
	f := newFixture(t)
	s := blocking{newSchool(), make(chan struct{}), make(chan struct{})}
	full := batch(many(500)...)
	var wg sync.WaitGroup
	for range ingest.MaxPending / 500 {
		wg.Go(func() {
			if ack, err := f.core.Accept(t.Context(), s, laptop, proto.CloneOf(full)); err != nil || ack.Upto != 500 {
				t.Errorf("ack %v, %v; want upto 500", ack, err)
			}
		})
	}
	for range ingest.MaxPending / 500 {
		<-s.in
	}
	ack, err := f.core.Accept(t.Context(), s, laptop, batch(1))
	if err != nil || ack.Upto != 0 || ack.RetryAfterMs == 0 {
		t.Errorf("ack %v, %v; want it put off", ack, err)
	}
	close(s.out)
	wg.Wait()
	go func() { <-s.in }()
	if ack, err := f.core.Accept(t.Context(), s, laptop, batch(1)); err != nil || ack.Upto != 1 {
		t.Errorf("after the queue drained: %v, %v; want upto 1", ack, err)
	}
}

// One device must not be able to fill everybody's queue with pupils that it invents.
func TestNewAccountsOfOneDeviceAreLimited(t *testing.T) {
	f, s := newFixture(t), newSchool()
	now := epoch
	core, err := ingest.NewCore(f.vault, func() time.Time { return now }, slog.New(slog.NewTextHandler(f.log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	crowd := batch(many(150)...)
	for i, e := range crowd.Events {
		e.Account = fmt.Sprintf("invented-%d", i)
	}
	accept := func(d ingest.Device, b *lapwingv1.Batch) *lapwingv1.Ack {
		t.Helper()
		ack, err := core.Accept(t.Context(), s, d, b)
		if err != nil {
			t.Fatal(err)
		}
		if err := ack.Validate(); err != nil {
			t.Fatal(err)
		}
		return ack
	}
	if a := accept(laptop, crowd); a.Upto != 100 || a.RetryAfterMs < 35_000 || a.RetryAfterMs > 37_000 {
		t.Fatalf("ack %v, want upto 100 and 36 s", a)
	}
	if len(s.kept) != 100 {
		t.Errorf("%d events kept, want those that were acknowledged", len(s.kept))
	}
	rest := proto.CloneOf(crowd)
	rest.Events = rest.Events[100:]
	if a := accept(laptop, rest); a.Upto != 0 || a.RetryAfterMs == 0 {
		t.Errorf("at once again: %v, want it put off", a)
	}
	known := batch(200)
	known.Events[0].Account = "invented-7"
	if a := accept(laptop, known); a.Upto != 200 || a.RetryAfterMs != 0 {
		t.Errorf("an account that is known: %v", a)
	}
	if a := accept(ingest.Device{ID: "another", Group: vocab.GroupPupil}, batch(1)); a.Upto != 1 {
		t.Errorf("another device: %v", a)
	}
	for at := 0; at < len(rest.Events); { // nothing is lost
		now = now.Add(time.Minute)
		rest.Events = rest.Events[at:]
		a := accept(laptop, rest)
		if a.Upto == 0 {
			t.Fatal("no progress after a minute")
		}
		for at = 0; at < len(rest.Events) && rest.Events[at].Seq <= a.Upto; at++ {
		}
	}
	if len(s.kept) != 152 {
		t.Errorf("%d events kept in the end, want 152", len(s.kept))
	}
	if strings.Contains(f.log.String(), "invented") || !strings.Contains(f.log.String(), "many new accounts") {
		t.Errorf("the log should name the device and no account: %s", f.log)
	}
}

// What follows a final revision is acknowledged, counted and kept nowhere.
func TestARevisionThatTheStoreRefusesIsCounted(t *testing.T) {
	f := newFixture(t)
	st, err := openBadger(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	info, err := st.AddSchool(t.Context(), "demo", "Demo", epoch)
	if err != nil {
		t.Fatal(err)
	}
	tn, err := st.School(t.Context(), info.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := f.core.Accept(t.Context(), tn, laptop, batch(1)); err != nil || a.Refused != 0 {
		t.Fatal(a, err)
	}
	b := batch(2, 3)
	b.Events[0].Id, b.Events[0].Revision = event(1).Id, 1
	b.Events[0].GetCapture().Withdrawn = true
	b.Events[0].GetCapture().Excerpt, b.Events[0].GetCapture().Marks = "", nil
	if a, err := f.core.Accept(t.Context(), tn, laptop, b); err != nil || a.Upto != 3 || a.Refused != 1 {
		t.Errorf("ack %v, %v; want upto 3, 1 refused", a, err)
	}
	if n := counter(t, f.reg, "lapwing_ingest_events_total", "refused"); n != 1 {
		t.Errorf("%v refusals counted, want 1", n)
	}
	if n := counter(t, f.reg, "lapwing_ingest_events_total", "kept"); n != 2 {
		t.Errorf("%v kept counted, want 2", n)
	}
}

func TestOtherBodies(t *testing.T) {
	f, s := newFixture(t), newSchool()
	b := batch(1, 2, 3)
	b.Events[0].Body = &lapwingv1.Event_Tamper{Tamper: &lapwingv1.Tamper{Code: "session_killed", Count: 3}}
	b.Events[0].Account = ""
	b.Events[1].Body = &lapwingv1.Event_Digest{Digest: &lapwingv1.Digest{
		ByCategory: map[string]uint32{"suicide": 1 << 31, "drugs": 1 << 31, "violence": 5}}}
	b.Events[2].Account = "" // a capture of an account that the system did not name
	if _, err := f.core.Accept(t.Context(), s, laptop, b); err != nil {
		t.Fatal(err)
	}
	if a := s.kept[0]; a.Kind != triage.KindTamper || a.Code != "session_killed" || a.Count != 3 || !a.Person.IsZero() || a.PersonName != nil {
		t.Errorf("tamper became %+v", a)
	}
	if a := s.kept[1]; a.Kind != triage.KindDigest || a.Count != 1<<32-1 {
		t.Errorf("digest became %+v; want the count saturated", a)
	}
	if a := s.kept[2]; !a.Person.IsZero() || a.Capture == nil || len(a.Capture.Content) == 0 {
		t.Errorf("capture of nobody became %+v", a)
	}
}

// FuzzAccept gives the core whatever a device could send.
func FuzzAccept(f *testing.F) {
	for _, b := range []*lapwingv1.Batch{batch(1), batch(1, 2, 3), {}, {Events: []*lapwingv1.Event{{}}}} {
		wire, err := proto.Marshal(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	fix := newFixture(f)
	f.Fuzz(func(t *testing.T, wire []byte) {
		var b lapwingv1.Batch
		if proto.Unmarshal(wire, &b) != nil {
			return
		}
		s := newSchool()
		ack, err := fix.core.Accept(t.Context(), s, laptop, &b)
		if err != nil {
			if !errors.Is(err, ingest.ErrEnvelope) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if err := ack.Validate(); err != nil {
			t.Fatal(err)
		}
		if ack.RetryAfterMs != 0 || ack.Upto != b.Events[len(b.Events)-1].Seq {
			t.Fatalf("ack %v of a valid batch", ack)
		}
		if int(ack.Refused)+len(s.kept) > len(b.Events) {
			t.Fatalf("%d refused and %d kept of %d", ack.Refused, len(s.kept), len(b.Events))
		}
		for _, a := range s.kept {
			if a.At.After(a.ReceivedAt) {
				t.Fatalf("kept with a time in the future: %v", a.At)
			}
		}
	})
}

// counter sums the samples of a metric that carry a label of this value.
func counter(t *testing.T, reg *prometheus.Registry, name, label string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, fam := range families {
		if fam.GetName() != name {
			continue
		}
		for _, m := range fam.Metric {
			for _, l := range m.Label {
				if l.GetValue() == label {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// total is the value of a counter without labels.
func total(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, fam := range families {
		if fam.GetName() == name {
			return fam.Metric[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no counter %s", name)
	return 0
}
