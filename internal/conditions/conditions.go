// Package conditions is the registry of coded conditions: why a sensor sees
// less than everything, or what is wrong with a device. A code crosses the
// wire (Coverage.code, Tamper.code); both programs turn it into words here, so
// that the agent's status and the console say the same.
//
// A code, once released, keeps its meaning. It imports the standard library only.
package conditions

import "slices"

// Severity orders conditions for people who look after devices.
type Severity uint8

// Severities of a condition, least first.
const (
	// Info: as intended; nothing to do.
	Info Severity = iota + 1
	// Warning: something is not seen, or soon will not be.
	Warning
	// Problem: the device does not watch, or may be losing what it saw.
	Problem
)

// String returns info, warning or problem.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Problem:
		return "problem"
	}
	return "unknown"
}

// Codes of conditions.
const (
	// Typed text and window titles.
	RoleUnavailable   = "role_unavailable"
	WaylandNoTitles   = "wayland_no_titles"
	WaylandNoKeys     = "wayland_no_keys"
	RightMissing      = "right_missing"
	NoDisplay         = "no_display"
	DisplayLost       = "display_lost"
	NoWindowManager   = "no_window_manager"
	A11yBusMissing    = "a11y_bus_missing"
	A11yBusLost       = "a11y_bus_lost"
	EchoOff           = "echo_off"
	LockSourceMissing = "lock_source_missing"
	IdleSourceMissing = "idle_source_missing"
	ScreenLocked      = "screen_locked"

	// Sessions and schedule.
	Unsupported     = "unsupported"
	SensorFailed    = "sensor_failed"
	NoSession       = "no_session"
	SessionDown     = "session_down"
	SessionAway     = "session_away"
	Paused          = "paused"
	OutsideSchedule = "outside_schedule"
	NoticeUnseen    = "notice_unseen"
	DesktopsUnknown = "desktops_unknown"

	// Canaries: why a proof was not a full one.
	CanaryUnheard = "canary_unheard"
	CanaryUntyped = "canary_untyped"
	CanaryInUse   = "canary_in_use"

	// The service.
	PolicyMissing    = "policy_missing"
	PolicyOld        = "policy_old"
	PolicyRefused    = "policy_refused"
	SpoolFull        = "spool_full"
	SpoolNearFull    = "spool_near_full"
	SpoolQuarantined = "spool_quarantined"
	ClockSkew        = "clock_skew"
	CertExpiring     = "cert_expiring"

	// The way to the collector.
	NoAnswer      = "no_answer"
	NameUnknown   = "name_unknown"
	Stranger      = "stranger_answers"
	ProxyRefuses  = "proxy_refuses"
	ProxyPassword = "proxy_password"
	ServerCert    = "server_certificate"
	ProxyAway     = "proxy_away"
	ProxyNoWay    = "proxy_no_way"
	// IdentityShared: another machine connects as this device.
	IdentityShared = "identity_shared"
)

// Condition is a code with the words for people.
type Condition struct {
	Code     string
	Severity Severity
	// Title says what is so, in a few words.
	Title string
	// Action says what to do about it; "Nothing to do." where that is the truth.
	Action string
}

// All returns every registered condition, in the order of the registry.
func All() []Condition { return slices.Clone(registry[:]) }

// Lookup returns the condition with that code. An unknown code (a later
// agent's) gets a plain title and ok false, never an empty screen.
func Lookup(code string) (c Condition, ok bool) {
	for _, c := range registry {
		if c.Code == code {
			return c, true
		}
	}
	return Condition{
		Code: code, Severity: Warning,
		Title:  "A reason that this version does not know",
		Action: "Update this program, then look again.",
	}, false
}

var registry = [...]Condition{
	{RoleUnavailable, Warning, "The program does not say what kind of field has the focus",
		"Nothing to do for terminals. For other programs, turn on accessibility support."},
	{WaylandNoTitles, Warning, "This desktop does not let programs see window titles",
		"Choose an X11 session on the log-on screen, or accept that titles are not seen."},
	{WaylandNoKeys, Info, "On this desktop, text is seen only in programs that support accessibility",
		"Nothing to do for most programs. Terminals are not seen; choose an X11 session on the log-on screen if they matter."},
	{RightMissing, Problem, "The operating system has not given the right to observe",
		"Grant the permission by the device management profile, then log off and on."},
	{NoDisplay, Problem, "There is no desktop to watch",
		"Check that a person is logged on to a graphical desktop."},
	{DisplayLost, Problem, "The connection to the desktop was lost",
		"It is tried again by itself. If this stays, restart the device."},
	{NoWindowManager, Warning, "No window manager tells which window is in front",
		"Start a window manager that supports EWMH; nearly all do."},
	{A11yBusMissing, Problem, "The accessibility service is not running",
		"Install at-spi2-core and log off and on. Until then only programs that need no check are watched."},
	{A11yBusLost, Problem, "The accessibility service stopped",
		"It is tried again by itself. If this stays, log off and on."},
	{EchoOff, Info, "A terminal is asking for a password; nothing is captured",
		"Nothing to do."},
	{LockSourceMissing, Warning, "The agent cannot tell when the screen is locked",
		"Use a desktop or screen locker that reports its state to logind."},
	{IdleSourceMissing, Info, "The desktop does not say whether anybody is there",
		"Nothing to do. Locks are seen; minutes in which the screen stood open are not counted on this device."},
	{ScreenLocked, Info, "The screen is locked; nothing is captured", "Nothing to do."},
	{Unsupported, Warning, "This sensor is not available on this system", "Nothing to do until a later version."},
	{SensorFailed, Problem, "The sensor stopped with an error",
		"It is tried again by itself. If this stays, send the agent's log to your support."},
	{NoSession, Info, "Nobody is logged on", "Nothing to do."},
	{SessionDown, Problem, "The part of the agent in the desktop session is not running",
		"It is started again by itself. If this happens often, somebody may be stopping it: look at the tamper events."},
	{SessionAway, Info, "Everybody who is logged on has switched away; no desktop is in front", "Nothing to do."},
	{Paused, Info, "Watching is paused", "Nothing to do; the pause ends by itself."},
	{OutsideSchedule, Info, "Outside the school's timetable", "Nothing to do."},
	{CanaryUnheard, Problem, "A test phrase was typed and did not arrive: this device may not be monitored",
		"Look at the device's sensors, then ask for another test. If it fails again, send the agent's log to your support."},
	{CanaryUntyped, Info, "This desktop does not let a test phrase be typed, so only what follows the keyboard was tested",
		"Nothing to do; test by hand once a term, and enter it in the record of checks."},
	{CanaryInUse, Info, "The device was in use all the time, so only what follows the keyboard was tested",
		"Nothing to do; the next test finds a quiet moment."},
	{NoticeUnseen, Warning, "Whoever is logged on has not been shown the notice yet, so nothing is captured",
		"It is shown by itself. If this stays, look at this desktop: it has no X11 display and no browser that opens, or its screen is locked."},
	{DesktopsUnknown, Problem, "The agent cannot find out who is logged on",
		"Check that D-Bus and systemd-logind run; it is tried again by itself."},
	{PolicyMissing, Problem, "No policy has arrived yet, so there are no rules to match",
		"Check that the device reaches the collector."},
	{PolicyOld, Warning, "The policy in force is older than the school's",
		"Check that the device reaches the collector."},
	{PolicyRefused, Problem, "A policy was refused or could not be stored; one that was there before stays in force",
		"See why with lapwing-agent status, and the disk. Publish the policy again; if it is refused again, enrol the device again."},
	{SpoolNearFull, Warning, "The agent's disk queue is nearly full",
		"Check that the device reaches the collector."},
	{SpoolFull, Problem, "The agent's disk queue is full; the oldest routine events are dropped and counted",
		"Check that the device reaches the collector and has free disk space."},
	{SpoolQuarantined, Warning, "Part of the agent's disk queue could not be read and was put aside",
		"Check the disk. What could be read was sent."},
	{ClockSkew, Warning, "The device's clock differs from the collector's",
		"Turn on automatic time. Events are kept and their times corrected."},
	{CertExpiring, Warning, "The device's certificate ends soon and was not renewed",
		"Check that the device reaches the collector; it renews by itself."},
	{NoAnswer, Warning, "Nothing answers at the collector's address",
		"Check that the collector runs, and that no firewall blocks its port."},
	{NameUnknown, Warning, "This network does not know the collector's name",
		"Check the device's DNS and its network. It is tried again by itself."},
	{Stranger, Warning, "Something else answers in the collector's place: a log-in page of the network, or a filter that opens TLS",
		"Log in to the network. On the school's own, exempt the collector's address from TLS inspection."},
	{ProxyRefuses, Warning, "The web proxy does not let the agent through",
		"Allow CONNECT to the collector's host and port, or set another proxy."},
	{ProxyPassword, Warning, "The web proxy wants a user name and password, or others",
		"Write http://user:password@host:port into the file proxy in the agent's directory."},
	{ProxyAway, Warning, "The web proxy does not answer",
		"Check that it runs, and its address in the file proxy in the agent's directory."},
	{ProxyNoWay, Warning, "The web proxy does not reach the collector",
		"Check that the collector runs, and that the proxy knows its name and may reach its port."},
	{IdentityShared, Warning, "Another machine connects with this device's identity",
		"If this stays, a disk was copied. On the copy: lapwing-agent service stop, then lapwing-agent enrol --force STRING, then lapwing-agent service start."},
	{ServerCert, Problem, "The collector's certificate is not valid",
		"Look at the collector's clock and certificates. The device tries again by itself."},
}
