package badgerstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

func openIn(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeAtEnd(t *testing.T, s *Store) {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Writes that come while one is being made durable share the next commit.
func TestWaitingWritesShareACommit(t *testing.T) {
	s := openIn(t, t.TempDir())
	closeAtEnd(t, s)
	tn := storetest.NewSchool(t, s)

	commits := 0
	held, release := make(chan bool), make(chan bool)
	must(t, s.do(t.Context(), func(x *tx) error {
		x.s.commitTxn = func(txn *badger.Txn) error {
			if commits++; commits == 1 {
				held <- true
				<-release
			}
			return txn.Commit()
		}
		return nil
	}))
	sc := s.schoolOf(tn.Info().ID)
	const writes = 100
	var answers [writes]chan error
	for i := range answers {
		answers[i] = make(chan error, 1)
		must(t, s.send(t.Context(), &op{done: answers[i], apply: func(x *tx) error {
			_, err := x.ingest(sc, storetest.Arrive(i, i, 0))
			return err
		}}))
		if i == 0 {
			<-held // the writer is making the first durable
		}
	}
	release <- true
	for _, a := range answers {
		must(t, <-a)
	}
	if commits != 2 {
		t.Errorf("%d writes that waited took %d commits, want one", writes-1, commits-1)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Once it is unknown what a commit left on disk, nothing more is written:
// what stands in memory may no longer be what a restart will read.
func TestAFailedCommitStopsWriting(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	tn := storetest.NewSchool(t, s)
	boom := errors.New("input/output error")
	must(t, s.do(t.Context(), func(x *tx) error {
		x.s.commitTxn = func(txn *badger.Txn) error {
			return errors.Join(txn.Commit(), boom) // on disk, and nobody can know
		}
		return nil
	}))
	for n := range 2 {
		if _, err := tn.Ingest(t.Context(), []triage.Arrival{storetest.Arrive(n, n, 0)}); !errors.Is(err, boom) {
			t.Errorf("ingest %d: %v", n, err)
		}
	}
	if err := s.Health(t.Context()); !errors.Is(err, boom) {
		t.Errorf("health: %v", err)
	}
	must(t, s.Close())

	s = openIn(t, dir)
	closeAtEnd(t, s)
	again, err := s.School(t.Context(), tn.Info().ID)
	must(t, err)
	r, err := again.Ingest(t.Context(), []triage.Arrival{storetest.Arrive(0, 0, 0), storetest.Arrive(1, 1, 0)})
	if err != nil || !r[0].Duplicate || r[1].Duplicate {
		t.Errorf("after a restart: %+v, %v; the first was on disk, the second never written", r, err)
	}
	storetest.Ledger(t, again)
}

func TestAFailedWriteLeavesNothingAndHarmsNoOther(t *testing.T) {
	s := openIn(t, t.TempDir())
	closeAtEnd(t, s)
	tn := storetest.NewSchool(t, s)
	sc := s.schoolOf(tn.Info().ID)
	boom := errors.New("boom")
	g := []*op{
		{apply: func(x *tx) error { _, err := x.ingest(sc, storetest.Arrive(1, 1, 0)); return err }},
		{apply: func(x *tx) error {
			_, err := x.ingest(sc, storetest.Arrive(2, 2, 0))
			return errors.Join(err, boom)
		}},
		{apply: func(x *tx) error { _, err := x.ingest(sc, storetest.Arrive(3, 3, 0)); return err }},
	}
	for i, err := range sendAll(t, s, g) {
		if want := map[bool]error{true: boom}[i == 1]; !errors.Is(err, want) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	page, err := tn.Queue(t.Context(), caseflow.Actor{System: true}, store.QueueQuery{})
	if err != nil || page.Total != 2 {
		t.Errorf("%d cases, %v; want those of the other two", page.Total, err)
	}
	storetest.Ledger(t, tn)
}

// What follows a failed write of the same call is not kept either: a device
// sends all again, and must not see its order changed.
func TestWritesOfOneCallShareTheirFate(t *testing.T) {
	s := openIn(t, t.TempDir())
	closeAtEnd(t, s)
	tn := storetest.NewSchool(t, s)
	sc := s.schoolOf(tn.Info().ID)
	boom := errors.New("boom")
	run := &fate{}
	errs := sendAll(t, s, []*op{
		{fate: run, apply: func(x *tx) error { return boom }},
		{fate: run, apply: func(x *tx) error { _, err := x.ingest(sc, storetest.Arrive(1, 1, 0)); return err }},
	})
	if !errors.Is(errs[1], boom) {
		t.Errorf("the write after the failed one: %v", errs[1])
	}
	if r, err := tn.Ingest(t.Context(), []triage.Arrival{storetest.Arrive(1, 1, 0)}); err != nil || r[0].Duplicate {
		t.Errorf("sent again: %+v, %v", r, err)
	}
}

// sendAll puts ops into the queue in order and collects their answers.
func sendAll(t *testing.T, s *Store, ops []*op) (errs []error) {
	t.Helper()
	var answers []chan error
	for _, o := range ops {
		done := make(chan error, 1)
		o.done = done
		answers = append(answers, done)
		must(t, s.send(t.Context(), o))
	}
	for _, a := range answers {
		errs = append(errs, <-a)
	}
	return errs
}

func TestWritesLargerThanAGroupAreSplitBetweenWrites(t *testing.T) {
	s, err := Open(t.TempDir(), Options{MemTable: 1 << 20, Ballast: -1})
	must(t, err)
	closeAtEnd(t, s)
	tn := storetest.NewSchool(t, s)
	var batch []triage.Arrival
	for i := range 300 { // 300 × 4 KiB is several times what a transaction takes
		a := storetest.Arrive(i, i, 0)
		a.Capture.Content = make([]byte, 4<<10)
		batch = append(batch, a)
	}
	receipts, err := tn.Ingest(t.Context(), batch)
	must(t, err)
	for i, r := range receipts {
		if r.Duplicate || r.Case == "" {
			t.Fatalf("%d: %+v", i, r)
		}
	}
	large := store.Document{Kind: "k", Version: 1, Body: make([]byte, 800_000), Approved: audit.System(), Created: storetest.Start}
	must(t, tn.PutDocument(t.Context(), large)) // in parts
	err = s.do(t.Context(), func(x *tx) error {
		x.put(keyDocument(tn.Info().ID, "huge"), large.Body)
		return nil
	})
	if !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a write that no transaction takes: %v", err)
	}
	must(t, tn.Append(t.Context(), audit.Entry{At: storetest.Start, Who: audit.System(), Action: audit.CaseRead}))
	storetest.Ledger(t, tn)
}

// One damaged row costs what it holds, not the start of the collector.
func TestADamagedRowDoesNotHideTheRest(t *testing.T) {
	for _, which := range []string{"event", "capture"} {
		t.Run(which, func(t *testing.T) {
			dir := t.TempDir()
			s := openIn(t, dir)
			tn := storetest.NewSchool(t, s)
			id := tn.Info().ID
			r, err := tn.Ingest(t.Context(), []triage.Arrival{storetest.Arrive(1, 1, 0), storetest.Arrive(2, 2, 0)})
			must(t, err)
			key := keyEvent(id, r[0].Case, 1)
			if which == "capture" {
				key = keyCapture(id, captureID{"device-1", storetest.Event(1)})
			}
			must(t, s.db.Update(func(txn *badger.Txn) error {
				item, err := txn.Get(key)
				if err != nil {
					return err
				}
				value, err := item.ValueCopy(nil)
				value[len(value)/2] ^= 1
				return errors.Join(err, txn.Set(slices.Clone(key), value))
			}))
			must(t, s.Close())

			s = openIn(t, dir)
			closeAtEnd(t, s)
			again, err := s.School(t.Context(), id)
			must(t, err)
			system := caseflow.Actor{System: true}
			page, err := again.Queue(t.Context(), system, store.QueueQuery{})
			if err != nil || page.Total != 2 {
				t.Fatalf("%d cases, %v", page.Total, err)
			}
			f, err := again.Case(t.Context(), system, r[0].Case)
			if which == "event" && !errors.Is(err, ErrCorrupt) {
				t.Errorf("a case without its history: %v", err)
			}
			if which == "capture" && (err != nil || len(f.Captures) != 1 || f.Captures[0].Capture != nil) {
				t.Errorf("a case without a capture's content: %+v, %v", f.Captures, err)
			}
			if _, err := again.Ingest(t.Context(), []triage.Arrival{storetest.Arrive(3, 1, 0)}); err != nil {
				t.Errorf("the next capture of that person: %v", err)
			}
		})
	}
}

func TestFullDiskRefusesAndRecovers(t *testing.T) {
	s := openIn(t, t.TempDir())
	closeAtEnd(t, s)
	tn := storetest.NewSchool(t, s)
	arrivals := []triage.Arrival{storetest.Arrive(1, 1, 0), storetest.Arrive(2, 1, 0)}
	// Only the writer looks at it, but for Health.
	set := func(n uint64) { s.gate.Lock(); s.space.reserve = n; s.gate.Unlock() }
	set(1 << 62)
	if _, err := tn.Ingest(t.Context(), arrivals); !errors.Is(err, store.ErrFull) {
		t.Fatalf("ingest: %v", err)
	}
	if err := s.Health(t.Context()); !errors.Is(err, store.ErrFull) {
		t.Errorf("health: %v", err)
	}
	if page, err := tn.Queue(t.Context(), caseflow.Actor{System: true}, store.QueueQuery{}); err != nil || page.Total != 0 {
		t.Errorf("reading: %d cases, %v", page.Total, err)
	}
	set(1)
	r, err := tn.Ingest(t.Context(), arrivals)
	if err != nil || r[0].Duplicate || r[1].Duplicate {
		t.Errorf("with space again: %+v, %v", r, err)
	}
	must(t, s.Health(t.Context()))
	storetest.Ledger(t, tn)
}

func TestBallastIsGivenUpAndPutBack(t *testing.T) {
	dir := t.TempDir()
	free, err := freeSpace(dir)
	must(t, err)
	sp := space{dir: dir, reserve: 1, ballast: 3<<20 + 5, least: 1}
	must(t, sp.load())
	if info, err := os.Stat(filepath.Join(dir, ballastName)); err != nil || info.Size() != 3<<20+5 {
		t.Fatalf("ballast %v, %v", info, err)
	}
	must(t, sp.check())
	sp.reserve = 4 * free
	if err := sp.check(); !errors.Is(err, store.ErrFull) || sp.hasBallast() {
		t.Errorf("below half the reserve: %v, ballast there: %v", err, sp.hasBallast())
	}
	// What it gave up is not to be written to.
	sp.reserve, sp.ballast = 1, 4*free
	if err := sp.check(); !errors.Is(err, store.ErrFull) {
		t.Errorf("without its ballast: %v", err)
	}
	must(t, sp.load())
	if sp.hasBallast() {
		t.Error("a ballast larger than the disk's room was put in place")
	}
}

func TestErrorsNameNoPersonAndNoContent(t *testing.T) {
	s := openIn(t, t.TempDir())
	closeAtEnd(t, s)
	tn := storetest.NewSchool(t, s)
	secret := "Arthur-Pendragon"
	bad := storetest.Arrive(1, 1, 0)
	bad.Device = caseflow.DeviceID(secret + " ")
	_, err1 := tn.Ingest(t.Context(), []triage.Arrival{bad})
	_, err2 := tn.UserByLogin(t.Context(), secret)
	err3 := tn.PutUser(t.Context(), store.User{ID: "u", Name: strings.Repeat(secret, 100)}, audit.System(), storetest.Start)
	_, err4 := tn.Queue(t.Context(), caseflow.Actor{}, store.QueueQuery{Cursor: secret})
	for i, err := range []error{err1, err2, err3, err4} {
		if err == nil || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%d: %v", i+1, err)
		}
	}
}
