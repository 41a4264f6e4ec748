// Package policy owns the policy that a school's device groups obey: it
// compiles the rule packs, signs one document for each group, keeps every
// version in the store, and tells connected streams of a new one.
//
// A document changes its version exactly when its content changes, so a
// restart, or a second collector on the same store, sends nothing to anybody.
//
// What schools may change is in a folder that a Folder watches: their policies
// (internal/policydoc/form) and rule packs of their own.
//
// It may import collector/store and what crosses it, internal/policydoc,
// internal/detect/rulepack, internal/vocab, fsnotify and the messages.
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
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	"github.com/lapwing-schools/lapwing/internal/policydoc/form"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Config of a Publisher; every field but Amend is needed.
type Config struct {
	Rules fs.FS      // rule packs, *.yaml at its top
	Form  *form.Form // the policy of a school that has not written its own
	Key   ed25519.PrivateKey
	Now   func() time.Time
	Log   *slog.Logger
	// Amend adds to a group's policy what people have decided in the console:
	// permits for media, for example. After a change, call Refresh.
	Amend func(ctx context.Context, t store.Tenant, g Group, p *lapwingv1.Policy) error
}

// Group is a group of devices, and whose they are.
type Group struct {
	Name     string
	Audience vocab.GroupAudience
}

// Kind is the kind of a group's policy among a school's documents.
func Kind(group string) string { return "policy/" + group }

// Publisher gives each group its policy. It is safe for concurrent use.
type Publisher struct {
	cfg Config

	mu     sync.Mutex // guards all below
	source *compiled
	groups map[groupKey]*group
}

type groupKey struct {
	school store.SchoolID
	group  Group
}

// group is what is known of one group's policy.
type group struct {
	publishing sync.Mutex // held while a version is made, so that one is

	// Guarded by Publisher.mu.
	changed chan struct{} // closed at the next change
	signed  *lapwingv1.SignedPolicy
	version uint64 // 0: not looked up yet, or something has changed since
	stale   uint64 // counts the changes, so that none is missed while a version is made
}

// New compiles the rule packs. A pack that does not compile is an error that
// names its file, line and rule.
func New(cfg Config) (*Publisher, error) {
	c, err := compile(Source{Rules: cfg.Rules, Default: cfg.Form}, nil)
	if err != nil {
		return nil, err
	}
	return &Publisher{cfg: cfg, source: c, groups: make(map[groupKey]*group)}, nil
}

// RuleTitle is what the packs in force call a rule, for people; empty for a
// rule that is not in them (any more).
func (p *Publisher) RuleTitle(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source.rules.titles[id]
}

// Form is the policy in force as the school wrote it.
func (p *Publisher) Form(slug string) *form.Form {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source.form(slug)
}

// Timetable is when school is on for a group, and when its canaries are due: the
// Schedule and Canary of its policy, and nothing else of it.
func (p *Publisher) Timetable(slug string, g Group) (*lapwingv1.Policy, error) {
	whole := &lapwingv1.Policy{}
	if err := p.Form(slug).Fill(whole, g.Name, g.Audience); err != nil {
		return nil, fmt.Errorf("read timetable: %w", err)
	}
	return &lapwingv1.Policy{Schedule: whole.Schedule, Canary: whole.Canary}, nil
}

// Changed returns a channel that is closed at the next change of the group's
// policy. Take it before Current, or a change in between is missed.
func (p *Publisher) Changed(school store.SchoolID, g Group) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.group(groupKey{school, g}).changed
}

// Current returns the group's policy in force and its version; it publishes
// one when the group has none, or one of other content.
func (p *Publisher) Current(ctx context.Context, t store.Tenant, of Group) (*lapwingv1.SignedPolicy, uint64, error) {
	p.mu.Lock()
	g := p.group(groupKey{t.Info().ID, of})
	signed, version := g.signed, g.version
	p.mu.Unlock()
	if version > 0 {
		return signed, version, nil
	}
	return p.publish(ctx, t, of, g)
}

// Set puts other packs and forms in force and tells every group that somebody
// has asked for. What does not compile changes nothing.
func (p *Publisher) Set(s Source) error {
	if s.Default == nil {
		s.Default = p.cfg.Form
	}
	p.mu.Lock()
	before := p.source
	p.mu.Unlock()
	c, err := compile(s, before)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	same := c.same(p.source)
	p.source = c
	if same {
		return nil
	}
	for _, g := range p.groups {
		g.renew()
	}
	return nil
}

// SetRules puts other rule packs in force, and leaves the forms.
func (p *Publisher) SetRules(fsys fs.FS) error {
	p.mu.Lock()
	s := Source{Rules: fsys, Forms: p.source.forms, Default: p.source.standard}
	p.mu.Unlock()
	return p.Set(s)
}

// Refresh tells the groups of a school to look again at what people have
// decided in the console.
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
func (p *Publisher) publish(ctx context.Context, t store.Tenant, of Group, g *group) (*lapwingv1.SignedPolicy, uint64, error) {
	g.publishing.Lock()
	defer g.publishing.Unlock()
	p.mu.Lock()
	signed, version, in, stale := g.signed, g.version, p.source, g.stale
	p.mu.Unlock()
	if version > 0 {
		return signed, version, nil // somebody else was faster in this process
	}
	for range attempts {
		signed, version, err := p.version(ctx, t, of, in)
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
func (p *Publisher) version(ctx context.Context, t store.Tenant, of Group, in *compiled) (*lapwingv1.SignedPolicy, uint64, error) {
	want, err := p.content(ctx, t, of, in)
	if err != nil {
		return nil, 0, err
	}
	doc, err := t.LatestDocument(ctx, Kind(of.Name))
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
	want.Version = doc.Version + 1
	return p.put(ctx, t, of, want)
}

// content is the group's policy but for its version.
func (p *Publisher) content(ctx context.Context, t store.Tenant, of Group, in *compiled) (*lapwingv1.Policy, error) {
	f := in.form(t.Info().Slug)
	_, section := f.Of(of.Name, of.Audience)
	want := &lapwingv1.Policy{School: t.Info().Slug, Group: of.Name, Packs: in.rules.packs}
	if err := f.Fill(want, of.Name, of.Audience); err != nil {
		return nil, err
	}
	if err := in.rules.tune(ctx, t, want, in.choices[selection(section.Packs)]); err != nil {
		return nil, err
	}
	if p.cfg.Amend != nil {
		if err := p.cfg.Amend(ctx, t, of, want); err != nil {
			return nil, fmt.Errorf("add what was decided in the console: %w", err)
		}
	}
	return want, nil
}

// put signs a policy and keeps it.
func (p *Publisher) put(ctx context.Context, t store.Tenant, of Group, want *lapwingv1.Policy) (*lapwingv1.SignedPolicy, uint64, error) {
	want.IssuedMs = p.cfg.Now().UnixMilli()
	signed, err := policydoc.Sign(want, p.cfg.Key)
	if err != nil {
		return nil, 0, err
	}
	body, err := pack(signed)
	if err != nil {
		return nil, 0, err
	}
	who := func(name string) audit.Who { return audit.Who{Name: clip(name), Via: audit.ViaSystem} }
	err = t.PutDocument(ctx, store.Document{
		Kind: Kind(of.Name), Version: want.Version, Body: body,
		Proposed: who(want.ProposedBy), Approved: who(want.ApprovedBy), Created: p.cfg.Now(),
	})
	return signed, want.Version, err
}

// Outrun gives the policy of group to a version above that of from, because a
// device that is moved keeps only what is newer than what it has.
func (p *Publisher) Outrun(ctx context.Context, t store.Tenant, from, to Group) error {
	_, above, err := p.Current(ctx, t, from)
	if err != nil {
		return err
	}
	_, version, err := p.Current(ctx, t, to)
	if err != nil || version > above {
		return err
	}
	p.mu.Lock()
	in, g := p.source, p.group(groupKey{t.Info().ID, to})
	p.mu.Unlock()
	g.publishing.Lock()
	defer g.publishing.Unlock()
	want, err := p.content(ctx, t, to, in)
	if err != nil {
		return err
	}
	want.Version = above + 1
	if _, _, err := p.put(ctx, t, to, want); err != nil {
		return fmt.Errorf("publish policy: %w", err)
	}
	p.Refresh(t.Info().ID)
	return nil
}

// Open verifies and reads a stored policy.
func (p *Publisher) Open(doc store.Document) (*lapwingv1.Policy, error) {
	_, have, err := p.open(doc)
	return have, err
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
