package lock

import (
	"cmp"
	"slices"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Times of a Meter.
const (
	// DefaultLimit is how long a screen may be open with nobody there.
	DefaultLimit = 5 * time.Minute
	// reportEvery is how often minutes are told; a session process that is
	// killed takes those since the last time with it. While the screen stays
	// locked, or open with nobody there, they are told once and then when that
	// ends, or the next day: each report is kept, which would wake a disk all night.
	reportEvery = 30 * time.Minute
	stillEvery  = 24 * time.Hour
	// returnEvery is how often somebody's return is looked for; where no breach
	// waits for it, or it is heard of, keptEvery is soon enough.
	returnEvery = 5 * time.Second
	keptEvery   = time.Minute
)

// Moment is one reading of both clocks. Mono stands still while the machine
// sleeps, so that a closed lid is neither use nor neglect; Wall, in the
// device's zone, says which day it is.
type Moment struct {
	Mono time.Duration
	Wall time.Time
}

// Observation is what is known at one moment.
type Observation struct {
	At     Moment
	Locked bool
	// Known says that Input is: the last key or move of the mouse, on Mono.
	Known bool
	Input time.Duration
	// Heard says that somebody's return will be heard of: there is a Step then.
	Heard bool
}

// The states of a minute. Time of which nobody can say whether somebody was
// there is in none of them.
const (
	inUse = iota
	locked
	unattended
	states
)

// Meter counts the minutes of each day by what the screen was: in use, locked,
// or open with nobody there for longer than the limit; and finds each stretch of
// the last kind. It is pure: time and what was seen come in, reports go out. The
// zero value has the default limit. It is not safe for concurrent use.
type Meter struct {
	limit  time.Duration
	exempt bool

	last    Observation
	started bool
	told    time.Duration // when minutes were last told
	still   bool          // nothing has changed since then, and nobody is there
	day     day

	over   bool          // nobody there for longer than the limit, and open
	breach bool          // over, and the policy minds
	left   time.Duration // the last input before it
	beyond time.Duration // the limit that it went beyond
}

// day is the sums of one day. What was told of them are whole minutes.
type day struct {
	id   uint32
	sum  [states]time.Duration
	told [states]uint32
}

// SetPolicy changes the limit and whether stretches are told at all, from the
// last observation on.
func (m *Meter) SetPolicy(p *lapwingv1.LockPolicy) []*lapwingv1.LockReport {
	limit := time.Duration(p.GetUnattendedMinutes()) * time.Minute
	m.limit = cmp.Or(limit, DefaultLimit)
	var out []*lapwingv1.LockReport
	if p.GetExempt() && m.breach {
		out = m.end(out, m.last.At.Mono)
	}
	m.exempt = p.GetExempt()
	m.breach = m.over && !m.exempt
	return out
}

// Breached reports whether the screen stands open against the policy.
func (m *Meter) Breached() bool { return m.breach }

// Over reports whether nobody has been there for longer than the limit.
func (m *Meter) Over() bool { return m.over }

// Step takes what is known now; observations come in the order of Mono.
func (m *Meter) Step(o Observation) []*lapwingv1.LockReport {
	m.limit = cmp.Or(m.limit, DefaultLimit)
	o.Input = min(o.Input, o.At.Mono)
	if !m.started {
		m.started, m.last, m.told = true, o, o.At.Mono
		m.day = day{id: dayOf(o.At.Wall)}
		return m.settle(nil, o)
	}
	was := m.quiet()
	out := m.count(nil, o)
	out = m.settle(out, o)
	m.last = o
	now := m.quiet()
	m.still = m.still && now == was
	if o.At.Mono-m.told >= reportEvery && !m.still {
		m.told, m.still = o.At.Mono, now != none
		out = m.day.tell(out)
	}
	return out
}

// none: somebody is there, or nobody can say.
const none = -1

// quiet is the state in which nobody is there.
func (m *Meter) quiet() int {
	switch {
	case m.last.Locked:
		return locked
	case m.over:
		return unattended
	}
	return none
}

// Until takes it that nothing has changed by at, where the last observation says
// that a change would have been heard of; otherwise it does nothing. Before Close
// and SetPolicy it counts the time since that observation.
func (m *Meter) Until(at Moment) []*lapwingv1.LockReport {
	if !m.started || !m.last.Heard || !m.over || at.Mono <= m.last.At.Mono {
		return nil
	}
	o := m.last
	o.At = at
	return m.Step(o)
}

// Close ends what is open, for a process that ends. The Meter starts anew.
func (m *Meter) Close() []*lapwingv1.LockReport {
	if !m.started {
		return nil
	}
	var out []*lapwingv1.LockReport
	if m.breach {
		out = m.end(out, m.last.At.Mono)
	}
	out = m.day.close(out)
	*m = Meter{limit: m.limit, exempt: m.exempt}
	return out
}

// Next is when to look again, on Mono.
func (m *Meter) Next() time.Duration {
	at := m.told + reportEvery
	if m.still {
		at = m.last.At.Mono + stillEvery
	}
	if !m.last.Known || m.last.Locked {
		return at
	}
	switch now := m.last.At.Mono; {
	case m.breach && !m.last.Heard:
		return min(at, now+returnEvery)
	case m.over:
		return min(at, now+keptEvery)
	default:
		return min(at, m.last.Input+m.limit)
	}
}

// count adds the time since the last observation to the sums. Between two
// looks only the last input is known: who was not missing at the first has the
// benefit of the doubt until that one.
func (m *Meter) count(out []*lapwingv1.LockReport, o Observation) []*lapwingv1.LockReport {
	a, b := m.last.At.Mono, o.At.Mono
	add := func(state int, from, to time.Duration) { out = m.add(out, o.At, state, from, to) }
	switch {
	case m.last.Locked:
		add(locked, a, b)
	case !m.last.Known:
		add(states, a, b)
	default:
		input := m.last.Input
		if o.Known && o.Input > a {
			back := inUse
			if m.over {
				back = unattended
			}
			add(back, a, o.Input)
			a, input = o.Input, o.Input
		}
		missing := min(max(a, input+m.limit), b)
		if m.over && input == m.last.Input {
			missing = a // it went on, whatever the limit is now
		}
		add(inUse, a, missing)
		add(unattended, missing, b)
	}
	return out
}

// settle begins and ends stretches.
func (m *Meter) settle(out []*lapwingv1.LockReport, o Observation) []*lapwingv1.LockReport {
	if m.over {
		switch {
		case o.Known && o.Input > m.last.At.Mono: // somebody came back
			out = m.end(out, o.Input)
		case o.Locked || !o.Known:
			out = m.end(out, o.At.Mono)
		}
	}
	if !m.over && o.Known && !o.Locked && o.At.Mono-o.Input >= m.limit {
		m.over, m.breach, m.left, m.beyond = true, !m.exempt, o.Input, m.limit
	}
	return out
}

// end ends a stretch; one that the policy minds is told.
func (m *Meter) end(out []*lapwingv1.LockReport, at time.Duration) []*lapwingv1.LockReport {
	told := m.breach
	m.over, m.breach = false, false
	if !told {
		return out
	}
	return append(out, &lapwingv1.LockReport{Unattended: &lapwingv1.Unattended{
		Seconds: uint32(max((at-m.left)/time.Second, 1)), LimitSeconds: uint32(m.beyond / time.Second)}})
}

// add adds a stretch of one state, at a midnight to two days.
func (m *Meter) add(out []*lapwingv1.LockReport, now Moment, state int, from, to time.Duration) []*lapwingv1.LockReport {
	for from < to {
		wall := now.Wall.Add(from - now.Mono)
		if id := dayOf(wall); id != m.day.id {
			out = m.day.close(out)
			m.day = day{id: id}
		}
		y, mo, d := wall.Date()
		midnight := time.Date(y, mo, d+1, 0, 0, 0, 0, wall.Location())
		part := min(to-from, max(midnight.Sub(wall), 1))
		if state < states {
			m.day.sum[state] += part
		}
		from += part
	}
	return out
}

func dayOf(t time.Time) uint32 {
	y, m, d := t.Date()
	return uint32(y*10_000 + int(m)*100 + d)
}

// tell tells the whole minutes that were not told yet.
func (d *day) tell(out []*lapwingv1.LockReport) []*lapwingv1.LockReport {
	var whole [states]uint32
	for i, sum := range d.sum {
		whole[i] = uint32(sum / time.Minute)
	}
	return d.report(out, whole)
}

// close tells the rest. What is left of a minute of each state goes to where
// most of it is, so that the minutes of a day are as many as the day had.
func (d *day) close(out []*lapwingv1.LockReport) []*lapwingv1.LockReport {
	var whole [states]uint32
	var rest time.Duration
	order := make([]int, 0, states)
	for i, sum := range d.sum {
		whole[i] = uint32(sum / time.Minute)
		rest += sum % time.Minute
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.sum[b]%time.Minute, d.sum[a]%time.Minute) })
	for i := range int(rest.Round(time.Minute) / time.Minute) {
		whole[order[i]]++
	}
	return d.report(out, whole)
}

func (d *day) report(out []*lapwingv1.LockReport, whole [states]uint32) []*lapwingv1.LockReport {
	if whole == d.told {
		return out
	}
	r := &lapwingv1.LockMinutes{Day: d.id, InUse: whole[inUse] - d.told[inUse], Locked: whole[locked] - d.told[locked],
		Unattended: whole[unattended] - d.told[unattended]}
	d.told = whole
	return append(out, &lapwingv1.LockReport{Minutes: r})
}
