// Package storetest is what every store.Store must do, as tests. Run holds an
// implementation to it; the model in it is the meaning that two
// implementations share.
//
// It may import what collector/store may, and test libraries; never an
// implementation.
package storetest

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Open opens the store at place, a directory of the test's own. Opening the
// same place again, after a Close, must show the same data.
type Open func(t *testing.T, place string) store.Store

// Run tests an implementation.
func Run(t *testing.T, open Open) {
	for _, group := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"Schools", testSchools},
		{"Ingest", testIngest},
		{"Act", testAct},
		{"Queue", testQueue},
		{"Case", testCase},
		{"Wait", testWait},
		{"Fleet", testFleet},
		{"Enrolment", testEnrolment},
		{"DeviceFacts", testDeviceFacts},
		{"Canaries", testCanaries},
		{"Media", testMedia},
		{"WeekCounts", testWeekCounts},
		{"FindDevices", testFindDevices},
		{"Rollup", testRollup},
		{"Access", testAccess},
		{"Documents", testDocuments},
		{"Ledger", testLedger},
		{"Keys", testKeys},
		{"Directory", testDirectory},
		{"Drafts", testDrafts},
		{"Around", testAround},
		{"HandOver", testHandOver},
		{"Unreviewed", testUnreviewed},
		{"Exemptions", testExemptions},
		{"Notices", testNotices},
		{"Proposals", testProposals},
		{"RuleCounts", testRuleCounts},
		{"Hostile", testHostile},
		{"Isolation", testIsolation},
		{"Concurrency", testConcurrency},
		{"Reopen", testReopen},
		{"Closed", testClosed},
		{"Model", testModel},
	} {
		t.Run(group.name, func(t *testing.T) { group.test(t, open) })
	}
}

// Start is when every test begins: a school-day morning.
var Start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

var slugs atomic.Int64

// NewSchool adds a school with a slug of its own to the store.
func NewSchool(t testing.TB, s store.Store) store.Tenant {
	t.Helper()
	info, err := s.AddSchool(t.Context(), fmt.Sprintf("school-%d", slugs.Add(1)), "A School", Start)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := s.School(t.Context(), info.ID)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func opened(t *testing.T, open Open) store.Store {
	t.Helper()
	s := open(t, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func newTenant(t *testing.T, open Open) store.Tenant {
	t.Helper()
	return NewSchool(t, opened(t, open))
}

// People of the tests.
var (
	dsl        = caseflow.Actor{User: "u-dsl", Name: "Dana Lead", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{Person(101)}}
	deputy     = caseflow.Actor{User: "u-deputy", Name: "Devi Puty", Roles: []caseflow.Role{caseflow.Deputy}, Persons: []caseflow.PersonKey{Person(102)}}
	head       = caseflow.Actor{User: "u-head", Name: "Hana Teacher", Roles: []caseflow.Role{caseflow.Head}, Persons: []caseflow.PersonKey{Person(103)}}
	chair      = caseflow.Actor{User: "u-chair", Name: "Chris Chair", Roles: []caseflow.Role{caseflow.Chair}}
	technician = caseflow.Actor{User: "u-tech", Name: "Tom Net", Roles: []caseflow.Role{caseflow.Technician}}
	system     = caseflow.Actor{System: true}
)

// Person is the key of the n-th account.
func Person(n int) (k caseflow.PersonKey) {
	binary.BigEndian.PutUint64(k[:], uint64(n))
	k[15] = 1
	return k
}

// Event is the n-th event's id.
func Event(n int) (id ulid.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

// Arrive is an ordinary arrival: event n, a final capture of one pupil, at
// Start plus after.
func Arrive(n, person int, after time.Duration) triage.Arrival {
	return triage.Arrival{
		Kind: triage.KindCapture, Device: "device-1", Event: Event(n), Urgent: true, Seq: uint64(n),
		At: Start.Add(after), ReceivedAt: Start.Add(after + time.Second),
		Person: Person(person), PersonName: caseflow.Sealed(fmt.Sprintf("sealed name %d", person)),
		Audience: vocab.Pupil, Group: vocab.GroupPupil,
		Capture: &triage.Capture{
			Categories: []vocab.Category{vocab.SelfHarm}, Severity: vocab.High, Level: vocab.Alert, Source: 1,
			Rules: []triage.Rule{{ID: "sh.1", Title: "Self-harm", Pack: "core", Version: 1, Severity: vocab.High, Level: vocab.Alert}},
			Count: 1, Final: true, Content: caseflow.Sealed(fmt.Sprintf("sealed content %d", n)),
		},
	}
}

func mustIngest(t testing.TB, tn store.Tenant, arrivals ...triage.Arrival) []store.Receipt {
	t.Helper()
	receipts, err := tn.Ingest(t.Context(), arrivals)
	if err != nil {
		t.Fatal(err)
	}
	if len(receipts) != len(arrivals) {
		t.Fatalf("%d receipts for %d arrivals", len(receipts), len(arrivals))
	}
	return receipts
}

func mustAct(t testing.TB, tn store.Tenant, a store.Act) caseflow.Case {
	t.Helper()
	c, err := tn.Act(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustCase(t testing.TB, tn store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) store.CaseFile {
	t.Helper()
	f, err := tn.Case(t.Context(), viewer, ref)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustQueue(t testing.TB, tn store.Tenant, viewer caseflow.Actor, q store.QueueQuery) store.QueuePage {
	t.Helper()
	if q.Now.IsZero() {
		q.Now = Start
	}
	p, err := tn.Queue(t.Context(), viewer, q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func refsOf(p store.QueuePage) (refs []caseflow.Ref) {
	for _, r := range p.Rows {
		refs = append(refs, r.Case.Ref)
	}
	return refs
}

func claim(ref caseflow.Ref, a caseflow.Actor, at time.Time) store.Act {
	return store.Act{Ref: ref, Actor: a, At: at, Command: caseflow.Claim{Until: at.Add(caseflow.ClaimFor)}}
}

func closeCase(ref caseflow.Ref, a caseflow.Actor, at time.Time) store.Act {
	return store.Act{Ref: ref, Actor: a, At: at, Command: caseflow.Close{Outcome: caseflow.NoConcern}}
}

// Ledger reads the whole ledger and verifies it.
func Ledger(t testing.TB, tn store.Tenant) (all []audit.Entry) {
	t.Helper()
	for {
		var after uint64
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		part, err := tn.Entries(t.Context(), after, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(part) == 0 {
			break
		}
		all = append(all, part...)
	}
	if _, err := (audit.Head{}).Verify(all); err != nil {
		t.Fatal(err)
	}
	return all
}

func actions(entries []audit.Entry) (words []audit.Action) {
	for _, e := range entries {
		words = append(words, e.Action)
	}
	return words
}
