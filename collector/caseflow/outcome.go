package caseflow

import (
	"slices"
	"time"
)

// Outcome is what a reviewer decided.
type Outcome string

// Outcomes.
const (
	FalseAlarm      Outcome = "false-alarm"
	NoConcern       Outcome = "no-concern"
	LowLevelNote    Outcome = "low-level-note"
	PastoralSupport Outcome = "pastoral-support"
	ParentsInformed Outcome = "parents-informed"
	ConcernRecorded Outcome = "concern-recorded"
	Referred        Outcome = "referred"
	// Withdrawn is set by the system alone, when every capture of a case that
	// nobody had claimed was withdrawn by its final revision.
	Withdrawn Outcome = "withdrawn"
)

// Outcomes lists those a person may choose, in the order of the form.
func Outcomes() []Outcome {
	return []Outcome{FalseAlarm, NoConcern, LowLevelNote, PastoralSupport, ParentsInformed, ConcernRecorded, Referred}
}

// WhyFalse says why a hit was a false alarm. It is a closed list, so that it
// may be counted without opening what people wrote: a rule's precision at a
// school is worked out from CaseClosed's Outcome, Rule and Why.
type WhyFalse string

// Reasons for a false alarm.
const (
	WhyLesson  WhyFalse = "lesson"  // school work: a lesson, homework, a set text
	WhyQuote   WhyFalse = "quote"   // a song, a film, a game, a news story
	WhyMeaning WhyFalse = "meaning" // the words mean something else here
	WhyName    WhyFalse = "name"    // a name, a place, a title
	WhyJoke    WhyFalse = "joke"    // between friends, and nobody was hurt
	WhyTest    WhyFalse = "test"    // somebody tried Lapwing out
	WhyOther   WhyFalse = "other"   // the note says why
)

// WhysFalse lists them in the order of the form.
func WhysFalse() []WhyFalse {
	return []WhyFalse{WhyLesson, WhyQuote, WhyMeaning, WhyName, WhyJoke, WhyTest, WhyOther}
}

// Agency is where a concern went: another record of the school, or a body outside it.
type Agency string

// Records and agencies.
const (
	CPOMS       Agency = "cpoms"
	OtherRecord Agency = "other-record"

	SocialCare Agency = "social-care"
	Police999  Agency = "police-999"
	Police101  Agency = "police-101"
	LADO       Agency = "lado"
	Prevent    Agency = "prevent"
	CEOP       Agency = "ceop"
	IWF        Agency = "iwf"
)

// Records lists the school's own records, for ConcernRecorded.
func Records() []Agency { return []Agency{CPOMS, OtherRecord} }

// Agencies lists those outside the school, for Referred.
func Agencies() []Agency {
	return []Agency{SocialCare, Police999, Police101, LADO, Prevent, CEOP, IWF}
}

// Text is a sealed free text and its length in characters.
type Text struct {
	Sealed Sealed
	Chars  int
}

// empty reports that nothing was written.
func (t Text) empty() bool { return t.Chars == 0 && len(t.Sealed) == 0 }

// Told is who was told outside Lapwing, and when. Whom and Reference are free
// text, and so sealed.
type Told struct {
	Agency    Agency
	When      time.Time
	Reference Sealed
	Whom      Sealed
}

// Details are what an outcome needs besides its name. What an outcome does not
// ask for is dropped.
type Details struct {
	Agency    Agency
	When      time.Time
	Reference Text
	Whom      Text
}

// Limits of Details, in characters; and how far back an act may lie.
const (
	MaxReferenceChars = 100
	MaxWhomChars      = 200
	maxBack           = 366 * 24 * time.Hour
	// clockSlack is how far a person's clock may run ahead of the server's.
	clockSlack = 10 * time.Minute
)

// told checks the details that outcome o asks for, all of them.
func told(o Outcome, d Details, now time.Time) (Told, error) {
	agency := func(among []Agency, missing string) error {
		if slices.Contains(among, d.Agency) {
			return nil
		}
		return &InvalidError{Field: "agency", Message: missing}
	}
	switch o {
	case ParentsInformed:
		return Told{When: d.When, Whom: d.Whom.Sealed}, problems(checkWhom(d.Whom, "Enter whom you told."), checkWhen(d.When, "Enter when you told them.", now))
	case ConcernRecorded:
		return Told{Agency: d.Agency, Reference: d.Reference.Sealed},
			problems(agency(Records(), "Choose where you recorded the concern."), checkReference(d.Reference, true))
	case Referred:
		return Told{Agency: d.Agency, When: d.When, Reference: d.Reference.Sealed, Whom: d.Whom.Sealed},
			problems(agency(Agencies(), "Choose whom you referred it to."), checkWhom(d.Whom, "Enter whom you spoke to, or who sent it."),
				checkWhen(d.When, "Enter when you referred it.", now), checkReference(d.Reference, false))
	}
	return Told{}, nil
}

func checkReference(t Text, needed bool) error {
	switch {
	case t.empty() && !needed:
		return nil
	case t.Chars > MaxReferenceChars:
		return &InvalidError{Field: "reference", Limit: MaxReferenceChars, Message: "Reference must be 100 characters or fewer."}
	case t.Chars < 1 || len(t.Sealed) == 0:
		return &InvalidError{Field: "reference", Message: "Enter the reference of the record, so that it can be found again."}
	}
	return nil
}

func checkWhom(t Text, missing string) error {
	switch {
	case t.Chars > MaxWhomChars:
		return &InvalidError{Field: "whom", Limit: MaxWhomChars, Message: "Name must be 200 characters or fewer."}
	case t.Chars < 1 || len(t.Sealed) == 0:
		return &InvalidError{Field: "whom", Message: missing}
	}
	return nil
}

func checkWhen(t time.Time, missing string, now time.Time) error {
	switch {
	case t.IsZero():
		return &InvalidError{Field: "when", Message: missing}
	case t.After(now.Add(clockSlack)):
		return &InvalidError{Field: "when", Message: "The time must be in the past. If it has not happened yet, put the case to wait."}
	case now.Sub(t) > maxBack:
		return &InvalidError{Field: "when", Limit: 366, Message: "The time must be within the last 366 days."}
	}
	return nil
}

// checkFalse checks which rule was wrong and why.
func checkFalse(cmd Close) error {
	if !ruleID(cmd.Rule) {
		return &InvalidError{Field: "rule", Limit: MaxRuleBytes, Message: "Choose the rule that was wrong from the list, or all of them."}
	}
	if !slices.Contains(WhysFalse(), cmd.Why) {
		return &InvalidError{Field: "why", Message: "Choose why it was a false alarm."}
	}
	if cmd.Why == WhyOther && cmd.Chars == 0 {
		return &InvalidError{Field: "note", Message: "Write in the note why it was a false alarm."}
	}
	return nil
}
