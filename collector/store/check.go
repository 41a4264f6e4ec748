package store

import (
	"fmt"
	"net/netip"
	"slices"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
)

// Limits that every implementation holds, so that no row outgrows what a
// database takes. The edges have narrower ones with words for people; to break
// these is a fault of the caller.
const (
	MaxID       = 64       // bytes of a device id, user id, slug
	MaxText     = 1024     // bytes of a name, host or reason
	MaxSealed   = 64 << 10 // bytes of one sealed content
	MaxSubjects = 64       // staff named in one capture
	MaxRules    = 256      // rules of one capture
	MaxArrivals = 10_000   // arrivals or reports in one call
	MaxDocument = 17 << 20 // bytes of a document's body: a policy of 16 MiB, signed and packed
	MaxKind     = 128      // bytes of a document's kind
	MaxSession  = 64 << 10 // bytes of a session's data
	MaxActKey   = 64       // bytes of an idempotency key
	MaxQueue    = 200      // rows of a queue page
	MaxEntries  = 1000     // ledger entries in one answer
	maxList     = 256      // elements of any other list
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// CheckArrivals refuses a batch with ErrInvalid when an arrival in it cannot
// be kept or placed.
func CheckArrivals(arrivals []triage.Arrival) error {
	if len(arrivals) > MaxArrivals {
		return invalid("%d arrivals in a batch, at most %d", len(arrivals), MaxArrivals)
	}
	for i, a := range arrivals {
		if err := checkArrival(a); err != nil {
			return fmt.Errorf("arrival %d: %w", i, err)
		}
	}
	return nil
}

// CheckRevision refuses with ErrInvalid what cannot follow the revision that is
// kept: a device, or whoever holds its key, must not be able to take evidence
// back, nor to make it another person's or another matter. Provisional revisions
// of a capture may follow each other until a final one, which may withdraw it
// (agent/capture); nothing follows that, nor a tamper or digest.
func CheckRevision(kept, next triage.Arrival) error {
	switch {
	case kept.Kind != triage.KindCapture || next.Kind != triage.KindCapture:
		return invalid("revision %d: only a capture has revisions, and only captures", next.Revision)
	case kept.Capture.Final:
		return invalid("revision %d: the final revision is kept already", next.Revision)
	case kept.Person != next.Person:
		return invalid("revision %d: another account than the revision before", next.Revision)
	case kept.Capture.Categories[0] != next.Capture.Categories[0]:
		return invalid("revision %d: another category than the revision before", next.Revision)
	}
	return nil
}

func checkArrival(a triage.Arrival) error {
	switch {
	case !CheckID(string(a.Device)):
		return invalid("device id is empty, over %d bytes or not plain", MaxID)
	case a.Event == ulid.ID{}:
		return invalid("no event id")
	case a.At.IsZero() || a.ReceivedAt.IsZero():
		return invalid("no time")
	case len(a.PersonName) > MaxSealed || len(a.Code) > MaxText:
		return invalid("person name or code too long")
	}
	switch a.Kind {
	case triage.KindTamper, triage.KindDigest:
		return nil
	case triage.KindNotice:
		return CheckNotice(NoticeRecordOf(a))
	case triage.KindMedia, triage.KindUnattended, triage.KindLockMinutes, triage.KindCanary:
		return checkAboutDevice(a)
	case triage.KindCapture:
	default:
		return invalid("kind %d", a.Kind)
	}
	c := a.Capture
	switch {
	case c == nil:
		return invalid("a capture without its content")
	case len(c.Categories) == 0 || len(c.Categories) > 2 || !c.Categories[0].Valid() || !c.Categories[len(c.Categories)-1].Valid():
		return invalid("categories: one or two of the known ones")
	case !c.Severity.Valid() || !c.Level.Valid():
		return invalid("severity or level")
	case c.Count < 0:
		return invalid("count below zero")
	case len(c.Content) > MaxSealed:
		return invalid("content over %d bytes", MaxSealed)
	case len(c.Subjects) > MaxSubjects || len(c.Rules) > MaxRules:
		return invalid("over %d subjects or %d rules", MaxSubjects, MaxRules)
	}
	for _, r := range c.Rules {
		if max(len(r.ID), len(r.Title), len(r.Pack), len(r.Reading)) > MaxText ||
			max(len(r.RaisedBy), len(r.LoweredBy)) > maxList || longest(r.RaisedBy, r.LoweredBy) > MaxText {
			return invalid("a rule's text over %d bytes", MaxText)
		}
	}
	return nil
}

// CheckAct refuses an act that names no case, no command or no time, or whose
// key or texts are too long.
func CheckAct(a Act) error {
	switch {
	case len(a.Key) > MaxActKey:
		return &caseflow.InvalidError{Field: "key", Limit: MaxActKey,
			Message: "The form's key is longer than 64 bytes. Load the page again and repeat what you did."}
	case a.Command == nil || a.At.IsZero():
		return invalid("act without command or time")
	case len(a.Actor.User) > MaxID || len(a.Actor.Name) > MaxText:
		return invalid("actor's id or name too long")
	case sealedLen(a.Command) > MaxSealed:
		return invalid("sealed text over %d bytes", MaxSealed)
	}
	return nil
}

func sealedLen(c caseflow.Command) int {
	switch c := c.(type) {
	case caseflow.Note:
		return len(c.Text)
	case caseflow.Close:
		return max(len(c.Text), len(c.Details.Reference.Sealed), len(c.Details.Whom.Sealed))
	case caseflow.Escalate:
		return len(c.Reason.Sealed)
	case caseflow.EndEscalation:
		return len(c.Reason.Sealed)
	case caseflow.Wait:
		return len(c.On.Sealed)
	case caseflow.Transfer:
		return len(c.Reason.Sealed)
	case caseflow.Reopen:
		return len(c.Reason)
	}
	return 0
}

// CheckID reports whether s is a plain id: 1 to MaxID printable ASCII
// characters without space.
func CheckID(s string) bool {
	if s == "" || len(s) > MaxID {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// CheckSchool refuses a slug or name outside the limits of School.
func CheckSchool(slug, name string) error {
	ok := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' }
	if n := len(slug); n < 1 || n > 64 || slices.ContainsFunc([]rune(slug), func(r rune) bool { return !ok(r) }) {
		return invalid("school's short name: 1 to 64 of a-z, 0-9 and hyphen")
	}
	if n := utf8.RuneCountInString(name); n < 1 || n > 200 || !utf8.ValidString(name) {
		return invalid("school's name: 1 to 200 characters")
	}
	return nil
}

// CheckToken refuses a token that could enrol nothing or has no end.
func CheckToken(t Token) error {
	switch {
	case t.Group == "" || utf8.RuneCountInString(t.Group) > 64 || !utf8.ValidString(t.Group):
		return invalid("token's group: 1 to 64 characters")
	case !t.Audience.Valid():
		return invalid("token's audience: pupil, staff or mixed")
	case t.Uses < 1 || t.Expires.IsZero():
		return invalid("token without uses or end")
	case t.Batch != "" && !CheckID(t.Batch):
		return invalid("token's batch is over %d bytes or not plain", MaxID)
	case !checkNetwork(t.Network):
		return invalid("token's network is none")
	case t.Expected < 0 || t.Expected > t.Uses:
		return invalid("token expects %d devices of %d uses", t.Expected, t.Uses)
	}
	return nil
}

func checkNetwork(s string) bool {
	_, err := netip.ParsePrefix(s)
	return s == "" || err == nil
}

// CheckDevice refuses a device that cannot be kept.
func CheckDevice(d Device) error {
	if !CheckID(string(d.ID)) {
		return invalid("device id is empty, over %d bytes or not plain", MaxID)
	}
	if longest([]string{d.Host, d.OS, d.OSText, d.Arch, d.CertSerial, d.RevokedWhy}) > MaxText || len(d.Fingerprint) > MaxText {
		return invalid("a device's text over %d bytes", MaxText)
	}
	return nil
}

// CheckReports refuses reports that cannot be kept.
func CheckReports(reports []DeviceReport) error {
	if len(reports) > MaxArrivals {
		return invalid("%d reports, at most %d", len(reports), MaxArrivals)
	}
	for _, r := range reports {
		if longest([]string{r.Host, r.OSText, r.AgentVersion, r.Goodbye}) > MaxText || len(r.Coverage) > maxList {
			return invalid("a report's text over %d bytes or over %d sensors", MaxText, maxList)
		}
		for _, s := range r.Coverage {
			if longest([]string{s.Sensor, s.State, s.Code}) > MaxText {
				return invalid("a sensor's text over %d bytes", MaxText)
			}
		}
	}
	return nil
}

// CheckUser refuses a user without a plain id or a name, with an unknown role,
// or with anything too long.
func CheckUser(u User) error {
	switch {
	case !CheckID(string(u.ID)):
		return invalid("user id is empty, over %d bytes or not plain", MaxID)
	case u.Name == "" || utf8.RuneCountInString(u.Name) > 200 || !utf8.ValidString(u.Name):
		return invalid("user's name: 1 to 200 characters")
	case longest([]string{u.Email, u.Passphrase}) > MaxText || !utf8.ValidString(u.Email):
		return invalid("user's e-mail address or passphrase over %d bytes", MaxText)
	case len(u.Persons) > maxList:
		return invalid("over %d accounts of one user", maxList)
	}
	for _, r := range append(slices.Clone(u.Roles), u.Pending...) {
		if !r.Valid() {
			return invalid("user's role is not a known one")
		}
	}
	return checkReach(u)
}

// CheckSession refuses a session without user or end, or with too much data.
func CheckSession(s Session) error {
	if !CheckID(string(s.User)) || s.Expires.IsZero() || len(s.Data) > MaxSession {
		return invalid("session: a user, an end, and at most %d bytes of data", MaxSession)
	}
	return nil
}

// CheckDocument refuses a document without kind or version, or too large.
func CheckDocument(d Document) error {
	switch {
	case d.Kind == "" || len(d.Kind) > MaxKind || !utf8.ValidString(d.Kind):
		return invalid("document's kind: 1 to %d bytes", MaxKind)
	case d.Version == 0:
		return invalid("document's version: from 1")
	case len(d.Body) > MaxDocument:
		return invalid("document of %d bytes, at most %d", len(d.Body), MaxDocument)
	}
	return checkWho(d.Proposed, d.Approved)
}

func checkWho(all ...audit.Who) error {
	for _, w := range all {
		if longest([]string{w.User, w.Name, w.Via}) > MaxText {
			return invalid("actor's name over %d bytes", MaxText)
		}
	}
	return nil
}

func longest(lists ...[]string) int {
	n := 0
	for _, l := range lists {
		for _, s := range l {
			n = max(n, len(s))
		}
	}
	return n
}
