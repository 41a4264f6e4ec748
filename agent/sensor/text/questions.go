package text

import (
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

// Query is a question to the accessibility bus.
type Query struct {
	// gen tells whether the field is still the one that it was asked for, number
	// whether nothing else was asked since.
	gen, number uint64
	// PID is the window's process.
	PID uint32
	// Ref is the object to describe; the zero Ref means: find the focused one.
	Ref atspi.Ref
	// Address asks for the document's address too, Identity for a text field's
	// name and place.
	Address, Identity bool
	// silence: the application has not told of this object; it is remembered.
	silence bool
	// holder is the object that said it has the focus and takes no text, when
	// this asks for the one inside it that has the keys.
	holder *atspi.Object
}

// ask plans a question. A later one replaces it.
func (f *Fields) ask(when time.Time, q Query) {
	f.number++
	q.gen, q.number, q.PID = f.gen, f.number, f.window.PID
	q.Address, q.Identity = f.kind == browser, f.secrets.of(f.window.PID)
	f.query, f.queryAt = &q, when
}

// Deadline returns when Due wants to be called; false when nothing is planned.
func (f *Fields) Deadline() (time.Time, bool) {
	switch {
	case f.query != nil:
		return f.queryAt, true
	case !f.graceAt.IsZero():
		return f.graceAt, true
	}
	return time.Time{}, false
}

// Due returns the question that is to be asked now, if any. The answer goes to
// Answer, whatever else happens meanwhile.
func (f *Fields) Due(at time.Time) (Query, bool) {
	if !f.graceAt.IsZero() && !at.Before(f.graceAt) {
		f.graceAt = time.Time{}
		role := capture.RoleDenied
		if f.window.Plain {
			role = capture.RoleNone
		}
		f.set(role)
		f.report(at)
	}
	if f.query == nil || at.Before(f.queryAt) {
		return Query{}, false
	}
	q := *f.query
	f.query = nil
	f.asks++
	return q, true
}

// Answer takes what the bus said to a question, and how long the application
// took to say what the object is.
func (f *Fields) Answer(at time.Time, q Query, o atspi.Object, took time.Duration, err error) {
	// A question that was replaced says nothing any more; least of all that it
	// was broken off.
	if q.gen != f.gen || q.number != f.number || !f.accessible() {
		return
	}
	if err != nil && q.holder != nil {
		o, err = *q.holder, nil
	}
	switch {
	case err != nil:
		f.retry(at, Query{silence: true})
		return
	case q.silence && took > quick:
		if f.asks < maxAsks {
			f.ask(at, q)
		}
		return
	case !o.Password && !o.Has(atspi.StateFocused):
		// It has moved on without a word, or the word is on its way. GTK tells of
		// a focus twice, the first time before the object knows it has it.
		if q.Ref != (atspi.Ref{}) {
			f.ask(at, Query{silence: true})
		} else {
			f.retry(at, Query{silence: true})
		}
		return
	}
	if q.Ref != (atspi.Ref{}) && f.kind != browser && o.Holds() {
		f.ask(at, Query{silence: q.silence, holder: &o})
		return
	}
	if f.asks < maxAsks && o.Has(atspi.StateEditable) && !o.Password && f.secrets.unplaced(at, q.PID, o) {
		// It may be the password before, shown, or the field after it. Firefox
		// knows a moment later where a new field stands.
		f.ask(at.Add(placeAgain), Query{Ref: o.Ref, silence: q.silence})
		return
	}
	f.disown(at, o.Ref)
	role := f.roleOf(at, q.PID, o)
	if role == capture.RoleDenied && (f.kind == browser || o.Holds()) && q.Ref == (atspi.Ref{}) {
		// The page's own focus may come later: asking woke the browser up. And
		// LibreOffice has its root pane say so for a while after a dialog.
		f.retry(at, Query{silence: true})
	}
	switch {
	case role == capture.RolePassword && !o.Place.Known():
		// Where it stands will tell the next field from this one, shown.
		if f.asks < maxAsks {
			f.ask(at.Add(placeAgain), Query{Ref: o.Ref, silence: q.silence})
		}
	case role == capture.RoleText && f.kind == browser && o.Address == "":
		// A browser that is just starting takes too long for it.
		f.retry(at, Query{Ref: o.Ref, silence: q.silence})
	}
	f.ref, f.silence = o.Ref, q.silence
	f.last.put(q.PID, o.Ref)
	f.field.Address = o.Address
	f.lines = role == capture.RoleText && o.Has(atspi.StateMultiLine)
	f.text = atspi.Ref{}
	if role == capture.RoleText {
		f.text = o.Ref
	}
	f.set(role)
	f.report(at)
}

func (f *Fields) retry(at time.Time, q Query) {
	if f.asks < maxAsks {
		f.ask(at.Add(retryAfter), q)
	}
}

// roleOf says what the gate may know of an object.
func (f *Fields) roleOf(at time.Time, pid uint32, o atspi.Object) capture.Role {
	switch {
	case o.Password, f.secrets.has(o.Ref), o.Has(atspi.StateEditable) && f.secrets.alike(at, pid, o):
		f.secrets.add(at, pid, o)
		return capture.RolePassword
	case o.Role == atspi.RoleTerminal:
		return capture.RoleNone
	case o.Has(atspi.StateEditable):
		return capture.RoleText
	}
	return capture.RoleDenied
}

// enoughUnheard characters in a row are text rather than shortcuts, or the name
// of a file in a list.
const enoughUnheard = 16

// Unseen reports whether what is typed in the present window is not seen although
// the bus is there: in a terminal whose text has no roles, in a program that is
// not on the bus, or in one that is, and names something else as what has the focus.
func (f *Fields) Unseen() bool {
	switch {
	case f.window.ID == 0, f.away:
		return false
	case f.accessible():
		return f.unheard >= enoughUnheard
	}
	return f.field.Role == capture.RoleNone && !f.field.PromptKnown || f.field.Role == capture.RoleDenied
}
