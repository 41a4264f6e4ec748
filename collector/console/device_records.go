package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// deviceRecords are what a device's page shows beside its coverage.
type deviceRecords struct {
	Counts  string
	Checks  []checkRow // fails first, then those that cannot tell
	Passing []checkRow
	// Timeline is what came to be, the newest first; Earlier is the rest of it.
	Timeline, Earlier []happenedAt
	Media             []mediaRow
	Days              []dayRow
	Open              string // the breaches in words
	Asset             []fact
}

type checkRow struct {
	Title, Control, State, Word, Do, Detail, Since string

	order int // fails before those that cannot tell
}

type mediaRow struct {
	When, What, State, Word, Why, Scan string
	Permit                             string // address of the form, for those who may give permission
}

type dayRow struct {
	Day                        string
	InUse, Locked, Open, Times int
}

func (c *Console) deviceRecords(r *http.Request, id auth.Identity, d store.Device, now time.Time) (v deviceRecords, err error) {
	ctx := r.Context()
	said, err := id.Tenant.Checks(ctx, d.ID)
	if err != nil {
		return v, fmt.Errorf("read checks: %w", err)
	}
	history, err := id.Tenant.CheckHistory(ctx, d.ID, 60)
	if err != nil {
		return v, fmt.Errorf("read history: %w", err)
	}
	media, err := id.Tenant.Media(ctx, d.ID, 50)
	if err != nil {
		return v, fmt.Errorf("read media: %w", err)
	}
	days, err := id.Tenant.LockDays(ctx, d.ID, dayNumber(now.AddDate(0, 0, -14)))
	if err != nil {
		return v, fmt.Errorf("read lock minutes: %w", err)
	}
	breaches, err := id.Tenant.Breaches(ctx, d.ID, 50)
	if err != nil {
		return v, fmt.Errorf("read breaches: %w", err)
	}
	v.checks(said, d.Report.Silent(now), now)
	asked, err := id.Tenant.Canaries(ctx, d.ID, 20)
	if err != nil {
		return v, fmt.Errorf("read test phrases: %w", err)
	}
	v.Timeline, v.Earlier = timelineOf(d, history, media, breaches, asked, now)
	for _, m := range media {
		row := newMediaRow(m, now)
		if c.permits != nil && !m.Permitted && m.Kind != triage.KindComposite && caseflow.Allows(id.Actor, caseflow.PermitMedia) {
			row.Permit = permitHref(m)
		}
		v.Media = append(v.Media, row)
	}
	for _, day := range days {
		v.Days = append(v.Days, dayRow{dayWord(day.Day), int(day.InUse), int(day.Locked), int(day.LockMinutes.Unattended), int(day.Breaches)})
	}
	if len(breaches) > 0 {
		b := breaches[0]
		v.Open = "Last left open " + moment(b.At.In(now.Location()), now) + ", for " + inWords(time.Duration(b.Seconds)*time.Second) + "; the limit is " + inWords(time.Duration(b.Limit)*time.Second) + "."
	}
	for _, f := range said.Facts {
		v.Asset = append(v.Asset, fact{factWord(f.ID), f.Value})
	}
	return v, nil
}

// checks of a silent device are its last word, and are never a pass.
func (v *deviceRecords) checks(said store.CheckReport, silent bool, now time.Time) {
	var n [3]int
	for _, k := range said.Checks {
		known, _ := checks.Lookup(k.ID)
		row := checkRow{Title: known.Title, Control: known.Control, Detail: k.Detail, Since: moment(k.Since.In(now.Location()), now), Do: known.Do}
		row.State, row.Word = stateWords(k.State)
		n[k.State]++
		if silent {
			row.Word = "Silent; last word: " + strings.ToLower(row.Word)
			row.State = "silent"
		}
		if k.State == checks.Pass {
			row.Do = ""
			v.Passing = append(v.Passing, row)
			continue
		}
		if k.State != checks.Fail {
			row.order = 1
		}
		v.Checks = append(v.Checks, row)
	}
	slices.SortStableFunc(v.Checks, func(a, b checkRow) int { return cmp.Compare(a.order, b.order) })
	if len(said.Checks) > 0 {
		v.Counts = fmt.Sprintf("%d fail, %d cannot tell, %d pass", n[checks.Fail], n[checks.Unknown], n[checks.Pass])
	}
}

var mediaKinds = map[triage.MediaKind]string{
	triage.KindStick: "stick", triage.KindDisk: "disk", triage.KindCard: "memory card", triage.KindOptical: "disc",
	triage.KindPhone: "phone or camera", triage.KindComposite: "device that is storage and a keyboard", triage.KindOther: "medium",
}

func newMediaRow(m store.MediaVisit, now time.Time) mediaRow {
	row := mediaRow{When: moment(m.Arrived.In(now.Location()), now), State: "pass", Word: "Permitted", Why: upper(checks.Word(m.Why))}
	if m.Size > 0 {
		row.What = fmt.Sprintf("%d GB ", max(m.Size>>30, 1))
	}
	row.What += mediaKinds[m.Kind]
	if maker := strings.TrimSpace(m.Vendor + " " + m.Product); maker != "" {
		row.What += ", " + maker
	}
	switch m.Encryption {
	case triage.NotEncrypted:
		row.What += ", not encrypted"
	case triage.LUKS, triage.BitLocker:
		row.What += ", encrypted"
	default:
		row.What += ", encryption not known"
	}
	switch {
	case !m.Permitted:
		row.State, row.Word = "fail", "Not permitted"
	case m.ReadOnly && m.Writable:
		row.Word, row.Why = "Permitted, and not read only", row.Why+". It should only be read, and was mounted so that it can be written to"
	case m.ReadOnly:
		row.Why += ", and should only be read"
	}
	if m.Blocked {
		row.Word += ", blocked"
	}
	switch m.Scan {
	case triage.ScanClean:
		row.Scan = "Clean, " + plural(int(m.FilesScanned), "file", "files")
	case triage.ScanInfected:
		row.Word += ", infected"
		row.State, row.Scan = "fail", "Infected: "+strings.Join(m.Threats, ", ")
	case triage.ScanNotScanned:
		row.Scan = "Not scanned: " + checks.Word(m.ScanWhy)
	default:
		row.Scan = "Not asked for"
	}
	row.What = upper(row.What)
	return row
}

// judgeChecks keeps the sign beside the name from being green while a check is not.
func (v *deviceView) judgeChecks() {
	if v.State != "pass" {
		return
	}
	fails := 0
	for _, k := range v.Checks {
		if k.State == "fail" {
			fails++
		}
	}
	switch {
	case fails > 0:
		v.State, v.StateWord = "fail", plural(fails, "check fails", "checks fail")
	case len(v.Checks) > 0 || v.Counts == "":
		v.State, v.StateWord = "cannot", "Sensors work; a check cannot tell"
	}
}

func dayNumber(t time.Time) uint32 {
	y, m, d := t.Date()
	return uint32(y*10_000 + int(m)*100 + d)
}

func dayWord(day uint32) string {
	return time.Date(int(day/10_000), time.Month(day/100%100), int(day%100), 0, 0, 0, 0, time.UTC).Format("Mon 2 Jan")
}

var factWords = map[string]string{
	"maker": "Maker", "model": "Model", "serial": "Serial number", "firmware_date": "Firmware of", "processors": "Processors",
	"battery_health": "Battery, of when new", "memory": "Memory", "disk": "Disk", "disk_free": "Disk free",
}

func factWord(id string) string {
	if w, ok := factWords[id]; ok {
		return w
	}
	return id
}
