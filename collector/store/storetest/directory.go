package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// entryKey is the key of the n-th directory entry.
func entryKey(n int) (k caseflow.PersonKey) {
	k = Person(n)
	k[15] = 2
	return k
}

// Entry is the n-th person of a directory, who owns the accounts.
func Entry(n int, audience vocab.Audience, accounts ...caseflow.PersonKey) store.DirectoryEntry {
	e := store.DirectoryEntry{
		Person:  directory.Person{Key: entryKey(n), Audience: audience, Accounts: accounts},
		Content: caseflow.Sealed(fmt.Sprintf("sealed entry %d", n)), Digest: Person(n), Since: Start,
	}
	if audience == vocab.Pupil {
		e.Year = "Year 8"
	} else {
		e.Names = []caseflow.PersonKey{Person(1000 + n)}
	}
	return e
}

func putDirectory(t *testing.T, tn store.Tenant, at time.Time, entries ...store.DirectoryEntry) store.DirectoryState {
	t.Helper()
	before, err := tn.DirectoryState(t.Context())
	must(t, err)
	after, err := tn.PutDirectory(t.Context(), store.DirectoryImport{After: before.Version, Source: "csv", Entries: entries, By: command, At: at})
	must(t, err)
	return after
}

func testDirectory(t *testing.T, open Open) {
	t.Run("an import stands as a whole", func(t *testing.T) { testDirectoryStands(t, open) })
	t.Run("a later match moves cases", func(t *testing.T) { testLaterMatch(t, open) })
	t.Run("who could be two is nobody", func(t *testing.T) { testAmbiguous(t, open) })
	t.Run("named staff", func(t *testing.T) { testNamed(t, open) })
	t.Run("a head who is linked later", func(t *testing.T) { testLinkedLater(t, open) })
	t.Run("flags", func(t *testing.T) { testFlags(t, open) })
	t.Run("of one school", func(t *testing.T) { testDirectoryAlone(t, open) })
	t.Run("while events come", func(t *testing.T) { testImportMeetsEvents(t, open) })
}

func testDirectoryStands(t *testing.T, open Open) {
	ctx := t.Context()
	place := t.TempDir()
	s := open(t, place)
	tn := NewSchool(t, s)
	state, err := tn.DirectoryState(ctx)
	must(t, err)
	same(t, "before any import", store.DirectoryState{}, state)
	all, err := tn.DirectoryEntries(ctx, caseflow.PersonKey{}, 10)
	must(t, err)
	if len(all) != 0 {
		t.Errorf("%d entries", len(all))
	}
	var entries []store.DirectoryEntry
	for n := range 1200 { // more than one transaction takes
		entries = append(entries, Entry(n+1, vocab.Pupil, Person(n+1)))
	}
	entries[5].Gone, entries[5].GoneSince = true, Start
	entries[7] = Entry(8, vocab.Staff, Person(8))
	want := store.DirectoryState{Version: 1, Source: "csv", At: Start, Pupils: 1198, Staff: 1, Gone: 1}
	same(t, "imported", want, putDirectory(t, tn, Start, entries...))
	_, err = tn.PutDirectory(ctx, store.DirectoryImport{After: 0, Entries: entries, By: command, At: Start})
	fails(t, "made from an older one", err, store.ErrExists)
	for name, bad := range map[string][]store.DirectoryEntry{
		"empty": nil, "twice": {entries[0], entries[0]}, "without key": {{}}, "neither": {Entry(1, vocab.Unknown)},
	} {
		_, err := tn.PutDirectory(ctx, store.DirectoryImport{After: 1, Entries: bad, By: command, At: Start})
		fails(t, name, err, store.ErrInvalid)
	}
	_, err = tn.DirectoryEntries(ctx, caseflow.PersonKey{}, 0)
	fails(t, "no limit", err, store.ErrInvalid)

	must(t, s.Close())
	s = open(t, place)
	defer func() { must(t, s.Close()) }()
	tn, err = s.School(ctx, tn.Info().ID)
	must(t, err)
	state, err = tn.DirectoryState(ctx)
	must(t, err)
	same(t, "after a restart", want, state)
	var read []store.DirectoryEntry
	for after := (caseflow.PersonKey{}); ; after = read[len(read)-1].Key {
		part, err := tn.DirectoryEntries(ctx, after, 500)
		must(t, err)
		if len(part) == 0 {
			break
		}
		read = append(read, part...)
	}
	same(t, "entries", entries, read)
	e, err := tn.MatchAccount(ctx, directory.Account{Exact: Person(8)})
	must(t, err)
	same(t, "matched", entries[7], e)

	putDirectory(t, tn, Start, Entry(1, vocab.Pupil, Person(1)))
	_, err = tn.DirectoryEntry(ctx, entryKey(2))
	fails(t, "no longer there", err, store.ErrNotFound)
	_, err = tn.MatchAccount(ctx, directory.Account{Exact: Person(8)})
	fails(t, "account of nobody", err, store.ErrNotFound)
}

func unknown(n, person int, group vocab.GroupAudience) triage.Arrival {
	a := Arrive(n, person, 0)
	a.Audience, a.Group = vocab.Unknown, group
	return a
}

func testLaterMatch(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	later := Start.Add(time.Hour)
	teacher := mustIngest(t, tn, unknown(1, 1, vocab.GroupPupil))[0].Case
	closed := mustIngest(t, tn, unknown(2, 2, vocab.GroupPupil))[0].Case
	pupil := mustIngest(t, tn, unknown(3, 3, vocab.GroupStaff))[0].Case
	mustAct(t, tn, closeCase(closed, dsl, Start.Add(time.Minute)))
	mustAct(t, tn, claim(teacher, dsl, Start.Add(time.Minute)))
	_, err := tn.Case(ctx, dsl, pupil)
	fails(t, "unmatched account on a staff device", err, store.ErrNotFound)
	position, err := tn.Position(ctx, head)
	must(t, err)

	entries := []store.DirectoryEntry{Entry(11, vocab.Staff, Person(1), Person(2)), Entry(13, vocab.Pupil, Person(3))}
	putDirectory(t, tn, later, entries...)
	for what, ref := range map[string]caseflow.Ref{"open": teacher, "closed": closed} {
		_, err := tn.Case(ctx, dsl, ref)
		fails(t, what+" staff case before a DSL", err, store.ErrNotFound)
		f := mustCase(t, tn, head, ref)
		if f.Case.Person != entryKey(11) || f.Case.Audience != vocab.Staff || f.Case.Queue != caseflow.QueueHead || f.Person.Entry != entryKey(11) {
			t.Errorf("%s: %+v", what, f.Case)
		}
	}
	if c := mustCase(t, tn, head, teacher).Case; c.State != caseflow.New || c.Owner != "" {
		t.Errorf("the DSL still holds it: %+v", c)
	}
	if c := mustCase(t, tn, dsl, pupil).Case; c.Audience != vocab.Pupil || c.Person != entryKey(13) {
		t.Errorf("the pupil's: %+v", c)
	}
	if p, err := tn.Position(ctx, head); err != nil || p == position {
		t.Errorf("the head is not told: %v, %v", p, err)
	}
	if q := mustQueue(t, tn, dsl, store.QueueQuery{States: []caseflow.State{caseflow.New, caseflow.Claimed, caseflow.Closed}}); len(q.Rows) != 1 || q.Total != 1 {
		t.Errorf("the DSL's queue has %d rows, total %d", len(q.Rows), q.Total)
	}
	words := actions(Ledger(t, tn))
	if n := len(words); !slices.Equal(words[n-4:], []audit.Action{audit.DirectoryImported, audit.CaseMatched, audit.CaseMatched, audit.CaseMatched}) {
		t.Errorf("ledger ends with %v", words)
	}
	// What comes now is matched as it comes, and joins.
	next := mustIngest(t, tn, unknown(4, 1, vocab.GroupPupil))[0].Case
	if next != teacher {
		t.Errorf("the next capture went to %s, not %s", next, teacher)
	}
	// The same directory again moves nothing.
	putDirectory(t, tn, later.Add(time.Hour), entries...)
	if again := actions(Ledger(t, tn)); len(again) != len(words)+2 || again[len(again)-1] != audit.DirectoryImported {
		t.Errorf("imported again: %v", again[len(words):])
	}
}

func testAmbiguous(t *testing.T, open Open) {
	tn := newTenant(t, open)
	putDirectory(t, tn, Start, Entry(1, vocab.Pupil, Person(1)), Entry(2, vocab.Pupil, Person(1)),
		Entry(3, vocab.Pupil, Person(2)), Entry(4, vocab.Staff, Person(2)))
	two := mustIngest(t, tn, unknown(1, 1, vocab.GroupPupil))[0].Case
	if f := mustCase(t, tn, dsl, two); f.Case.Audience != vocab.Unknown || !f.Case.Person.IsZero() || !f.Person.Entry.IsZero() {
		t.Errorf("an account of two pupils: %+v", f.Case)
	}
	perhaps := mustIngest(t, tn, unknown(2, 2, vocab.GroupPupil))[0].Case
	_, err := tn.Case(t.Context(), dsl, perhaps)
	fails(t, "an account that could be a member of staff's", err, store.ErrNotFound)
	if f := mustCase(t, tn, head, perhaps); f.Case.Audience != vocab.Unknown || !slices.Contains(f.Case.Subjects, entryKey(4)) {
		t.Errorf("an account that could be a member of staff's: %+v", f.Case)
	}
}

func testNamed(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	named, err := tn.NamedStaff(ctx, []caseflow.PersonKey{Person(1001)})
	must(t, err)
	if len(named) != 0 {
		t.Errorf("without a directory: %v", named)
	}
	ref := mustIngest(t, tn, Arrive(1, 9, 0))[0].Case
	putDirectory(t, tn, Start, Entry(1, vocab.Staff, Person(1)), Entry(2, vocab.Staff, Person(2)))
	named, err = tn.NamedStaff(ctx, []caseflow.PersonKey{Person(1002), Person(5), Person(1002)})
	must(t, err)
	same(t, "named", []caseflow.PersonKey{entryKey(2)}, named)
	for _, want := range []bool{true, false} {
		changed, err := tn.AddSubjects(ctx, ref, named, Start.Add(time.Minute))
		must(t, err)
		same(t, "changed", want, changed)
	}
	_, err = tn.Case(ctx, dsl, ref)
	fails(t, "a case that names staff, before a DSL", err, store.ErrNotFound)
	mustCase(t, tn, head, ref)
	_, err = tn.AddSubjects(ctx, "ZZZZZZZZ", named, Start)
	fails(t, "no such case", err, store.ErrNotFound)
	if words := actions(Ledger(t, tn)); words[len(words)-1] != audit.CaseMatched {
		t.Errorf("ledger %v", words)
	}
}

func testLinkedLater(t *testing.T, open Open) {
	tn := newTenant(t, open)
	putDirectory(t, tn, Start, Entry(1, vocab.Staff, Person(1)))
	ref := mustIngest(t, tn, unknown(1, 1, vocab.GroupPupil))[0].Case
	mustCase(t, tn, head, ref)
	linked := head
	linked.Persons = []caseflow.PersonKey{entryKey(1)}
	putUser(t, tn, linked)
	_, err := tn.Case(t.Context(), linked, ref)
	fails(t, "the head's own case", err, store.ErrNotFound)
	if f := mustCase(t, tn, chair, ref); f.Case.Queue != caseflow.QueueChair {
		t.Errorf("in queue %d", f.Case.Queue)
	}
}

func testFlags(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	f := store.Flag{Person: entryKey(1), ID: "f1", Kind: store.FlagLookedAfter, Reason: caseflow.Sealed("sealed"), By: "u-dsl", ByName: "Dana Lead", Set: Start, Review: Start.AddDate(0, 3, 0)}
	fails(t, "of somebody unknown", tn.PutFlag(ctx, f, command, Start), store.ErrNotFound)
	putDirectory(t, tn, Start, Entry(1, vocab.Pupil, Person(1)), Entry(2, vocab.Pupil, Person(2)))
	must(t, tn.PutFlag(ctx, f, command, Start))
	g := f
	g.Person, g.Kind = entryKey(2), store.FlagSEND
	must(t, tn.PutFlag(ctx, g, command, Start))
	f.Review = f.Review.AddDate(0, 1, 0)
	must(t, tn.PutFlag(ctx, f, command, Start))
	got, err := tn.Flags(ctx, entryKey(1))
	must(t, err)
	same(t, "of one", []store.Flag{f}, got)
	got, err = tn.Flags(ctx, caseflow.PersonKey{})
	must(t, err)
	same(t, "of all", []store.Flag{f, g}, got)
	must(t, tn.EndFlag(ctx, f.Person, f.ID, command, Start))
	fails(t, "ended twice", tn.EndFlag(ctx, f.Person, f.ID, command, Start), store.ErrNotFound)
	for name, change := range map[string]func(*store.Flag){
		"no id": func(f *store.Flag) { f.ID = "" }, "kind": func(f *store.Flag) { f.Kind = "naughty" },
		"no reason": func(f *store.Flag) { f.Reason = nil }, "no review": func(f *store.Flag) { f.Review = time.Time{} },
	} {
		bad := g
		change(&bad)
		fails(t, name, tn.PutFlag(ctx, bad, command, Start), store.ErrInvalid)
	}
	words := actions(Ledger(t, tn))
	same(t, "ledger", []audit.Action{audit.FlagSet, audit.FlagSet, audit.FlagSet, audit.FlagEnded}, words[len(words)-4:])
}

// testDirectoryAlone: nothing of a directory shows in another school, or after Close.
func testDirectoryAlone(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, t.TempDir())
	a, b := NewSchool(t, s), NewSchool(t, s)
	putDirectory(t, a, Start, Entry(1, vocab.Staff, Person(1)), Entry(2, vocab.Pupil, Person(2)))
	must(t, a.PutFlag(ctx, store.Flag{Person: entryKey(2), ID: "f", Kind: store.FlagSEND, Reason: caseflow.Sealed("r"), Set: Start, Review: Start}, command, Start))
	mustIngest(t, a, unknown(1, 1, vocab.GroupPupil))
	if ref := mustIngest(t, b, unknown(1, 1, vocab.GroupPupil))[0].Case; mustCase(t, b, dsl, ref).Case.Audience != vocab.Unknown {
		t.Error("matched to another school's directory")
	}
	_, err := b.DirectoryEntry(ctx, entryKey(1))
	fails(t, "entry", err, store.ErrNotFound)
	_, err = b.MatchAccount(ctx, directory.Account{Exact: Person(1)})
	fails(t, "account", err, store.ErrNotFound)
	if named, err := b.NamedStaff(ctx, []caseflow.PersonKey{Person(1001)}); err != nil || len(named) > 0 {
		t.Errorf("named %v, %v", named, err)
	}
	if flags, err := b.Flags(ctx, caseflow.PersonKey{}); err != nil || len(flags) > 0 {
		t.Errorf("flags %v, %v", flags, err)
	}
	if all, err := b.Accounts(ctx, caseflow.PersonKey{}, 10); err != nil || len(all) != 1 {
		t.Errorf("accounts %v, %v", all, err)
	}
	must(t, s.Close())
	for name, call := range map[string]func() error{
		"state":    func() error { _, err := a.DirectoryState(ctx); return err },
		"entry":    func() error { _, err := a.DirectoryEntry(ctx, entryKey(1)); return err },
		"match":    func() error { _, err := a.MatchAccount(ctx, directory.Account{}); return err },
		"named":    func() error { _, err := a.NamedStaff(ctx, nil); return err },
		"flags":    func() error { _, err := a.Flags(ctx, entryKey(1)); return err },
		"accounts": func() error { _, err := a.Accounts(ctx, entryKey(1), 1); return err },
		"subjects": func() error { _, err := a.AddSubjects(ctx, "00000000", nil, Start); return err },
		"import": func() error {
			_, err := a.PutDirectory(ctx, store.DirectoryImport{After: 1, Entries: []store.DirectoryEntry{Entry(1, vocab.Staff)}, By: command, At: Start})
			return err
		},
	} {
		fails(t, name+" when closed", call(), store.ErrClosed)
	}
}

// testImportMeetsEvents: whatever comes in while an import goes on, no case of
// staff is a DSL's afterwards.
func testImportMeetsEvents(t *testing.T, open Open) {
	tn := newTenant(t, open)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				a := unknown(w*1_000_000+n, n%40, vocab.GroupPupil)
				a.Capture.Categories = []vocab.Category{vocab.Categories()[n%5]}
				if _, err := tn.Ingest(context.Background(), []triage.Arrival{a}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for round := range 4 {
		var entries []store.DirectoryEntry
		for n := range 40 {
			if n%4 <= round {
				entries = append(entries, Entry(n, vocab.Staff, Person(n)))
			}
		}
		putDirectory(t, tn, Start.Add(time.Minute), entries...)
	}
	close(stop)
	wg.Wait()
	all := store.QueueQuery{States: []caseflow.State{caseflow.New, caseflow.Claimed, caseflow.Closed}, Limit: store.MaxQueue}
	if q := mustQueue(t, tn, dsl, all); q.Total > 0 {
		t.Errorf("a DSL sees %d cases of staff", q.Total)
	}
	if q := mustQueue(t, tn, head, all); q.Total == 0 {
		t.Error("nothing came in; this test shows nothing")
	}
}

// directory imports a random directory of the model's accounts.
func (x *machine) directory(r *rapid.T) {
	var entries []store.DirectoryEntry
	for n := range rapid.IntRange(1, 4).Draw(r, "people") {
		var accounts []caseflow.PersonKey
		for _, p := range rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 101, 102, 103}), 1, 2).Draw(r, "accounts") {
			accounts = append(accounts, Person(p))
		}
		e := Entry(n+1, rapid.SampledFrom([]vocab.Audience{vocab.Pupil, vocab.Staff}).Draw(r, "is"), accounts...)
		e.Gone = rapid.IntRange(0, 4).Draw(r, "gone") == 0
		e.Year = rapid.SampledFrom(modelYears).Draw(r, "year")
		entries = append(entries, e)
	}
	state, err := x.tn.DirectoryState(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	if _, err := x.tn.PutDirectory(context.Background(), store.DirectoryImport{After: state.Version, Source: "csv", Entries: entries, By: command, At: x.now}); err != nil {
		r.Fatal(err)
	}
	if err := x.m.putDirectory(entries, x.now); err != nil {
		r.Fatal(err)
	}
}

func (m *model) putDirectory(entries []store.DirectoryEntry, now time.Time) error {
	m.entries, m.imported = entries, true
	m.ledger = append(m.ledger, audit.DirectoryImported)
	for k, p := range m.persons {
		n := m.news(k)
		p.Entry = n.Person
		switch {
		case !n.Person.IsZero():
			p.Audience = n.Audience
		case m.persons[k].Entry != n.Person:
			p.Audience = vocab.Unknown
		}
		m.persons[k] = p
		for ref, c := range m.cases {
			if c.Typist != k || n.Person.IsZero() && len(n.Subjects) == 0 {
				continue
			}
			if err := m.rematch(ref, n, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// news is what the model's directory has of an account.
func (m *model) news(account caseflow.PersonKey) (n triage.News) {
	if account.IsZero() {
		return n
	}
	owners := map[bool][]store.DirectoryEntry{}
	for _, e := range m.entries {
		if slices.Contains(e.Accounts, account) {
			owners[e.Gone] = append(owners[e.Gone], e)
		}
	}
	one := owners[false]
	if len(one) == 0 {
		one = owners[true]
	}
	if len(one) == 1 {
		return triage.News{Person: one[0].Key, Audience: one[0].Audience}
	}
	for _, e := range owners[false] {
		if e.Audience == vocab.Staff {
			n.Subjects = append(n.Subjects, e.Key)
		}
	}
	return n
}

// recognise fills in whose account an arrival is.
func (m *model) recognise(a triage.Arrival) triage.Arrival {
	n := m.news(a.Person)
	if a.Entry = n.Person; !n.Person.IsZero() {
		a.Audience = n.Audience
	}
	if a.Capture != nil {
		c := *a.Capture
		c.Subjects = slices.Clone(c.Subjects)
		for _, s := range n.Subjects {
			if !slices.Contains(c.Subjects, s) {
				c.Subjects = append(c.Subjects, s)
			}
		}
		a.Capture = &c
	}
	return a
}
