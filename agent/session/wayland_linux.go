package session

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	"github.com/lapwing-schools/lapwing/agent/sensor/text"
	"github.com/lapwing-schools/lapwing/agent/sensor/wayland"
	"github.com/lapwing-schools/lapwing/agent/sensor/window"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// frontEvery is how often the window in front is asked for where the compositor
// does not tell; after a focus event it is asked at once.
const frontEvery = 15 * time.Second

// waylandDesktop is one Wayland desktop's sensors in one goroutine. No key can be
// seen there; text is what the accessibility bus tells of the field that has the
// focus, and only when that field has said, asked, that it is one of text.
type waylandDesktop struct {
	cfg    Config
	there  *attendance
	board  *coverage.Board
	inputs chan<- capture.Input
	ctx    context.Context // of run; cancels the questions it asks

	fields *text.Fields
	merge  *text.Merger
	bus    *bus
	locks  *locks
	buses  map[string]lockState
	lock   lock.State
	// idle is logind's hint, nil until the desktop has set it once.
	idle    *lock.Idle
	watched attended

	window text.Window
	// titled: the compositor tells of titles itself.
	titled  bool
	front   wayland.Front
	shown   wayland.Front // the title that was told last
	askedAt time.Time
	report  textReport
}

func newWayland(cfg Config, there *attendance, board *coverage.Board, inputs chan<- capture.Input) *waylandDesktop {
	w := &waylandDesktop{cfg: cfg, there: there, watched: attended{blind: true}, board: board, inputs: inputs, bus: newBus(cfg.Desktop, "", nil), locks: newLocks(cfg.Desktop), buses: map[string]lockState{}}
	// What is not on the accessibility bus shows nothing here at all.
	noEcho := func(uint32, bool) (off, known bool) { return false, false }
	w.fields = text.NewFields(w.emit, w.bus.has, noEcho)
	w.merge = text.NewMerger(w.emit, false)
	return w
}

func (w *waylandDesktop) emit(in capture.Input) {
	select {
	case w.inputs <- in:
	case <-w.ctx.Done():
	}
}

func (w *waylandDesktop) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	w.ctx = ctx
	defer func() { cancel(); w.bus.wait(); w.locks.wait() }()
	toplevels, err := w.connect(ctx)
	if err != nil {
		return fmt.Errorf("watch desktop: %w", err)
	}
	var fronts <-chan wayland.Front
	if toplevels != nil {
		defer func() { _ = toplevels.Close() }()
		fronts = toplevels.Events()
	}
	w.setLock(lock.Event{Source: starting, Locked: true})
	w.bus.start(ctx)
	w.locks.start(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		w.due(timer)
		select {
		case front, ok := <-fronts:
			if !ok {
				return errors.New("watch desktop: the compositor has gone")
			}
			w.front = front
			w.title(w.cfg.Now(), front)
			w.askFront(w.cfg.Now())
		case ev := <-w.bus.events:
			w.accessibility(ev)
		case ev := <-w.locks.events:
			w.lockEvent(ev)
		case <-w.there.changed:
			w.watched.again()
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// connect asks the compositor for its windows; nil when it does not tell.
func (w *waylandDesktop) connect(ctx context.Context) (*wayland.Toplevels, error) {
	socket := w.cfg.Desktop.Wayland
	if !filepath.IsAbs(socket) {
		socket = filepath.Join(w.cfg.Desktop.RuntimeDir, socket)
	}
	bounded, cancel := context.WithTimeout(ctx, connectBound)
	defer cancel()
	toplevels, err := wayland.Connect(bounded, socket)
	switch {
	case err == nil:
		w.titled = true
		w.board.Report(sensor.Window, sensor.Status{State: sensor.OK})
		return toplevels, nil
	case errors.Is(err, wayland.ErrNoToplevels):
		w.board.Report(sensor.Window, sensor.Status{State: sensor.Limited, Code: conditions.WaylandNoTitles})
		return nil, nil
	}
	return nil, err
}

// due asks what is due to be asked, and sets the timer to what comes next.
func (w *waylandDesktop) due(timer *time.Timer) {
	now := w.cfg.Now()
	w.attend(now)
	if q, ok := w.fields.Due(now); ok {
		w.bus.ask(w.ctx, q)
	}
	next, ok := w.fields.Deadline()
	if when := w.watched.due; !ok || when.Before(next) {
		next = when
	}
	w.reportText()
	if !w.titled && !w.lock.Locked() && w.report.busUp {
		if when := w.askedAt.Add(frontEvery); !now.Before(when) {
			w.askFront(now)
		}
		if when := w.askedAt.Add(frontEvery); when.Before(next) {
			next = when
		}
	}
	timer.Reset(max(0, next.Sub(now)))
}

func (w *waylandDesktop) askFront(now time.Time) {
	w.askedAt = now
	w.bus.askFront(w.ctx)
}

// accessibility acts on what the accessibility bus says.
func (w *waylandDesktop) accessibility(ev busEvent) {
	now := w.cfg.Now()
	switch {
	case ev.up:
		w.report.busUp, w.report.busSeen, w.report.busKnown = true, true, true
		w.fields.Bus(now, true)
		w.askFront(now)
	case ev.down:
		w.report.busUp, w.report.busKnown = false, true
		w.fields.Bus(now, false)
	case ev.answer != nil:
		w.fields.Answer(now, ev.answer.query, ev.answer.object, ev.answer.took, ev.answer.err)
	case ev.asked:
		w.inFront(now, ev.fronts)
	}
	switch ev := ev.event.(type) {
	case atspi.Focused:
		w.focused(now, ev.Ref, ev.PID)
	case atspi.Blurred:
		w.fields.Blurred(now, ev.Ref, ev.PID)
	case atspi.Joined:
		w.fields.Joined(now, ev.PID)
	case atspi.Changed:
		w.changed(now, ev)
	}
}

// focused follows the focus into another program as well: no window system says
// which one has the keyboard.
func (w *waylandDesktop) focused(now time.Time, ref atspi.Ref, pid uint32) {
	w.enter(now, pid)
	w.fields.Focused(now, ref, pid)
	w.askFront(now)
}

func (w *waylandDesktop) enter(now time.Time, pid uint32) {
	if pid == w.window.PID {
		return
	}
	w.window = text.Window{ID: pid, PID: pid, App: window.Program(pid), Title: w.front.Title, Class: w.front.App}
	w.fields.Window(now, w.window)
}

// changed takes what appeared in a field. One in a program that has not told of
// the focus is asked first whether it has it; capture holds the text meanwhile.
func (w *waylandDesktop) changed(now time.Time, ev atspi.Changed) {
	if w.lock.Locked() {
		return
	}
	if ev.PID != w.window.PID {
		w.enter(now, ev.PID)
		w.fields.Focused(now, ev.Ref, ev.PID)
	}
	if w.fields.Takes(ev.Ref, ev.PID) {
		w.merge.Changed(now, ev)
	}
}

// inFront takes the accessibility bus's word for what is in front: the program
// that the compositor names, if it does; else the one that has the focus already,
// if it says so; else any. Chromium tells of no focus before it has been asked.
func (w *waylandDesktop) inFront(now time.Time, fronts []atspi.Front) {
	if len(fronts) == 0 {
		return
	}
	best := fronts[0]
	for _, f := range fronts {
		name := window.Program(f.PID)
		if w.titled && name != "" && strings.Contains(strings.ToLower(w.front.App), name) {
			best = f
			break
		}
		if f.PID == w.window.PID {
			best = f
		}
	}
	w.enter(now, best.PID)
	if !w.titled {
		w.front = wayland.Front{App: window.Program(best.PID), Title: best.Title}
		w.title(now, w.front)
	}
}

// title tells of a title once.
func (w *waylandDesktop) title(now time.Time, f wayland.Front) {
	if f.Title == "" || f == w.shown || w.lock.Locked() {
		return
	}
	w.shown = f
	w.emit(capture.Input{At: now, Kind: capture.TitleShown, Text: f.Title, Field: capture.Field{App: f.App, Title: f.Title}})
	if w.window.PID != 0 && w.window.Title != f.Title {
		w.window.Title = f.Title
		w.fields.Title(now, f.Title)
	}
}

// reportText tells the board how the text sensor does. That it sees programs
// with accessibility only is so always, and no news.
func (w *waylandDesktop) reportText() {
	r := &w.report
	status := sensor.Status{State: sensor.Limited, Code: conditions.WaylandNoKeys}
	switch {
	case !r.busKnown:
		return
	case !r.busUp && r.busSeen:
		status = sensor.Status{State: sensor.Off, Code: conditions.A11yBusLost}
	case !r.busUp:
		status = sensor.Status{State: sensor.Off, Code: conditions.A11yBusMissing}
	}
	if status != r.told {
		r.told = status
		w.board.Report(sensor.Text, status)
	}
}
