package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

func (t *tenant) Act(ctx context.Context, act store.Act) (c caseflow.Case, err error) {
	if err := store.CheckAct(act); err != nil {
		return c, fmt.Errorf("act on case: %w", err)
	}
	err = t.s.do(ctx, func(x *tx) (err error) {
		c, err = x.act(t.school, act)
		return err
	})
	if errors.Is(err, caseflow.ErrHidden) {
		err = store.ErrNotFound
	}
	if err != nil {
		return caseflow.Case{}, fmt.Errorf("act on case: %w", err)
	}
	return c, nil
}

func (t *tx) act(sc *school, act store.Act) (caseflow.Case, error) {
	if err := sc.visible(t.get, act.Actor, act.Ref); err != nil {
		return caseflow.Case{}, err
	}
	c, err := t.caseOf(sc, act.Ref)
	if err != nil {
		return caseflow.Case{}, err
	}
	if !caseflow.MaySee(c, act.Actor) {
		return caseflow.Case{}, store.ErrNotFound
	}
	done := keyDone(sc.info.ID, act.Actor.User, act.Key)
	if act.Key != "" {
		if first, found, err := t.repeated(sc, act, done); found || err != nil {
			return first, err
		}
	}
	if act.Expect != 0 && act.Expect != c.Version {
		return caseflow.Case{}, &caseflow.StaleError{Now: c}
	}
	at := utc(act.At)
	if among, ok := act.Command.(caseflow.AmongColleagues); ok {
		act.Command = among.Among(t.colleagues(sc))
	}
	events, err := caseflow.Decide(c, act.Command, act.Actor, at)
	if err != nil {
		return caseflow.Case{}, err
	}
	after, err := t.evolve(sc, c, events, audit.Entry{
		At: at, Who: who(act.Actor), Action: actionOf(act.Command), Object: []string{string(act.Ref)},
	})
	if err == nil {
		err = t.recount(sc, c, after, nil, nil)
	}
	if err != nil {
		return caseflow.Case{}, err
	}
	if err := t.dropDraft(sc, act); err != nil {
		return caseflow.Case{}, err
	}
	if act.Key != "" {
		t.put(done, encode(done, doneRow{act.Ref, after.Version}, doneFields))
	}
	return after, nil
}

// repeated returns the case as it was after the act that used the key first.
func (t *tx) repeated(sc *school, act store.Act, key []byte) (c caseflow.Case, found bool, err error) {
	value, err := t.get(key)
	if value == nil || err != nil {
		return c, false, err
	}
	row, err := decode(key, value, doneFields)
	if err != nil {
		return c, false, err
	}
	if row.Ref != act.Ref {
		return c, false, &caseflow.InvalidError{Field: "key",
			Message: "This form was already used for another case. Load the page again and repeat what you did."}
	}
	var history []caseflow.Event
	for v := uint64(1); v <= row.Version; v++ {
		k := keyEvent(sc.info.ID, row.Ref, v)
		value, err := t.get(k)
		if err != nil {
			return c, false, err
		}
		e, err := decode(k, value, eventFields)
		if err != nil {
			return c, false, err
		}
		history = append(history, e.Event)
	}
	return caseflow.Fold(c, history...), true, nil
}

// evolve stages events of a case with its head, indexes, ledger entry and
// news. Without events nothing is staged.
func (t *tx) evolve(sc *school, before caseflow.Case, events []caseflow.Event, entry audit.Entry) (caseflow.Case, error) {
	if len(events) == 0 {
		return before, nil
	}
	id, ref := sc.info.ID, before.Ref
	if o, ok := events[0].(caseflow.Opened); ok {
		ref = o.Ref
	}
	kept := make([]caseflow.Event, len(events))
	for i, e := range events {
		k := keyEvent(id, ref, before.Version+uint64(i)+1)
		value := encode(k, eventRow{e}, eventFields)
		t.put(k, value)
		// Folded as it will be read back, so that memory and disk cannot differ.
		row, err := decode(k, value, eventFields)
		if err != nil {
			return before, fmt.Errorf("keep an event: %w", err)
		}
		kept[i] = row.Event
	}
	after := caseflow.Fold(before, kept...)
	t.index(id, before, after)
	t.cases[caseID{id, after.Ref}] = &after
	k := schoolKey{id, triage.KeyOfCase(after)}
	t.byKey[k] = append(t.byKey[k], after.Ref)
	t.log(sc, entry)

	ch := change{school: id, after: &after}
	if before.Version != 0 {
		ch.before = &before
	}
	t.changes = append(t.changes, ch)
	return after, nil
}

// index stages the head row and moves the index rows.
func (t *tx) index(id store.SchoolID, before, after caseflow.Case) {
	row := headRow{Case: after, Latest: latestOf(after)}
	row.Case.Captures = nil
	k := keyHead(id, after.Ref)
	t.put(k, encode(k, row, headFields))

	was, is := caseIndexes(id, before), caseIndexes(id, after)
	has := func(keys [][]byte, k []byte) bool {
		return slices.ContainsFunc(keys, func(o []byte) bool { return string(o) == string(k) })
	}
	for _, k := range was {
		if !has(is, k) {
			t.delete(k)
		}
	}
	for _, k := range is {
		if !has(was, k) {
			t.put(k, []byte{})
		}
	}
}

// latestOf is the newest standing capture of a case, or the newest of all.
func latestOf(c caseflow.Case) (id captureID) {
	for _, r := range slices.Backward(c.Captures) {
		if !r.Withdrawn {
			return captureID{r.Device, r.Event}
		}
	}
	if n := len(c.Captures); n > 0 {
		id = captureID{c.Captures[n-1].Device, c.Captures[n-1].Event}
	}
	return id
}

// caseOf returns a case as it stands, with its captures; Version 0 when there
// is none.
func (t *tx) caseOf(sc *school, ref caseflow.Ref) (caseflow.Case, error) {
	for at := t; at != nil; at = at.under {
		if c := at.cases[caseID{sc.info.ID, ref}]; c != nil {
			return *c, nil
		}
	}
	if c := sc.open[ref]; c != nil {
		return *c, nil
	}
	if !ref.Valid() {
		return caseflow.Case{}, nil
	}
	return t.r.caseOf(sc.info.ID, ref)
}

func who(a caseflow.Actor) audit.Who {
	if a.System {
		return audit.System()
	}
	return audit.Who{User: string(a.User), Name: a.Name, Via: audit.ViaConsole}
}

// actionOf is the ledger's word for a command.
func actionOf(c caseflow.Command) audit.Action {
	switch c.(type) {
	case caseflow.Open:
		return audit.CaseOpened
	case caseflow.Join:
		return audit.CaseJoined
	case caseflow.Revise:
		return audit.CaseRevised
	case caseflow.ReopenFor, caseflow.Reopen:
		return audit.CaseReopened
	case caseflow.Rematch:
		return audit.CaseMatched
	case caseflow.Tag:
		return audit.CaseTagged
	case caseflow.See:
		return audit.CaseSeen
	case caseflow.Claim:
		return audit.CaseClaimed
	case caseflow.Release:
		return audit.CaseReleased
	case caseflow.Note:
		return audit.CaseNoted
	case caseflow.Close:
		return audit.CaseClosed
	case caseflow.Escalate:
		return audit.CaseEscalated
	case caseflow.EndEscalation:
		return audit.CaseReturned
	case caseflow.Wait, caseflow.EndWait:
		return audit.CaseWaits
	case caseflow.Transfer:
		return audit.CaseTransferred
	case caseflow.Mark:
		return audit.CaseStep
	case caseflow.Suggest:
		return audit.CaseSuggested
	case caseflow.Consult, caseflow.EndConsult:
		return audit.CaseConsulted
	case caseflow.OpenName:
		return audit.NameOpened
	case caseflow.PassOn:
		return audit.CasePassedOn
	}
	return ""
}
