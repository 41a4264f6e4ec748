package text

import (
	"strconv"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

// Times of the password gate; the package comment gives the reasons.
const (
	// settle is how long an application may be silent about a focus change.
	// Chromium was seen to tell one within 17 ms on a loaded machine; 200 ms
	// leaves 100 of the 300 that capture holds keys for the answer.
	settle = 200 * time.Millisecond
	// quick is how fast an answer must come for silence to count.
	quick = 60 * time.Millisecond
	// joinGrace is how long a window may be without its program being on the
	// accessibility bus before it is taken for one that never will be.
	joinGrace = 250 * time.Millisecond
	// lateEvent is for how long silence can be proved wrong afterwards.
	lateEvent = 2 * time.Second
	// retryAfter an application that did not answer, maxAsks times in all.
	retryAfter = 500 * time.Millisecond
	// placeAgain is when a field that does not know yet where it stands is asked
	// again: three times before the keys that wait for it are dropped.
	placeAgain = 80 * time.Millisecond
	maxAsks    = 4
)

// Fields follows the place that has the keyboard focus, and reports it as
// capture.FieldChanged. It is pure and not safe for concurrent use.
type Fields struct {
	emit func(capture.Input)
	// onBus reports whether a process is on the accessibility bus.
	onBus func(pid uint32) bool
	// echo is Echo.Off.
	echo func(pid uint32, fresh bool) (off, known bool)

	busUp  bool
	window Window
	kind   kind // of window
	away   bool // the X focus left the window, or another program took the keyboard

	gen     uint64
	field   capture.Field
	ref     atspi.Ref
	started time.Time
	silence bool // the role was taken from silence
	// terminal: the echo decides about this field. late: not the present one, for
	// the last key is older.
	terminal, late bool
	// lines: the field takes more than one line, so that Enter is text in it.
	lines bool
	// suspected: the field began with a suspicion. unclear: it began with one
	// while another was open, so that a focus event may belong to either.
	suspected, unclear bool

	// took is the object whose text was taken while the role was not known, text
	// the one that was known as text last.
	took, text atspi.Ref

	query   *Query
	queryAt time.Time
	number  uint64 // of the last question
	asks    int
	graceAt time.Time

	last    refs
	secrets secrets
	// unheard counts the characters that went where no text is known to be,
	// since this window came to the front or a field in it was last known.
	unheard int
}

// NewFields reports to emit. Without a bus (see Bus) onBus is not asked. echo
// is Echo.Off, or says that nothing is known of any process.
func NewFields(emit func(capture.Input), onBus func(pid uint32) bool, echo func(pid uint32, fresh bool) (off, known bool)) *Fields {
	return &Fields{emit: emit, onBus: onBus, echo: echo}
}

// Role is the present field's role.
func (f *Fields) Role() capture.Role { return f.field.Role }

// Idle reports whether the keyboard focus is certainly in no text field: there is
// no window, or its program said that what has the focus takes no text.
func (f *Fields) Idle() bool {
	if f.away {
		return false
	}
	return f.window.ID == 0 || f.accessible() && f.field.Role == capture.RoleDenied && f.ref != (atspi.Ref{}) && f.query == nil
}

// Settled reports whether it is known what the present field is, and nothing but
// an event can change that: no question is open, and it is no terminal.
func (f *Fields) Settled() bool {
	role := f.field.Role
	return f.query == nil && f.graceAt.IsZero() && role != capture.RolePending && role != capture.RoleNone && !f.terminal
}

// Web reports whether the present window is a browser's whose address can be known.
func (f *Fields) Web() bool { return f.field.Web }

// Terminal reports whether keys go to a terminal.
func (f *Fields) Terminal() bool { return f.terminal }

// Lines reports whether Enter is text in the present field: one of many lines,
// as editors, essays and chats have. Enter in one of a single line may move the
// focus on, to a password perhaps.
func (f *Fields) Lines() bool { return f.lines }

// Window says which window has the focus from now on.
func (f *Fields) Window(at time.Time, w Window) {
	f.window, f.kind, f.away, f.unheard = w, w.kind(), false, 0
	f.enter(at)
}

// Typed says that a character was typed.
func (f *Fields) Typed() {
	if f.field.Role == capture.RolePending || f.field.Role == capture.RoleDenied {
		f.unheard++
	}
}

// Title says that the present window's title changed. In a browser that may be
// another page, so its address is asked for again. Keys do not wait for it:
// pages change their titles while somebody types, and what was typed at a place
// that turns out to be a harbour is taken back.
func (f *Fields) Title(at time.Time, title string) {
	f.window.Title = title
	f.field.Title = title
	if f.field.Web && f.accessible() && f.field.Role != capture.RolePassword {
		f.field.Address = ""
		if f.query == nil {
			f.asks = 0
			f.ask(at, Query{Ref: f.ref, silence: f.ref == (atspi.Ref{})})
		}
	}
	f.report(at)
}

// Away says that the X focus left the window or that another program took the
// keyboard: keys go to a place that is not known.
func (f *Fields) Away(at time.Time) {
	f.away = true
	f.begin(at, capture.RoleDenied)
}

// Back says that the X focus is in the window again.
func (f *Fields) Back(at time.Time) {
	if !f.away {
		return
	}
	f.away = false
	f.enter(at)
}

// Bus says whether there is an accessibility bus.
func (f *Fields) Bus(at time.Time, up bool) {
	if f.busUp == up {
		return
	}
	f.busUp = up
	f.last = refs{}
	if !f.away {
		f.enter(at)
	}
}

// enter begins a field in the present window and starts to find out its role.
func (f *Fields) enter(at time.Time) {
	switch {
	case f.window.Own:
		f.begin(at, capture.RoleText)
	case f.window.ID == 0, f.window.Remote:
		f.begin(at, capture.RoleDenied)
	case f.kind == prompt:
		f.begin(at, capture.RoleNone)
	case f.busUp && f.onBus(f.window.PID):
		f.begin(at, capture.RolePending)
		f.ask(at, Query{Ref: f.last.of(f.window.PID), silence: true})
	case f.kind == terminal:
		f.begin(at, capture.RoleNone)
	case f.kind == browser, !f.busUp:
		// Without a bus nobody can tell whether this window has password fields.
		f.begin(at, capture.RoleDenied)
	default:
		f.begin(at, capture.RolePending)
		f.graceAt = at.Add(joinGrace)
	}
}

// begin starts a new field in the present window.
func (f *Fields) begin(at time.Time, role capture.Role) {
	if f.field.Role == capture.RolePassword {
		f.secrets.left(at, f.ref)
	}
	f.gen++
	f.started, f.silence, f.suspected, f.unclear, f.lines = at, false, false, false, false
	f.took = atspi.Ref{}
	f.ref, f.query, f.asks, f.graceAt = atspi.Ref{}, nil, 0, time.Time{}
	f.field = capture.Field{
		ID: strconv.FormatUint(f.gen, 10), Role: role,
		App: f.window.App, Title: f.window.Title,
		PromptKnown: f.kind == prompt, Web: f.kind == browser && f.accessible(),
	}
	f.set(role)
	f.report(at)
}

// set gives the field a role. RoleNone is for terminals only: what has neither
// an accessible object nor a pseudo-terminal says nothing about passwords.
func (f *Fields) set(role capture.Role) {
	f.terminal = role == capture.RoleNone && f.kind != prompt
	f.field.Role, f.field.EchoOff = role, false
	if f.terminal {
		f.field.Role, f.field.EchoOff = f.heard(true)
	}
	if role != capture.RolePending && role != capture.RoleDenied {
		f.unheard = 0
	}
}

// heard is what the echo says about a terminal.
func (f *Fields) heard(fresh bool) (role capture.Role, off bool) {
	off, known := f.echo(f.window.PID, fresh)
	if !known {
		return capture.RoleDenied, false
	}
	return capture.RoleNone, off || f.late
}

func (f *Fields) report(at time.Time) {
	f.emit(capture.Input{At: at, Kind: capture.FieldChanged, Field: f.field})
}

// accessible reports whether the bus decides the role in this window now.
func (f *Fields) accessible() bool {
	return f.window.ID != 0 && !f.away && f.busUp && f.kind != prompt && f.onBus(f.window.PID)
}

// Takes reports whether a change of an object's text is one of the field that has
// the focus, and that field is one of text or may turn out to be.
func (f *Fields) Takes(ref atspi.Ref, pid uint32) bool {
	if pid != f.window.PID || !f.accessible() {
		return false
	}
	switch f.field.Role {
	case capture.RoleText:
		return ref == f.ref
	case capture.RolePending:
		// LibreOffice tells of a paste between the focus of its root pane and
		// the answer that the paragraph still has it.
		if ref != f.last.of(pid) && ref != f.text || f.secrets.has(ref) {
			return false
		}
		f.took = ref
		return true
	}
	return false
}

// disown begins the field anew when text of another object was taken for it
// while its role was not known: what a password field says of itself after Tab
// is not the next field's.
func (f *Fields) disown(at time.Time, ref atspi.Ref) {
	if f.took != (atspi.Ref{}) && f.took != ref {
		f.begin(at, capture.RolePending)
	}
}

// Suspect says that the focus may be moving inside the window.
func (f *Fields) Suspect(at time.Time) {
	if !f.accessible() {
		return
	}
	unclear := f.suspected && f.field.Role == capture.RolePending
	f.begin(at, capture.RolePending)
	f.suspected, f.unclear = true, unclear
	f.ask(at.Add(settle), Query{Ref: f.last.of(f.window.PID), silence: true})
}

// Focused says that an object got the focus in its application.
func (f *Fields) Focused(at time.Time, ref atspi.Ref, pid uint32) {
	f.last.put(pid, ref)
	if pid != f.window.PID || !f.accessible() {
		return
	}
	if ref == f.ref && !f.silence && f.field.Role != capture.RolePending {
		return // GTK says everything twice
	}
	if ref != f.ref {
		f.disprove(at)
	}
	if f.field.Role != capture.RolePending {
		f.begin(at, capture.RolePending)
	}
	f.disown(at, ref)
	if f.unclear && at.Before(f.started.Add(settle)) {
		f.ask(f.started.Add(settle), Query{Ref: ref, silence: true})
		return
	}
	f.ask(at, Query{Ref: ref})
}

// disprove takes back what was typed since the application's silence was taken
// for an answer, when it has told since that the focus had moved.
func (f *Fields) disprove(at time.Time) {
	if f.silence && at.Sub(f.started) < lateEvent {
		f.field.Role = capture.RolePassword
		f.report(at)
	}
}

// Blurred says that an object lost the focus in its application.
func (f *Fields) Blurred(at time.Time, ref atspi.Ref, pid uint32) {
	if ref != f.ref || !f.accessible() {
		return
	}
	f.disprove(at) // GTK says who lost the focus before who has it
	f.begin(at, capture.RolePending)
	f.ask(at.Add(settle), Query{silence: true})
}

// Joined says that a process came to the accessibility bus.
func (f *Fields) Joined(at time.Time, pid uint32) {
	if pid == f.window.PID && pid != 0 && !f.away && f.query == nil {
		f.enter(at)
	}
}

// Echo looks, in a terminal, whether what is typed is shown; fresh as in
// Echo.Off. It is to be called before each key. One that is late was typed so
// long ago that a prompt may have come and gone since; it counts as not shown,
// and so does what follows it in its line.
func (f *Fields) Echo(at time.Time, fresh, late bool) {
	f.late = late
	// A prompt ends with Enter, so echo that is back before it is that of keys
	// still to come: this process may be behind.
	if !f.terminal || f.field.EchoOff && !fresh {
		return
	}
	if role, off := f.heard(fresh); role != f.field.Role || off != f.field.EchoOff {
		f.begin(at, capture.RoleNone)
	}
}
