// Package fleet is what technicians do with devices, for the commands and the
// console alike: make enrolment strings, release the devices that wait, and
// ask all devices to offer again what they sent before.
//
// It names no person and no text. It may import collector/store and what
// crosses it, collector/token and internal/tlsx.
package fleet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/token"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Limits and defaults of tokens.
const (
	MaxGroup       = 64 // characters
	MaxUses        = 10_000
	DefaultExpires = 14 * 24 * time.Hour
	MinExpires     = time.Minute
	MaxExpires     = 365 * 24 * time.Hour
)

// FieldError says which field of a form or command breaks which limit.
type FieldError struct{ Field, Words string }

func (e *FieldError) Error() string { return e.Field + " " + e.Words }

func wrong(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// Config of a Service. Released and AskedAgain may be nil.
type Config struct {
	// CAFingerprint is what devices pin, Agents the host:port that they dial
	// when a request names no other.
	CAFingerprint [32]byte
	Agents        string
	Now           func() time.Time
	// Released tells the streams of devices that they may send now.
	Released func(school store.SchoolID, ids []caseflow.DeviceID)
	// AskedAgain passes a request on to the devices that are connected.
	AskedAgain func(school store.SchoolID, since time.Time)
}

// Service does it. It is safe for concurrent use.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg} }

// Request is for one token. Zero values: pupil devices, one use, as many
// expected as uses, 14 days, the server's own address, any network.
type Request struct {
	Group    string
	Audience vocab.GroupAudience
	Uses     int
	Expected int
	Expires  time.Duration
	Address  string
	Network  string
}

// CreateToken keeps a token, and its making in the ledger, and returns the
// string to paste. Errors are *FieldError or those of the store.
func (s *Service) CreateToken(ctx context.Context, t store.Tenant, req Request, by audit.Who) (tlsx.Enrolment, store.Token, error) {
	now := s.cfg.Now()
	tok, err := tokenOf(req, now)
	if err != nil {
		return tlsx.Enrolment{}, tok, err
	}
	enrolment, err := s.enrolment(req.Address)
	if err != nil {
		return enrolment, tok, err
	}
	enrolment.Token = token.ForSchool(t.Info().Slug)
	if err := enrolment.Validate(); err != nil {
		return enrolment, tok, wrong("address", "cannot stand in an enrolment string: %v", err)
	}
	tok.Hash, tok.Batch = token.Hash(enrolment.Token), token.New()[:12]
	// First the ledger: an act that then fails is recorded, one that succeeds always is.
	entry := audit.Entry{At: now, Who: by, Action: audit.TokenCreated, Object: []string{tok.Group, strconv.Itoa(tok.Uses)}}
	if err := t.Append(ctx, entry); err != nil {
		return enrolment, tok, err
	}
	return enrolment, tok, t.CreateToken(ctx, tok)
}

func tokenOf(req Request, now time.Time) (store.Token, error) {
	group := strings.TrimSpace(req.Group)
	switch n := utf8.RuneCountInString(group); {
	case n < 1 || n > MaxGroup:
		return store.Token{}, wrong("group", "has %d characters; give 1 to %d", n, MaxGroup)
	case !utf8.ValidString(group) || strings.ContainsFunc(group, unicode.IsControl):
		return store.Token{}, wrong("group", "holds a character that cannot be shown")
	}
	audience := req.Audience
	if audience == "" {
		audience = vocab.GroupPupil
	}
	if !audience.Valid() {
		return store.Token{}, wrong("audience", "%q is not one of pupil, staff, mixed", req.Audience)
	}
	uses, expected := req.Uses, req.Expected
	if uses == 0 {
		uses = max(1, expected)
	}
	if uses < 1 || uses > MaxUses {
		return store.Token{}, wrong("uses", "is %d; give 1 to %d", uses, MaxUses)
	}
	if expected == 0 {
		expected = uses
	}
	if expected < 1 || expected > uses {
		return store.Token{}, wrong("expected", "is %d; give 1 to the %d uses", expected, uses)
	}
	if uses > 1 {
		// A string that several devices can use can leak to one too many.
		expected = max(expected, 2)
	}
	expires := req.Expires
	if expires == 0 {
		expires = DefaultExpires
	}
	if expires < MinExpires || expires > MaxExpires {
		return store.Token{}, wrong("expires", "is %d seconds; give one minute to 365 days", int64(expires.Seconds()))
	}
	network, err := networkOf(req.Network)
	return store.Token{Group: group, Audience: audience, Uses: uses, Expected: expected, Network: network,
		Expires: now.Add(expires), Created: now}, err
}

// networkOf takes "10.20.0.0/16", or one address.
func networkOf(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()).String(), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return "", wrong("network", "%q is not a network, for example 10.20.0.0/16", text)
	}
	return p.Masked().String(), nil
}

// enrolment returns where devices find this collector.
func (s *Service) enrolment(address string) (tlsx.Enrolment, error) {
	if address == "" {
		address = s.cfg.Agents
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return tlsx.Enrolment{}, wrong("address", "%q is not host:port, for example lapwing.school.example:9443", address)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return tlsx.Enrolment{}, wrong("address", "%q: port must be 1 to 65535", address)
	}
	return tlsx.Enrolment{Host: host, Port: uint16(n), CAFingerprint: s.cfg.CAFingerprint}, nil
}

// Batch is a token with the devices that it let in.
type Batch struct {
	Token   store.Token
	Devices []store.Device // by host
}

// Held returns those that wait.
func (b Batch) Held() (held []store.Device) {
	for _, d := range b.Devices {
		if d.Held && d.Revoked.IsZero() {
			held = append(held, d)
		}
	}
	return held
}

// Batches lists the tokens, the newest first. Those of an earlier version,
// which have no batch, are left out.
func Batches(ctx context.Context, t store.Tenant) ([]Batch, error) {
	tokens, err := t.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := t.Devices(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string][]store.Device{}
	for _, d := range devices {
		by[d.Batch] = append(by[d.Batch], d)
	}
	var all []Batch
	for _, tok := range tokens {
		if tok.Batch == "" {
			continue
		}
		in := by[tok.Batch]
		slices.SortFunc(in, func(a, b store.Device) int { return strings.Compare(a.Host+string(a.ID), b.Host+string(b.ID)) })
		all = append(all, Batch{tok, in})
	}
	return all, nil
}

// Release lets devices of a batch send: those in ids, or all that are held.
func (s *Service) Release(ctx context.Context, t store.Tenant, batch string, ids []caseflow.DeviceID, by audit.Who) ([]caseflow.DeviceID, error) {
	if len(ids) == 0 {
		devices, err := t.Devices(ctx)
		if err != nil {
			return nil, err
		}
		for _, d := range devices {
			if d.Batch == batch && d.Held {
				ids = append(ids, d.ID)
			}
		}
	}
	released, err := t.Release(ctx, batch, ids, by, s.cfg.Now())
	if err == nil && len(released) > 0 && s.cfg.Released != nil {
		s.cfg.Released(t.Info().ID, released)
	}
	return released, err
}

// AskAgain asks all devices for what they sent since a time: those that are
// connected at once, the others when they come within a day.
func (s *Service) AskAgain(ctx context.Context, t store.Tenant, since time.Time, by audit.Who) error {
	now := s.cfg.Now()
	if since.After(now) || since.Before(time.Unix(0, 0)) {
		return wrong("since", "is not in the past")
	}
	if err := t.AskAgain(ctx, store.Reoffer{Since: since, Asked: now}, by); err != nil {
		return err
	}
	if s.cfg.AskedAgain != nil {
		s.cfg.AskedAgain(t.Info().ID, since)
	}
	return nil
}
