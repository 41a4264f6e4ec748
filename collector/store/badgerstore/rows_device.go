package badgerstore

import (
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

func checkReportFields(c *codec, x *store.CheckReport) {
	text(c, 1, &x.ID)
	c.moment(2, &x.At)
	list(c, 3, &x.Checks, checkStateFields)
	list(c, 4, &x.Facts, factFields)
}

func checkStateFields(c *codec, x *store.CheckState) {
	text(c, 1, &x.ID)
	number(c, 2, &x.State)
	c.moment(3, &x.Since)
	text(c, 4, &x.Detail)
}

func factFields(c *codec, x *store.Fact) {
	text(c, 1, &x.ID)
	text(c, 2, &x.Value)
}

func checkChangeFields(c *codec, x *store.CheckChange) {
	c.moment(1, &x.At)
	text(c, 2, &x.Check)
	c.flag(3, &x.First)
	number(c, 4, &x.Was)
	number(c, 5, &x.State)
	text(c, 6, &x.Detail)
}

func mediaVisitFields(c *codec, x *store.MediaVisit) {
	c.fixed(1, x.Visit[:])
	number(c, 2, &x.Step)
	number(c, 3, &x.Kind)
	text(c, 4, &x.VendorID)
	text(c, 5, &x.ProductID)
	text(c, 6, &x.Vendor)
	text(c, 7, &x.Product)
	raw(c, 8, &x.Serial)
	raw(c, 9, &x.Label)
	text(c, 10, &x.FileSystem)
	number(c, 11, &x.Size)
	number(c, 12, &x.Encryption)
	c.flag(13, &x.Mounted)
	c.flag(14, &x.Permitted)
	c.flag(15, &x.Blocked)
	text(c, 16, &x.Why)
	text(c, 17, &x.Permit)
	number(c, 18, &x.Scan)
	text(c, 19, &x.ScanWhy)
	list(c, 20, &x.Threats, word)
	number(c, 21, &x.FilesScanned)
	number(c, 22, &x.BytesScanned)
	text(c, 23, &x.Device)
	c.moment(24, &x.Arrived)
	c.moment(25, &x.Latest)
	c.flag(26, &x.ReadOnly)
	c.flag(27, &x.Writable)
	text(c, 28, &x.Group)
}

func lockDayFields(c *codec, x *store.LockDay) {
	number(c, 1, &x.Day)
	number(c, 2, &x.InUse)
	number(c, 3, &x.Locked)
	number(c, 4, &x.LockMinutes.Unattended)
	number(c, 5, &x.Breaches)
}

func breachFields(c *codec, x *store.Breach) {
	c.moment(1, &x.At)
	number(c, 2, &x.Seconds)
	number(c, 3, &x.Limit)
}

func weekFields(c *codec, x *store.WeekRollup) {
	c.moment(1, &x.Monday)
	c.moment(2, &x.Kept)
	list(c, 3, &x.Groups, groupRollupFields)
}

func groupRollupFields(c *codec, x *store.GroupRollup) {
	text(c, 1, &x.Group)
	text(c, 2, &x.Audience)
	signed(c, 3, &x.Devices)
	signed(c, 4, &x.Silent)
	signed(c, 5, &x.Never)
	nested(c, 6, &x.Standard, stateCountFields)
	nested(c, 7, &x.Text, stateCountFields)
	pairs := pairsOf(x.Checks)
	list(c, 8, &pairs, namedCountFields)
	nested(c, 9, &x.Proof, stateCountFields)
	if c.reading {
		x.Checks = make(map[string]store.StateCount, len(pairs))
		for _, p := range pairs {
			x.Checks[p.id] = p.n
		}
	}
}

// namedCount is one entry of GroupRollup.Checks.
type namedCount struct {
	id string
	n  store.StateCount
}

func namedCountFields(c *codec, x *namedCount) {
	text(c, 1, &x.id)
	nested(c, 2, &x.n, stateCountFields)
}

func stateCountFields(c *codec, x *store.StateCount) {
	signed(c, 1, &x.Pass)
	signed(c, 2, &x.Fail)
	signed(c, 3, &x.Unknown)
}

func mediaCountFields(c *codec, x *store.MediaCount) {
	signed(c, 1, &x.Permitted)
	signed(c, 2, &x.NotPermitted)
	signed(c, 3, &x.Infected)
	signed(c, 4, &x.Unattended)
	signed(c, 5, &x.OpenMinutes)
	signed(c, 6, &x.UseMinutes)
	signed(c, 7, &x.Clean)
	signed(c, 8, &x.NotScanned)
}

func groupMediaFields(c *codec, x *store.GroupMedia) {
	text(c, 1, &x.Group)
	nested(c, 2, &x.MediaCount, mediaCountFields)
}

// deviceWeeks are the counts of a device's last weeks.
type deviceWeeks struct{ Weeks []deviceWeek }

// deviceWeek counts one week; Week is its number since 1970.
type deviceWeek struct {
	Week uint32
	store.MediaCount
}

func deviceWeeksFields(c *codec, x *deviceWeeks) { list(c, 1, &x.Weeks, deviceWeekFields) }

func deviceWeekFields(c *codec, x *deviceWeek) {
	number(c, 1, &x.Week)
	nested(c, 2, &x.MediaCount, mediaCountFields)
}

func monitoringCheckFields(c *codec, x *store.MonitoringCheck) {
	c.fixed(1, x.ID[:])
	c.moment(2, &x.At)
	text(c, 3, &x.What)
	text(c, 4, &x.Device)
	text(c, 5, &x.Place)
	text(c, 6, &x.Users)
	number(c, 7, &x.Result)
	text(c, 8, &x.Note)
	nested(c, 9, &x.By, whoFields)
	c.flag(10, &x.Automatic)
}

// momentRow is a time.
type momentRow struct{ At time.Time }

func momentFields(c *codec, x *momentRow) { c.moment(1, &x.At) }

// bad reports whether a medium is one that somebody should look at.
func bad(m triage.Media) bool { return !m.Permitted || m.Scan == triage.ScanInfected }

func canaryFields(c *codec, x *store.Canary) {
	text(c, 1, &x.Device)
	c.fixed(2, x.Nonce[:])
	c.moment(3, &x.Asked)
	nested(c, 4, &x.By, whoFields)
	number(c, 5, &x.Result)
	c.moment(6, &x.Answered)
	signed(c, 7, &x.Took)
	text(c, 8, &x.Code)
}

func canaryStateFields(c *codec, x *canaryState) {
	c.moment(1, &x.Proved)
	signed(c, 2, &x.Took)
	c.moment(3, &x.Failed)
}
