package badgerstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// ranked is a device with what it is ordered by, worst first, then by name.
type ranked struct {
	place  int
	stands store.Standing
	fails  int
}

// pressing orders what is worse before what is better, without the name.
func (r ranked) pressing() int {
	return int(store.StandsNever-r.stands)*(maxStates+1) + maxStates - r.fails
}

// page cuts the rows from skip on, in order. Only those that share their
// pressing with one of the page are sorted by name: of 100,000 devices a page
// is worth a few.
func (f *fleet) page(chosen []ranked, skip, limit int) []ranked {
	buckets := make([][]ranked, (int(store.StandsNever)+1)*(maxStates+1))
	for _, r := range chosen {
		buckets[r.pressing()] = append(buckets[r.pressing()], r)
	}
	var page []ranked
	for _, b := range buckets {
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		slices.SortFunc(b, func(a, b ranked) int {
			return cmp.Or(strings.Compare(f.hosts[a.place], f.hosts[b.place]), strings.Compare(string(f.entries[a.place].id), string(f.entries[b.place].id)))
		})
		page = append(page, b[skip:min(len(b), skip+limit-len(page))]...)
		if skip = 0; len(page) == limit {
			break
		}
	}
	return page
}

func (t *tenant) FindDevices(ctx context.Context, q store.DeviceQuery) (store.DevicePage, error) {
	if q.Limit == 0 {
		q.Limit = 25
	}
	if q.Limit < 0 || q.Limit > store.MaxFind {
		return store.DevicePage{}, fmt.Errorf("find devices: %w: a page of 1 to %d", store.ErrInvalid, store.MaxFind)
	}
	skip := 0
	if q.Cursor != "" {
		n, err := strconv.Atoi(q.Cursor)
		if err != nil || n < 0 {
			return store.DevicePage{}, fmt.Errorf("find devices: %w: a cursor that none gave", store.ErrInvalid)
		}
		skip = n
	}
	page, part := t.find(q, skip)
	if end := skip + len(part); end < page.Total {
		page.Next = strconv.Itoa(end)
	}
	err := t.s.view(ctx, func(r reader) error {
		for _, e := range part {
			d, err := t.device(r, e.id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			last, err := load(r.get, prefix(t.info.ID, tPosture, []byte(e.id)), checkReportFields)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			row := store.DeviceRow{Device: d, Checks: last.Checks, Standing: e.stands, BadMedia: e.badMedia, Proof: e.proof, Proved: e.canary.Proved}
			asked, err := newestIn(r, prefix(t.info.ID, tCanary, hashed(string(e.id))), 1, canaryFields)
			if err != nil {
				return err
			}
			if len(asked) > 0 {
				row.Asked = asked[0]
			}
			page.Rows = append(page.Rows, row)
		}
		return nil
	})
	if err != nil {
		return store.DevicePage{}, fmt.Errorf("find devices: %w", err)
	}
	return page, nil
}

// found is a device of a page.
type found struct {
	*fleetEntry
	stands store.Standing
	proof  checks.State
}

// find filters, counts what tabs and lists show, and cuts the page.
func (t *tenant) find(q store.DeviceQuery, skip int) (page store.DevicePage, part []found) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	f := &t.fleet
	chosen := f.choose(&page, q)
	page.Total = len(chosen)
	for _, r := range f.page(chosen, skip, q.Limit) {
		part = append(part, found{f.entries[r.place], r.stands, f.dense[r.place].proof(q.Now.Unix())})
	}
	return page, part
}

// selector is a query with its words as numbers.
type selector struct {
	q                      store.DeviceQuery
	search                 string
	group, system, version int // -1: any; -2: none has it
	failing, check         int
	named                  []bool  // groups whose name has what is searched for
	away                   []int64 // groups that are not expected on, Unix seconds since when; 0: they are
	now                    int64
	from                   uint16 // week from which what happened counts
}

func (f *fleet) selector(q store.DeviceQuery) selector {
	s := selector{q: q, search: strings.ToLower(strings.TrimSpace(q.Search)), now: q.Now.Unix(), from: uint16(weekOf(store.CountedFrom(q.Now))),
		failing: checks.Index(q.Failing), check: checks.Index(q.Check)}
	place := func(n *names, word string) int {
		if word == "" {
			return -1
		}
		if i, ok := n.find(word); ok {
			return int(i)
		}
		return -2
	}
	s.group, s.system, s.version = place(&f.groups, q.Group), place(&f.systems, q.OS), place(&f.versions, q.Version)
	for i, g := range f.groups.words {
		since := time.Time{}
		if q.AwaySince != nil {
			since = q.AwaySince(store.GroupName{Name: g, Audience: f.audiences[i]})
		}
		if s.away = append(s.away, 0); !since.IsZero() {
			s.away[i] = max(since.Unix(), 1)
		}
		s.named = append(s.named, s.search != "" && strings.Contains(strings.ToLower(g), s.search))
	}
	return s
}

// admits is about what the counts of the tabs follow.
func (s *selector) admits(f *fleet, i int) bool {
	d := &f.dense[i]
	fits := func(want int, has uint16) bool { return want == -1 || want == int(has) }
	return fits(s.group, d.group) && fits(s.system, d.system) && fits(s.version, d.version) &&
		(s.q.Failing == "" || s.failing >= 0 && d.state(s.failing) == checks.Fail) &&
		(s.search == "" || s.named[d.group] || strings.Contains(f.hosts[i], s.search) || strings.Contains(string(f.entries[i].id), s.search))
}

// stateOf is the state of the check that is asked for.
func (s *selector) stateOf(d *denseEntry) checks.State {
	switch s.q.Check {
	case checks.TypedTextSeen:
		return d.text
	case checks.ProvedMonitored:
		return d.proof(s.now)
	case checks.EveryStandard:
		return d.standard()
	}
	return d.state(s.check)
}

func (f *fleet) choose(page *store.DevicePage, q store.DeviceQuery) (chosen []ranked) {
	s := f.selector(q)
	groups, systems, versions := make([]bool, len(f.groups.words)), make([]bool, len(f.systems.words)), make([]bool, len(f.versions.words))
	for i := range f.dense {
		d := &f.dense[i]
		if d.has(flagHidden) {
			continue
		}
		groups[d.group], systems[d.system], versions[d.version] = true, true, true
		if !s.admits(f, i) {
			continue
		}
		gone := d.has(flagGone)
		r := ranked{i, d.standing(s.now, s.away[d.group]), d.failing()}
		unheard := r.stands >= store.StandsSilent || r.stands == store.StandsAway
		standard := d.standard()
		fails := !gone && !unheard && (standard == checks.Fail || d.sensors == sensorsFailing || d.has(flagBroken))
		unknown := !gone && !unheard && (standard == checks.Unknown || d.sensors == sensorsUnknown)
		media := !gone && d.badMediaAt(s.now)
		count(&page.Counts, r.stands, fails, unknown, media)
		if !gone && d.proof(s.now) == checks.Pass {
			page.Counts.Proved++
		}
		switch {
		case q.Troubled && r.stands < store.StandsUnknown, q.Silent && r.stands < store.StandsSilent, q.Away && r.stands != store.StandsAway, q.Unheard && !unheard, q.Fails && !fails, q.Unknown && !unknown, q.Media && !media,
			q.Right && !d.has(flagRight), q.Unproved && (gone || unheard || d.proof(s.now) == checks.Pass), q.Check != "" && (unheard || gone || s.stateOf(d) != q.State),
			q.Happened != 0 && (gone || int(q.Happened) >= store.Happenings || d.happened[q.Happened] < s.from),
			q.Quiet > 0 && s.now-d.seen < int64(q.Quiet/time.Second):
			continue
		}
		chosen = append(chosen, r)
	}
	f.choices(page, groups, systems, versions)
	return chosen
}

// choices are the lists to choose from.
func (f *fleet) choices(page *store.DevicePage, groups, systems, versions []bool) {
	for i, there := range groups {
		if there {
			page.Groups = append(page.Groups, store.GroupName{Name: f.groups.words[i], Audience: f.audiences[i]})
		}
	}
	slices.SortFunc(page.Groups, func(a, b store.GroupName) int { return strings.Compare(a.Name, b.Name) })
	words := func(n *names, there []bool) (all []string) {
		for i, yes := range there {
			if yes && n.words[i] != "" {
				all = append(all, n.words[i])
			}
		}
		slices.Sort(all)
		return all
	}
	page.Systems, page.Versions = words(&f.systems, systems), words(&f.versions, versions)
}

func count(n *store.DeviceCounts, stands store.Standing, fails, unknown, media bool) {
	n.All++
	if stands >= store.StandsUnknown {
		n.Troubled++
	}
	if stands == store.StandsLacking {
		n.Lacking++
	}
	for _, c := range []struct {
		yes bool
		of  *int
	}{{stands >= store.StandsSilent, &n.Silent}, {stands == store.StandsAway, &n.Away}, {stands == store.StandsOff, &n.Off}, {fails, &n.Failing}, {unknown, &n.Unknown}, {media, &n.Media}} {
		if c.yes {
			*c.of++
		}
	}
}

func (t *tenant) Rollup(_ context.Context, now time.Time) ([]store.GroupRollup, error) {
	if t.s.isClosed() {
		return nil, fmt.Errorf("roll up: %w", store.ErrClosed)
	}
	return t.rollup(now), nil
}

// tally is a group's counts; of its checks by their place in the registry.
type tally struct {
	devices, silent, never int
	standard, text, proof  [3]int
	passes, fails          [maxStates]int
}

func (t *tenant) rollup(now time.Time) []store.GroupRollup {
	t.mu.RLock()
	defer t.mu.RUnlock()
	f := &t.fleet
	tallies := make([]tally, len(f.groups.words))
	at := now.Unix()
	for i := range f.dense {
		d := &f.dense[i]
		if d.has(flagGone) {
			continue
		}
		g := &tallies[d.group]
		g.devices++
		if d.silent(at) {
			g.silent++
			if d.seen == 0 {
				g.never++
			}
			continue
		}
		g.standard[d.standard()]++
		g.text[d.text]++
		g.proof[d.proof(at)]++
		for rest := d.passes; rest != 0; rest &= rest - 1 {
			g.passes[bits.TrailingZeros32(rest)]++
		}
		for rest := d.fails; rest != 0; rest &= rest - 1 {
			g.fails[bits.TrailingZeros32(rest)]++
		}
	}
	return f.rollups(tallies)
}

func (f *fleet) rollups(tallies []tally) []store.GroupRollup {
	three := func(n [3]int) store.StateCount {
		return store.StateCount{Pass: n[checks.Pass], Fail: n[checks.Fail], Unknown: n[checks.Unknown]}
	}
	registry := checks.All()
	var groups []store.GroupRollup
	for i, g := range tallies {
		if g.devices == 0 {
			continue
		}
		r := store.GroupRollup{Group: f.groups.words[i], Audience: f.audiences[i], Devices: g.devices, Silent: g.silent, Never: g.never,
			Standard: three(g.standard), Text: three(g.text), Proof: three(g.proof), Checks: make(map[string]store.StateCount, len(registry))}
		for k, c := range registry {
			r.Checks[c.ID] = store.StateCount{Pass: g.passes[k], Fail: g.fails[k], Unknown: g.devices - g.silent - g.passes[k] - g.fails[k]}
		}
		groups = append(groups, r)
	}
	slices.SortFunc(groups, func(a, b store.GroupRollup) int { return strings.Compare(a.Group, b.Group) })
	return groups
}

func (t *tenant) KeepWeek(ctx context.Context, now time.Time) error {
	week := store.WeekRollup{Monday: store.MondayOf(now), Kept: utc(now), Groups: t.rollup(now)}
	err := t.s.do(ctx, func(x *tx) error {
		save(x, prefix(t.info.ID, tWeek, beTime(week.Monday)), week, weekFields)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep week: %w", err)
	}
	return nil
}

func (t *tenant) Weeks(ctx context.Context, from time.Time) (all []store.WeekRollup, err error) {
	p := prefix(t.info.ID, tWeek)
	err = t.s.view(ctx, func(r reader) error {
		return r.from(p, append(slices.Clone(p), beTime(store.MondayOf(from))...), false, func(key, value []byte) error {
			w, err := decode(key, value, weekFields)
			if err != nil {
				return err
			}
			w.Media, err = load(r.get, prefix(t.info.ID, tWeekCount, beTime(w.Monday)), mediaCountFields)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			p := prefix(t.info.ID, tGroupWeek, beTime(w.Monday))
			err = r.each(p, false, func(key, value []byte) error {
				g, err := decode(key, value, groupMediaFields)
				w.ByGroup = append(w.ByGroup, g)
				return err
			})
			slices.SortFunc(w.ByGroup, func(a, b store.GroupMedia) int { return strings.Compare(a.Group, b.Group) })
			all = append(all, w)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read weeks: %w", err)
	}
	return all, nil
}
