package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// auditPageSize is how many entries a page shows.
const auditPageSize = 100

// auditView is one page of the ledger, newest first.
type auditView struct {
	Rows    []auditRow
	Next    string // older entries
	Newest  bool
	Covered bool // rows of Lapwing's own case entries stand in it
	// Unreviewed tells of cases that nobody may open.
	Unreviewed []string
}

type auditRow struct {
	Seq                              uint64
	At, Who, Via, Action, On, Reason string
}

func (c *Console) audit(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	before, err := strconv.ParseUint(orWord(r.URL.Query().Get("before"), "0"), 10, 63)
	if err != nil {
		return errMissing
	}
	v := auditView{Newest: before == 0}
	if v.Newest {
		head, err := ledgerHead(r.Context(), id.Tenant)
		if err != nil {
			return err
		}
		before = head + 1
	}
	after := before - min(before, auditPageSize+1)
	entries, err := id.Tenant.Entries(r.Context(), after, auditPageSize)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Seq >= before })
	cover := cover{ctx: r.Context(), id: id, known: map[caseflow.Ref]bool{}}
	now := c.now().In(c.zone)
	for _, e := range slices.Backward(entries) {
		if e, err = cover.entry(e); err != nil {
			return err
		}
		v.Covered = v.Covered || e.Action == coveredAction
		v.Rows = append(v.Rows, auditRow{Seq: e.Seq, At: moment(e.At.In(c.zone), now), Who: orWord(e.Who.Name, "Lapwing"),
			Via: e.Who.Via, Action: string(e.Action), On: strings.Join(e.Object, ", "), Reason: e.Reason})
	}
	if v.Unreviewed, err = c.unreviewed(r, id); err != nil {
		return err
	}
	// Reading the log is itself in the log.
	if err := id.Tenant.Append(r.Context(), audit.Entry{At: c.now(), Who: id.Who(), Action: audit.LedgerRead}); err != nil {
		return fmt.Errorf("record the reading: %w", err)
	}
	if after > 0 {
		v.Next = fmt.Sprintf("/audit?before=%d", after+1)
	}
	return c.show(w, r, id, "audit", "/audit", "Audit log", v)
}

// ledgerHead is the sequence of the last entry, found by halves: the ledger is
// read forwards only, and has no gaps. It takes some 40 reads of one entry at
// most, for a ledger of a million.
func ledgerHead(ctx context.Context, l store.Ledger) (uint64, error) {
	beyond := func(seq uint64) (bool, error) {
		e, err := l.Entries(ctx, seq, 1)
		if err != nil {
			return false, fmt.Errorf("read ledger: %w", err)
		}
		return len(e) == 0, nil
	}
	low, high := uint64(0), uint64(1) // the head is low or later, and in the end high or earlier
	for {
		if end, err := beyond(high); err != nil {
			return 0, err
		} else if end {
			break
		}
		low, high = high+1, high*2
	}
	for low < high {
		mid := low + (high-low)/2
		if end, err := beyond(mid); err != nil {
			return 0, err
		} else if end {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low, nil
}

// coveredAction stands for what Lapwing itself wrote of cases.
const coveredAction audit.Action = "case.*"

// cover takes out of the ledger what would tell its reader of a case that
// concerns them. Whatever else they may know, nobody sees such a case, counts
// it, or is told of it. All that Lapwing itself wrote of cases, as captures came
// in, is therefore shown alike and without the case, and so is what people did
// with a case that concerns the reader: one cannot be told from the other.
type cover struct {
	ctx   context.Context
	id    auth.Identity
	known map[caseflow.Ref]bool // whether a case concerns the reader
}

func (c cover) entry(e audit.Entry) (audit.Entry, error) {
	if !strings.HasPrefix(string(e.Action), "case.") && e.Action != audit.QueueRead {
		return e, nil
	}
	hidden := audit.Entry{Seq: e.Seq, At: e.At, Who: audit.System(), Action: coveredAction}
	if e.Who.Via == audit.ViaSystem {
		return hidden, nil
	}
	var open []string
	for _, o := range e.Object {
		about, err := c.concerns(caseflow.Ref(o))
		if err != nil {
			return audit.Entry{}, err
		}
		if !about {
			open = append(open, o)
		}
	}
	switch {
	case len(open) == len(e.Object):
		return e, nil
	case len(open) == 0:
		return hidden, nil
	}
	e.Object = open
	return e, nil
}

func (c cover) concerns(ref caseflow.Ref) (bool, error) {
	if about, ok := c.known[ref]; ok || len(c.id.Actor.Persons) == 0 || !ref.Valid() {
		return about, nil
	}
	f, err := c.id.Tenant.Case(c.ctx, caseflow.Actor{System: true}, ref)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("read a case of the ledger: %w", err)
	}
	c.known[ref] = err == nil && caseflow.Concerns(f.Case, c.id.Actor)
	return c.known[ref], nil
}
