package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// QueueView is one page of the queue.
type QueueView struct {
	Rows   []Row
	Total  int                    // of the whole selection
	Counts map[vocab.Severity]int // of the whole selection
	Next   string                 // cursor of the next page, empty at the end
	// Summary feeds the page's first sentence; only on a first page.
	Summary Summary
	// ServerRead is the last time that a command on the server read content,
	// if that was in the last 14 days; DSL, deputies and heads are told.
	ServerRead *ServerRead
	Now        time.Time
}

// Row is a case, judged without opening it.
type Row struct {
	Case   caseflow.Case
	Person Person
	Words  // of the newest capture that stands
	// At is when that capture was typed, as CaptureView.At; zero when none stands.
	At time.Time
	// RuleTitle is the newest capture's first rule, in words.
	RuleTitle  string
	DeviceHost string
	// Exemption labels what covers it, empty for nothing: "Exempt: Year 9
	// history, until 20 November".
	Exemption string
	Group     caseflow.Group
	Due       time.Time
	Late      bool
	Claim     ClaimView
}

// ClaimView is a claim as the viewer is told of it.
type ClaimView struct {
	Held, Yours bool
	Name        string
	Since       time.Time
	Until       time.Time
}

// Summary counts the groups of the selection for its sentence, for example
// "1 critical case has waited 22 minutes. 3 more are due before 10am. The
// other 24 can wait."
type Summary struct {
	Critical int           // in GroupNow, claimed by nobody
	Waited   time.Duration // longest wait among those, to the second
	Held     int           // in GroupNow and critical, and somebody is at it
	Late     int           // in GroupNow and not critical
	Soon     int           // GroupSoon
	SoonBy   time.Time     // the last target time among those
	Rest     int
	// AtLeast: Critical, Late and Soon go on after this page; they are lower bounds.
	AtLeast bool
}

// Queue lists the cases that the viewer may see. It fails with
// store.ErrNotFound for viewers who review no queue. q.Now is set here.
func (s *Service) Queue(ctx context.Context, t store.Tenant, viewer caseflow.Actor, q store.QueueQuery) (QueueView, error) {
	if !reviews(viewer) {
		return QueueView{}, store.ErrNotFound
	}
	viewer = caseflow.Working(viewer)
	now := s.cfg.Now()
	q.Now = now
	page, err := t.Queue(ctx, viewer, q)
	if err != nil {
		return QueueView{}, fmt.Errorf("read queue: %w", hidden(err))
	}
	refs, beyond := make([]caseflow.Ref, 0, len(page.Rows)), []caseflow.Ref(nil)
	for _, r := range page.Rows {
		if !caseflow.MaySee(r.Case, viewer) {
			// Rather no queue than one row too many; the store is at fault.
			return QueueView{}, errors.New("read queue: the store gave a case that is hidden from the viewer")
		}
		if caseflow.BeyondScope(r.Case, viewer) {
			beyond = append(beyond, r.Case.Ref)
			continue
		}
		refs = append(refs, r.Case.Ref)
	}
	if err := s.recordReads(ctx, t, viewer, audit.QueueRead, refs); err != nil {
		return QueueView{}, err
	}
	if err := s.recordReads(ctx, t, viewer, audit.GlassRead, beyond); err != nil {
		return QueueView{}, err
	}
	v := QueueView{Total: page.Total, Counts: page.Counts, Next: page.Next, Now: now}
	for _, r := range page.Rows {
		row, err := s.row(ctx, t, viewer, r, now)
		if err != nil {
			return QueueView{}, err
		}
		v.Rows = append(v.Rows, row)
	}
	if q.Cursor == "" {
		v.Summary = summarise(v.Rows, v.Total, v.Next != "", now)
	}
	v.ServerRead, err = s.lastServerRead(ctx, t, viewer, now)
	if err != nil {
		return QueueView{}, err
	}
	return v, nil
}

func (s *Service) row(ctx context.Context, t store.Tenant, viewer caseflow.Actor, r store.QueueRow, now time.Time) (Row, error) {
	row := Row{
		Case: r.Case, DeviceHost: r.Device.Host,
		Group: caseflow.GroupOf(&r.Case, now), Due: r.Case.DueAt, Late: r.Case.Late(now),
		Claim: claim(r.Case, viewer, now),
	}
	if r.Case.NameHidden() {
		row.DeviceHost = ""
	}
	var err error
	if row.Person, err = s.person(ctx, t, viewer, r.Person, r.Case); err != nil {
		return Row{}, err
	}
	if row.Words, err = s.words(ctx, t, r.Latest); err != nil {
		return Row{}, err
	}
	if row.Exemption, err = s.exemption(ctx, t, r.Case); err != nil {
		return Row{}, err
	}
	if c := r.Latest.Capture; c != nil {
		row.At = r.Latest.At
		if len(c.Rules) > 0 {
			row.RuleTitle = s.titled(c.Rules[:1])[0].Title
		}
	}
	return row, nil
}

// exemption labels the exemption that covers a case.
func (s *Service) exemption(ctx context.Context, t store.Tenant, c caseflow.Case) (string, error) {
	if !c.Exempt {
		return "", nil
	}
	e, err := t.Exemption(ctx, c.Exemption)
	if errors.Is(err, store.ErrNotFound) {
		return "Exempt", nil
	}
	if err != nil {
		return "", fmt.Errorf("read exemption: %w", err)
	}
	return e.Chip(), nil
}

func claim(c caseflow.Case, viewer caseflow.Actor, now time.Time) ClaimView {
	owner, held := c.Held(now)
	if !held {
		return ClaimView{}
	}
	return ClaimView{Held: true, Yours: owner == viewer.User, Name: c.OwnerName, Since: c.ClaimedAt, Until: c.ClaimUntil}
}

// summarise counts a first page. The order puts the groups one after the
// other, so the page holds all of the pressing ones unless it ends within them.
func summarise(rows []Row, total int, more bool, now time.Time) Summary {
	var s Summary
	for _, r := range rows {
		switch r.Group {
		case caseflow.GroupNow:
			if r.Case.Severity != vocab.Critical {
				s.Late++
				continue
			}
			if r.Claim.Held {
				s.Held++
				continue
			}
			s.Critical++
			s.Waited = max(s.Waited, now.Sub(r.Case.OpenedAt).Truncate(time.Second))
		case caseflow.GroupSoon:
			s.Soon++
			if r.Due.After(s.SoonBy) {
				s.SoonBy = r.Due
			}
		}
	}
	pressing := s.Critical + s.Held + s.Late + s.Soon
	s.AtLeast = more && pressing == len(rows)
	s.Rest = max(total-pressing, 0)
	return s
}
