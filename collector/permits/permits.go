// Package permits owns permission to use portable media: who gives it, for
// what, until when and why, and how it reaches devices in their policy.
//
// A permit is a store.Proposal of Kind that is approved as it is made: the
// school's technician or head gives it alone, with a reason, and the ledger has
// it. One that is ended early is "withdrawn". Nothing here names a person: an
// account that a permit is for is kept as a keyed hash.
//
// It may import collector/{audit,caseflow,policy,store}, internal/policydoc and
// the messages.
package permits

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Kind is the kind of the proposals.
const Kind = "permit"

// Limits of a permit.
const (
	MaxReason  = 200 // characters
	MaxWhat    = 100 // characters
	MaxAccount = 64  // bytes
	// Longest is how long a permit can be for: "specific permission" ends.
	Longest = 366 * 24 * time.Hour
	// remembered is how long devices are told of a permit that has run out, so
	// that they can say so.
	remembered = 30 * 24 * time.Hour
)

// Permit is one permission.
type Permit struct {
	ID      string
	Version uint64
	Terms
	Granted   time.Time
	By        string
	Withdrawn time.Time // zero while it was not ended early
	EndedBy   string
	Note      string
}

// Terms say what is permitted.
type Terms struct {
	What      string    `json:"what"` // in words, for people
	VendorID  string    `json:"vendor"`
	ProductID string    `json:"product,omitempty"`
	Serial    []byte    `json:"serial,omitempty"`    // keyed hash; none for every medium of the make
	Group     string    `json:"group,omitempty"`     // of devices; empty for all
	Account   []byte    `json:"account,omitempty"`   // keyed hash; none for everybody
	Encrypted bool      `json:"encrypted,omitempty"` // only if it is
	ReadOnly  bool      `json:"readonly,omitempty"`  // a wish
	Until     time.Time `json:"until"`
	Reason    string    `json:"-"` // the proposal's own
}

// Over reports whether a permit is good no more.
func (p Permit) Over(now time.Time) bool { return !p.Withdrawn.IsZero() || now.After(p.Until) }

// Form is what a person fills in. Serial comes from a medium that was seen.
type Form struct {
	ID                        string // of the form; sent twice it permits once
	What, VendorID, ProductID string
	Serial                    []byte
	Group, Account            string
	Encrypted, ReadOnly       bool
	Until                     time.Time // the end of the last day
	Reason                    string
}

// Config is what a Service is made of; every field is needed.
type Config struct {
	// Key is the school's key for serial numbers and accounts.
	Key func(slug string) [32]byte
	// Changed tells connected devices to look again.
	Changed func(school store.SchoolID)
	Now     func() time.Time
}

// Service answers for every school. Safe for concurrent use.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg} }

// All lists the permits, the newest first.
func (s *Service) All(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]Permit, error) {
	if !caseflow.Allows(viewer, caseflow.ReadDevices) {
		return nil, store.ErrNotFound
	}
	return all(ctx, t)
}

func all(ctx context.Context, t store.Tenant) ([]Permit, error) {
	proposals, err := t.Proposals(ctx, Kind)
	if err != nil {
		return nil, fmt.Errorf("list media permits: %w", err)
	}
	out := make([]Permit, 0, len(proposals))
	for _, p := range proposals {
		one, err := of(p)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func of(p store.Proposal) (Permit, error) {
	out := Permit{ID: p.ID, Version: p.Version, Granted: p.At, By: p.By.Name}
	if err := json.Unmarshal(p.Body, &out.Terms); err != nil {
		return Permit{}, fmt.Errorf("read media permit: %w", err)
	}
	out.Reason = p.Reason
	if p.State == store.Withdrawn {
		out.Withdrawn, out.EndedBy, out.Note = p.DecidedAt, p.Decided.Name, p.Note
	}
	return out, nil
}

// Problems are all that is wrong with a form.
type Problems = caseflow.Problems

var usbID = regexp.MustCompile(`^[0-9a-f]{4}$`)

// check finds everything that is wrong with a form, field by field.
func (f Form) check(now time.Time, groups []string) error {
	var p Problems
	bad := func(field, message string) { p = append(p, &caseflow.InvalidError{Field: field, Message: message}) }
	if !store.CheckID(f.ID) {
		bad("key", "Load the page again and fill the form in once more.")
	}
	if !usbID.MatchString(f.VendorID) {
		bad("vendor", "Enter the maker’s number: four characters, 0 to 9 and a to f, for example 0951.")
	}
	if f.ProductID != "" && !usbID.MatchString(f.ProductID) {
		bad("product", "Enter the product’s number: four characters, 0 to 9 and a to f, or leave it empty.")
	}
	if n := utf8.RuneCountInString(f.What); n == 0 || n > MaxWhat {
		bad("what", fmt.Sprintf("Say what it is, in %d characters or fewer.", MaxWhat))
	}
	if f.Group != "" && !slices.Contains(groups, f.Group) {
		bad("group", "Choose a device group from the list.")
	}
	if len(f.Account) > MaxAccount {
		bad("account", fmt.Sprintf("Enter the account’s name in %d characters or fewer.", MaxAccount))
	}
	switch {
	case f.Until.IsZero():
		bad("until", "Enter the last day on which it may be used.")
	case !f.Until.After(now):
		bad("until", "Enter a last day that is not over.")
	case f.Until.Sub(now) > Longest:
		bad("until", "Enter a last day within a year from now.")
	}
	if n := utf8.RuneCountInString(f.Reason); n == 0 || n > MaxReason {
		bad("reason", fmt.Sprintf("Say why, in %d characters or fewer.", MaxReason))
	}
	if len(p) > 0 {
		return p
	}
	return nil
}

// Grant gives a permit. Refusals are Problems.
func (s *Service) Grant(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, f Form, groups []string) error {
	if !caseflow.Allows(viewer, caseflow.PermitMedia) {
		return store.ErrNotFound
	}
	now := s.cfg.Now()
	for _, field := range []*string{&f.What, &f.VendorID, &f.ProductID, &f.Account, &f.Reason} {
		*field = strings.TrimSpace(*field)
	}
	f.VendorID, f.ProductID = strings.ToLower(f.VendorID), strings.ToLower(f.ProductID)
	if err := f.check(now, groups); err != nil {
		return err
	}
	if room, err := s.room(ctx, t, f.Group, groups, now); err != nil {
		return err
	} else if !room {
		return Problems{{Field: "what", Message: fmt.Sprintf("A device can know %d permits, and that many are in force. End some first, or permit a make instead of single media.", lapwingv1.MaxPermits)}}
	}
	key := s.cfg.Key(t.Info().Slug)
	terms := Terms{What: f.What, VendorID: f.VendorID, ProductID: f.ProductID, Serial: f.Serial, Group: f.Group,
		Account: policydoc.AccountHash(key[:], f.Account), Encrypted: f.Encrypted, ReadOnly: f.ReadOnly, Until: f.Until}
	body, err := json.Marshal(terms)
	if err != nil {
		return fmt.Errorf("permit media: %w", err)
	}
	p := store.Proposal{Kind: Kind, ID: f.ID, Version: 1, State: store.Approved, Body: body, Author: caseflow.Author{User: viewer.User},
		By: by, At: now, Reason: f.Reason, Decided: by, DecidedAt: now}
	err = t.PutProposal(ctx, p, audit.Entry{At: now, Who: by, Action: audit.MediaPermitted, Object: []string{f.ID}})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return fmt.Errorf("permit media: %w", err)
	}
	s.cfg.Changed(t.Info().ID)
	return nil
}

// room reports whether every device that a permit for group reaches can take one more.
func (s *Service) room(ctx context.Context, t store.Tenant, group string, groups []string, now time.Time) (bool, error) {
	existing, err := all(ctx, t)
	if err != nil {
		return false, err
	}
	reached := groups
	if group != "" {
		reached = []string{group}
	}
	for _, g := range append(slices.Clone(reached), "") {
		if g == "" && group != "" {
			continue
		}
		if len(told(existing, g, now)) >= lapwingv1.MaxPermits {
			return false, nil
		}
	}
	return true, nil
}

// End takes a permit back before its time. Refusals are Problems.
func (s *Service) End(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, id, note string) error {
	if !caseflow.Allows(viewer, caseflow.PermitMedia) {
		return store.ErrNotFound
	}
	note = strings.TrimSpace(note)
	if n := utf8.RuneCountInString(note); n == 0 || n > MaxReason {
		return Problems{{Field: "note", Message: fmt.Sprintf("Say why it ends, in %d characters or fewer.", MaxReason)}}
	}
	p, err := t.Proposal(ctx, Kind, id)
	if err != nil {
		return fmt.Errorf("end media permit: %w", err)
	}
	if p.State == store.Withdrawn {
		return nil // it has ended, and stays as it was ended
	}
	now := s.cfg.Now()
	p.Version, p.State, p.Decided, p.DecidedAt, p.Note = p.Version+1, store.Withdrawn, by, now, note
	err = t.PutProposal(ctx, p, audit.Entry{At: now, Who: by, Action: audit.MediaPermitEnded, Object: []string{id}})
	if err != nil && !errors.Is(err, store.ErrStale) { // somebody else has just ended it
		return fmt.Errorf("end media permit: %w", err)
	}
	s.cfg.Changed(t.Info().ID)
	return nil
}

// told are the permits that devices of a group are told of, the latest to end first.
func told(permits []Permit, group string, now time.Time) []Permit {
	out := slices.DeleteFunc(slices.Clone(permits), func(p Permit) bool {
		return !p.Withdrawn.IsZero() || p.Group != "" && p.Group != group || now.Sub(p.Until) > remembered
	})
	slices.SortFunc(out, func(a, b Permit) int {
		if c := b.Until.Compare(a.Until); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Amend puts the permits of a group into its policy, and the key by which its
// devices know media (policy.Config.Amend).
func (s *Service) Amend(ctx context.Context, t store.Tenant, g policy.Group, p *lapwingv1.Policy) error {
	permits, err := all(ctx, t)
	if err != nil {
		return err
	}
	if p.Usb == nil {
		p.Usb = &lapwingv1.UsbPolicy{Use: lapwingv1.UsbPolicy_USE_RECORDED}
	}
	key := s.cfg.Key(t.Info().Slug)
	p.Usb.SerialKey = key[:]
	for _, one := range told(permits, g.Name, s.cfg.Now()) {
		if len(p.Usb.Permits) == lapwingv1.MaxPermits {
			break // those that have run out come last
		}
		p.Usb.Permits = append(p.Usb.Permits, &lapwingv1.UsbPermit{Id: one.ID, VendorId: one.VendorID, ProductId: one.ProductID,
			Serial: one.Serial, Account: one.Account, UntilMs: one.Until.UnixMilli(),
			EncryptedOnly: one.Encrypted, ReadOnly: one.ReadOnly})
	}
	return nil
}

// VisitOf reads the id of a medium's stay as a page's address has it.
func VisitOf(text string) (visit [16]byte, ok bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 16 {
		return visit, false
	}
	return [16]byte(b), true
}
