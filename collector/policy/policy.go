// Package policy owns the policy that a school's device groups obey: it
// compiles the rule packs, signs one document for each group, keeps every
// version in the store, and tells connected streams of a new one.
//
// A document changes its version exactly when its content changes, so a
// restart, or a second collector on the same store, sends nothing to anybody.
//
// It may import collector/store, collector/tuning and what crosses it, internal/policydoc,
// internal/detect/rulepack and the messages.
package policy

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// shipped stands for the people who proposed and approved the rule packs that
// come with this program; a school's own changes name its own.
const shipped = "Lapwing, as shipped"

// Config of a Publisher; every field is needed.
type Config struct {
	Rules fs.FS // rule packs, *.yaml at its top
	Key   ed25519.PrivateKey
	Now   func() time.Time
	Log   *slog.Logger
}

// Publisher gives each group its policy. It is safe for concurrent use.
type Publisher struct {
	cfg Config

	mu     sync.Mutex // guards rules and groups
	rules  rules
	groups map[groupKey]*group
}

// rules are the compiled packs.
type rules struct {
	compiled []byte
	packs    []*lapwingv1.PackInfo
	titles   map[string]string // by rule id
	set      *rulepack.Set
	list     []tuning.Rule // of the packs that are on, by category
}

type groupKey struct {
	school store.SchoolID
	group  string
}

// group is what is known of one group's policy.
type group struct {
	publishing sync.Mutex // held while a version is made, so that one is

	// Guarded by Publisher.mu.
	changed chan struct{} // closed at the next change
	signed  *lapwingv1.SignedPolicy
	version uint64 // 0: not looked up yet, or the rules have changed since
	stale   uint64 // counts the changes, so that none is missed while a version is made
}

// New compiles the rule packs. A pack that does not compile is an error that
// names its file, line and rule.
func New(cfg Config) (*Publisher, error) {
	r, err := compile(cfg.Rules)
	if err != nil {
		return nil, err
	}
	return &Publisher{cfg: cfg, rules: r, groups: make(map[groupKey]*group)}, nil
}

func compile(fsys fs.FS) (rules, error) {
	packs, problems := rulepack.ReadDir(fsys)
	if len(problems) > 0 {
		errs := make([]error, len(problems))
		for i, p := range problems {
			errs[i] = errors.New(p.String())
		}
		return rules{}, fmt.Errorf("read rule packs: %w", errors.Join(errs...))
	}
	set, err := rulepack.CompileSet(packs)
	if err != nil {
		return rules{}, fmt.Errorf("compile rule packs: %w", err)
	}
	compiled, err := set.Encode(nil)
	if err != nil {
		return rules{}, fmt.Errorf("compile rule packs: %w", err)
	}
	r := rules{compiled: compiled, titles: make(map[string]string), set: set, list: listed(packs)}
	for i := range packs {
		if p := &packs[i]; !p.Draft() {
			r.packs = append(r.packs, &lapwingv1.PackInfo{Name: p.Name.Value, Version: p.Version, Rules: uint32(len(p.Rules))})
		}
		for _, rule := range packs[i].Rules {
			r.titles[rule.ID.Value] = rule.Title
		}
	}
	return r, nil
}

// RuleTitle is what the packs in force call a rule, for people; empty for a
// rule that is not in them (any more).
func (p *Publisher) RuleTitle(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rules.titles[id]
}

// Kind is the kind of a group's policy among a school's documents.
func Kind(group string) string { return "policy/" + group }

// Changed returns a channel that is closed at the next change of the group's
// policy. Take it before Current, or a change in between is missed.
func (p *Publisher) Changed(school store.SchoolID, group string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.group(groupKey{school, group}).changed
}

// Current returns the group's policy in force and its version; it publishes
// one when the group has none, or one of other content.
func (p *Publisher) Current(ctx context.Context, t store.Tenant, name string) (*lapwingv1.SignedPolicy, uint64, error) {
	p.mu.Lock()
	g := p.group(groupKey{t.Info().ID, name})
	signed, version := g.signed, g.version
	p.mu.Unlock()
	if version > 0 {
		return signed, version, nil
	}
	return p.publish(ctx, t, name, g)
}

// SetRules puts other rule packs in force and tells every group that somebody
// has asked for. Packs that do not compile change nothing.
func (p *Publisher) SetRules(fsys fs.FS) error {
	r, err := compile(fsys)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.Equal(r.compiled, p.rules.compiled) {
		return nil
	}
	p.rules = r
	for _, g := range p.groups {
		g.renew()
	}
	return nil
}

// Refresh tells the groups of a school to look again at the school's own
// changes of rules.
func (p *Publisher) Refresh(school store.SchoolID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, g := range p.groups {
		if k.school == school {
			g.renew()
		}
	}
}

// renew wants Publisher.mu held.
func (g *group) renew() {
	g.version = 0
	g.stale++
	close(g.changed)
	g.changed = make(chan struct{})
}

// group wants mu held.
func (p *Publisher) group(k groupKey) *group {
	g := p.groups[k]
	if g == nil {
		g = &group{changed: make(chan struct{})}
		p.groups[k] = g
	}
	return g
}

// attempts bounds how often another collector may be faster.
const attempts = 5

// publish finds or makes the version that has the content in force.
func (p *Publisher) publish(ctx context.Context, t store.Tenant, name string, g *group) (*lapwingv1.SignedPolicy, uint64, error) {
	g.publishing.Lock()
	defer g.publishing.Unlock()
	p.mu.Lock()
	signed, version, in, stale := g.signed, g.version, p.rules, g.stale
	p.mu.Unlock()
	if version > 0 {
		return signed, version, nil // somebody else was faster in this process
	}
	for range attempts {
		signed, version, err := p.version(ctx, t, name, in)
		if errors.Is(err, store.ErrExists) {
			continue // another collector took the number; look at its document
		}
		if err != nil {
			return nil, 0, fmt.Errorf("publish policy: %w", err)
		}
		p.mu.Lock()
		if stale == g.stale {
			g.signed, g.version = signed, version
		}
		p.mu.Unlock()
		return signed, version, nil
	}
	return nil, 0, fmt.Errorf("publish policy: %w %d times over: do two collectors have different rules?", store.ErrExists, attempts)
}

// version returns the latest document if its content is right, else the next.
func (p *Publisher) version(ctx context.Context, t store.Tenant, name string, in rules) (*lapwingv1.SignedPolicy, uint64, error) {
	who := audit.Who{Name: shipped, Via: audit.ViaSystem}
	compiled, proposed, approved, err := in.tuned(ctx, t, name, who)
	if err != nil {
		return nil, 0, err
	}
	want := &lapwingv1.Policy{
		School: t.Info().Slug, Group: name,
		Rules: compiled, Packs: in.packs, ProposedBy: clip(proposed.Name), ApprovedBy: clip(approved.Name),
		Limits: &lapwingv1.Limits{},
	}
	doc, err := t.LatestDocument(ctx, Kind(name))
	switch {
	case err == nil:
		signed, have, err := p.open(doc)
		if err != nil {
			// Signed by an older key or cut: the next version replaces it.
			p.cfg.Log.WarnContext(ctx, "stored policy not usable; publishing the next version", "error", err)
		} else {
			want.Version, want.IssuedMs = have.Version, have.IssuedMs
			if proto.Equal(have, want) {
				return signed, doc.Version, nil
			}
		}
	case !errors.Is(err, store.ErrNotFound):
		return nil, 0, err
	}
	want.Version, want.IssuedMs = doc.Version+1, p.cfg.Now().UnixMilli()
	signed, err := policydoc.Sign(want, p.cfg.Key)
	if err != nil {
		return nil, 0, err
	}
	body, err := pack(signed)
	if err != nil {
		return nil, 0, err
	}
	err = t.PutDocument(ctx, store.Document{
		Kind: Kind(name), Version: want.Version, Body: body, Proposed: proposed, Approved: approved, Created: p.cfg.Now(),
	})
	return signed, want.Version, err
}

func (p *Publisher) open(doc store.Document) (*lapwingv1.SignedPolicy, *lapwingv1.Policy, error) {
	signed, err := unpack(doc.Body)
	if err != nil {
		return nil, nil, err
	}
	have, err := policydoc.Open(signed, p.cfg.Key.Public().(ed25519.PublicKey))
	return signed, have, err
}

// pack is the form that the store keeps: gzip, because compiled rules are
// tables with much air in them.
func pack(signed *lapwingv1.SignedPolicy) ([]byte, error) {
	plain, err := proto.Marshal(signed)
	if err != nil {
		return nil, fmt.Errorf("marshal policy: %w", err)
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed) // somebody waits for the approved change
	if err != nil {
		return nil, fmt.Errorf("compress policy: %w", err)
	}
	_, err = w.Write(plain)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compress policy: %w", err)
	}
	return b.Bytes(), nil
}

func unpack(body []byte) (*lapwingv1.SignedPolicy, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("open stored policy: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, lapwingv1.MaxPolicy+1024))
	if err != nil {
		return nil, fmt.Errorf("open stored policy: %w", err)
	}
	signed := new(lapwingv1.SignedPolicy)
	if err := proto.Unmarshal(plain, signed); err != nil {
		return nil, errors.New("open stored policy: not a signed policy")
	}
	return signed, nil
}
