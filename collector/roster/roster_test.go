package roster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/ingest"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"), goleak.IgnoreAnyFunction("github.com/dgraph-io/ristretto/v2/z.(*Closer).Done"))
}

var (
	morning = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	root    = audit.Who{Name: "root", Via: audit.ViaCommand}
	dsl     = caseflow.Actor{User: "u-dsl", Name: "Dana", Roles: []caseflow.Role{caseflow.DSL}}
	head    = caseflow.Actor{User: "u-head", Name: "Hana", Roles: []caseflow.Role{caseflow.Head}}
)

type school struct {
	t     testing.TB
	store *badgerstore.Store
	store.Tenant
	vault  *vault.Vault
	roster *roster.Service
	core   *ingest.Core
	log    *logbook
	dir    string
	seq    uint64
}

func newSchool(t testing.TB) *school {
	t.Helper()
	s := &school{t: t, dir: t.TempDir(), log: &logbook{lines: make(chan string, 100)}}
	var err error
	if s.store, err = badgerstore.Open(filepath.Join(s.dir, "store"), badgerstore.Options{Reserve: 1 << 20, MemTable: 4 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.vault, err = vault.Create(filepath.Join(s.dir, "vault.key")); err != nil {
		t.Fatal(err)
	}
	s.roster = roster.New(s.vault, clock, slog.New(slog.NewTextHandler(s.log, nil)))
	s.add("peewit")
	return s
}

// logbook keeps log lines and passes them on.
type logbook struct {
	lines chan string

	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.lines <- string(p):
	default: // nobody listens
	}
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// add makes a school and works in it from now on.
func (s *school) add(slug string) {
	info, err := s.store.AddSchool(s.t.Context(), slug, "Peewit Green", morning)
	s.must(err)
	s.Tenant, err = s.store.School(s.t.Context(), info.ID)
	s.must(err)
	// A core of its own: it limits what one device sends in an hour, and the clock stands still.
	s.core, err = ingest.NewCore(s.vault, clock, slog.New(slog.NewTextHandler(s.log, nil)), prometheus.NewRegistry())
	s.must(err)
}

func clock() time.Time { return morning }

func (s *school) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *school) plan(csv string) *roster.Plan {
	s.t.Helper()
	r, err := roster.Read("people.csv", []byte(csv))
	s.must(err)
	p, err := s.roster.Plan(s.t.Context(), s.Tenant, r)
	s.must(err)
	return p
}

func (s *school) imports(csv string) store.DirectoryState {
	s.t.Helper()
	state, err := s.roster.Apply(s.t.Context(), s.Tenant, s.plan(csv), root)
	s.must(err)
	return state
}

// types sends a capture as a device does.
func (s *school) types(account, excerpt string, group vocab.GroupAudience) {
	s.t.Helper()
	s.seq++
	b := &lapwingv1.Batch{Lane: lapwingv1.Lane_LANE_URGENT, Now: &lapwingv1.DeviceTime{WallMs: morning.UnixMilli(), MonoMs: 1000, Boot: []byte("0123456789abcdef")},
		Events: []*lapwingv1.Event{{Id: fmt.Appendf(nil, "event-%010d", s.seq), Lane: lapwingv1.Lane_LANE_URGENT, Seq: s.seq, Boot: []byte("0123456789abcdef"),
			WallMs: morning.UnixMilli(), MonoMs: 1000, Account: account, Session: "c1",
			Body: &lapwingv1.Event_Capture{Capture: &lapwingv1.Capture{Categories: []string{"bullying"}, Severity: lapwingv1.Severity_SEVERITY_HIGH, Level: lapwingv1.Level_LEVEL_ALERT,
				Source: lapwingv1.Source_SOURCE_TYPED_TEXT, Excerpt: excerpt, Marks: []*lapwingv1.Span{{Start: 0, End: 1}}, App: "x", Final: true, Count: 1,
				Rules: []*lapwingv1.RuleHit{{Rule: "r", Version: 1, Pack: "p", Reading: "plain", Title: "T", Severity: lapwingv1.Severity_SEVERITY_HIGH, Level: lapwingv1.Level_LEVEL_ALERT}}}}}}}
	ack, err := s.core.Accept(s.t.Context(), s.Tenant, ingest.Device{ID: "d1", Group: group}, b)
	s.must(err)
	if ack.Upto != s.seq || ack.Refused > 0 {
		s.t.Fatalf("not taken: %v\n%s", ack, s.log)
	}
}

// sees are the cases in the viewer's queue, whatever their state.
func (s *school) sees(viewer caseflow.Actor) []store.QueueRow {
	s.t.Helper()
	page, err := s.Queue(s.t.Context(), viewer, store.QueueQuery{Now: morning, Limit: 200, States: []caseflow.State{caseflow.New, caseflow.Claimed, caseflow.Closed}})
	s.must(err)
	return page.Rows
}

const people = "account,name,role,year,aliases\n" +
	"rowan.ash,Rowan Ashdown,pupil,Year 8,\n" +
	"ivo.f,Ivo Fernley,pupil,Year 9,\n" +
	"j.porter,Jane Porter,staff,,JPO\n"

func TestPreviewThenApply(t *testing.T) {
	s := newSchool(t)
	s.types(`PEEWIT\rowan.ash`, "hello", vocab.GroupPupil)
	s.types("stranger", "hello", vocab.GroupPupil)
	p := s.plan(people)
	if v := p.Preview; v.Added != 3 || v.Pupils != 2 || v.Staff != 1 || v.Matched != 1 || v.Unmatched != 1 || !slices.Equal(v.UnmatchedAccounts, []string{"stranger"}) {
		t.Errorf("preview %+v", v)
	}
	if state, err := s.DirectoryState(t.Context()); err != nil || state.Version != 0 {
		t.Errorf("a preview has imported: %+v, %v", state, err)
	}
	state, err := s.roster.Apply(t.Context(), s.Tenant, p, root)
	s.must(err)
	if state.Version != 1 || state.Pupils != 2 || state.Staff != 1 {
		t.Errorf("state %+v", state)
	}
	if _, err := s.roster.Apply(t.Context(), s.Tenant, p, root); err == nil {
		t.Error("a plan made before another import was done")
	}

	p = s.plan("account,name,role,year,aliases\nrowan.ash,Rowan Ashdown,pupil,Year 9,\nj.porter,Jane Porter,staff,,JPO\nnew.one,New One,pupil,Year 7,\n")
	v := p.Preview
	if v.Added != 1 || v.Changed != 1 || v.Gone != 1 || v.Same != 1 || v.AddedPeople[0].Name != "New One" || v.ChangedPeople[0].Name != "Rowan Ashdown" || v.GonePeople[0].Name != "Ivo Fernley" {
		t.Errorf("second preview %+v", v)
	}
	_, err = s.roster.Apply(t.Context(), s.Tenant, p, root)
	s.must(err)
	e, err := s.roster.Find(t.Context(), s.Tenant, "ivo.f")
	s.must(err)
	who, err := s.roster.Person(t.Context(), s.Tenant, e)
	s.must(err)
	if !who.Gone || who.Name != "Ivo Fernley" || who.Year != "Year 9" {
		t.Errorf("who has gone: %+v", who)
	}
}

func TestSharedAccountsAreToldAndMatchNobody(t *testing.T) {
	s := newSchool(t)
	p := s.plan("account,name,role,aliases\none,One,pupil,two\ntwo,Two,pupil,\n")
	if !slices.Equal(p.Preview.Shared, []string{"people.csv lines 2 and 3"}) {
		t.Errorf("shared %q", p.Preview.Shared)
	}
}

// An import done twice is an import done once, whatever is in it.
func TestImportIsIdempotent(t *testing.T) {
	s := newSchool(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		s.t, s.seq = t, 0
		s.add(fmt.Sprintf("school-%d", n))
		for _, account := range rapid.SliceOfN(rapid.SampledFrom([]string{"a0", `X\a1`, "a2@q", "zz"}), 0, 3).Draw(r, "typed") {
			s.types(account, "mr b1 and c2 d", rapid.SampledFrom([]vocab.GroupAudience{"pupil", "staff"}).Draw(r, "group"))
		}
		var b strings.Builder
		b.WriteString("account,name,role\n")
		for i := range rapid.IntRange(1, 6).Draw(r, "people") {
			fmt.Fprintf(&b, "a%d,B%d C%d D,%s\n", i, i, i, rapid.SampledFrom([]string{"pupil", "staff"}).Draw(r, "role"))
		}
		first := s.imports(b.String())
		before := s.ledger()
		if p := s.plan(b.String()); p.Changes() {
			r.Fatalf("the same file would change %+v", p.Preview)
		}
		if again := s.imports(b.String()); again != first {
			r.Fatalf("%+v, then %+v", first, again)
		}
		if after := s.ledger(); after != before {
			r.Fatalf("%d entries in the ledger, then %d", before, after)
		}
	})
}

func (s *school) ledger() uint64 {
	var head uint64
	for {
		part, err := s.Entries(s.t.Context(), head, 0)
		s.must(err)
		if len(part) == 0 {
			return head
		}
		head = part[len(part)-1].Seq
	}
}

// Whatever is typed by whom, and whenever the directory is imported: a case by
// staff, or one that names staff, is never in the DSL's queue afterwards.
func TestStaffCasesNeverReachADSL(t *testing.T) {
	s := newSchool(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		s.t, s.seq = t, 0
		s.add(fmt.Sprintf("hill-%d", n))
		staff := map[caseflow.PersonKey]bool{}
		for _, a := range []string{"j.porter", `PEEWIT\j.porter`, "J.Porter@peewit.example"} {
			staff[s.vault.PersonKey(s.Info().ID, a)] = true
		}
		named := map[caseflow.Ref]bool{}
		imported := false
		r.Repeat(map[string]func(*rapid.T){
			"type": func(r *rapid.T) {
				account := rapid.SampledFrom([]string{"rowan.ash", `PEEWIT\rowan.ash`, "j.porter", `PEEWIT\j.porter`, "J.Porter@peewit.example", "stranger"}).Draw(r, "account")
				text := rapid.SampledFrom([]string{"nothing much", "mr porters lesson", "ask JPO", "jane porter"}).Draw(r, "text")
				before := map[caseflow.Ref]int{}
				for _, row := range s.sees(caseflow.Actor{System: true}) {
					before[row.Case.Ref] = row.Case.Count
				}
				s.types(account, text, rapid.SampledFrom([]vocab.GroupAudience{"pupil", "staff", "mixed"}).Draw(r, "group"))
				for _, row := range s.sees(caseflow.Actor{System: true}) {
					if row.Case.Count != before[row.Case.Ref] && text != "nothing much" {
						named[row.Case.Ref] = true
					}
				}
			},
			"close": func(r *rapid.T) {
				if rows := s.sees(dsl); len(rows) > 0 {
					first := rows[0].Case
					_, err := s.Act(context.Background(), store.Act{Ref: first.Ref, Actor: dsl, At: morning, Command: caseflow.Close{Outcome: caseflow.NoConcern}})
					if err != nil && first.State != caseflow.Closed {
						r.Fatal(err)
					}
				}
			},
			"import": func(*rapid.T) { s.imports(people); imported = true },
			"": func(r *rapid.T) {
				if !imported {
					return
				}
				for _, row := range s.sees(dsl) {
					c := row.Case
					if staff[c.Typist] || c.Audience == vocab.Staff || named[c.Ref] && c.State != caseflow.Closed {
						r.Fatalf("a DSL sees %+v", c)
					}
				}
				total := len(s.sees(dsl)) + len(s.sees(head))
				if all := len(s.sees(caseflow.Actor{System: true})); total != all {
					r.Fatalf("%d of %d cases are seen", total, all)
				}
			},
		})
	})
}

func TestNothingIsKeptInTheClear(t *testing.T) {
	s := newSchool(t)
	s.imports(people)
	s.must(s.store.Close())
	err := filepath.WalkDir(filepath.Join(s.dir, "store"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		// The alias of three letters is left out: sealed bytes hold any three by chance.
		for _, secret := range []string{"Rowan", "rowan.ash", "Porter", "porter"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %q", filepath.Base(path), secret)
			}
		}
		return err
	})
	s.must(err)
	if strings.Contains(s.log.String(), "orter") {
		t.Error("a name is in the log")
	}
}

func TestPersonsOfAUser(t *testing.T) {
	s := newSchool(t)
	keys, known, err := s.roster.Persons(t.Context(), s.Tenant, "j.porter")
	if err != nil || known || len(keys) != 1 {
		t.Errorf("before an import: %v %v %v", keys, known, err)
	}
	s.imports(people)
	keys, known, err = s.roster.Persons(t.Context(), s.Tenant, `PEEWIT\J.Porter`)
	if err != nil || !known || !slices.Contains(keys, s.vault.EntryKey(s.Info().ID, "csv", "j.porter")) || !slices.Contains(keys, s.vault.PersonKey(s.Info().ID, "j.porter")) {
		t.Errorf("matched: %v %v %v", keys, known, err)
	}
	if keys, _, err := s.roster.Persons(t.Context(), s.Tenant, " "); err != nil || keys != nil {
		t.Errorf("nobody is %v, %v", keys, err)
	}
}

func TestInboxKeepsTheLastGoodOne(t *testing.T) {
	s := newSchool(t)
	dir := filepath.Join(s.dir, "inbox")
	in := roster.NewInbox(s.roster, dir, s.store)
	in.Look(t.Context()) // no folder yet
	s.must(os.MkdirAll(dir, 0o700))
	put := func(name, text string, at time.Time) {
		path := filepath.Join(dir, name)
		s.must(os.WriteFile(path, []byte(text), 0o600))
		s.must(os.Chtimes(path, at, at))
		in.Look(t.Context())
	}
	version := func() uint64 {
		state, err := s.DirectoryState(t.Context())
		s.must(err)
		return state.Version
	}
	put("notes.txt", "not one", morning)
	put("one.csv", people, morning)
	if p := in.Last(s.Info().ID); version() != 1 || p.Problem != "" || p.File != "one.csv" {
		t.Fatalf("version %d, %+v", version(), p)
	}
	put("two.csv", "account,name,role\na,b,boss\n", morning.Add(time.Hour))
	if p := in.Last(s.Info().ID); version() != 1 || !strings.Contains(p.Problem, "two.csv line 2, role") {
		t.Errorf("a broken file: version %d, %+v", version(), p)
	}
	before := s.ledger()
	in.Look(t.Context())
	if s.ledger() != before {
		t.Error("the same broken file is refused twice")
	}
	var many strings.Builder
	many.WriteString("account,name,role\n")
	for i := range 40 {
		fmt.Fprintf(&many, "p%d,P %d,pupil\n", i, i)
	}
	put("three.csv", many.String(), morning.Add(2*time.Hour))
	put("four.csv", "account,name,role\np1,P 1,pupil\n", morning.Add(3*time.Hour))
	if p := in.Last(s.Info().ID); version() != 2 || !strings.Contains(p.Problem, "half an export") {
		t.Errorf("half an export: version %d, %+v", version(), p)
	}
}

func TestInboxWatches(t *testing.T) {
	s := newSchool(t)
	dir := filepath.Join(s.dir, "inbox")
	s.must(os.MkdirAll(dir, 0o700))
	s.must(os.WriteFile(filepath.Join(dir, "one.csv"), []byte(people), 0o600))
	in := roster.NewInbox(s.roster, dir, s.store)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	wait := func(pupils int) {
		t.Helper()
		for line := ""; !strings.Contains(line, "directory taken"); {
			select {
			case line = <-s.log.lines:
			case <-time.After(30 * time.Second):
				t.Fatal("nothing was taken within 30 s")
			}
		}
		if state, err := s.DirectoryState(t.Context()); err != nil || state.Pupils != pupils {
			t.Fatalf("%+v, %v", state, err)
		}
	}
	wait(2)
	s.must(os.WriteFile(filepath.Join(dir, "two.csv"), []byte(people+"late.one,Late One,pupil,Year 7,\n"), 0o600))
	wait(3)
	cancel()
	s.must(<-done)
}

// large is a directory of n pupils.
func large(n int) string {
	var b strings.Builder
	b.WriteString("account,name,role,year\n")
	for i := range n {
		fmt.Fprintf(&b, "pupil%05d,Given%d Family%d,pupil,Year %d\n", i, i%700, i%3000, 7+i%7)
	}
	return b.String()
}

// More people than any one transaction takes.
func TestLargeDirectory(t *testing.T) {
	s := newSchool(t)
	if state := s.imports(large(3000)); state.Pupils != 3000 {
		t.Errorf("%+v", state)
	}
	if p := s.plan(large(3000)); p.Preview.Same != 3000 || p.Changes() {
		t.Error(cmp.Diff(roster.Preview{}, p.Preview))
	}
}

func BenchmarkImport50000(b *testing.B) {
	csv := large(50_000)
	for b.Loop() {
		s := newSchool(b)
		begin := time.Now()
		s.imports(csv)
		b.ReportMetric(time.Since(begin).Seconds(), "s/import")
		begin = time.Now()
		s.plan(csv)
		b.ReportMetric(time.Since(begin).Seconds(), "s/preview")
	}
}

// Who gave an account before the directory was there is its entry afterwards,
// whatever form the account has on a device, and never sees what concerns them.
func TestUsersAreLinkedByAnImport(t *testing.T) {
	s := newSchool(t)
	ctx := t.Context()
	keys, _, err := s.roster.Persons(ctx, s.Tenant, "j.porter")
	s.must(err)
	user := func(id caseflow.UserID, r caseflow.Role, persons []caseflow.PersonKey) {
		s.must(s.PutUser(ctx, store.User{ID: id, Name: string(id), Roles: []caseflow.Role{r}, Persons: persons, Created: morning}, root, morning))
	}
	user("u-porter", caseflow.Head, keys)
	user("u-dsl", caseflow.DSL, nil)
	user("u-chair", caseflow.Chair, nil)
	s.types(`PEEWIT\j.porter`, "typed by the head", vocab.GroupStaff)
	s.types("rowan.ash", "about mr porter", vocab.GroupPupil)
	s.imports(people)
	porter, err := s.User(ctx, "u-porter")
	s.must(err)
	chair := caseflow.Actor{User: "u-chair", Roles: []caseflow.Role{caseflow.Chair}}
	actor := caseflow.Actor{User: porter.ID, Roles: porter.Roles, Persons: porter.Persons}
	if own, others, dsls := s.sees(actor), s.sees(chair), s.sees(dsl); len(own) != 0 || len(others) != 2 || len(dsls) != 0 {
		t.Errorf("the head sees %d, the chair %d, the DSL %d", len(own), len(others), len(dsls))
	}
	// A DSL who is linked by hand.
	e, err := s.roster.Find(ctx, s.Tenant, "j.porter")
	s.must(err)
	known, err := s.roster.LinkAccount(ctx, s.Tenant, "u-dsl", "j.porter", root)
	s.must(err)
	if u, err := s.User(ctx, "u-dsl"); err != nil || !known || !slices.Contains(u.Persons, e.Key) {
		t.Errorf("linked: %v, %v", u.Persons, err)
	}
	// One whom the directory does not have is known by the account alone.
	known, err = s.roster.LinkAccount(ctx, s.Tenant, "u-chair", "c.chair", root)
	s.must(err)
	if u, err := s.User(ctx, "u-chair"); err != nil || known || !slices.Equal(u.Persons, []caseflow.PersonKey{s.vault.PersonKey(s.Info().ID, "c.chair")}) {
		t.Errorf("linked by the account alone: %v, %v", u.Persons, err)
	}
	var invalid *caseflow.InvalidError
	for _, bad := range []string{" ", "rowan.ash"} {
		if _, err := s.roster.LinkAccount(ctx, s.Tenant, "u-dsl", bad, root); !errors.As(err, &invalid) {
			t.Errorf("account %q: %v", bad, err)
		}
	}
	if _, err := s.roster.LinkAccount(ctx, s.Tenant, "u-nobody", "j.porter", root); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a user who is not there: %v", err)
	}
}

// An import whose look through open cases was cut short is finished later.
func TestFinish(t *testing.T) {
	s := newSchool(t)
	ctx := t.Context()
	s.types("rowan.ash", "mr porter again", vocab.GroupPupil)
	// As after a stop: the directory stands, nobody has looked.
	key := s.vault.EntryKey(s.Info().ID, "csv", "j.porter")
	e := store.DirectoryEntry{Names: []caseflow.PersonKey{s.vault.NameKey(s.Info().ID, "~ porter")}}
	e.Key, e.Audience = key, vocab.Staff
	_, err := s.PutDirectory(ctx, store.DirectoryImport{Source: "csv", Entries: []store.DirectoryEntry{e}, By: root, At: morning})
	s.must(err)
	if len(s.sees(dsl)) != 1 {
		t.Fatal("the store itself has looked; this test shows nothing")
	}
	in := roster.NewInbox(s.roster, filepath.Join(s.dir, "inbox"), s.store)
	in.Look(ctx)
	if rows := s.sees(head); len(s.sees(dsl)) != 0 || len(rows) != 1 || !slices.Contains(rows[0].Case.Subjects, key) {
		t.Errorf("not finished: %+v", rows)
	}
	before := s.ledger()
	in.Look(ctx)
	if s.ledger() != before {
		t.Error("finished twice")
	}
}
