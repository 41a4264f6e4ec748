package badgerstore

import (
	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// One function for each kind of row names its fields for writing and reading.
// Numbers are for good: see codec.go.

func schoolFields(c *codec, x *store.School) {
	signed(c, 1, &x.ID)
	text(c, 2, &x.Slug)
	text(c, 3, &x.Name)
	c.moment(4, &x.Created)
}

func personKey(c *codec, x *caseflow.PersonKey) { c.fixed(1, x[:]) }

func captureRefFields(c *codec, x *caseflow.CaptureRef) {
	text(c, 1, &x.Device)
	c.fixed(2, x.Event[:])
	number(c, 3, &x.Revision)
	number(c, 4, &x.Severity)
	number(c, 5, &x.Level)
	c.moment(6, &x.At)
	signed(c, 7, &x.Count)
	c.flag(8, &x.Withdrawn)
	text(c, 9, &x.Exempt)
}

// headRow is a case without its captures, as the queue shows it. The events
// are the truth; this is their fold, kept so that lists need not fold.
type headRow struct {
	Case   caseflow.Case // Captures nil
	Latest captureID
}

// captureID is where a capture's row stands.
type captureID struct {
	Device caseflow.DeviceID
	Event  [16]byte
}

func headFields(c *codec, x *headRow) {
	k := &x.Case
	text(c, 1, &k.Ref)
	number(c, 2, &k.Version)
	c.fixed(3, k.Typist[:])
	list(c, 4, &k.Subjects, personKey)
	number(c, 5, &k.Audience)
	text(c, 6, &k.Category)
	number(c, 7, &k.Severity)
	number(c, 8, &k.Level)
	number(c, 9, &k.State)
	number(c, 10, &k.Queue)
	text(c, 11, &k.Device)
	text(c, 12, &k.Owner)
	text(c, 13, &k.OwnerName)
	c.moment(14, &k.ClaimedAt)
	c.moment(15, &k.ClaimUntil)
	c.moment(16, &k.OpenedAt)
	c.moment(17, &k.FirstAt)
	c.moment(18, &k.LastAt)
	c.moment(19, &k.DueAt)
	c.moment(20, &k.ClosedAt)
	number(c, 21, &k.ClosedSeverity)
	text(c, 22, &k.Outcome)
	signed(c, 23, &k.Count)
	text(c, 24, &k.LinkedTo)
	c.flag(25, &k.Exempt)
	c.moment(26, &k.FirstSeen)
	text(c, 27, &x.Latest.Device)
	c.fixed(28, x.Latest.Event[:])
	c.fixed(29, k.Person[:])
	nested(c, 30, &k.Escalated, escalationFields)
	nested(c, 31, &k.Waiting, waitingFields)
	nested(c, 32, &k.Book, bookFields)
	list(c, 33, &k.Steps, stepDoneFields)
	text(c, 34, &k.Exemption)
	text(c, 35, &k.FalseRule)
	text(c, 36, &k.FalseWhy)
	nested(c, 40, &k.Help, helpFields)
	c.moment(41, &k.NameOpenedAt)
	list(c, 42, &k.Consulted, consultationFields)
	number(c, 43, &k.Floor)
}

func captureRecordFields(c *codec, x *store.CaptureRecord) {
	number(c, 1, &x.Kind)
	text(c, 2, &x.Device)
	c.fixed(3, x.Event[:])
	number(c, 4, &x.Revision)
	c.flag(5, &x.Urgent)
	number(c, 6, &x.Seq)
	c.moment(7, &x.At)
	c.moment(8, &x.ReceivedAt)
	c.flag(9, &x.Suspect)
	c.fixed(10, x.Person[:])
	raw(c, 11, &x.PersonName)
	number(c, 12, &x.Audience)
	text(c, 13, &x.Group)
	var content triage.Capture
	if x.Capture != nil {
		content = *x.Capture
	}
	has := x.Capture != nil
	c.flag(14, &has)
	nested(c, 15, &content, captureFields)
	if has {
		x.Capture = &content
	}
	text(c, 16, &x.Code)
	number(c, 17, &x.Count)
	text(c, 18, &x.Case)
	c.fixed(19, x.Login[:])
	c.fixed(20, x.Domain[:])
	c.flag(21, &x.DomainIsMail)
	c.fixed(22, x.Entry[:])
	text(c, 23, &x.Exempt)
	c.flag(24, &x.Shared)
}

func captureFields(c *codec, x *triage.Capture) {
	list(c, 1, &x.Categories, word)
	number(c, 2, &x.Severity)
	number(c, 3, &x.Level)
	number(c, 4, &x.Source)
	list(c, 5, &x.Rules, ruleFields)
	list(c, 6, &x.Subjects, personKey)
	signed(c, 7, &x.Count)
	c.flag(8, &x.Final)
	c.flag(9, &x.Withdrawn)
	raw(c, 10, &x.Content)
	nested(c, 40, &x.Help, helpFields)
}

func ruleFields(c *codec, x *triage.Rule) {
	text(c, 1, &x.ID)
	text(c, 2, &x.Title)
	text(c, 3, &x.Pack)
	text(c, 4, &x.Reading)
	number(c, 5, &x.Version)
	number(c, 6, &x.Severity)
	number(c, 7, &x.Level)
	list(c, 8, &x.RaisedBy, word)
	list(c, 9, &x.LoweredBy, word)
}

func personFields(c *codec, x *store.PersonRecord) {
	c.fixed(1, x.Key[:])
	raw(c, 2, &x.Name)
	number(c, 3, &x.Audience)
	c.fixed(4, x.Entry[:])
	c.fixed(5, x.Login[:])
	c.fixed(6, x.Domain[:])
	c.flag(7, &x.DomainIsMail)
	c.flag(8, &x.Shared)
}

func tokenFields(c *codec, x *store.Token) {
	c.fixed(1, x.Hash[:])
	text(c, 2, &x.Group)
	text(c, 3, &x.Audience)
	signed(c, 4, &x.Uses)
	c.moment(5, &x.Expires)
	c.moment(6, &x.Created)
	text(c, 7, &x.Batch)
	signed(c, 8, &x.Expected)
	text(c, 9, &x.Network)
}

func reofferFields(c *codec, x *store.Reoffer) {
	c.moment(1, &x.Since)
	c.moment(2, &x.Asked)
}

// deviceFields leaves out the report, which has a row of its own: it changes
// with every heartbeat.
func deviceFields(c *codec, x *store.Device) {
	text(c, 1, &x.ID)
	text(c, 2, &x.Host)
	text(c, 3, &x.OS)
	text(c, 4, &x.OSText)
	text(c, 5, &x.Arch)
	text(c, 6, &x.Group)
	text(c, 7, &x.Audience)
	c.moment(8, &x.Enrolled)
	text(c, 9, &x.CertSerial)
	c.moment(10, &x.CertExpires)
	raw(c, 11, &x.Fingerprint)
	c.moment(12, &x.Revoked)
	text(c, 13, &x.RevokedWhy)
	text(c, 14, &x.Batch)
	c.flag(15, &x.Held)
	c.moment(16, &x.Suspect)
	text(c, 17, &x.SuspectWhy)
	c.moment(24, &x.Retired)
}

func reportFields(c *codec, x *store.DeviceReport) {
	text(c, 1, &x.ID)
	c.moment(2, &x.Seen)
	text(c, 3, &x.Host)
	text(c, 4, &x.OSText)
	text(c, 5, &x.AgentVersion)
	c.flag(6, &x.Connected)
	text(c, 7, &x.Goodbye)
	list(c, 8, &x.Coverage, sensorFields)
	number(c, 9, &x.Sessions)
	number(c, 10, &x.SpoolRecords)
	number(c, 11, &x.Dropped)
	number(c, 12, &x.Quarantined)
	number(c, 13, &x.PolicyVersion)
	signed(c, 14, &x.SkewMillis)
	number(c, 15, &x.Unlooked)
}

func sensorFields(c *codec, x *store.SensorState) {
	text(c, 1, &x.Sensor)
	text(c, 2, &x.State)
	text(c, 3, &x.Code)
	c.moment(4, &x.Since)
}

func userFields(c *codec, x *store.User) {
	text(c, 1, &x.ID)
	text(c, 2, &x.Name)
	text(c, 3, &x.Email)
	list(c, 4, &x.Roles, word)
	list(c, 5, &x.Pending, word)
	text(c, 6, &x.Passphrase)
	list(c, 7, &x.Persons, personKey)
	c.flag(8, &x.Disabled)
	c.moment(9, &x.Created)
	c.flag(10, &x.CoverWords)
	c.flag(11, &x.NoShortcuts)
	number(c, 12, &x.Version)
	nested(c, 13, &x.Reach, reachFields)
	list(c, 14, &x.Views, viewFields)
}

func reachFields(c *codec, x *store.Reach) {
	list(c, 1, &x.Years, word)
	list(c, 2, &x.Sites, word)
	list(c, 3, &x.NextYears, word)
	list(c, 4, &x.NextSites, word)
	c.flag(5, &x.HasNext)
	text(c, 6, &x.NextBy)
	c.moment(7, &x.GlassUntil)
}

func viewFields(c *codec, x *store.SavedView) {
	text(c, 1, &x.Name)
	text(c, 2, &x.Query)
}

func linkFields(c *codec, x *store.Link) {
	c.fixed(1, x.Hash[:])
	text(c, 2, &x.User)
	c.moment(3, &x.Expires)
}

func sessionFields(c *codec, x *store.Session) {
	c.fixed(1, x.Hash[:])
	text(c, 2, &x.User)
	c.moment(3, &x.Created)
	c.moment(4, &x.Seen)
	c.moment(5, &x.Expires)
	raw(c, 6, &x.Data)
}

func documentFields(c *codec, x *store.Document) {
	text(c, 1, &x.Kind)
	number(c, 2, &x.Version)
	raw(c, 3, &x.Body)
	nested(c, 4, &x.Proposed, whoFields)
	nested(c, 5, &x.Approved, whoFields)
	c.moment(6, &x.Created)
}

func whoFields(c *codec, x *audit.Who) {
	text(c, 1, &x.User)
	text(c, 2, &x.Name)
	text(c, 3, &x.Via)
}

func entryFields(c *codec, x *audit.Entry) {
	number(c, 1, &x.Seq)
	c.moment(2, &x.At)
	nested(c, 3, &x.Who, whoFields)
	text(c, 4, &x.Action)
	list(c, 5, &x.Object, word)
	text(c, 6, &x.Reason)
	c.fixed(7, x.Prev[:])
	c.fixed(8, x.Hash[:])
}

// doneRow remembers what an idempotency key did.
type doneRow struct {
	Ref     caseflow.Ref
	Version uint64 // of the case after it
}

func doneFields(c *codec, x *doneRow) {
	text(c, 1, &x.Ref)
	number(c, 2, &x.Version)
}

// idRow points to a row by id.
type idRow struct{ ID string }

func idFields(c *codec, x *idRow) { text(c, 1, &x.ID) }

// bytesRow is an opaque value: a wrapped key.
type bytesRow struct{ B []byte }

func bytesFields(c *codec, x *bytesRow) { raw(c, 1, &x.B) }
