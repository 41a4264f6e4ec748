package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// builder turns the events of one batch into arrivals.
type builder struct {
	core     *Core
	tenant   store.Tenant
	device   Device
	now      *lapwingv1.DeviceTime
	received time.Time
	names    map[string]person // accounts of this batch: usually one
}

type person struct {
	key  caseflow.PersonKey
	name caseflow.Sealed
	// account is key in the parts by which the store matches it to the directory.
	account directory.Account
}

// crowdError says that the device has named too many new accounts; upto is the
// last event before the first of them, 0 for none.
type crowdError struct {
	upto uint64
	wait time.Duration
}

func (e *crowdError) Error() string { return "too many new accounts of one device" }

// arrivals builds an arrival of each valid event and counts the others. With a
// *crowdError it returns those up to there.
func (c *Core) arrivals(ctx context.Context, t store.Tenant, d Device, batch *lapwingv1.Batch, received time.Time) (all []triage.Arrival, refused int, err error) {
	b := &builder{core: c, tenant: t, device: d, now: batch.Now, received: received, names: map[string]person{}}
	all = make([]triage.Arrival, 0, len(batch.Events))
	var problem error // the first; one device must not be able to flood the log
	var crowd *crowdError
	var upto uint64
	for _, e := range batch.Events {
		if err := e.Validate(); err != nil {
			refused++
			problem, upto = cmp.Or(problem, err), e.Seq
			continue
		}
		a, err := b.arrival(ctx, e)
		if errors.As(err, &crowd) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		all, upto = append(all, a), e.Seq
	}
	if refused > 0 {
		c.log.WarnContext(ctx, "events refused", "school", t.Info().Slug, "device", string(d.ID), "count", refused, "first_problem", problem)
	}
	if crowd != nil {
		crowd.upto = upto
		return all, refused, crowd
	}
	return all, refused, nil
}

func (b *builder) arrival(ctx context.Context, e *lapwingv1.Event) (triage.Arrival, error) {
	at, suspect := correct(e, b.now, b.received)
	if suspect {
		b.core.metrics.suspect.Inc()
	}
	who, err := b.person(ctx, e.Account)
	if err != nil {
		return triage.Arrival{}, err
	}
	a := triage.Arrival{
		Device: b.device.ID, Event: ulid.ID(e.Id), Revision: e.Revision,
		Urgent: e.Lane == lapwingv1.Lane_LANE_URGENT, Seq: e.Seq,
		At: at, ReceivedAt: b.received, Suspect: suspect,
		Person: who.key, PersonName: who.name,
		Login: who.account.Login, Domain: who.account.Domain, DomainIsMail: who.account.Mail,
		Shared: e.SharedAccount && !who.key.IsZero(),
		// The store says whose it is, in the transaction that keeps it. Where the
		// directory has nobody, the group's audience routes it.
		Audience: vocab.Unknown, Group: b.device.Group,
	}
	switch body := e.Body.(type) {
	case *lapwingv1.Event_Capture:
		a.Kind = triage.KindCapture
		a.Capture, err = b.capture(ctx, who.key, body.Capture)
	case *lapwingv1.Event_Help:
		a.Kind = triage.KindCapture
		a.Capture, err = b.help(ctx, who.key, body.Help)
	case *lapwingv1.Event_Notice:
		// States are in the same order on both sides, from 1; a test holds it.
		a.Kind, a.Code, a.Count = triage.KindNotice, body.Notice.Version, uint32(body.Notice.State)
	case *lapwingv1.Event_Tamper:
		a.Kind, a.Code, a.Count = triage.KindTamper, body.Tamper.Code, body.Tamper.Count
	case *lapwingv1.Event_Media:
		a.Kind = triage.KindMedia
		a.Media, err = b.media(ctx, who.key, body.Media)
	case *lapwingv1.Event_Unattended:
		a.Kind, a.Unattended = triage.KindUnattended, &triage.Unattended{Seconds: body.Unattended.Seconds, Limit: body.Unattended.LimitSeconds}
	case *lapwingv1.Event_LockMinutes:
		a.Kind, a.Lock = triage.KindLockMinutes, lockMinutes(body.LockMinutes)
	case *lapwingv1.Event_Canary:
		a.Kind, a.Canary = triage.KindCanary, canaryOf(body.Canary)
	case *lapwingv1.Event_Digest:
		a.Kind, a.Count = triage.KindDigest, total(body.Digest.ByCategory)
	}
	return a, err
}

// person returns the key of an account and its name, sealed for it. The
// machine's own events are nobody's.
func (b *builder) person(ctx context.Context, account string) (person, error) {
	if p, ok := b.names[account]; ok {
		return p, nil
	}
	school := b.tenant.Info().ID
	p := person{account: directory.AccountOf(account, func(text string) caseflow.PersonKey { return b.core.vault.PersonKey(school, text) })}
	p.key = p.account.Exact
	if !p.key.IsZero() {
		if err := b.admit(ctx, p.key); err != nil {
			return person{}, err
		}
		var err error
		p.name, err = b.core.vault.Seal(ctx, b.tenant, school, p.key, vault.PersonName, []byte(account))
		if err != nil {
			return person{}, fmt.Errorf("seal account: %w", err)
		}
	}
	b.names[account] = p
	return p, nil
}

// admit lets the device name an account that the school knows, which then has
// a data key, and so many others.
func (b *builder) admit(ctx context.Context, who caseflow.PersonKey) error {
	_, err := b.tenant.Key(ctx, who)
	if err == nil {
		return nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("look for account: %w", err)
	}
	if ok, wait := b.core.accounts.Take(string(b.device.ID), 1); !ok {
		return &crowdError{wait: wait}
	}
	return nil
}

// capture keeps in the clear what triage decides by, and seals the rest.
func (b *builder) capture(ctx context.Context, who caseflow.PersonKey, c *lapwingv1.Capture) (*triage.Capture, error) {
	sealed, err := b.seal(ctx, who, &lapwingv1.Capture{Excerpt: c.Excerpt, Marks: c.Marks, App: c.App, Title: c.Title})
	if err != nil {
		return nil, err
	}
	subjects, err := b.staffNamed(ctx, c.Excerpt, c.Title)
	if err != nil {
		return nil, err
	}
	out := &triage.Capture{
		Subjects: subjects,
		Severity: severity(c.Severity), Level: level(c.Level), Source: triage.Source(c.Source),
		Count: int(min(c.Count, math.MaxInt32)), Final: c.Final, Withdrawn: c.Withdrawn, Content: sealed,
	}
	for _, word := range c.Categories {
		out.Categories = append(out.Categories, vocab.Category(word))
	}
	for _, r := range c.Rules {
		out.Rules = append(out.Rules, triage.Rule{
			ID: r.Rule, Title: r.Title, Pack: r.Pack, Reading: r.Reading, Version: r.Version,
			Severity: severity(r.Severity), Level: level(r.Level), RaisedBy: r.RaisedBy, LoweredBy: r.LoweredBy,
		})
	}
	return out, nil
}

// seal closes what a capture showed under the person's key.
func (b *builder) seal(ctx context.Context, who caseflow.PersonKey, c *lapwingv1.Capture) (caseflow.Sealed, error) {
	content, err := proto.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("marshal capture: %w", err)
	}
	sealed, err := b.core.vault.Seal(ctx, b.tenant, b.tenant.Info().ID, who, vault.Capture, content)
	if err != nil {
		return nil, fmt.Errorf("seal capture: %w", err)
	}
	return sealed, nil
}

// severity and level rest on both lists being in the same order from 1, which
// a test holds.
func severity(s lapwingv1.Severity) vocab.Severity { return vocab.Severity(s) }

func level(l lapwingv1.Level) vocab.Level { return vocab.Level(l) }

func total(byCategory map[string]uint32) uint32 {
	var n uint64
	for _, c := range byCategory {
		n += uint64(c)
	}
	return uint32(min(n, math.MaxUint32))
}
