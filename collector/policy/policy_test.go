package policy_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
)

// school keeps documents; any other call is a failed test.
type school struct {
	store.Tenant
	mu   sync.Mutex
	docs map[string][]store.Document
	puts int
	fail error

	proposals []store.Proposal
}

func (s *school) Proposals(context.Context, string) ([]store.Proposal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proposals, nil
}

func (s *school) Info() store.School { return store.School{ID: 1, Slug: "demo", Name: "Demo"} }

func (s *school) PutDocument(_ context.Context, d store.Document) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if s.fail != nil {
		return s.fail
	}
	if err := store.CheckDocument(d); err != nil {
		return err
	}
	if n := len(s.docs[d.Kind]); n > 0 && s.docs[d.Kind][n-1].Version >= d.Version {
		return store.ErrExists
	}
	s.docs[d.Kind] = append(s.docs[d.Kind], d)
	return nil
}

func (s *school) LatestDocument(_ context.Context, kind string) (store.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.docs[kind]); n > 0 {
		return s.docs[kind][n-1], nil
	}
	return store.Document{}, store.ErrNotFound
}

func (s *school) count(group string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.docs[policy.Kind(group)])
}

func newSchool() *school { return &school{docs: map[string][]store.Document{}} }

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publisher(t *testing.T, rules fs.FS, key ed25519.PrivateKey) *policy.Publisher {
	t.Helper()
	p, err := policy.New(policy.Config{Rules: rules, Form: collectortest.Form(), Key: key, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// current returns the version in force, after checking signature and content.
func current(t *testing.T, p *policy.Publisher, s *school, group string, key ed25519.PrivateKey) uint64 {
	t.Helper()
	signed, version, err := p.Current(t.Context(), s, policy.Group{Name: group})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policydoc.Open(signed, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Version != version || doc.School != "demo" || doc.Group != group {
		t.Errorf("document %d of %s/%s, want %d of demo/%s", doc.Version, doc.School, doc.Group, version, group)
	}
	return version
}

func TestTheVersionRisesWhenTheContentChangesAndOnlyThen(t *testing.T) {
	key, s := newKey(t), newSchool()
	one, two := collectortest.Rules("one"), collectortest.Rules("two")
	p := publisher(t, one, key)
	if v := current(t, p, s, "laptops", key); v != 1 {
		t.Errorf("first version is %d", v)
	}
	if v := current(t, p, s, "lab", key); v != 1 {
		t.Errorf("first version of another group is %d", v)
	}
	if v := current(t, publisher(t, one, key), s, "laptops", key); v != 1 {
		t.Errorf("after a restart: version %d, want 1", v)
	}
	if v := current(t, publisher(t, two, key), s, "laptops", key); v != 2 {
		t.Errorf("after an update: version %d, want 2", v)
	}
	if v := current(t, publisher(t, one, key), s, "laptops", key); v != 3 {
		t.Errorf("after going back: version %d, want 3: it only rises", v)
	}
	if n := s.count("laptops"); n != 3 {
		t.Errorf("%d documents kept, want 3", n)
	}
}

func TestADocumentOfAnotherKeyOrADamagedOneIsReplaced(t *testing.T) {
	s, rules := newSchool(), collectortest.Rules("one")
	old, key := newKey(t), newKey(t)
	current(t, publisher(t, rules, old), s, "laptops", old)
	if v := current(t, publisher(t, rules, key), s, "laptops", key); v != 2 {
		t.Errorf("after a change of key: version %d, want 2", v)
	}
	docs := s.docs[policy.Kind("laptops")]
	docs[len(docs)-1].Body = docs[len(docs)-1].Body[:20]
	if v := current(t, publisher(t, rules, key), s, "laptops", key); v != 3 {
		t.Errorf("after damage: version %d, want 3", v)
	}
}

func TestSetRulesTellsEveryGroup(t *testing.T) {
	key, s := newKey(t), newSchool()
	p := publisher(t, collectortest.Rules("one"), key)
	changed := p.Changed(1, policy.Group{Name: "laptops"})
	current(t, p, s, "laptops", key)
	if err := p.SetRules(collectortest.Rules("one")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("told of a change that was none")
	default:
	}
	broken := fstest.MapFS{"broken.yaml": {Data: []byte("pack: [")}}
	if err := p.SetRules(broken); err == nil || !strings.Contains(err.Error(), "broken.yaml") {
		t.Errorf("broken pack: %v, want an error that names its file", err)
	}
	if v := current(t, p, s, "laptops", key); v != 1 {
		t.Errorf("a broken pack made version %d", v)
	}
	if err := p.SetRules(collectortest.Rules("two")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("not told of a change")
	}
	if v := current(t, p, s, "laptops", key); v != 2 {
		t.Errorf("version %d in force, want 2", v)
	}
}

func TestManyStreamsMakeOneVersion(t *testing.T) {
	key, s := newKey(t), newSchool()
	// Two collectors on one store, each asked by many streams at once.
	a, b := publisher(t, collectortest.Rules("one"), key), publisher(t, collectortest.Rules("one"), key)
	var wg sync.WaitGroup
	for i := range 40 {
		p := a
		if i%2 == 1 {
			p = b
		}
		wg.Go(func() {
			if _, v, err := p.Current(t.Context(), s, policy.Group{Name: "laptops"}); err != nil || v != 1 {
				t.Errorf("version %d, %v; want 1", v, err)
			}
		})
	}
	wg.Wait()
	if n := s.count("laptops"); n != 1 {
		t.Errorf("%d documents kept, want 1", n)
	}
	if s.puts > 2 {
		t.Errorf("%d versions signed by two collectors", s.puts)
	}
}

func TestAFaultOfTheStoreIsNotRemembered(t *testing.T) {
	key, s := newKey(t), newSchool()
	p := publisher(t, collectortest.Rules("one"), key)
	s.fail = store.ErrFull
	if _, _, err := p.Current(t.Context(), s, policy.Group{Name: "laptops"}); !errors.Is(err, store.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	s.fail = nil
	if v := current(t, p, s, "laptops", key); v != 1 {
		t.Errorf("version %d, want 1", v)
	}
}

// The packs that ship make a policy that a store keeps and an agent loads.
func TestTheShippedPacks(t *testing.T) {
	key, s := newKey(t), newSchool()
	p := publisher(t, configs.Rules(), key)
	signed, _, err := p.Current(t.Context(), s, policy.Group{Name: "laptops"})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policydoc.Open(signed, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	e, err := detect.Load(doc.Rules)
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Packs) < 10 || len(e.Packs()) != len(doc.Packs) {
		t.Errorf("%d packs named, %d in the engine; want at least 10", len(doc.Packs), len(e.Packs()))
	}
	t.Logf("%d packs, %d bytes on the wire, %d in the store", len(doc.Packs), proto.Size(signed), len(s.docs[policy.Kind("laptops")][0].Body))
}

func TestRuleTitlesComeFromThePacks(t *testing.T) {
	p := publisher(t, configs.Rules(), newKey(t))
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 || len(packs) == 0 {
		t.Fatal(problems)
	}
	for _, pack := range packs {
		for _, r := range pack.Rules {
			if got := p.RuleTitle(r.ID.Value); got != r.Title {
				t.Errorf("%s is called %q, want %q", r.ID.Value, got, r.Title)
			}
		}
	}
	if got := p.RuleTitle("no.such.rule"); got != "" {
		t.Errorf("an unknown rule is called %q", got)
	}
	if err := p.SetRules(collectortest.Rules("other")); err != nil {
		t.Fatal(err)
	}
	if got := p.RuleTitle(packs[0].Rules[0].ID.Value); got != "" {
		t.Errorf("a rule that is in force no more is called %q", got)
	}
}
