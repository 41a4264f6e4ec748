// Package exemption owns what an exemption is: an approved, expiring
// permission (a lesson, an exam) that tags and down-ranks captures. It says
// whether one covers a capture, and who may ask for, approve and end one. It
// never drops anything, and nothing about suicide, self-harm, a request for
// help or a member of staff is ever covered.
//
// It is pure: times and zones come in as values. It may import
// collector/caseflow and internal/vocab; the store applies it inside the
// transaction that keeps a capture.
package exemption

import (
	"slices"
	"time"
	_ "time/tzdata" // a minimal server has no zone files

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Kind is what an exemption is for.
type Kind string

// Kinds. Exam mode is the same object.
const (
	Lesson Kind = "lesson"
	Exam   Kind = "exam"
)

// Kinds lists every kind, in the order of the form.
func Kinds() []Kind { return []Kind{Lesson, Exam} }

// State is where an exemption stands. That one is over is a matter of time, not of state.
type State string

// States.
const (
	Proposed  State = "proposed"
	Approved  State = "approved"
	Refused   State = "refused"
	Withdrawn State = "withdrawn" // by who proposed it
	Revoked   State = "revoked"
)

// Limits of what people write, in characters, and of time.
const (
	MaxTitle  = 80
	MaxAsker  = 120
	MaxReason = 500
	MaxList   = 40 // groups, years, categories or rules
	MaxDays   = 200
)

// Terms say what an exemption covers. Every list but What is empty for "all".
type Terms struct {
	Kind  Kind
	Title string // "Year 9 history"
	// Groups are device groups: the place. Years are year groups of the directory.
	Groups, Years []string
	// Classes are teaching groups of the directory. Each list that is not empty must hold.
	Classes []Class
	// Categories or Rules: a capture is covered when all its categories are
	// among these, or all its rules are among those.
	Categories []vocab.Category
	Rules      []string
	// From and Until bound it; Weekdays (empty: every day) and the time of day
	// from Start to End, in minutes after midnight (both 0: all day), in Zone.
	From, Until time.Time
	Weekdays    []time.Weekday
	Start, End  int
	Zone        string
	// Asker is the teacher who asked, as the DSL writes it, and Asked the day;
	// both empty where who proposes it saw the need.
	Asker    string
	Asked    time.Time
	Reason   string
	RiskNote string // what might be missed, and what is done about it
}

// Class is a teaching group, with the title that it had when it was chosen.
type Class struct{ ID, Title string }

// Exemption is one, with its history.
type Exemption struct {
	ID string
	// Version counts the changes; 0 is none.
	Version uint64
	State   State
	Terms
	Author  caseflow.Author
	Steps   []Step
	Settled bool // the store has tagged the captures for this version
}

// Step is what somebody did to it.
type Step struct {
	At   time.Time
	User caseflow.UserID
	Name string
	Did  State
	Note string // why; empty when none was asked
}

// Facts are what an exemption looks at in a capture.
type Facts struct {
	// At is the corrected device time; Suspect says that it is not the device's.
	At         time.Time
	Suspect    bool
	Group      string   // device group
	Year       string   // year group, empty when not known
	Classes    []string // ids of the classes that the person is in
	Audience   vocab.Audience
	Subjects   int // members of staff whom it names
	Categories []vocab.Category
	Rules      []string
}

// Over reports whether its time has passed at now.
func (e Exemption) Over(now time.Time) bool { return !now.Before(e.Until) }

// InForce reports whether it is approved and its time is not over.
func (e Exemption) InForce(now time.Time) bool { return e.State == Approved && !e.Over(now) }

// Approval returns the step that approved it.
func (e Exemption) Approval() (Step, bool) {
	for _, s := range slices.Backward(e.Steps) {
		if s.Did == Approved {
			return s, true
		}
	}
	return Step{}, false
}

// Proposal is the first step.
func (e Exemption) Proposal() Step {
	if len(e.Steps) == 0 {
		return Step{}
	}
	return e.Steps[0]
}

// Covers reports whether the exemption covers a capture with these facts. zone
// is that of Zone. What is not known is not covered.
func (e Exemption) Covers(f Facts, zone *time.Location) bool {
	return e.State == Approved && mayCover(f) && e.when(f.At, zone) && e.where(f) && e.what(f)
}

// mayCover holds what no exemption can say otherwise.
func mayCover(f Facts) bool {
	if f.Audience == vocab.Staff || f.Subjects > 0 || f.Suspect || len(f.Categories) == 0 {
		return false
	}
	return !slices.ContainsFunc(f.Categories, func(c vocab.Category) bool { return !caseflow.MayBeExempt(c) })
}

func (e Exemption) when(at time.Time, zone *time.Location) bool {
	if at.Before(e.From) || !at.Before(e.Until) {
		return false
	}
	local := at.In(zone)
	if len(e.Weekdays) > 0 && !slices.Contains(e.Weekdays, local.Weekday()) {
		return false
	}
	minute := local.Hour()*60 + local.Minute()
	return e.Start == 0 && e.End == 0 || minute >= e.Start && minute < e.End
}

func (e Exemption) where(f Facts) bool {
	group := len(e.Groups) == 0 || slices.Contains(e.Groups, f.Group)
	class := len(e.Classes) == 0 || slices.ContainsFunc(e.Classes, func(c Class) bool { return slices.Contains(f.Classes, c.ID) })
	return group && class && (len(e.Years) == 0 || f.Year != "" && slices.Contains(e.Years, f.Year))
}

func (e Exemption) what(f Facts) bool {
	categories := !slices.ContainsFunc(f.Categories, func(c vocab.Category) bool { return !slices.Contains(e.Categories, c) })
	rules := len(f.Rules) > 0 && !slices.ContainsFunc(f.Rules, func(r string) bool { return !slices.Contains(e.Rules, r) })
	return categories || rules
}

// Set is a school's exemptions, ready to be asked. It does not change; safe
// for concurrent use. The nil Set covers nothing.
type Set struct {
	approved []Exemption
	zones    []*time.Location
}

// NewSet keeps those that are approved. One whose zone is not known covers nothing.
func NewSet(all []Exemption) *Set {
	s := &Set{}
	for _, e := range all {
		if e.State != Approved {
			continue
		}
		if zone, err := time.LoadLocation(e.Zone); err == nil {
			s.approved, s.zones = append(s.approved, e), append(s.zones, zone)
		}
	}
	return s
}

// Near reports whether any could cover a capture of this time, before its
// facts are gathered.
func (s *Set) Near(at time.Time) bool {
	if s == nil {
		return false
	}
	return slices.ContainsFunc(s.approved, func(e Exemption) bool { return !at.Before(e.From) && at.Before(e.Until) })
}

// Find returns the id of one that covers a capture with these facts: the one
// that ends last, so that a chip does not promise an end that is none.
func (s *Set) Find(f Facts) (id string) {
	if s == nil {
		return ""
	}
	var until time.Time
	for i, e := range s.approved {
		if e.Covers(f, s.zones[i]) && (id == "" || e.Until.After(until) || e.Until.Equal(until) && e.ID < id) {
			id, until = e.ID, e.Until
		}
	}
	return id
}

// Chip is its label on a queue row: "Exempt: Year 9 history, until 20 November".
func (e Exemption) Chip() string {
	label := "Exempt: " + e.Title
	if zone, err := time.LoadLocation(e.Zone); err == nil {
		label += ", until " + LastDay(e.Until, zone).Format("2 January")
	}
	return label
}

// LastDay is the last day on which something that ends at until still holds:
// midnight belongs to the day before.
func LastDay(until time.Time, zone *time.Location) time.Time {
	return until.Add(-time.Nanosecond).In(zone)
}
