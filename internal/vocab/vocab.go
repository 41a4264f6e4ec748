// Package vocab owns the closed word lists that cross every seam of Lapwing:
// categories, the four Cs, severities, levels and audiences. The lists come
// from the contract between the parts (docs/ARCHITECTURE.md, "Wire words");
// a new word is a change of contract, not of code alone.
//
// It imports the standard library only, and only packages that also build for
// GOOS=js, because internal/detect depends on it.
package vocab

import (
	"fmt"
	"slices"
)

// Category says what a rule is about. The first category of a rule decides
// how its captures are grouped into cases.
type Category string

// The categories that a rule may carry, then those that sensors and people raise.
const (
	Suicide          Category = "suicide"
	SelfHarm         Category = "self-harm"
	Bullying         Category = "bullying"
	SexualHarassment Category = "sexual-harassment"
	Exploitation     Category = "exploitation"
	Discrimination   Category = "discrimination"
	Extremism        Category = "extremism"
	Violence         Category = "violence"
	Drugs            Category = "drugs"
	Gambling         Category = "gambling"
	Pornography      Category = "pornography"
	Illegal          Category = "illegal"
	Piracy           Category = "piracy"
	PersonalInfo     Category = "personal-info"
	FilterBypass     Category = "filter-bypass"
	AITool           Category = "ai-tool"

	Help   Category = "help"
	USB    Category = "usb"
	Tamper Category = "tamper"
)

// RuleCategories lists every category that a rule may name, in the order the
// console shows them.
func RuleCategories() []Category {
	return []Category{
		Suicide, SelfHarm, Exploitation, Violence, SexualHarassment, Bullying,
		Discrimination, Extremism, Drugs, Illegal, Pornography, Gambling,
		PersonalInfo, Piracy, FilterBypass, AITool,
	}
}

// Categories lists every category, those of rules first.
func Categories() []Category {
	return append(RuleCategories(), Help, USB, Tamper)
}

// Valid reports whether c is one of the known categories.
func (c Category) Valid() bool { return slices.Contains(Categories(), c) }

// ForRules reports whether a rule may carry c.
func (c Category) ForRules() bool { return slices.Contains(RuleCategories(), c) }

// NeverLimited reports whether captures of this category are never dropped,
// collapsed by rate or down-ranked ("Text to capture" in the contract).
func (c Category) NeverLimited() bool {
	switch c {
	case Suicide, SelfHarm, Violence, Exploitation:
		return true
	}
	return false
}

// FourC is one of the four areas of online risk in Keeping Children Safe in
// Education (KCSIE), part two.
type FourC string

// The four Cs of KCSIE.
const (
	Content  FourC = "content"
	Contact  FourC = "contact"
	Conduct  FourC = "conduct"
	Commerce FourC = "commerce"
)

// Valid reports whether f is one of the four Cs.
func (f FourC) Valid() bool {
	switch f {
	case Content, Contact, Conduct, Commerce:
		return true
	}
	return false
}

// Severity orders captures and cases. The zero value is not a severity.
type Severity uint8

// Severities, least first, so that they compare with <.
const (
	Low Severity = iota + 1
	Medium
	High
	Critical
)

var severityNames = [...]string{"", "low", "medium", "high", "critical"}

// String returns the wire word, or "severity(n)" for a value out of range.
func (s Severity) String() string {
	if s >= Low && s <= Critical {
		return severityNames[s]
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// Valid reports whether s is low, medium, high or critical.
func (s Severity) Valid() bool { return s >= Low && s <= Critical }

// Immediate reports whether a hit of this severity is sent provisionally,
// before its fragment is complete.
func (s Severity) Immediate() bool { return s >= High }

// ParseSeverity reads a wire word.
func ParseSeverity(w string) (Severity, error) {
	for i, n := range severityNames {
		if i > 0 && n == w {
			return Severity(i), nil
		}
	}
	return 0, fmt.Errorf("severity %q is not one of low, medium, high, critical", w)
}

// Level says whether a hit notifies (alert) or only waits in the last group
// of the queue (log). The zero value is not a level.
type Level uint8

// Levels, lesser first.
const (
	Log Level = iota + 1
	Alert
)

// String returns the wire word.
func (l Level) String() string {
	switch l {
	case Log:
		return "log"
	case Alert:
		return "alert"
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// Valid reports whether l is log or alert.
func (l Level) Valid() bool { return l == Log || l == Alert }

// ParseLevel reads a wire word.
func ParseLevel(w string) (Level, error) {
	switch w {
	case "log":
		return Log, nil
	case "alert":
		return Alert, nil
	}
	return 0, fmt.Errorf("level %q is not one of alert, log", w)
}

// Audience says whose capture it is, and so who may review it. The zero value
// is Unknown: an account that no directory entry matches is never guessed to
// be staff or pupil.
type Audience uint8

// Audiences.
const (
	Unknown Audience = iota
	Pupil
	Staff
)

// String returns the wire word.
func (a Audience) String() string {
	switch a {
	case Pupil:
		return "pupil"
	case Staff:
		return "staff"
	}
	return "unknown"
}

// GroupAudience is what a device group is for; it decides the queue of
// accounts that no directory entry matches.
type GroupAudience string

// Audiences of a device group.
const (
	GroupPupil GroupAudience = "pupil"
	GroupStaff GroupAudience = "staff"
	GroupMixed GroupAudience = "mixed"
)

// Valid reports whether g is pupil, staff or mixed.
func (g GroupAudience) Valid() bool { return g == GroupPupil || g == GroupStaff || g == GroupMixed }
