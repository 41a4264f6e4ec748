package casework_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

var errDisk = errors.New("disk on fire")

// fake is a school in memory. It keeps every byte that reached it, and notes
// the order in which the ledger was written and sealed content was opened.
type fake struct {
	store.Tenant // what casework must not use panics

	mu       sync.Mutex // guards all below
	files    map[caseflow.Ref]*store.CaseFile
	keys     map[caseflow.PersonKey][]byte
	ledger   []audit.Entry
	docs     map[string]store.Document
	drafts   map[string]store.Draft
	done     map[string]caseflow.Case
	written  bytes.Buffer
	order    []string // "ledger", "unseal"
	noLedger bool
	noKeys   bool
	leak     bool // a faulty store that forgets MaySee
}

func newFake() *fake {
	return &fake{
		files: map[caseflow.Ref]*store.CaseFile{}, keys: map[caseflow.PersonKey][]byte{},
		docs: map[string]store.Document{}, drafts: map[string]store.Draft{}, done: map[string]caseflow.Case{},
	}
}

func (f *fake) Info() store.School { return store.School{ID: 1, Slug: "peewit", Name: "Peewit Green"} }

// DirectoryEntry: nobody is in the directory; TestWhoACaseIsAbout has one that is filled.
func (f *fake) DirectoryEntry(context.Context, caseflow.PersonKey) (store.DirectoryEntry, error) {
	return store.DirectoryEntry{}, store.ErrNotFound
}

// keep remembers a value as a store would write it.
func (f *fake) keep(v any) {
	if err := json.NewEncoder(&f.written).Encode(v); err != nil {
		panic(err)
	}
}

func (f *fake) Act(_ context.Context, a store.Act) (caseflow.Case, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep(a)
	file, ok := f.files[a.Ref]
	if !ok || !caseflow.MaySee(file.Case, a.Actor) {
		return caseflow.Case{}, store.ErrNotFound
	}
	if c, ok := f.done[a.Key]; ok && a.Key != "" {
		return c, nil
	}
	if a.Expect != 0 && a.Expect != file.Case.Version {
		return caseflow.Case{}, &caseflow.StaleError{Now: file.Case}
	}
	if among, ok := a.Command.(caseflow.AmongColleagues); ok {
		a.Command = among.Among([]caseflow.Actor{dsl, deputy, head})
	}
	events, err := caseflow.Decide(file.Case, a.Command, a.Actor, a.At)
	if err != nil {
		return caseflow.Case{}, err
	}
	f.fold(file, events)
	f.done[a.Key] = file.Case
	return file.Case, nil
}

func (f *fake) fold(file *store.CaseFile, events []caseflow.Event) {
	for _, e := range events {
		f.keep(e)
		file.Case = caseflow.Evolve(file.Case, e)
		file.History = append(file.History, e)
	}
}

func (f *fake) Case(_ context.Context, viewer caseflow.Actor, ref caseflow.Ref) (store.CaseFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, ok := f.files[ref]
	if !ok || !f.leak && !caseflow.MaySee(file.Case, viewer) {
		return store.CaseFile{}, store.ErrNotFound
	}
	out := *file
	for _, other := range f.files {
		// A careless store: it leaves the choice to casework.
		if other.Case.Typist == file.Case.Typist {
			out.Earlier = append(out.Earlier, other.Case)
		}
	}
	return out, nil
}

func (f *fake) Queue(_ context.Context, viewer caseflow.Actor, q store.QueueQuery) (store.QueuePage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := store.QueuePage{Counts: map[vocab.Severity]int{}}
	for _, file := range f.files {
		open := len(q.States) == 0 && file.Case.State != caseflow.Closed
		if (f.leak || caseflow.MaySee(file.Case, viewer)) && (open || slices.Contains(q.States, file.Case.State)) {
			row := store.QueueRow{Case: file.Case, Person: file.Person, Device: file.Device}
			row.Latest = file.Captures[len(file.Captures)-1]
			page.Rows = append(page.Rows, row)
			page.Counts[file.Case.Severity]++
		}
	}
	page.Total = len(page.Rows)
	sort.Slice(page.Rows, func(i, j int) bool { return caseflow.Before(&page.Rows[i].Case, &page.Rows[j].Case, q.Now) })
	from := 0
	for i, r := range page.Rows {
		if string(r.Case.Ref) == q.Cursor {
			from = i + 1
		}
	}
	page.Rows = page.Rows[from:]
	if q.Limit > 0 && len(page.Rows) > q.Limit {
		page.Rows = page.Rows[:q.Limit]
		page.Next = string(page.Rows[q.Limit-1].Case.Ref)
	}
	return page, nil
}

func (f *fake) Append(_ context.Context, e audit.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noLedger {
		return errDisk
	}
	if err := e.Validate(); err != nil {
		return err
	}
	f.keep(e)
	f.ledger = append(f.ledger, e)
	f.order = append(f.order, "ledger")
	return nil
}

func (f *fake) Key(_ context.Context, p caseflow.PersonKey) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.order = append(f.order, "unseal")
	if f.noKeys {
		return nil, errDisk
	}
	if k, ok := f.keys[p]; ok {
		return k, nil
	}
	return nil, store.ErrNotFound
}

func (f *fake) AddKey(_ context.Context, p caseflow.PersonKey, w []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.keys[p]; !ok {
		f.keys[p] = w
	}
	return f.keys[p], nil
}

func (f *fake) Document(_ context.Context, kind string, version uint64) (store.Document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d, ok := f.docs[kind]; ok && d.Version == version {
		return d, nil
	}
	return store.Document{}, store.ErrNotFound
}

func (f *fake) Users(context.Context) (all []store.User, err error) {
	for _, a := range []caseflow.Actor{dsl, deputy, head} {
		all = append(all, store.User{ID: a.User, Name: a.Name, Roles: a.Roles, Persons: a.Persons})
	}
	return all, nil
}

func (f *fake) RuleCounts(context.Context, caseflow.Actor, time.Time) ([]store.RuleCount, error) {
	return []store.RuleCount{{Rule: "bully.hated", Right: 4, Wrong: 2}, {Rule: "bully.hated", Right: 3, Wrong: 1}}, nil
}

func (f *fake) PutDraft(_ context.Context, ref caseflow.Ref, by caseflow.Actor, d store.Draft) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep(d)
	f.drafts[string(ref)+string(by.User)] = d
	return nil
}

func (f *fake) Draft(_ context.Context, ref caseflow.Ref, by caseflow.Actor) (store.Draft, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.drafts[string(ref)+string(by.User)]; len(d.Content) > 0 {
		return d, nil
	}
	return store.Draft{}, store.ErrNotFound
}

// Similar is careless: it leaves the choice to casework.
func (f *fake) Similar(context.Context, caseflow.Actor, caseflow.Ref, time.Time) (all []caseflow.Case, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range f.files {
		all = append(all, file.Case)
	}
	return all, nil
}

func (f *fake) Reads(_ context.Context, _ caseflow.Actor, ref caseflow.Ref, _ int) (all []audit.Entry, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.ledger {
		if slices.Contains(e.Object, string(ref)) {
			all = append(all, e)
		}
	}
	return all, nil
}

func (f *fake) LatestDocument(_ context.Context, kind string) (store.Document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d, ok := f.docs[kind]; ok {
		return d, nil
	}
	return store.Document{}, store.ErrNotFound
}

func (f *fake) PutDocument(_ context.Context, d store.Document) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.Version <= f.docs[d.Kind].Version {
		return store.ErrExists
	}
	f.keep(d)
	f.docs[d.Kind] = d
	return nil
}

// world is a service over a fake school, with its clock in hand.
type world struct {
	*casework.Service
	t     *testing.T
	f     *fake
	vault *vault.Vault
	now   time.Time
	refs  byte
}

var t0 = time.Date(2026, 11, 12, 8, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, change ...func(*casework.Config)) *world {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	books, err := playbook.Load(configs.Playbooks())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, f: newFake(), vault: v, now: t0}
	cfg := casework.Config{Vault: v, Now: func() time.Time { return w.now }, Playbooks: books}
	for _, c := range change {
		c(&cfg)
	}
	if w.Service, err = casework.New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// content is what a device sent, before sealing.
type content struct {
	account, excerpt, app, title string
	marks                        []*lapwingv1.Span
	severity                     vocab.Severity
	audience                     vocab.Audience
	subjects                     []caseflow.PersonKey
	help                         *lapwingv1.HelpRequest // instead of a capture
}

var amy = content{
	account: "amy.oakfield", excerpt: "ok so everyone hates you and dont come", app: "chromium", title: "8R project – Class chat",
	marks: []*lapwingv1.Span{{Start: 6, End: 24}}, severity: vocab.High, audience: vocab.Pupil,
}

// add seals a capture and opens a case with it.
func (w *world) add(c content) caseflow.Ref {
	w.t.Helper()
	ctx := w.t.Context()
	w.refs++
	person := w.vault.PersonKey(1, c.account)
	plain, err := proto.Marshal(&lapwingv1.Capture{Excerpt: c.excerpt, App: c.app, Title: c.title, Marks: c.marks, Help: c.help})
	if err != nil {
		w.t.Fatal(err)
	}
	seal := func(p vault.Purpose, b []byte) caseflow.Sealed {
		s, err := w.vault.Seal(ctx, w.f, 1, person, p, b)
		if err != nil {
			w.t.Fatal(err)
		}
		return s
	}
	a := triage.Arrival{
		Kind: triage.KindCapture, Device: "dev-1", Event: ulid.ID{15: w.refs}, At: w.now, ReceivedAt: w.now.Add(time.Second),
		Person: person, Audience: c.audience, Group: vocab.GroupPupil,
		Capture: &triage.Capture{
			Categories: []vocab.Category{vocab.Bullying}, Severity: c.severity, Level: vocab.Alert, Count: 1, Final: true,
			Rules:    []triage.Rule{{ID: "bully.hated", Title: "Told they are hated or unwanted", Version: 1, Severity: c.severity}},
			Subjects: c.subjects, Content: seal(vault.Capture, plain),
		},
	}
	if c.help != nil {
		a.Capture.Categories, a.Capture.Rules = []vocab.Category{vocab.Help}, nil
		a.Capture.Help = caseflow.Help{Asked: true, AboutStaff: c.help.AboutAdult, HideName: c.help.HideName}
	}
	p := triage.Place(nil, a, caseflow.Posts{}, func() caseflow.Ref { return caseflow.RefFrom([5]byte{4: w.refs}) })
	events, err := caseflow.Decide(caseflow.Case{}, p.Command, caseflow.Actor{System: true}, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	file := &store.CaseFile{
		Person: store.PersonRecord{Key: person}, Device: store.DeviceName{ID: "dev-1", Host: "PGS-LT-0142"},
		Captures: []store.CaptureRecord{{Arrival: a, Case: p.Ref}},
	}
	if c.account != "" {
		file.Person.Name = seal(vault.PersonName, []byte(c.account))
	}
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.f.keep(file.Captures)
	w.f.fold(file, events)
	w.f.files[p.Ref] = file
	w.f.order = nil
	return p.Ref
}

// entries are the ledger's entries of one action.
func (w *world) entries(action audit.Action) (out []audit.Entry) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	for _, e := range w.f.ledger {
		if e.Action == action {
			out = append(out, e)
		}
	}
	return out
}

var (
	dsl    = caseflow.Actor{User: "u-dsl", Name: "H. Marlow", Roles: []caseflow.Role{caseflow.DSL}}
	deputy = caseflow.Actor{User: "u-dep", Name: "O. Thistle", Roles: []caseflow.Role{caseflow.Deputy}}
	head   = caseflow.Actor{User: "u-head", Name: "A. Head", Roles: []caseflow.Role{caseflow.Head}}
)

func form(ref caseflow.Ref) casework.Form { return casework.Form{Ref: ref} }
