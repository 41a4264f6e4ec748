// Package status owns what `lapwing-agent status` says: the report, the local
// socket that the running service answers on, and the words for people. With
// the service stopped it still says who this device is.
//
// It may import agent/identity, agent/uplink, agent/spool, agent/coverage and
// the messages of proto/lapwing/v1. A report holds no captured text and no
// name of a person.
package status

import (
	"errors"
	"time"

	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Report is one answer, and the form of --json. Times are RFC 3339.
type Report struct {
	Running  bool              `json:"running"`
	Hangs    bool              `json:"hangs,omitempty"` // it is there and does not answer; Running is false
	Version  string            `json:"version"`
	Enrolled *Enrolled         `json:"enrolled,omitempty"` // absent if not enrolled
	Uplink   *Uplink           `json:"uplink,omitempty"`   // absent if not running
	Spool    *Spool            `json:"spool,omitempty"`
	Policy   uint64            `json:"policy_version,omitempty"` // 0: none yet
	Sessions int               `json:"sessions"`
	Coverage map[string]Sensor `json:"coverage,omitempty"`
	Canary   *Canary           `json:"canary,omitempty"` // absent: none since the service started
	// Problem is why the rest is less than it should be, for people.
	Problem string `json:"problem,omitempty"`
}

// Enrolled says who the device is.
type Enrolled struct {
	Device           string    `json:"device"`
	School           string    `json:"school"`
	SchoolName       string    `json:"school_name"`
	Collector        string    `json:"collector"`
	CertificateUntil time.Time `json:"certificate_until"`
}

// Uplink says how the connection to the collector is.
type Uplink struct {
	State       string     `json:"state"` // connecting, connected, waiting, revoked, refused, stopped
	Since       time.Time  `json:"since"`
	Detail      string     `json:"detail,omitempty"`
	Code        string     `json:"code,omitempty"` // of internal/conditions
	RetryAt     *time.Time `json:"retry_at,omitempty"`
	LastAck     *time.Time `json:"last_ack,omitempty"`
	SkewMillis  *int64     `json:"clock_skew_ms,omitempty"` // device minus collector
	Proxy       string     `json:"proxy,omitempty"`         // the service's web proxy, without credentials
	Refused     uint64     `json:"events_refused"`
	Unreadable  uint64     `json:"records_unreadable"`
	PolicyError string     `json:"policy_error,omitempty"`
}

// Spool says what waits to be sent; the totals run since the spool was made.
type Spool struct {
	Urgent          uint64 `json:"urgent"`
	Routine         uint64 `json:"routine"`
	Bytes           uint64 `json:"bytes"` // on disk
	DroppedRoutine  uint64 `json:"dropped_routine"`
	MergedUrgent    uint64 `json:"merged_urgent"`
	DamagedSegments uint64 `json:"damaged_segments"`
	// LastDamage is when that last rose, by the collector's clock if it was known; absent: never.
	LastDamage *time.Time `json:"last_damage,omitempty"`
	Full       bool       `json:"full"`
}

// Sensor says what one sensor can see; codes are those of internal/conditions.
type Sensor struct {
	State string    `json:"state"` // ok, limited, off, unknown
	Code  string    `json:"code,omitempty"`
	Since time.Time `json:"since"`
}

// Canary is what became of the last test phrase.
type Canary struct {
	Result string    `json:"result"`
	At     time.Time `json:"at"`
	Code   string    `json:"code,omitempty"` // of internal/conditions: why it is not proved
}

// Results of a Canary.
const (
	CanaryProved  = "proved"
	CanaryPartial = "partial"
	CanaryFailed  = "failed"
	CanaryLocked  = "locked"
	CanaryNobody  = "nobody logged on"
	CanaryAborted = "aborted"
)

// FromIdentity describes an identity.
func FromIdentity(id *identity.Identity) *Enrolled {
	return &Enrolled{Device: id.Device.ID, School: id.Device.School, SchoolName: id.Collector.SchoolName,
		Collector: id.Collector.Address, CertificateUntil: id.Cert.NotAfter.UTC()}
}

// FromUplink describes the state of an uplink.
func FromUplink(s uplink.Status) *Uplink {
	u := &Uplink{State: string(s.State), Since: s.Since.UTC(), Detail: s.Detail, Code: s.Code, RetryAt: ifSet(s.RetryAt),
		LastAck: ifSet(s.LastAck), Refused: s.Refused, Unreadable: s.Unreadable, PolicyError: s.PolicyError}
	if s.SkewKnown {
		ms := s.Skew.Milliseconds()
		u.SkewMillis = &ms
	}
	return u
}

func ifSet(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// FromSpool describes a spool.
func FromSpool(s spool.Stats) *Spool {
	return &Spool{Urgent: s.Urgent.Records, Routine: s.Routine.Records, Bytes: s.DiskBytes,
		DroppedRoutine: s.DroppedRoutine, MergedUrgent: s.MergedUrgent, DamagedSegments: s.DamagedSegments, LastDamage: ifSet(s.LastDamage), Full: s.Full}
}

// FromCoverage describes the rows of a coverage board.
func FromCoverage(rows []*lapwingv1.Coverage) map[string]Sensor {
	out := make(map[string]Sensor, len(rows))
	for _, r := range rows {
		out[r.GetSensor()] = Sensor{State: coverage.StateWord(r.GetState()), Code: r.GetCode(),
			Since: time.UnixMilli(r.GetSinceMs()).UTC()}
	}
	return out
}

// NotAllowed reports whether r is empty because of who asked.
func (r Report) NotAllowed() bool { return !r.Running && r.Problem == ErrNotAllowed.Error() }

// NotEnrolled reports whether r is empty because the device is not enrolled.
func (r Report) NotEnrolled() bool { return r.Problem == identity.ErrNotEnrolled.Error() }

// stopped is the report of a service that does not answer.
func stopped(dir, version string, why error) Report {
	r := Report{Version: version, Problem: why.Error(), Hangs: errors.Is(why, ErrNoAnswer)}
	if errors.Is(why, ErrNotAllowed) {
		return r // nor does this account read who the device is
	}
	id, err := identity.Load(dir)
	switch {
	case err == nil:
		r.Enrolled = FromIdentity(id)
	case errors.Is(err, identity.ErrNotEnrolled):
		r.Problem = identity.ErrNotEnrolled.Error()
	default:
		r.Problem = err.Error()
	}
	return r
}
