package capture

import (
	"hash/maphash"
	"strings"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const (
	// maxTitleBytes of a window title are looked at.
	maxTitleBytes = 1024
	// maxTitles that hit are remembered, each for titleLife (an episode): going
	// back to the same window is not a new hit.
	maxTitles = 64
	titleLife = 30 * time.Minute
)

// titleMemory remembers titles that hit by their hash, never by their text.
type titleMemory struct {
	ring [maxTitles]seenTitle
	next int
}

type seenTitle struct {
	hash  uint64
	until time.Time
}

// seen records the title and reports whether it was there before.
func (t *titleMemory) seen(hash uint64, now time.Time) bool {
	for i := range t.ring {
		if s := &t.ring[i]; s.hash == hash && now.Before(s.until) {
			s.until = now.Add(titleLife)
			return true
		}
	}
	t.ring[t.next] = seenTitle{hash: hash, until: now.Add(titleLife)}
	t.next = (t.next + 1) % maxTitles
	return false
}

// titleShown treats a title as a fragment of its own, complete as it comes.
func (m *Machine) titleShown(in Input) {
	if m.locked {
		return
	}
	m.title = heldTitle{} // another has taken its place
	if in.Field.Web && in.Field.Address == "" {
		m.title = heldTitle{in: in, until: m.now.Add(maxTitleWait)}
		return
	}
	m.titleKnown(in)
}

// titleKnown takes a title of which all is known that will be.
func (m *Machine) titleKnown(in Input) {
	title := clip(strings.TrimSpace(strings.ToValidUTF8(in.Text, "\uFFFD")), maxTitleBytes)
	app := in.Field.App
	if app == "" || app == m.field.App {
		app = m.field.App
		m.field.Title = title
	}
	if !m.told || m.scope.Shut || m.places.of(Field{App: app, Title: title, Address: in.Field.Address}) != anywhere {
		return
	}
	groups := byCategory(m.match(title))
	if len(groups) == 0 || m.titles.seen(maphash.String(m.seed, app+"\x00"+title), m.now) {
		return
	}
	v := view{text: title, source: lapwingv1.Source_SOURCE_WINDOW_TITLE, app: app, title: title}
	for _, g := range groups {
		m.finalise(&open{id: m.newID(), category: g.category, first: in.At}, m.build(v, g))
	}
}
