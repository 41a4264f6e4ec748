package store

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// Notices holds who was told that monitoring happens, and what they said. What
// devices report comes through Ingest, as arrivals of triage.KindNotice; each
// change has its ledger entry.
type Notices interface {
	// PutNotice keeps what was told on paper, or by word of mouth, to a person.
	PutNotice(ctx context.Context, n NoticeRecord, by audit.Who) error
	// NoticesOf lists what is known of one version of the notice, by person; of
	// every version for the empty one.
	NoticesOf(ctx context.Context, version string) ([]NoticeRecord, error)
}

// NoticeRecord is the newest word on one person and one version of the notice.
type NoticeRecord struct {
	// Person is an account that devices have sent, or an entry of the directory.
	Person  caseflow.PersonKey
	Version string // 1 to 32 bytes
	State   triage.NoticeState
	At      time.Time         // corrected device time, or when it was recorded
	Device  caseflow.DeviceID // that showed it; empty on paper
	// By recorded it on paper; With says with whom it was read, sealed for Person.
	By   string
	With caseflow.Sealed
}

// CheckNotice refuses a record that cannot be kept.
func CheckNotice(n NoticeRecord) error {
	switch {
	case n.Person.IsZero():
		return invalid("a notice told to nobody")
	case n.Version == "" || len(n.Version) > maxNoticeVersion || !utf8.ValidString(n.Version):
		return invalid("a notice without a version of 1 to %d bytes", maxNoticeVersion)
	case !n.State.Valid() || n.At.IsZero():
		return invalid("a notice without its state or time")
	case len(n.By) > MaxText || len(n.With) > MaxSealed:
		return invalid("a notice's text over %d bytes", MaxText)
	}
	return nil
}

// maxNoticeVersion is lapwingv1.MaxNoticeVersion.
const maxNoticeVersion = 32

// NoticeRecordOf is what an arrival of triage.KindNotice says.
func NoticeRecordOf(a triage.Arrival) NoticeRecord {
	return NoticeRecord{Person: a.Person, Version: a.Code, State: triage.NoticeState(min(a.Count, 255)), At: a.At, Device: a.Device}
}
