package badgerstore

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// A stop between an import and the matching of accounts is made up for at the
// next start; one before the import stands leaves nothing behind.
func TestImportCutShort(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	open := func() *Store {
		t.Helper()
		s, err := Open(dir, Options{Reserve: 1 << 20, MemTable: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := open()
	tn := storetest.NewSchool(t, s).(*tenant)
	a := storetest.Arrive(1, 1, 0)
	a.Audience = vocab.Unknown
	receipts, err := tn.Ingest(ctx, []triage.Arrival{a})
	must(err)
	dsl := caseflow.Actor{User: "d", Roles: []caseflow.Role{caseflow.DSL}}
	entry := storetest.Entry(1, vocab.Staff, storetest.Person(1))
	at := storetest.Start.Add(time.Hour)

	// Rows of a version that never came to stand.
	must(s.do(ctx, func(x *tx) error {
		for n := range 3 {
			e := storetest.Entry(50+n, vocab.Pupil)
			save(x, prefix(tn.info.ID, tEntry, be64(1), e.Key[:]), e, entryOfFields)
		}
		return nil
	}))
	// The import stands; the stop comes before the accounts are matched.
	d := store.DirectoryImport{Source: "csv", Entries: []store.DirectoryEntry{entry}, By: audit.System(), At: at}
	state := store.DirectoryState{Version: 1, Source: "csv", At: at, Staff: 1, Pending: true}
	must(tn.writeDirectory(ctx, d, state, audit.Entry{At: at, Who: d.By, Action: audit.DirectoryImported}))
	if _, err := tn.Case(ctx, dsl, receipts[0].Case); err != nil {
		t.Fatalf("moved already, so this test shows nothing: %v", err)
	}
	must(s.Close())

	s = open()
	defer func() { must(s.Close()) }()
	again, err := s.School(ctx, tn.info.ID)
	must(err)
	if _, err := again.Case(ctx, dsl, receipts[0].Case); err == nil {
		t.Error("the DSL still sees the case of a member of staff")
	}
	if st, err := again.DirectoryState(ctx); err != nil || st.Pending {
		t.Errorf("still pending: %+v, %v", st, err)
	}
	all, err := again.DirectoryEntries(ctx, caseflow.PersonKey{}, 100)
	must(err)
	if len(all) != 1 {
		t.Errorf("%d entries, %d of them left over", len(all), len(all)-1)
	}
}
