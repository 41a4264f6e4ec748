package lapwingv1

import (
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Validate checks the limits stated in event.proto. Times are not limited: an
// event with an absurd clock is kept and marked, never refused.
func (x *Event) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(
		size("id", x.Id, 16, 16),
		between("revision", x.Revision, 0, MaxRevision),
		enum("lane", x.Lane, Lane_LANE_ROUTINE),
		atLeast("seq", x.Seq, 1),
		size("boot", x.Boot, 16, 16),
		text("account", x.Account, 256),
		text("session", x.Session, 64),
	); err != nil {
		return err
	}
	switch b := x.Body.(type) {
	case *Event_Capture:
		return present("capture", b.Capture)
	case *Event_Tamper:
		return present("tamper", b.Tamper)
	case *Event_Digest:
		return present("digest", b.Digest)
	case *Event_Media:
		return present("media", b.Media)
	case *Event_Unattended:
		return present("unattended", b.Unattended)
	case *Event_LockMinutes:
		return present("lock_minutes", b.LockMinutes)
	case *Event_Canary:
		return present("canary", b.Canary)
	case *Event_Help:
		return present("help", b.Help)
	case *Event_Notice:
		return present("notice", b.Notice)
	}
	return unset("body")
}

// Validate checks the limits stated in event.proto, the order of rules and
// marks, and that every mark stands on rune borders of the excerpt.
func (x *Capture) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		categories("categories", x.Categories),
		enum("severity", x.Severity, Severity_SEVERITY_CRITICAL),
		enum("level", x.Level, Level_LEVEL_ALERT),
		enum("source", x.Source, Source_SOURCE_DEVICE),
		x.validateRules(),
		prose("excerpt", x.Excerpt, MaxExcerpt),
		x.validateWithdrawn(),
		x.validateMarks(),
		text("app", x.App, MaxApp),
		prose("title", x.Title, MaxTitle),
		atLeast("count", x.Count, 1),
		x.validateHelp(),
	)
}

func (x *Capture) validateHelp() error {
	if x.Help != nil {
		return fail("help", "set by a device")
	}
	return nil
}

func (x *Capture) validateRules() error {
	if len(x.Rules) == 0 {
		return fail("rules", "empty, must be 1 to %d", MaxRules)
	}
	if err := each("rules", MaxRules, x.Rules); err != nil {
		return err
	}
	for i := 1; i < len(x.Rules); i++ {
		if x.Rules[i].Severity > x.Rules[i-1].Severity {
			return fail(at("rules", i)+".severity", "above that of the rule before it, most severe must stand first")
		}
	}
	return nil
}

func (x *Capture) validateWithdrawn() error {
	switch {
	case x.Withdrawn && !x.Final:
		return fail("withdrawn", "set in a revision that is not final")
	case x.Withdrawn && x.Excerpt != "":
		return fail("excerpt", "not empty in a withdrawn revision")
	case !x.Withdrawn && x.Excerpt == "":
		return fail("excerpt", "empty in a revision that is not withdrawn")
	}
	return nil
}

func (x *Capture) validateMarks() error {
	if err := each("marks", MaxMarks, x.Marks); err != nil {
		return err
	}
	var before uint32
	for i, m := range x.Marks {
		field := at("marks", i)
		switch {
		case uint64(m.End) > uint64(len(x.Excerpt)):
			return fail(field+".end", "%d, excerpt has %d bytes", m.End, len(x.Excerpt))
		case m.Start < before:
			return fail(field+".start", "%d, before the end of the mark before it (%d)", m.Start, before)
		case !onRune(x.Excerpt, m.Start) || !onRune(x.Excerpt, m.End):
			return fail(field, "not on a character border")
		}
		before = m.End
	}
	return nil
}

func onRune(s string, i uint32) bool { return int(i) == len(s) || utf8.RuneStart(s[i]) }

func categories(field string, words []string) error {
	if len(words) < 1 || len(words) > 2 {
		return fail(field, "%d entries, must be 1 or 2", len(words))
	}
	for i, w := range words {
		if !vocab.Category(w).Valid() {
			return fail(at(field, i), "not a known category")
		}
	}
	if len(words) == 2 && words[0] == words[1] {
		return fail(at(field, 1), "the same as the first")
	}
	return nil
}

// Validate checks the limits stated in event.proto.
func (x *RuleHit) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("rule", x.Rule, 64),
		atLeast("version", x.Version, 1),
		text("pack", x.Pack, 64),
		text("reading", x.Reading, 32),
		enum("severity", x.Severity, Severity_SEVERITY_CRITICAL),
		enum("level", x.Level, Level_LEVEL_ALERT),
		conditions("raised_by", x.RaisedBy),
		conditions("lowered_by", x.LoweredBy),
		text("title", x.Title, 120),
	)
}

func conditions(field string, names []string) error {
	if len(names) > MaxConditions {
		return fail(field, "%d entries, at most %d", len(names), MaxConditions)
	}
	for i, n := range names {
		if err := word(at(field, i), n, 64); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks that the span is not empty and not turned round; whether it
// fits its excerpt is for Capture to say.
func (x *Span) Validate() error {
	if x == nil {
		return missing()
	}
	if x.End <= x.Start {
		return fail("end", "%d, must be more than start (%d)", x.End, x.Start)
	}
	return nil
}

// Validate checks the limits stated in event.proto.
func (x *Tamper) Validate() error {
	if x == nil {
		return missing()
	}
	return first(word("code", x.Code, 64), atLeast("count", x.Count, 1))
}

// Validate checks the limits stated in event.proto.
func (x *Digest) Validate() error {
	if x == nil {
		return missing()
	}
	if n := len(x.ByCategory); n < 1 || n > 32 {
		return fail("by_category", "%d keys, must be 1 to 32", n)
	}
	for k := range x.ByCategory {
		if !vocab.Category(k).Valid() {
			return fail("by_category", "a key is not a known category")
		}
	}
	return nil
}
