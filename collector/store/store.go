// Package store owns the interface between the collector's domain and its
// database, and the values that cross it. Implementations are badgerstore and
// (later) pgstore; storetest holds them to one meaning.
//
// Everything belongs to a school: Store.School is the only way to data. No
// content crosses in the clear: excerpts, titles, notes and account names are
// caseflow.Sealed. It may import collector/caseflow, collector/triage,
// collector/audit, collector/directory and internal/*; never a driver.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Errors that every implementation returns, wrapped.
var (
	ErrNotFound     = errors.New("not found")
	ErrExists       = errors.New("already exists")
	ErrFull         = errors.New("storage full: free space on the collector's disk")
	ErrInvalid      = errors.New("cannot be kept") // a value breaks a limit of check.go; the text says which
	ErrClosed       = errors.New("store closed")
	ErrStale        = errors.New("changed since it was read: read it again")
	ErrTokenUnknown = errors.New("enrolment token not known")
	ErrTokenUsed    = errors.New("enrolment token used up")
	ErrTokenExpired = errors.New("enrolment token expired")
)

// SchoolID is the tenant, from 1.
type SchoolID int32

// School is a tenant.
type School struct {
	ID      SchoolID
	Slug    string // 1-64 of a-z, 0-9, hyphen
	Name    string // for people, 1-200 characters
	Created time.Time
}

// Store is the whole database of a collector. Safe for concurrent use.
type Store interface {
	School(ctx context.Context, id SchoolID) (Tenant, error)
	Schools(ctx context.Context) ([]School, error)
	AddSchool(ctx context.Context, slug, name string, now time.Time) (School, error)
	// Health returns nil when a commit would succeed now.
	Health(ctx context.Context) error
	Close() error
}

// Tenant is one school's data, by group.
type Tenant interface {
	Info() School
	Cases
	Fleet
	Enrolment
	Access
	Documents
	Ledger
	Keys
	Directory
	Drafts
	Around
	Exemptions
	Notices
	DeviceFacts
	Canaries
	Proposals
	RuleCounts
}

// Cases holds events, captures and cases.
type Cases interface {
	// Ingest commits arrivals durably, in order, before it returns: each is
	// deduplicated, placed by triage and folded into its case in one
	// transaction with its ledger entry. Concurrent calls share a commit. It
	// fails with ErrInvalid, and keeps none, when one breaks a limit. After any
	// other error some may have been kept: send all again, nothing is doubled.
	Ingest(ctx context.Context, arrivals []triage.Arrival) ([]Receipt, error)
	// Act loads the case, asks caseflow.Decide, and commits events, projection
	// and ledger entry together. A non-zero Expect that is not the case's
	// version fails with *caseflow.StaleError. A repeated Key returns the first
	// result. A case the actor may not see is ErrNotFound. The refusals of
	// caseflow.Decide come back as they are, but for ErrHidden, which is
	// ErrNotFound too.
	Act(ctx context.Context, act Act) (caseflow.Case, error)
	// Case returns one case with captures and history; ErrNotFound as in Act.
	Case(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref) (CaseFile, error)
	// Queue lists the cases that the viewer may see, most pressing first
	// (caseflow.Before), and counts them within that view.
	Queue(ctx context.Context, viewer caseflow.Actor, q QueueQuery) (QueuePage, error)
	// PlaceInQueue tells where a case stands among the viewer's new and claimed
	// cases at now, in the order of Queue; the zero QueuePlace if it is not there.
	PlaceInQueue(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref, now time.Time) (QueuePlace, error)
	// Unreviewed are the queues in which a case waits that nobody may work on, of
	// those cases that the viewer is told of (caseflow.ToldUnreviewed).
	Unreviewed(ctx context.Context, viewer caseflow.Actor) ([]caseflow.Queue, error)
	// Position stands for the latest change that the viewer may know of; Wait
	// returns when it is no longer after. A position cannot be counted with:
	// it says "changed" and nothing of how much. After a restart every position
	// is new.
	Position(ctx context.Context, viewer caseflow.Actor) (Position, error)
	Wait(ctx context.Context, viewer caseflow.Actor, after Position) (Position, error)
}

// Position is an opaque place in the stream of changes that one viewer may know of.
type Position string

// Receipt is what became of one arrival.
type Receipt struct {
	Duplicate bool         // this revision of the event, or a later one, was kept before
	Case      caseflow.Ref // the case that holds the event; empty when it made none (tamper, digest)
	Refused   error        // ErrInvalid, wrapped: what was kept stands, and this revision cannot follow it (CheckRevision)
}

// Act is one command by one actor.
type Act struct {
	Ref     caseflow.Ref
	Expect  uint64
	Key     string // idempotency key of the form, within its user; at most 64 bytes, empty for none
	Command caseflow.Command
	Actor   caseflow.Actor
	At      time.Time
}

// QueuePage is one page and the counts of the whole selection.
type QueuePage struct {
	Rows   []QueueRow
	Next   string // cursor, empty at the end
	Total  int
	Counts map[vocab.Severity]int
}

// QueueRow is a case with its newest standing capture (the newest of all when
// none stands).
type QueueRow struct {
	Case   caseflow.Case // without Captures: Count says how many stand
	Latest CaptureRecord
	Person PersonRecord
	Device DeviceName
}

// CaseFile is everything of one case.
type CaseFile struct {
	Case     caseflow.Case
	Captures []CaptureRecord // oldest first
	History  []caseflow.Event
	Person   PersonRecord
	Device   DeviceName
	// Earlier cases of the same person that the viewer may see, newest first,
	// at most 10, without Captures.
	Earlier []caseflow.Case
}

// CaptureRecord is a capture as kept: of each event the newest revision only.
type CaptureRecord struct {
	triage.Arrival
	Case caseflow.Ref
}

// PersonRecord is an account seen on a device.
type PersonRecord struct {
	Key      caseflow.PersonKey
	Name     caseflow.Sealed
	Audience vocab.Audience
	// Entry is the directory entry that the account matches; zero while unmatched.
	Entry caseflow.PersonKey
	// Login and Domain are the account's parts, as in triage.Arrival.
	Login, Domain caseflow.PersonKey
	DomainIsMail  bool
	// Shared: several people use the account, as a device said last.
	Shared bool
}

// DeviceName is what a case page may know of a device.
type DeviceName struct {
	ID    caseflow.DeviceID
	Host  string
	Group string // where it stands or whose it is, as the school calls it
}

// Fleet holds devices and enrolment tokens.
type Fleet interface {
	CreateToken(ctx context.Context, t Token) error
	// Enrol uses the token once and adds the device, together or not at all.
	// The device takes the token's group, audience and batch, and is held if the
	// token expects several. It fails with
	// ErrTokenUnknown, ErrTokenUsed, ErrTokenExpired, or ErrExists for an id
	// that is taken.
	Enrol(ctx context.Context, tokenHash [32]byte, d Device, now time.Time) (Device, error)
	Device(ctx context.Context, id caseflow.DeviceID) (Device, error)
	Devices(ctx context.Context) ([]Device, error)
	// Report updates what devices said of themselves; later calls win, and
	// reports of unknown devices are left out.
	Report(ctx context.Context, reports []DeviceReport) error
	// Renewed records a device's new certificate.
	Renewed(ctx context.Context, id caseflow.DeviceID, serial string, notAfter time.Time) error
	Revoke(ctx context.Context, id caseflow.DeviceID, reason string, by audit.Who, now time.Time) error
}

// Token lets devices enrol; only its hash is kept.
type Token struct {
	Hash     [32]byte // SHA-256 of the token
	Group    string   // 1-64 characters
	Audience vocab.GroupAudience
	Uses     int // left
	Expires  time.Time
	Created  time.Time
	// Batch names the token where its hash would say too much; 1-64 of a-z,
	// 0-9. Empty for a token that was made before batches were.
	Batch string
	// Expected is how many devices its maker expects; above 1, those that it
	// lets in are held until a technician releases them.
	Expected int
	// Network, when set, is the only one that it works from, "10.20.0.0/16".
	Network string
}

// Device is an enrolled device.
type Device struct {
	ID          caseflow.DeviceID
	Host        string
	OS, OSText  string
	Arch        string
	Group       string
	Audience    vocab.GroupAudience
	Enrolled    time.Time
	CertSerial  string
	CertExpires time.Time
	Fingerprint []byte
	Revoked     time.Time // zero: not revoked
	RevokedWhy  string
	Batch       string // of the token that let it in
	// Held: nothing that it sends is taken until a technician releases it.
	Held bool
	// Suspect is since when another machine seems to use its identity as well;
	// zero: never seen. SuspectWhy is one of the Suspect words.
	Suspect    time.Time
	SuspectWhy string
	Retired    time.Time    // zero: in use
	Report     DeviceReport // zero until it has reported
}

// DeviceReport is a device's last word about itself; it names no person.
type DeviceReport struct {
	ID            caseflow.DeviceID
	Seen          time.Time // collector's clock
	Host          string
	OSText        string
	AgentVersion  string
	Connected     bool
	Goodbye       string // why it is silent, when it said so
	Coverage      []SensorState
	Sessions      uint32
	SpoolRecords  uint64
	Dropped       uint64 // routine dropped + urgent merged, total
	Quarantined   uint64
	PolicyVersion uint64
	SkewMillis    int64
	// Unlooked is seconds in safe harbours and exempt places together, since the
	// device's service started: apart they would say too much of whoever sits there.
	Unlooked uint64
}

// SensorState is one sensor's coverage.
type SensorState struct {
	Sensor, State, Code string
	Since               time.Time
}

// Access holds users, their one-time links and their sessions.
type Access interface {
	// PutUser adds a user (Version 0) or replaces the version that was read. It
	// fails with ErrStale when the user was changed in between (ChangeUser reads
	// again), and with ErrExists when another user has the name or e-mail
	// address, without regard to case.
	PutUser(ctx context.Context, u User, by audit.Who, now time.Time) error
	User(ctx context.Context, id caseflow.UserID) (User, error)
	// UserByLogin finds a user by e-mail address or name, without regard to case.
	UserByLogin(ctx context.Context, login string) (User, error)
	Users(ctx context.Context) ([]User, error)
	PutLink(ctx context.Context, l Link) error
	// Link looks at a link without using it; UseLink takes it, once. Both
	// return ErrNotFound for a link that is unknown, used or expired.
	Link(ctx context.Context, hash [32]byte, now time.Time) (Link, error)
	UseLink(ctx context.Context, hash [32]byte, now time.Time) (Link, error)
	PutSession(ctx context.Context, s Session) error
	// Session returns ErrNotFound for one that is unknown or expired.
	Session(ctx context.Context, hash [32]byte, now time.Time) (Session, error)
	// DeleteSession does nothing when there is none.
	DeleteSession(ctx context.Context, hash [32]byte) error
	// DeleteSessions ends every session of a user.
	DeleteSessions(ctx context.Context, id caseflow.UserID) error
}

// User is a person with a console account.
type User struct {
	ID         caseflow.UserID
	Name       string // 1-200 characters
	Email      string // optional
	Roles      []caseflow.Role
	Pending    []caseflow.Role // content roles that wait for a confirmation
	Passphrase string          // argon2id PHC string; empty until set
	Persons    []caseflow.PersonKey
	Disabled   bool
	Created    time.Time
	// CoverWords and NoShortcuts are the person's own preferences.
	CoverWords, NoShortcuts bool
	// Reach limits what a DSL or deputy sees; see users.go.
	Reach Reach
	// Views are the person's own saved filters of the queue.
	Views []SavedView
	// Version is the store's: it counts the changes, and PutUser takes back what
	// was read.
	Version uint64
}

// Link is a one-time sign-in link; only its hash is kept.
type Link struct {
	Hash    [32]byte
	User    caseflow.UserID
	Expires time.Time
}

// Session is a signed-in browser; only its token's hash is kept.
type Session struct {
	Hash    [32]byte
	User    caseflow.UserID
	Created time.Time
	Seen    time.Time
	Expires time.Time
	Data    []byte
}

// Documents holds versioned, approved documents by kind ("policy/GROUP").
type Documents interface {
	// PutDocument fails with ErrExists when the version is not greater than the
	// latest, and with ErrInvalid for a body over MaxDocument.
	PutDocument(ctx context.Context, d Document) error
	LatestDocument(ctx context.Context, kind string) (Document, error)
	// Document returns one version; ErrNotFound when there is none.
	Document(ctx context.Context, kind string, version uint64) (Document, error)
	// DocumentVersions lists up to limit versions (1-1,000), the newest first,
	// without their bodies: who proposed and approved which, and when.
	DocumentVersions(ctx context.Context, kind string, limit int) ([]Document, error)
}

// Document is one version of a document.
type Document struct {
	Kind     string
	Version  uint64
	Body     []byte
	Proposed audit.Who
	Approved audit.Who
	Created  time.Time
}

// Ledger is the append-only, hash-chained record of acts and reads.
type Ledger interface {
	// Append sets Seq, Prev and Hash itself; ErrInvalid for what audit.Entry.Validate refuses.
	Append(ctx context.Context, e audit.Entry) error
	// Entries returns up to limit entries (1-1,000; 0 means 1,000) with
	// sequence greater than after, in order.
	Entries(ctx context.Context, after uint64, limit int) ([]audit.Entry, error)
}

// Keys holds wrapped per-person data keys for collector/vault.
type Keys interface {
	// Key returns ErrNotFound when the person has none (or it was destroyed).
	Key(ctx context.Context, person caseflow.PersonKey) ([]byte, error)
	// AddKey keeps wrapped unless there is one, and returns the one that stands.
	AddKey(ctx context.Context, person caseflow.PersonKey, wrapped []byte) ([]byte, error)
	// DestroyKey removes the key for good.
	DestroyKey(ctx context.Context, person caseflow.PersonKey) error
}

// EventKey identifies an event for deduplication.
type EventKey struct {
	Device   caseflow.DeviceID
	Event    ulid.ID
	Revision uint32
}
