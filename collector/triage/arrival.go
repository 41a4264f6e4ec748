// Package triage turns what a device sent into cases: grouping, severity and
// routing. It owns the rules of "Triage and cases" in the contract, as pure
// functions over caseflow's types; a store calls Place inside the transaction
// that commits the arrival, and gives the command it returns to
// caseflow.Decide as a System actor. Tamper and digest arrivals make no case:
// they are kept and counted.
//
// It may import collector/caseflow, internal/vocab and internal/ulid; no
// network, database, operating system or clock.
package triage

import (
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Kind says what an arrival is.
type Kind uint8

// Kinds of arrival.
const (
	KindCapture Kind = iota + 1
	KindTamper
	KindDigest
)

// Arrival is one validated, authenticated, sealed event on its way into a
// store. Ingest is idempotent on (school, Device, Event, Revision).
type Arrival struct {
	Kind     Kind
	Device   caseflow.DeviceID
	Event    ulid.ID
	Revision uint32
	Urgent   bool // lane
	Seq      uint64
	// At is the corrected device time; Suspect marks one that was absurd (in
	// the future, or over 400 days old) and was replaced by ReceivedAt.
	At, ReceivedAt time.Time
	Suspect        bool
	Person         caseflow.PersonKey
	// PersonName is the account's name, sealed for that person; kept with the
	// first arrival of a person.
	PersonName caseflow.Sealed
	// Login and Domain are hashes of the account's two parts (collector/directory,
	// AccountOf), by which the store matches it to the directory.
	Login, Domain caseflow.PersonKey
	DomainIsMail  bool
	// Shared: the device says that several people use the account.
	Shared bool
	// Entry is the person's directory entry. The store sets it, with Audience,
	// in the transaction that keeps the arrival; zero while unmatched.
	Entry    caseflow.PersonKey
	Audience vocab.Audience
	// Exempt is the exemption that covers the capture, empty for none. The store
	// sets it, in the transaction that keeps the arrival (collector/exemption).
	Exempt string
	// Group's audience decides the queue of an unknown account.
	Group   vocab.GroupAudience
	Capture *Capture // for KindCapture
	Code    string   // for KindTamper: registered code; for KindNotice: the notice's version
	Count   uint32   // for KindTamper and KindDigest; for KindNotice a NoticeState
	// One of these for the kinds of device.go.
	Media      *Media
	Unattended *Unattended
	Lock       *LockMinutes
	Canary     *Canary
}

// Capture is what triage and the store may know of a capture in the clear,
// and the rest, sealed.
type Capture struct {
	Categories []vocab.Category // primary first
	Severity   vocab.Severity
	Level      vocab.Level
	Source     Source
	Rules      []Rule
	Subjects   []caseflow.PersonKey // staff named in it, found before sealing
	Count      int
	Final      bool
	Withdrawn  bool
	// Help is set for a request for help, zero for what was captured.
	Help caseflow.Help
	// Content is a sealed lapwing.v1.Capture with excerpt, marks, app and title.
	Content caseflow.Sealed
}

// Source is the sensor a capture came from; values as in lapwing.v1.Source.
type Source uint8

// Rule is one rule hit, in words of the pack.
type Rule struct {
	ID, Title, Pack, Reading string
	Version                  uint32
	Severity                 vocab.Severity
	Level                    vocab.Level
	RaisedBy, LoweredBy      []string
}
