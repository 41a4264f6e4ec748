package badgerstore

import (
	"cmp"
	"errors"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// fleetEntry is what of one device stands in memory, so that lists and roll-ups
// of 100,000 devices need no row. Small, and never changed in place.
type fleetEntry struct {
	id                  caseflow.DeviceID
	host, group         string
	audience            vocab.GroupAudience
	os, version         string
	seen, badMedia      time.Time
	connected, goodbye  bool // goodbye: it said why it is off
	uninstalled         bool
	gone                bool // revoked or retired
	hidden              bool // retired
	right               bool // a sensor lacks a right
	text                checks.State
	sensors             sensorWord
	canary              canaryState
	happened            happened
	told, passes, fails uint32 // bits by place in checks.All
}

// maxStates bounds the registry of checks; a test holds that it fits.
const maxStates = 32

// sensorWord is the worst that a device's sensors say.
type sensorWord uint8

const (
	sensorsFine sensorWord = iota
	sensorsLacking
	sensorsUnknown
	sensorsFailing
)

// fleetKey names a device in the write-set.
type fleetKey struct {
	school store.SchoolID
	id     caseflow.DeviceID
}

// fleetEntryOf folds a device's rows into its entry.
func fleetEntryOf(d store.Device, last store.CheckReport, badMedia time.Time) *fleetEntry {
	r := d.Report
	e := &fleetEntry{
		id: d.ID, host: cmp.Or(r.Host, d.Host, string(d.ID)), group: d.Group, audience: d.Audience, os: d.OS, version: r.AgentVersion,
		seen: r.Seen, connected: r.Connected, goodbye: r.Off(), uninstalled: r.Uninstalled(),
		gone: !d.Revoked.IsZero() || !d.Retired.IsZero(), hidden: !d.Retired.IsZero(), badMedia: badMedia,
	}
	e.setSensors(r.Coverage)
	e.setChecks(last.Checks)
	return e
}

// heard takes a device's last word about itself.
func (e *fleetEntry) heard(r store.DeviceReport) {
	e.host, e.version = cmp.Or(r.Host, e.host), r.AgentVersion
	e.seen, e.connected, e.goodbye, e.uninstalled = utc(r.Seen), r.Connected, r.Off(), r.Uninstalled()
	e.setSensors(r.Coverage)
}

// setSensors takes the worst word. What a version lacks is nothing to attend
// to, but for typed text: nobody may take that device for a monitored one.
func (e *fleetEntry) setSensors(rows []store.SensorState) {
	e.sensors, e.text, e.right = sensorsFine, checks.Unknown, false
	named := map[string]bool{}
	for _, s := range rows {
		named[s.Sensor] = true
		cond, _ := conditions.Lookup(s.Code)
		info := cond.Severity == conditions.Info
		lacking := s.State == "off" && s.Code == conditions.Unsupported
		word := sensorsFine
		switch {
		case s.State == "ok", (s.State == "off" || s.State == "limited") && info:
		case lacking && s.Sensor != "text":
			word = sensorsLacking
		case s.State == "off" && !lacking:
			word = sensorsFailing
		default:
			word = sensorsUnknown
		}
		if s.Sensor != "posture" {
			e.sensors = max(e.sensors, word)
		}
		if s.Sensor == "text" {
			switch {
			case word == sensorsFine:
				e.text = checks.Pass
			case word == sensorsFailing:
				e.text = checks.Fail
			}
		}
		e.right = e.right || s.Code == conditions.RightMissing
	}
	for _, must := range []string{"text", "window", "usb", "lock"} {
		if !named[must] {
			e.sensors = max(e.sensors, sensorsUnknown)
		}
	}
}

func (e *fleetEntry) setChecks(rows []store.CheckState) {
	e.told, e.passes, e.fails = 0, 0, 0
	for _, c := range rows {
		i := checks.Index(c.ID)
		if i < 0 {
			continue
		}
		e.told |= 1 << i
		switch c.State {
		case checks.Pass:
			e.passes |= 1 << i
		case checks.Fail:
			e.fails |= 1 << i
		}
	}
}

// fleetLoad reads every device's entry, at the start.
func (sc *school) fleetLoad(r reader) error {
	id := sc.info.ID
	return r.each(prefix(id, tDevice), false, func(key, value []byte) error {
		d, err := decode(key, value, deviceFields)
		if err != nil {
			return err
		}
		e, err := fleetEntryFrom(r.get, id, d)
		if err != nil {
			return err
		}
		sc.fleet.put(e)
		return nil
	})
}

func fleetEntryFrom(get func([]byte) ([]byte, error), school store.SchoolID, d store.Device) (*fleetEntry, error) {
	report, err := load(get, prefix(school, tReport, []byte(d.ID)), reportFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	d.Report = report
	posture, err := load(get, prefix(school, tPosture, []byte(d.ID)), checkReportFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	bad, err := load(get, prefix(school, tBadMedia, []byte(d.ID)), momentFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	e := fleetEntryOf(d, posture, bad.At)
	weeks, err := load(get, prefix(school, tDeviceWeek, []byte(d.ID)), deviceWeeksFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	e.happened = weeks.happened()
	e.canary, err = load(get, prefix(school, tProof, []byte(d.ID)), canaryStateFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return e, nil
}

// fleetEntry is the entry of a device as staged; nil when there is none.
func (t *tx) fleetEntry(sc *school, id caseflow.DeviceID) *fleetEntry {
	for at := t; at != nil; at = at.under {
		if e, ok := at.fleet[fleetKey{sc.info.ID, id}]; ok {
			return e
		}
	}
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	return sc.fleet.of(id)
}

// changeFleet stages a changed copy of a device's entry.
func (t *tx) changeFleet(sc *school, id caseflow.DeviceID, change func(*fleetEntry)) {
	old := t.fleetEntry(sc, id)
	if old == nil {
		return
	}
	e := *old
	change(&e)
	t.fleet[fleetKey{sc.info.ID, id}] = &e
}
