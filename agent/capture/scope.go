package capture

import (
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Scope is what the school's timetable lets a machine look at.
type Scope struct {
	// Shut: nothing is looked at, not even matched.
	Shut bool
	// Only these categories are kept; all when empty.
	Only []vocab.Category
}

// UrgentOnly is what a school may keep outside its hours.
func UrgentOnly() Scope {
	return Scope{Only: []vocab.Category{vocab.Suicide, vocab.SelfHarm, vocab.Exploitation}}
}

// keeps reports whether a hit is one of those that are kept: one of its
// categories, so that bullying into suicide is not left out for its first word.
func (s Scope) keeps(h detect.Hit) bool {
	return len(s.Only) == 0 || slices.ContainsFunc(h.Categories, func(c vocab.Category) bool { return slices.Contains(s.Only, c) })
}

// SetScope changes what is looked at from now on. What was typed before is
// finished as it was begun, and what this gives is returned.
func (m *Machine) SetScope(s Scope, at time.Time) []Report {
	m.out = nil
	m.advance(at)
	m.held.wipe()
	m.closeFragment()
	m.scope = s
	return m.take()
}

// SetTold says whether the person has been shown the notice, or the school has
// none for the screen. Nothing that was typed or shown before is matched
// afterwards; what was typed while they had been told is finished as it was begun.
func (m *Machine) SetTold(told bool, at time.Time) []Report {
	if told == m.told {
		return nil
	}
	m.out = nil
	m.advance(at)
	m.held.wipe()
	m.closeFragment()
	m.title = heldTitle{}
	m.told = told
	return m.take()
}

// SetPlaces replaces the places where nothing is captured, at once.
func (m *Machine) SetPlaces(p Places) {
	m.places = p
	m.arrive(m.field)
}

// arrive finds out where a field is. What was typed in it before that was known
// was typed there too, and is taken back.
func (m *Machine) arrive(f Field) {
	before := m.place
	m.place = m.places.of(f)
	if m.place != anywhere && before == anywhere {
		m.held.wipe()
		m.withdrawFragment()
	}
}

// stay counts the time that the focus was in a place.
func (m *Machine) stay(until time.Time) {
	if !m.told || m.locked || m.now.IsZero() || !until.After(m.now) {
		return
	}
	switch m.place {
	case harbour:
		m.counters.Harbour += until.Sub(m.now)
	case exempt:
		m.counters.Exempt += until.Sub(m.now)
	case anywhere:
	}
}

// maxTitleWait is how long a page's title waits for the page's address.
const maxTitleWait = 1500 * time.Millisecond

// heldTitle is a title of a browser whose address is not known yet: a helpline's
// page may say in its title what nobody should read.
type heldTitle struct {
	in    Input
	until time.Time
}

func (w heldTitle) deadline() time.Time { return w.until }

// addressed decides on a title that waits, now that the address may be known.
func (m *Machine) addressed(f Field) {
	if m.title.until.IsZero() || f.App != m.title.in.Field.App || f.Address == "" {
		return
	}
	in := m.title.in
	in.Field.Address = f.Address
	m.title = heldTitle{}
	m.titleKnown(in)
}
