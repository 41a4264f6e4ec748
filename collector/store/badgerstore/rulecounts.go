package badgerstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Counts of rules are kept in the transactions that change what they count.
// What a case adds to them follows from the case and its captures alone, so a
// change takes the old share out and puts the new one in.

// rulesCounted bounds what one capture of a hostile device adds.
const rulesCounted = 16

type countKey struct {
	queue caseflow.Queue
	month uint32 // year*12 + month - 1
	rule  string
}

func monthNumber(t time.Time) uint32 {
	t = t.UTC()
	return uint32(t.Year()*12 + int(t.Month()) - 1)
}

func keyRuleCount(s store.SchoolID, k countKey) []byte {
	return prefix(s, tCounts, []byte{byte(k.queue)}, binary.BigEndian.AppendUint32(nil, k.month), hashed(k.rule))
}

// shares are what cases add to the counts, summed.
type shares map[countKey]*store.RuleCount

func (s shares) at(k countKey) *store.RuleCount {
	if s[k] == nil {
		s[k] = &store.RuleCount{Rule: k.rule}
	}
	return s[k]
}

// records finds the row of a capture of a case.
type records func(caseflow.CaptureRef) (*store.CaptureRecord, error)

// add puts in what the case adds by the captures given, sign times.
func (s shares) add(c caseflow.Case, captures []caseflow.CaptureRef, of records, sign int) error {
	if c.Version == 0 {
		return nil
	}
	rules := map[string]bool{}
	for _, ref := range captures {
		if ref.Withdrawn {
			continue
		}
		record, err := of(ref)
		if err != nil {
			return err
		}
		for _, r := range rulesOf(record) {
			rules[r] = true
			s.at(countKey{c.Queue, monthNumber(ref.At), r}).Hits += sign
		}
	}
	if c.State != caseflow.Closed || c.Outcome == caseflow.Withdrawn {
		return nil
	}
	for r := range rules {
		n := s.at(countKey{c.Queue, monthNumber(c.ClosedAt), r})
		switch {
		case c.Outcome != caseflow.FalseAlarm:
			n.Right += sign
			if c.Outcome == caseflow.NoConcern {
				n.NoConcern += sign
			}
		case c.FalseRule == "" || c.FalseRule == r:
			n.Wrong += sign
			n.Whys = addWhy(n.Whys, c.FalseWhy, sign)
		}
	}
	return nil
}

func rulesOf(record *store.CaptureRecord) (ids []string) {
	if record == nil || record.Capture == nil {
		return nil
	}
	for _, r := range record.Capture.Rules {
		if r.ID != "" && len(r.ID) <= caseflow.MaxRuleBytes && !slices.Contains(ids, r.ID) && len(ids) < rulesCounted {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func addWhy(whys []store.WhyCount, why caseflow.WhyFalse, n int) []store.WhyCount {
	if why == "" {
		return whys
	}
	for i := range whys {
		if whys[i].Why == why {
			whys[i].N += n
			return whys
		}
	}
	return append(whys, store.WhyCount{Why: why, N: n})
}

// recount brings the counts from what before added to what after adds. old and
// arrived are the capture's rows when one arrived, nil when none did.
func (t *tx) recount(sc *school, before, after caseflow.Case, old, arrived *store.CaptureRecord) error {
	if before.Version == after.Version {
		return nil
	}
	was, is := before.Captures, after.Captures
	still := before.Version == 0 || before.Queue == after.Queue && before.State != caseflow.Closed
	if still && after.State != caseflow.Closed {
		// Only the capture that arrived changes anything.
		if arrived == nil {
			return nil
		}
		only := func(all []caseflow.CaptureRef) (one []caseflow.CaptureRef) {
			for _, r := range all {
				if r.Device == arrived.Device && r.Event == arrived.Event {
					one = append(one, r)
				}
			}
			return one
		}
		was, is = only(was), only(is)
	}
	known := map[captureID]*store.CaptureRecord{}
	of := func(instead *store.CaptureRecord) records {
		return func(r caseflow.CaptureRef) (*store.CaptureRecord, error) {
			if arrived != nil && r.Device == arrived.Device && r.Event == arrived.Event {
				return instead, nil
			}
			id := captureID{r.Device, r.Event}
			if record, ok := known[id]; ok {
				return record, nil
			}
			record, err := t.captureRecord(keyCapture(sc.info.ID, id))
			if errors.Is(err, ErrCorrupt) { // counts must not stop a case from being closed
				record, err = nil, nil
			}
			known[id] = record
			return record, err
		}
	}
	s := shares{}
	if err := errors.Join(s.add(before, was, of(old), -1), s.add(after, is, of(arrived), 1)); err != nil {
		return fmt.Errorf("count rules: %w", err)
	}
	for k, change := range s {
		if err := t.addCount(sc, k, *change); err != nil {
			return fmt.Errorf("count rules: %w", err)
		}
	}
	return nil
}

func (t *tx) addCount(sc *school, k countKey, change store.RuleCount) error {
	if change.Hits == 0 && change.Right == 0 && change.Wrong == 0 && change.NoConcern == 0 && len(change.Whys) == 0 {
		return nil
	}
	key := keyRuleCount(sc.info.ID, k)
	n, err := load(t.get, key, ruleCountFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrCorrupt) {
		return err
	}
	n.Rule = k.rule
	n.Hits, n.Right, n.NoConcern, n.Wrong = n.Hits+change.Hits, n.Right+change.Right, n.NoConcern+change.NoConcern, n.Wrong+change.Wrong
	for _, w := range change.Whys {
		n.Whys = addWhy(n.Whys, w.Why, w.N)
	}
	save(t, key, n, ruleCountFields)
	return nil
}

func (t *tenant) RuleCounts(ctx context.Context, viewer caseflow.Actor, since time.Time) (all []store.RuleCount, err error) {
	sums := map[countKey]store.RuleCount{}
	err = t.s.view(ctx, func(r reader) error {
		for _, q := range caseflow.CountsOf(viewer) {
			p := prefix(t.info.ID, tCounts, []byte{byte(q)})
			start := binary.BigEndian.AppendUint32(slices.Clone(p), monthNumber(since))
			err := r.from(p, start, false, func(key, value []byte) error {
				n, err := decode(key, value, ruleCountFields)
				if err != nil {
					return err
				}
				k := countKey{month: binary.BigEndian.Uint32(key[len(p):]), rule: n.Rule}
				sum := sums[k]
				sum.Rule, sum.Month = n.Rule, time.Date(int(k.month/12), time.Month(k.month%12+1), 1, 0, 0, 0, 0, time.UTC)
				sum.Hits, sum.Right, sum.NoConcern, sum.Wrong = sum.Hits+n.Hits, sum.Right+n.Right, sum.NoConcern+n.NoConcern, sum.Wrong+n.Wrong
				for _, w := range n.Whys {
					sum.Whys = addWhy(sum.Whys, w.Why, w.N)
				}
				sums[k] = sum
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read counts of rules: %w", err)
	}
	for _, n := range sums {
		if n.Hits != 0 || n.Right != 0 || n.Wrong != 0 {
			all = append(all, n)
		}
	}
	return all, nil
}

// ruleCountFields leaves out the month, which stands in the key.
func ruleCountFields(c *codec, x *store.RuleCount) {
	text(c, 1, &x.Rule)
	signed(c, 2, &x.Hits)
	signed(c, 3, &x.Right)
	signed(c, 4, &x.NoConcern)
	signed(c, 5, &x.Wrong)
	list(c, 6, &x.Whys, whyFields)
}

func whyFields(c *codec, x *store.WhyCount) {
	text(c, 1, &x.Why)
	signed(c, 2, &x.N)
}
