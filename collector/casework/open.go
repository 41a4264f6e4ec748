package casework

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// CaseView is everything of one case.
type CaseView struct {
	Case   caseflow.Case
	Person Person
	// Concerns names the staff whom the case is about besides its typist, for
	// those who review it; one whose entry is gone is not in it.
	Concerns                []string
	DeviceHost, DeviceGroup string
	Exemption               string        // as in Row
	Captures                []CaptureView // newest first
	History                 []Item        // newest first; captures are in it by Event
	// Earlier cases of the same person that the viewer may see, newest first.
	Earlier []caseflow.Case
	// Similar cases of other people today, newest first.
	Similar  []caseflow.Case
	Reads    []Read // newest first
	Playbook playbook.Playbook
	Claim    ClaimView
	Group    caseflow.Group
	Late     bool
	Now      time.Time
	// WaitsOn is whom the case waits on, if it does.
	WaitsOn string
	// Draft is what the viewer had filled in and not sent, or nil.
	Draft *Draft
	// To whom the viewer may hand the case up, or give it.
	EscalateTo []caseflow.Role
	// Precision of rules at this school, by rule.
	Precision  map[string]Precision
	Colleagues []Colleague
	// Reviewers from outside who may be asked, and whether the school has any at all.
	Reviewers  []Colleague
	HasOutside bool
	MayConsult bool

	history []caseflow.Event
}

// At is the case as it was at a version, for telling what has changed since;
// without its captures' words, as caseflow has it.
func (v CaseView) At(version uint64) caseflow.Case {
	n := min(version, uint64(len(v.history)))
	return caseflow.Fold(caseflow.Case{}, v.history[:n]...)
}

// CaptureView is one capture and why it was flagged.
type CaptureView struct {
	Words
	Event      ulid.ID
	At         time.Time // corrected device time
	ReceivedAt time.Time
	// Suspect: the device's own time was absurd and ReceivedAt stands for it.
	Suspect    bool
	Device     caseflow.DeviceID
	Source     triage.Source
	Categories []vocab.Category
	Severity   vocab.Severity
	Level      vocab.Level
	Rules      []triage.Rule
	Count      int // equal repeats, itself included
	Final      bool
	Withdrawn  bool
}

// Open returns one case. The first look by a person is recorded in the case
// itself, every look in the ledger, before anything is unsealed.
func (s *Service) Open(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) (CaseView, error) {
	f, err := s.file(ctx, t, viewer, ref)
	if err != nil {
		return CaseView{}, err
	}
	action := audit.CaseRead
	if caseflow.BeyondScope(f.Case, viewer) {
		action = audit.GlassRead
		if err := s.tellOwner(ctx, t, viewer, f.Case); err != nil {
			return CaseView{}, err
		}
	}
	if err := s.recordReads(ctx, t, viewer, action, []caseflow.Ref{ref}); err != nil {
		return CaseView{}, err
	}
	if f.Case.FirstSeen.IsZero() && caseflow.MayAct(f.Case, viewer) {
		if _, err := t.Act(ctx, store.Act{Ref: ref, Command: caseflow.See{}, Actor: viewer, At: s.cfg.Now()}); err != nil {
			return CaseView{}, fmt.Errorf("record the first look: %w", hidden(err))
		}
		// Read again: a form on the page carries the version that it shows.
		if f, err = s.file(ctx, t, viewer, ref); err != nil {
			return CaseView{}, err
		}
	}
	return s.view(ctx, t, viewer, f)
}

func (s *Service) view(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f store.CaseFile) (CaseView, error) {
	viewer = caseflow.Working(viewer)
	now := s.cfg.Now()
	v := CaseView{
		Case: f.Case, DeviceHost: f.Device.Host, DeviceGroup: f.Device.Group,
		Claim: claim(f.Case, viewer, now), Group: caseflow.GroupOf(&f.Case, now), Late: f.Case.Late(now), Now: now,
	}
	for _, e := range f.Earlier {
		if e.Ref != f.Case.Ref && caseflow.MaySee(e, viewer) && !e.NameHidden() {
			v.Earlier = append(v.Earlier, e)
		}
	}
	if !slices.ContainsFunc(v.Earlier, func(e caseflow.Case) bool { return e.Ref == f.Case.LinkedTo }) {
		// A reference alone would tell of a case that is hidden.
		v.Case.LinkedTo = ""
	}
	v.history = f.History
	var err error
	if v.Playbook, err = s.playbook(ctx, t, f.Case); err != nil {
		return CaseView{}, err
	}
	if v.WaitsOn, err = s.waitingOn(ctx, t, f.Case); err != nil {
		return CaseView{}, err
	}
	if v.Person, err = s.person(ctx, t, viewer, f.Person, f.Case); err != nil {
		return CaseView{}, err
	}
	if v.Exemption, err = s.exemption(ctx, t, f.Case); err != nil {
		return CaseView{}, err
	}
	if v.Concerns, err = s.concerns(ctx, t, f.Case.Subjects); err != nil {
		return CaseView{}, err
	}
	for _, r := range f.Captures {
		c, err := s.capture(ctx, t, r)
		if err != nil {
			return CaseView{}, err
		}
		v.Captures = append(v.Captures, c)
	}
	slices.Reverse(v.Captures)
	if v.History, err = s.history(ctx, t, viewer, f); err != nil {
		return CaseView{}, err
	}
	if v.Draft, err = s.draft(ctx, t, viewer, f.Case); err != nil {
		return CaseView{}, err
	}
	err = s.around(ctx, t, viewer, &v)
	return v.unnamed(), err
}

func (s *Service) capture(ctx context.Context, t store.Tenant, r store.CaptureRecord) (CaptureView, error) {
	w, err := s.words(ctx, t, r)
	if err != nil {
		return CaptureView{}, err
	}
	v := CaptureView{
		Words: w, Event: r.Event, At: r.At, ReceivedAt: r.ReceivedAt, Suspect: r.Suspect, Device: r.Device,
	}
	if c := r.Capture; c != nil {
		v.Source, v.Categories, v.Severity, v.Level = c.Source, c.Categories, c.Severity, c.Level
		v.Rules, v.Count, v.Final, v.Withdrawn = s.titled(c.Rules), c.Count, c.Final, c.Withdrawn
	}
	return v, nil
}

// titled returns rules with the titles of the school's own packs.
func (s *Service) titled(rules []triage.Rule) []triage.Rule {
	if s.cfg.RuleTitle == nil {
		return rules
	}
	rules = slices.Clone(rules)
	for i, r := range rules {
		rules[i].Title = cmp.Or(s.cfg.RuleTitle(r.ID), r.Title)
	}
	return rules
}
