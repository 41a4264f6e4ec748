package store

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// DeviceFacts holds what devices have said of themselves beside their
// heartbeat. Media, breaches and lock minutes come through Cases.Ingest, like
// everything that a device spools. None of it names a person.
type DeviceFacts interface {
	// ReportChecks replaces each device's last word on its checks, and keeps
	// every change of a state as history. A check whose state is as before keeps
	// its Since. Reports of unknown devices are left out.
	ReportChecks(ctx context.Context, reports []CheckReport) error
	// Checks is a device's last word; the zero value until it has said one.
	Checks(ctx context.Context, id caseflow.DeviceID) (CheckReport, error)
	// CheckHistory lists changes of state, newest first, at most limit (1-1,000).
	CheckHistory(ctx context.Context, id caseflow.DeviceID, limit int) ([]CheckChange, error)
	// Media lists a device's visits, newest first, at most limit (1-1,000).
	Media(ctx context.Context, id caseflow.DeviceID, limit int) ([]MediaVisit, error)
	// LockDays lists a device's days from day on (YYYYMMDD), oldest first.
	LockDays(ctx context.Context, id caseflow.DeviceID, from uint32) ([]LockDay, error)
	// Breaches lists stretches in which a screen was left open, newest first, at
	// most limit (1-1,000).
	Breaches(ctx context.Context, id caseflow.DeviceID, limit int) ([]Breach, error)

	// FindDevices lists devices by filter, worst first, and counts them.
	FindDevices(ctx context.Context, q DeviceQuery) (DevicePage, error)
	// Rollup counts the devices of each group by state of each check, as of now.
	// Retired and revoked devices are left out.
	Rollup(ctx context.Context, now time.Time) ([]GroupRollup, error)
	// KeepWeek keeps the roll-up of now as that of its week, over the one kept before.
	KeepWeek(ctx context.Context, now time.Time) error
	// Weeks lists the weeks kept from that of from on, oldest first.
	Weeks(ctx context.Context, from time.Time) ([]WeekRollup, error)

	// MoveDevice gives a device another group, with that group's audience.
	MoveDevice(ctx context.Context, id caseflow.DeviceID, group string, a vocab.GroupAudience, by audit.Who, now time.Time) error
	// RetireDevice takes a device out of lists and counts; what it sent stays.
	RetireDevice(ctx context.Context, id caseflow.DeviceID, by audit.Who, now time.Time) error

	// PutMonitoringCheck adds to the record of checks on monitoring; nothing in it changes.
	PutMonitoringCheck(ctx context.Context, c MonitoringCheck) error
	// MonitoringChecks lists the record from a time on, newest first.
	MonitoringChecks(ctx context.Context, from time.Time) ([]MonitoringCheck, error)
}

// CheckReport is a device's last word on its checks.
type CheckReport struct {
	ID     caseflow.DeviceID
	At     time.Time // collector's clock
	Checks []CheckState
	Facts  []Fact
}

// CheckState is the state of one check.
type CheckState struct {
	ID     string
	State  checks.State
	Since  time.Time
	Detail string
}

// Fact is one line of the asset register.
type Fact struct{ ID, Value string }

// CheckChange is one change of a check's state. Was is meaningless when First is set.
type CheckChange struct {
	At     time.Time
	Check  string
	First  bool
	Was    checks.State
	State  checks.State
	Detail string
}

// MediaVisit is one stay of a medium in a device, as its latest step tells it.
type MediaVisit struct {
	triage.Media
	Device          caseflow.DeviceID
	Group           string // of the device when it arrived
	Arrived, Latest time.Time
}

// LockDay is the sums of one day.
type LockDay struct {
	triage.LockMinutes
	Breaches uint32
}

// Breach is one stretch in which a screen was left open; At is when it ended.
type Breach struct {
	At time.Time
	triage.Unattended
}

// Standing is how pressing a device is, least first. Silence is derived here
// alone: a device cannot say that it is silent.
type Standing uint8

// Standings.
const (
	StandsFine    Standing = iota
	StandsOff              // said good-bye
	StandsAway             // silent, and not expected on now
	StandsLacking          // nothing fails, and a sensor is not in its version
	StandsUnknown          // cannot tell
	StandsFailing
	StandsSilent
	StandsNever // enrolled, and never heard of
)

// SilentAfter is how long a device may say nothing before it counts as silent;
// OffFor is how long one that said good-bye counts as off.
const (
	SilentAfter = 2 * time.Minute
	OffFor      = 14 * 24 * time.Hour
	// ConnectedFor is how long an open stream stands for a device without a heartbeat.
	ConnectedFor = 70 * time.Minute
)

// Silent reports whether nothing has come from a device for so long that
// nobody may take its last word for the truth, at now.
func (r DeviceReport) Silent(now time.Time) bool {
	switch quiet := now.Sub(r.Seen); {
	case r.Seen.IsZero():
		return true
	case r.Connected:
		// A collector that was killed could not note that the stream ended; no
		// policy lets heartbeats be further apart than an hour.
		return quiet > ConnectedFor
	case r.Off():
		return quiet > OffFor
	default:
		return quiet > SilentAfter
	}
}

// Good-byes that mean more than that a device is off.
const (
	// GoodbyeRestart: the agent comes back within seconds, or something is wrong.
	GoodbyeRestart = "restart"
	// GoodbyeUninstall: nothing is monitored there any more.
	GoodbyeUninstall = "uninstall"
)

// Off reports whether the device said why nothing comes from it.
func (r DeviceReport) Off() bool {
	return !r.Connected && r.Goodbye != "" && r.Goodbye != GoodbyeRestart
}

// Uninstalled reports whether the agent said that it was removed.
func (r DeviceReport) Uninstalled() bool { return !r.Connected && r.Goodbye == GoodbyeUninstall }

// DeviceQuery selects devices. Empty fields select all.
type DeviceQuery struct {
	Now time.Time
	// AwaySince, if not nil, tells of a group whose timetable does not have its
	// devices on now since when they may be silent: one that was heard of then or
	// later is away, not silent. The zero time: they are expected on.
	AwaySince func(GroupName) time.Time
	Group     string
	OS        string // GOOS
	Version   string // agent version
	Failing   string // id of a check that fails
	// Check and State select those that are not silent and of which a check is in
	// that state; also checks.TypedTextSeen, ProvedMonitored and EveryStandard.
	Check    string
	State    checks.State
	Happened Happening // on them, in the weeks that count
	Search   string    // part of a host's name, group or id, in any case
	Troubled bool      // StandsUnknown and worse
	Silent   bool
	Away     bool
	Unheard  bool          // silent or away
	Fails    bool          // any check, or a sensor
	Unknown  bool          // any check cannot be told
	Media    bool          // a medium that was not permitted, or infected, in the last 30 days
	Right    bool          // a sensor lacks a right
	Unproved bool          // not silent, and no full canary within ProvedFor
	Quiet    time.Duration // not heard of for so long
	Cursor   string
	Limit    int // 1-500, 0 means 25
}

// DevicePage is one page, and counts over all devices that Group, OS, Version,
// Failing and Search select.
type DevicePage struct {
	Rows   []DeviceRow
	Next   string // cursor, empty at the end
	Total  int    // selected
	Counts DeviceCounts
	// Groups, Systems and Versions are what there is to choose from, with the
	// audience of each group.
	Groups            []GroupName
	Systems, Versions []string
}

// GroupName is a group that has devices.
type GroupName struct {
	Name     string
	Audience vocab.GroupAudience
}

// DeviceCounts are the numbers of the list's tabs.
type DeviceCounts struct {
	All, Troubled, Silent, Away, Failing, Unknown, Media int
	// Off said good-bye, or are revoked.
	Off int
	// Proved had a full canary within ProvedFor, and no failed one since.
	Proved int
	// Lacking is without trouble, but with a sensor that its version lacks.
	Lacking int
}

// DeviceRow is a device with its checks.
type DeviceRow struct {
	Device   Device
	Checks   []CheckState
	Standing Standing
	// BadMedia is when a medium that was not permitted, or infected, was last seen.
	BadMedia time.Time
	// Proof is what its canaries say: pass within ProvedFor of a full one, fail
	// after a failed one. Proved is when the last full one came, and Asked the last
	// that was asked for, with its answer; zero without one.
	Proof  checks.State
	Proved time.Time
	Asked  Canary
}

// GroupRollup counts one group's devices.
type GroupRollup struct {
	Group    string
	Audience vocab.GroupAudience
	Devices  int
	Silent   int
	Never    int // of Silent: never heard of
	// Standard counts devices that are not silent by the worst of their checks.
	Standard StateCount
	// Text counts devices that are not silent by whether typed text is seen.
	Text StateCount
	// Proof counts devices that are not silent by whether a full canary proved them
	// within ProvedFor; fail is a failed one since.
	Proof StateCount
	// Checks counts devices that are not silent, by check id. A device that has
	// not said anything of a check cannot tell.
	Checks map[string]StateCount
}

// StateCount counts devices by state.
type StateCount struct{ Pass, Fail, Unknown int }

// Add counts one more.
func (n *StateCount) Add(s checks.State, more int) {
	switch s {
	case checks.Pass:
		n.Pass += more
	case checks.Fail:
		n.Fail += more
	default:
		n.Unknown += more
	}
}

// MonitoringCheck is one line of the record that the DfE's standard asks for.
type MonitoringCheck struct {
	ID        ulid.ID
	At        time.Time
	What      string // what was tested, at most 200 characters
	Device    string // type of device, at most 100
	Place     string // at most 100
	Users     string // user group, at most 100
	Result    checks.State
	Note      string // at most 500; no content
	By        audit.Who
	Automatic bool
}
