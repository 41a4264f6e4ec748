package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// caseLine is a line of `cases list --json`. Scripts of other people read it:
// fields are added, never renamed.
type caseLine struct {
	ID       string    `json:"id"`
	School   string    `json:"school"`
	Person   string    `json:"person"`
	Audience string    `json:"audience"`
	Device   string    `json:"device"`
	Category string    `json:"category"`
	Severity string    `json:"severity"`
	Level    string    `json:"level"`
	State    string    `json:"state"`
	Captures uint32    `json:"captures"`
	Excerpt  string    `json:"excerpt"`
	OpenedAt time.Time `json:"opened_at"`
	Exempt   bool      `json:"exempt"`
}

func caseJSON(c *lapwingv1.CaseRecord) any {
	return caseLine{
		ID: c.Id, School: c.School, Person: c.Person, Audience: c.Audience, Device: c.Device, Category: c.Category,
		Severity: c.Severity, Level: c.Level, State: c.State, Captures: c.Captures, Excerpt: c.Excerpt,
		OpenedAt: time.UnixMilli(c.OpenedMs).UTC(), Exempt: c.Exempt,
	}
}

// deviceLine is a line of `devices list --json`.
type deviceLine struct {
	ID        string                    `json:"id"`
	Host      string                    `json:"host"`
	OS        string                    `json:"os"`
	OSVersion string                    `json:"os_version"`
	Group     string                    `json:"group"`
	Agent     string                    `json:"agent_version"`
	LastSeen  *time.Time                `json:"last_seen"` // null: never
	Coverage  map[string]deviceCoverage `json:"coverage"`
	Posture   map[string]devicePosture  `json:"posture"`
	Revoked   bool                      `json:"revoked"`
	Held      bool                      `json:"held"`              // waits for a technician to release it
	Suspect   string                    `json:"suspect,omitempty"` // hardware, two_streams: two machines share its identity
}

type deviceCoverage struct {
	State string    `json:"state"`
	Code  string    `json:"code"`
	Since time.Time `json:"since"`
}

type devicePosture struct {
	State  string    `json:"state"` // pass, fail or unknown
	Since  time.Time `json:"since"`
	Detail string    `json:"detail"`
}

func deviceJSON(d *lapwingv1.DeviceRecord) any {
	line := deviceLine{
		ID: d.Id, Host: d.Host, OS: d.Os, OSVersion: d.OsVersion, Group: d.Group, Agent: d.AgentVersion,
		Coverage: map[string]deviceCoverage{}, Posture: map[string]devicePosture{}, Revoked: d.Revoked, Held: d.Held, Suspect: d.Suspect,
	}
	if d.LastSeenMs != 0 {
		seen := time.UnixMilli(d.LastSeenMs).UTC()
		line.LastSeen = &seen
	}
	for _, c := range d.Coverage {
		line.Coverage[c.Sensor] = deviceCoverage{c.State, c.Code, time.UnixMilli(c.SinceMs).UTC()}
	}
	for _, c := range d.Checks {
		line.Posture[c.Id] = devicePosture{c.State, time.UnixMilli(c.SinceMs).UTC(), c.Detail}
	}
	return line
}

// durationFlag is a duration that may be in days: "14d", "36h".
type durationFlag time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *durationFlag) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a number of days such as 14d", s)
		}
		*d = durationFlag(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 36h or 14d", s)
	}
	*d = durationFlag(v)
	return nil
}

// tokenLine is a line of `token list --json`.
type tokenLine struct {
	Batch    string    `json:"batch"`
	Group    string    `json:"group"`
	Audience string    `json:"audience"`
	Expected uint32    `json:"expected"`
	UsesLeft uint32    `json:"uses_left"`
	Network  string    `json:"network"` // empty: any
	Created  time.Time `json:"created_at"`
	Expires  time.Time `json:"expires_at"`
	Enrolled uint32    `json:"enrolled"`
	Held     uint32    `json:"held"`
}

func tokenJSON(t *lapwingv1.TokenRecord) any {
	return tokenLine{
		Batch: t.Batch, Group: t.Group, Audience: t.Audience, Expected: t.Expected, UsesLeft: t.UsesLeft, Network: t.Network,
		Created: time.UnixMilli(t.CreatedMs).UTC(), Expires: time.UnixMilli(t.ExpiresMs).UTC(), Enrolled: t.Enrolled, Held: t.Held,
	}
}
