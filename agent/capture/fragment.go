package capture

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const (
	// maxFragment bounds the text kept, in bytes. A longer fragment is cut at
	// a sentence's end, see roll.
	maxFragment = 8 << 10
	// probeBytes before the latest character are matched at each key; the
	// whole fragment only when that finds something new, and when it closes.
	// Phrases and the words around them that weigh them are far shorter.
	probeBytes = 512
	// rollKeep bytes at least are kept when a full fragment is cut.
	rollKeep = 256
	// maxProvisional bounds the at-once revisions of one capture.
	maxProvisional = 8
)

// fragment is the text of one field since the focus came, Enter, or a pause,
// with the captures it has shown so far. Its buffer is made once and wiped.
type fragment struct {
	text []byte
	// last accepted key, and the program and title at that key.
	last       time.Time
	app, title string
	open       []*open // in the order of their ids
	// vetted: every text from the first so many bytes on was looked at while it
	// was typed, and what it hit is noted in open.
	vetted int
	// growing: a hit waits for the end of the last word.
	growing bool
}

// open is a capture that may still change.
type open struct {
	id       uint64
	category vocab.Category
	// first is when the key was typed that completed the first hit.
	first time.Time
	// noted rules, by the highest severity seen.
	noted map[string]vocab.Severity
	// sent is the last revision that went out, nil before the first.
	sent *lapwingv1.Capture
	next uint32 // revision
	// provisional counts at-once revisions.
	provisional int
	// settled: the report due settleAfter the first hit was made.
	settled bool
}

func newFragment() fragment { return fragment{text: make([]byte, 0, maxFragment)} }

func (f *fragment) empty() bool { return len(f.text) == 0 && len(f.open) == 0 }

func (f *fragment) deadline(pause time.Duration) time.Time {
	if f.empty() {
		return time.Time{}
	}
	d := f.last.Add(pause)
	for _, c := range f.open {
		if s := c.first.Add(settleAfter); !c.settled && s.Before(d) {
			d = s
		}
	}
	return d
}

func (f *fragment) paused(now time.Time, pause time.Duration) bool {
	return !f.empty() && !f.last.Add(pause).After(now)
}

func (f *fragment) settles(now time.Time) bool {
	return slices.ContainsFunc(f.open, func(c *open) bool { return c.due(now) })
}

func (c *open) due(now time.Time) bool { return !c.settled && !c.first.Add(settleAfter).After(now) }

func (f *fragment) find(category vocab.Category) *open {
	for _, c := range f.open {
		if c.category == category {
			return c
		}
	}
	return nil
}

func (f *fragment) remove(c *open) {
	f.open = slices.DeleteFunc(f.open, func(o *open) bool { return o == c })
}

func (f *fragment) wipe() {
	clear(f.text)
	*f = fragment{text: f.text[:0]}
}

// accept takes a key that the gate let through.
func (m *Machine) accept(in Input) {
	f := &m.fragment
	before := len(f.text)
	switch in.Kind {
	case Enter, CaretMoved:
		m.closeFragment()
		return
	case Typed:
		if in.Rune == '\n' || in.Rune == '\r' {
			m.closeFragment()
			return
		}
		m.touch(in.At)
		before -= m.add(in.Rune)
	case Inserted:
		m.touch(in.At)
		// A whole book may be pasted; what is looked at is bounded.
		for _, r := range in.Text[:min(len(in.Text), maxFragment)] {
			before -= m.add(r)
		}
	case Backspace:
		if f.empty() {
			return
		}
		m.touch(in.At)
		_, n := utf8.DecodeLastRune(f.text)
		clear(f.text[len(f.text)-n:])
		f.text = f.text[:len(f.text)-n]
		before = len(f.text)
	}
	f.vetted = min(f.vetted, len(f.text))
	if in.Kind != Typed || f.growing || m.adds(before) {
		m.probe(before, in.At)
	}
	if in.Kind == Inserted {
		f.vetted = len(f.text)
	}
}

// adds reports whether the character typed at the end can have brought a hit,
// so that most keys are not matched.
func (m *Machine) adds(from int) bool {
	f := &m.fragment
	a, ok := m.engine.(adder)
	if !ok || f.vetted > 0 && f.wordStart() < f.vetted {
		return true
	}
	return a.Adds(string(f.text[runeStart(f.text, max(from-probeBytes, 0)):]))
}

// wordStart is where the last word begins, in bytes.
func (f *fragment) wordStart() int {
	i := len(f.text)
	for i > 0 && f.text[i-1] != ' ' {
		i--
	}
	return i
}

// adder is a Matcher that knows when a text need not be matched.
type adder interface {
	// Adds is false only when every hit of text is one of the text without its
	// last word, or without its last character when that is a space or a stop.
	Adds(text string) bool
}

func (m *Machine) touch(at time.Time) {
	f := &m.fragment
	f.last, f.app, f.title = at, m.field.App, m.field.Title
}

// add appends one character and returns by how many bytes the text in front
// of it became shorter, which is 0 unless the fragment was full.
func (m *Machine) add(r rune) (gone int) {
	if unicode.IsControl(r) && r != '\t' && r != '\n' {
		return 0
	}
	f := &m.fragment
	if len(f.text)+utf8.UTFMax > cap(f.text) {
		gone = m.roll()
	}
	f.text = utf8.AppendRune(f.text, r)
	return gone
}

// probe looks at the end of the fragment, from a little before byte from, for
// hits that were not there yet.
func (m *Machine) probe(from int, at time.Time) {
	f := &m.fragment
	from = runeStart(f.text, max(from-probeBytes, 0))
	hits := m.match(string(f.text[from:]))
	f.growing = slices.ContainsFunc(hits, func(h detect.Hit) bool { return h.Growing })
	if !slices.ContainsFunc(hits, f.isNew) {
		return
	}
	if from > 0 {
		hits = m.match(string(f.text))
	}
	for _, g := range byCategory(hits) {
		m.note(g, at)
	}
}

// isNew reports whether h adds to what the fragment has shown so far.
func (f *fragment) isNew(h detect.Hit) bool {
	c := f.find(h.Categories[0])
	return c == nil || c.noted[h.Rule] < h.Severity
}

// note opens or extends the capture of a group of hits, and reports it at once
// if a hit of high or critical severity is new. One whose last word may still
// grow is looked at again with the next key, and reported as others are after
// two seconds without one.
func (m *Machine) note(g group, at time.Time) {
	f := &m.fragment
	c := f.find(g.category)
	if c == nil {
		c = &open{id: m.newID(), category: g.category, first: at, noted: make(map[string]vocab.Severity)}
		f.open = append(f.open, c)
	}
	urgent := false
	for _, h := range g.hits {
		if !h.Growing && c.noted[h.Rule] < h.Severity {
			c.noted[h.Rule] = h.Severity
			urgent = urgent || h.Severity.Immediate()
		}
	}
	if urgent && c.provisional < maxProvisional {
		c.provisional++
		m.revise(c, g)
	}
}

// revise sends a revision that is not final, unless nothing changed. While the
// limiter refuses the first one, the capture waits for its end (finalise).
func (m *Machine) revise(c *open, g group) {
	next := m.build(m.fragmentView(), g)
	if c.sent == nil && m.admit(next) || c.sent != nil && !proto.Equal(c.sent, next) {
		m.emit(c, next)
	}
}

// settle reports the captures whose two seconds are over as they now stand.
func (m *Machine) settle(now time.Time) {
	f := &m.fragment
	groups := byCategory(m.match(string(f.text)))
	for _, c := range slices.Clone(f.open) {
		if !c.due(now) {
			continue
		}
		c.settled = true
		if g, ok := groupOf(groups, c.category); ok {
			m.revise(c, g)
		} else {
			m.withdraw(c)
			f.remove(c)
			f.vetted = len(f.text) + 1 // it may come back
		}
	}
}

// closeFragment ends the fragment: every capture gets its final revision, and
// the text is wiped.
func (m *Machine) closeFragment() {
	m.finish(len(m.fragment.text))
	m.fragment.wipe()
	m.takeEngine()
}

// finish makes the captures of the first n bytes of the text final.
func (m *Machine) finish(n int) {
	f := &m.fragment
	if f.empty() {
		return
	}
	v := m.fragmentView()
	v.text = v.text[:n]
	groups := byCategory(m.match(v.text))
	for _, c := range f.open {
		if g, ok := groupOf(groups, c.category); ok {
			m.finalise(c, m.build(v, g))
		} else {
			m.withdraw(c)
		}
	}
	for _, g := range groups {
		if f.find(g.category) == nil {
			m.finalise(&open{id: m.newID(), category: g.category, first: f.last}, m.build(v, g))
		}
	}
	f.open = nil
}

// withdrawFragment takes back what was said of the fragment and wipes it
// without looking at its text.
func (m *Machine) withdrawFragment() {
	for _, c := range m.fragment.open {
		m.withdraw(c)
	}
	m.fragment.wipe()
	m.takeEngine()
}

// withdraw sends the final revision of a capture that no longer hits; one that
// never went out just ends.
func (m *Machine) withdraw(c *open) {
	if c.sent != nil {
		m.emit(c, withdrawn(c.sent))
	}
}

// finalise sends the final revision, or leaves it to the limiter if none went out before.
func (m *Machine) finalise(c *open, last *lapwingv1.Capture) {
	last.Final = true
	if c.sent != nil {
		m.emit(c, last)
		m.limit.sent(last, m.likeness(last))
		return
	}
	if m.offer(c, last) {
		m.emit(c, last)
	}
}

func (m *Machine) emit(c *open, next *lapwingv1.Capture) {
	m.out = append(m.out, Report{CaptureID: c.id, Revision: c.next, Capture: next, At: c.first})
	c.sent = next
	c.next++
}

// roll finishes the front of a full fragment and keeps its last sentence or
// so as the start of the next one. It returns how many bytes went.
func (m *Machine) roll() int {
	f := &m.fragment
	cut := rollCut(string(f.text), m.match(string(f.text)))
	m.finish(cut)
	n := copy(f.text, f.text[cut:])
	clear(f.text[n:])
	f.text = f.text[:n]
	f.vetted = n + 1
	return cut
}

// rollCut chooses where to cut a full fragment: the last end of a sentence in
// its second half that leaves rollKeep bytes behind it (a phrase that is not
// complete yet), else the last space there; moved before a hit that it would
// cut through. It is never 0.
func rollCut(text string, hits []detect.Hit) int {
	half, most := len(text)/2, len(text)-rollKeep
	cut := 0
	for _, s := range sentences(text) {
		if s.end > half && s.end <= most {
			cut = s.end
		}
	}
	if cut == 0 {
		cut = half + 1 + strings.LastIndexByte(text[half+1:most], ' ')
	}
	if cut == half { // neither: one endless word
		cut = runeStart([]byte(text), most)
	}
	for _, h := range hits {
		if h.Start > half && h.Start < cut && cut < h.End {
			cut = h.Start
		}
	}
	return cut
}

func runeStart(b []byte, i int) int {
	for i > 0 && i < len(b) && !utf8.RuneStart(b[i]) {
		i--
	}
	return i
}
