// Package tuning owns how a school changes a rule of its packs: its level or
// severity, or that it is off, for a device group or for all; and what of the
// changes is in force. A change is a store.Proposal of Kind whose body is a
// Change. Nothing is undone: a later change says something else, or "as the
// pack has it".
//
// It may import collector/caseflow, collector/store, internal/detect/rulepack
// and internal/vocab. It opens no store.
package tuning

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Kind is the kind of the proposals.
const Kind = "rule"

// MaxText bounds reason, risk note and note, in characters.
const MaxText = 500

// Change is what a proposal asks for.
type Change struct {
	Rule  string `json:"rule"`
	Title string `json:"title"` // as the pack called it then
	// Group is a device group; empty for all devices.
	Group string `json:"group,omitempty"`
	// Setting is "off", "pack" (as the pack has it) or "set".
	Setting  Setting `json:"setting"`
	Level    string  `json:"level,omitempty"`
	Severity string  `json:"severity,omitempty"`
	// Was is how the rule stood then, and Evidence what the counts said, in words.
	Was      string `json:"was,omitempty"`
	Evidence string `json:"evidence,omitempty"`
}

// Setting is what becomes of a rule.
type Setting string

// Settings.
const (
	AsPack Setting = "pack"
	Set    Setting = "set"
	Off    Setting = "off"
)

// Rule is what tuning knows of a rule of the packs.
type Rule struct {
	ID, Title, Pack string
	Version         uint32
	Categories      []vocab.Category
	Severity        vocab.Severity
	Level           vocab.Level
	Audience        []string
	Hit, Miss       []string // examples
	Phrases         int
}

// Of reads the change of a proposal.
func Of(p store.Proposal) (c Change, err error) {
	if err := json.Unmarshal(p.Body, &c); err != nil {
		return Change{}, fmt.Errorf("read change of a rule: %w", err)
	}
	return c, nil
}

// Override is the change as the rule packs take it.
func (c Change) Override() rulepack.Override {
	o := rulepack.Override{Rule: c.Rule, Off: c.Setting == Off}
	if c.Setting == Set {
		o.Level, _ = vocab.ParseLevel(c.Level)
		o.Severity, _ = vocab.ParseSeverity(c.Severity)
	}
	return o
}

// Words say what the change makes of the rule: "High, alert", "Off".
func (c Change) Words() string {
	switch c.Setting {
	case Off:
		return "Off"
	case Set:
		return upper(c.Severity) + ", " + c.Level
	}
	return "As the pack has it"
}

// Words of a rule as its pack has it.
func (r Rule) Words() string { return upper(r.Severity.String()) + ", " + r.Level.String() }

// InForce returns the overrides of a device group, and the proposal that was
// approved last among those that concern it (zero when there is none). Of
// several changes of one rule the one approved last counts, whether it was for
// the group or for all.
func InForce(proposals []store.Proposal, group string) (overrides []rulepack.Override, last store.Proposal) {
	approved := slices.DeleteFunc(slices.Clone(proposals), func(p store.Proposal) bool { return p.State != store.Approved })
	slices.SortStableFunc(approved, func(a, b store.Proposal) int {
		if c := a.DecidedAt.Compare(b.DecidedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	by := map[string]Change{}
	for _, p := range approved {
		c, err := Of(p)
		if err != nil || c.Group != "" && c.Group != group {
			continue
		}
		by[c.Rule], last = c, p
	}
	for _, c := range by {
		if c.Setting != AsPack {
			overrides = append(overrides, c.Override())
		}
	}
	slices.SortFunc(overrides, func(a, b rulepack.Override) int { return strings.Compare(a.Rule, b.Rule) })
	return overrides, last
}

// Form asks for a change.
type Form struct {
	ID       string // of the proposal; a repeated form has the same
	Group    string
	Setting  Setting
	Level    string
	Severity string
	Reason   string
	RiskNote string
}

// Propose makes a proposal of a form. Its refusals are Problems, or
// caseflow.ErrNotAllowed. groups are the device groups that there are.
func Propose(r Rule, f Form, groups []string, was, evidence string, a caseflow.Actor, by audit.Who, now time.Time) (store.Proposal, error) {
	if !caseflow.MayPropose(a) {
		return store.Proposal{}, caseflow.ErrNotAllowed
	}
	f.Reason, f.RiskNote = caseflow.Clean(f.Reason), caseflow.Clean(f.RiskNote)
	c := Change{Rule: r.ID, Title: r.Title, Group: f.Group, Setting: f.Setting, Was: was, Evidence: evidence}
	if f.Setting == Set {
		c.Level, c.Severity = f.Level, f.Severity
	}
	if p := check(r, c, f, groups); len(p) > 0 {
		return store.Proposal{}, p
	}
	body, err := json.Marshal(c)
	if err != nil {
		return store.Proposal{}, fmt.Errorf("propose: %w", err)
	}
	return store.Proposal{Kind: Kind, ID: f.ID, Version: 1, State: store.Proposed, Body: body, Author: caseflow.AuthorOf(a), By: by, At: now,
		Reason: f.Reason, RiskNote: f.RiskNote}, nil
}

func check(r Rule, c Change, f Form, groups []string) (p Problems) {
	bad := func(field, message string) { p = append(p, &caseflow.InvalidError{Field: field, Message: message}) }
	if c.Group != "" && !slices.Contains(groups, c.Group) {
		bad("group", "Choose all devices, or a device group from the list.")
	}
	switch c.Setting {
	case AsPack:
	case Off:
		if rulepack.Floored(r.Categories) {
			bad("setting", "Rules of suicide and self-harm cannot be switched off.")
		}
	case Set:
		level, err := vocab.ParseLevel(c.Level)
		if err != nil {
			bad("level", "Choose whether it alerts, or is only logged.")
		}
		severity, err2 := vocab.ParseSeverity(c.Severity)
		if err2 != nil {
			bad("severity", "Choose a severity.")
		}
		if err != nil || err2 != nil {
			break
		}
		if rulepack.BelowFloor(c.Override(), r.Categories, r.Level, r.Severity) {
			bad("severity", "Rules of suicide and self-harm stay at alert, and go down by one severity at most.")
		} else if level == r.Level && severity == r.Severity {
			bad("setting", "That is how the pack has it. Choose “As the pack has it”, or another level or severity.")
		}
	default:
		bad("setting", "Choose what is to become of the rule.")
	}
	words := func(field, name, value string) {
		switch n := utf8.RuneCountInString(value); {
		case !caseflow.Plain(value):
			bad(field, name+" has characters that cannot be read. Type it again, or paste it as plain text.")
		case n == 0:
			bad(field, "Enter "+strings.ToLower(name[:1])+name[1:]+".")
		case n > MaxText:
			bad(field, name+" must be 500 characters or fewer. Shorten it.")
		}
	}
	words("reason", "The reason", f.Reason)
	words("risk", "The risk note: what might be missed, and what is done about it", f.RiskNote)
	return p
}

// Decide approves or refuses a proposal (another person than who made it, a
// head or a delegate), or withdraws it (who made it).
func Decide(p store.Proposal, to store.ProposalState, note string, a caseflow.Actor, by audit.Who, delegated bool, now time.Time) (store.Proposal, error) {
	if p.Version == 0 || !caseflow.MayReadChanges(a) {
		return store.Proposal{}, caseflow.ErrHidden
	}
	allowed := caseflow.MayApprove(a, p.Author, delegated)
	if to == store.Withdrawn {
		allowed = a.User == p.Author.User
	}
	if !allowed {
		return store.Proposal{}, caseflow.ErrNotAllowed
	}
	if p.State != store.Proposed {
		return store.Proposal{}, &caseflow.InvalidError{Field: "state", Message: "This change is " + string(p.State) + " already. Nothing was done."}
	}
	note = caseflow.Clean(note)
	if to == store.Refused {
		if err := caseflow.CheckChars("note", utf8.RuneCountInString(note), MaxText); err != nil {
			return store.Proposal{}, err
		}
	}
	if !caseflow.Plain(note) || utf8.RuneCountInString(note) > MaxText {
		return store.Proposal{}, &caseflow.InvalidError{Field: "note", Limit: MaxText, Message: "The note must be plain text of at most 500 characters."}
	}
	p.State, p.Decided, p.DecidedAt, p.Note, p.Version = to, by, now, note, p.Version+1
	return p, nil
}

// Problems are what is wrong with a form, one for each field.
type Problems = caseflow.Problems

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Precision puts verdicts into words: "right 7 times in 10 here".
func Precision(right, wrong int) string {
	n := right + wrong
	switch {
	case n == 0:
		return "no verdict here yet"
	case wrong == 0 && n < 10:
		return fmt.Sprintf("right %s here", times(right, n))
	case n < 10:
		return fmt.Sprintf("right %d of %d times here", right, n)
	}
	return fmt.Sprintf("right %d times in 10 here", (10*right+n/2)/n)
}

func times(right, n int) string {
	if n == 1 {
		return "the one time"
	}
	return fmt.Sprintf("all %d times", right)
}
