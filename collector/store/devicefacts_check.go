package store

import (
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/ulid"
)

// Limits of device facts.
const (
	MaxChecks   = 64
	MaxFacts    = 32
	MaxHistory  = 1000
	MaxFind     = 500
	MediaRecent = 30 * 24 * time.Hour
)

// CheckCheckReports refuses reports that cannot be kept.
func CheckCheckReports(reports []CheckReport) error {
	if len(reports) > MaxArrivals {
		return invalid("%d reports of checks, at most %d", len(reports), MaxArrivals)
	}
	for _, r := range reports {
		if !CheckID(string(r.ID)) || r.At.IsZero() || len(r.Checks) > MaxChecks || len(r.Facts) > MaxFacts {
			return invalid("a report of checks: a device, a time, at most %d checks and %d facts", MaxChecks, MaxFacts)
		}
		for _, c := range r.Checks {
			if c.ID == "" || longest([]string{c.ID, c.Detail}) > MaxText || c.State > checks.Fail {
				return invalid("a check's text over %d bytes, or its state unknown", MaxText)
			}
		}
		for _, f := range r.Facts {
			if longest([]string{f.ID, f.Value}) > MaxText {
				return invalid("a fact's text over %d bytes", MaxText)
			}
		}
	}
	return nil
}

// CheckMonitoringCheck refuses a line of the record without its parts.
func CheckMonitoringCheck(c MonitoringCheck) error {
	if c.ID == (ulid.ID{}) || c.At.IsZero() || c.What == "" || c.Result > checks.Fail {
		return invalid("a check on monitoring: id, time, what was tested and its result")
	}
	for _, p := range []struct {
		text string
		most int
	}{{c.What, 200}, {c.Device, 100}, {c.Place, 100}, {c.Users, 100}, {c.Note, 500}} {
		if utf8.RuneCountInString(p.text) > p.most || !utf8.ValidString(p.text) {
			return invalid("a check on monitoring: a text over %d characters", p.most)
		}
	}
	return checkWho(c.By)
}

func checkAboutDevice(a triage.Arrival) error {
	switch a.Kind {
	case triage.KindMedia:
		m := a.Media
		if m == nil || m.Visit == [16]byte{} || m.Step < triage.MediaArrived || m.Step > triage.MediaRemoved {
			return invalid("a medium without visit or step")
		}
		if longest([]string{m.VendorID, m.ProductID, m.Vendor, m.Product, m.FileSystem, m.Why, m.Permit, m.ScanWhy}, m.Threats) > MaxText ||
			len(m.Threats) > maxList || len(m.Label) > MaxSealed || len(m.Serial) > MaxID {
			return invalid("a medium's text over %d bytes", MaxText)
		}
	case triage.KindUnattended:
		if a.Unattended == nil {
			return invalid("a breach without its length")
		}
	case triage.KindCanary:
		if c := a.Canary; c == nil || c.Nonce == [16]byte{} || c.Result < triage.CanaryFull || c.Result > triage.CanaryLocked || len(c.Code) > MaxText {
			return invalid("a canary without nonce or result")
		}
	case triage.KindLockMinutes:
		if a.Lock == nil || a.Lock.Day == 0 {
			return invalid("lock minutes without a day")
		}
	}
	return nil
}
