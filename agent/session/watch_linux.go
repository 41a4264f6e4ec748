package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lapwing-schools/lapwing/agent/canary"
	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
	"github.com/lapwing-schools/lapwing/agent/sensor/text"
	"github.com/lapwing-schools/lapwing/agent/sensor/window"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// displayRetry is the pause before a lost or missing display is tried again.
const displayRetry = 5 * time.Second

// watch keeps the desktop watched until ctx is done.
func watch(ctx context.Context, cfg Config, there *attendance, board *coverage.Board, inputs chan<- capture.Input, typings <-chan typing) {
	for ctx.Err() == nil {
		code, err := watchOnce(ctx, cfg, there, board, inputs, typings)
		there.see(cfg.Now(), presence{})
		if ctx.Err() != nil {
			return
		}
		cfg.Log.Warn("desktop is not watched", "code", code, "error", err)
		for _, name := range []string{sensor.Text, sensor.Window, sensor.Lock} {
			board.Report(name, sensor.Status{State: sensor.Off, Code: code})
		}
		refuse(ctx, typings, displayRetry)
	}
}

// refuse passes the time, and types nothing.
func refuse(ctx context.Context, typings <-chan typing, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case t := <-typings:
			t.typed <- canary.ErrUnable
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// watchOnce watches until the desktop is lost; code says what was the matter.
func watchOnce(ctx context.Context, cfg Config, there *attendance, board *coverage.Board, inputs chan<- capture.Input, typings <-chan typing) (code string, err error) {
	if cfg.Desktop.wayland() {
		return conditions.DisplayLost, newWayland(cfg, there, board, inputs).run(ctx)
	}
	d, err := openDesktop(ctx, cfg, board, inputs)
	if err != nil {
		return conditions.NoDisplay, err
	}
	d.typings = typings
	d.there = there
	err = d.run(ctx)
	return conditions.DisplayLost, errors.Join(err, d.close())
}

// desktop is one X desktop's sensors in one goroutine: what the X server says
// is acted on in its order, what the buses say between two X events.
type desktop struct {
	cfg    Config
	there  *attendance
	board  *coverage.Board
	inputs chan<- capture.Input
	ctx    context.Context // of run; cancels the questions it asks

	pace   *socket.Pace
	x      *x11.Conn
	window *window.Watcher
	screen *lock.Screen
	lock   lock.State
	fields *text.Fields
	typist *text.Typist
	merge  *text.Merger
	// fieldID is the field that was told last.
	fieldID string
	echo    *text.Echo
	bus     *bus
	locks   *locks
	buses   map[string]lockState
	watched attended

	lastKey time.Time
	enter   bool
	// repeatAt is when the last key begins to repeat if it is held.
	repeatAt time.Time
	report   textReport

	typings <-chan typing
	test    selfTest
}

func openDesktop(ctx context.Context, cfg Config, board *coverage.Board, inputs chan<- capture.Input) (*desktop, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("open desktop: %w", err)
	}
	if cfg.Desktop.Display == "" {
		return nil, errors.New("open desktop: DISPLAY is not set")
	}
	pace := socket.NewPace()
	x, err := x11.Open(cfg.Desktop.Display, cfg.Desktop.Xauthority, pace)
	if err != nil {
		return nil, fmt.Errorf("open desktop: %w", err)
	}
	property, err := x.Text(x.Root(), x11.ATSPIBus)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open desktop: %w", err), x.Close())
	}
	d := &desktop{
		cfg: cfg, board: board, inputs: inputs, pace: pace, x: x,
		window: window.NewWatcher(x, hostname), screen: lock.NewScreen(x), echo: text.NewEcho(),
	}
	d.bus = newBus(cfg.Desktop, property, pace)
	d.locks = newLocks(cfg.Desktop)
	d.buses = map[string]lockState{}
	d.merge = text.NewMerger(d.emit, true)
	d.fields = text.NewFields(d.field, d.bus.has, d.echo.Off)
	d.typist = text.NewTypist(d.merge.Key, d.fields)
	return d, nil
}

func (d *desktop) close() error { return d.x.Close() }

// emit hands an input to the loop. The loop never waits for this goroutine.
func (d *desktop) emit(in capture.Input) {
	select {
	case d.inputs <- in:
	case <-d.ctx.Done():
	}
}

// field tells of a field; what appeared in the one before goes before it.
func (d *desktop) field(in capture.Input) {
	if in.Field.ID != d.fieldID {
		d.merge.Flush(in.At)
		d.fieldID = in.Field.ID
	}
	d.emit(in)
}

func (d *desktop) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	d.ctx = ctx
	stop := func() { cancel(); d.bus.wait(); d.locks.wait(); d.test.wait() }
	defer stop()
	// Locked until every bus has said whether it is, or cannot be asked.
	if err := d.setLock(lock.Event{Source: starting, Locked: true}); err != nil {
		return fmt.Errorf("watch desktop: %w", err)
	}
	d.bus.start(ctx)
	d.locks.start(ctx)
	if err := d.look(); err != nil {
		return fmt.Errorf("watch desktop: %w", err)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := d.due(timer); err != nil {
			return fmt.Errorf("watch desktop: %w", err)
		}
		then, err := d.wait(timer)
		if err != nil {
			return nil
		}
		if err := d.read(); err != nil {
			return fmt.Errorf("watch desktop: %w", err)
		}
		then()
	}
}

// wait returns what is to be done about the next thing that happens, when all
// that the X server has said by then has been read: keys must not be taken for
// typed in a field to which the focus went after them, nor on a screen that was
// unlocked with them.
func (d *desktop) wait(timer *time.Timer) (then func(), err error) {
	select {
	case <-d.x.Ready():
	case ev := <-d.bus.events:
		return func() { d.accessibility(ev) }, nil
	case ev := <-d.locks.events:
		return func() { d.lockEvent(ev) }, nil
	case t := <-d.typings:
		return func() { d.typeTest(t) }, nil
	case id := <-d.test.windows:
		d.test.opened(id) // before that the window is in front is read
	case <-d.there.changed:
		return d.watched.again, nil
	case <-timer.C:
	case <-d.ctx.Done():
		return nil, d.ctx.Err()
	}
	return func() {}, nil
}

// look reads what is true before the first event.
func (d *desktop) look() error {
	events, err := d.screen.Look()
	if err != nil {
		return err
	}
	for _, ev := range events {
		if err := d.setLock(ev); err != nil {
			return err
		}
	}
	managed, err := d.window.Managed()
	if err != nil {
		return err
	}
	status := sensor.Status{State: sensor.OK}
	if !managed {
		status = sensor.Status{State: sensor.Limited, Code: conditions.NoWindowManager}
	}
	d.board.Report(sensor.Window, status)
	if _, err := d.window.Refresh(); err != nil {
		return err
	}
	d.activated(d.cfg.Now())
	return nil
}

// due asks what is due to be asked, and sets the timer to what comes next.
func (d *desktop) due(timer *time.Timer) error {
	now := d.cfg.Now()
	if err := d.held(now); err != nil {
		return err
	}
	if err := d.attend(now); err != nil {
		return err
	}
	if q, ok := d.fields.Due(now); ok {
		d.bus.ask(d.ctx, q)
	}
	d.merge.Due(now)
	next, ok := d.fields.Deadline()
	if when := d.watched.due; !ok || when.Before(next) {
		next = when
	}
	if when, waiting := d.merge.Deadline(); waiting && when.Before(next) {
		next = when
	}
	if when, waiting := d.reportText(now); waiting && when.Before(next) {
		next = when
	}
	// In a row of keys each takes the one before out of being held, and a timer
	// put off with every key would wake the process all the same. A step that
	// brings none comes here.
	settled := d.fields.Settled()
	if when := d.repeatAt; !when.IsZero() && when.Before(next) && (!settled || now.Sub(d.lastKey) > socket.Step/2) {
		next = when
	}
	timer.Reset(max(0, next.Sub(now)))
	// What is typed in a field that is known can be read together a little later:
	// the keys come in their order, and what else happens has them read first.
	// In a terminal each key is looked at beside the echo of that moment.
	d.pace.Hold(!settled)
	return nil
}

func (d *desktop) activated(now time.Time) {
	d.enter = true
	w := d.window.Current()
	w.Own = d.test.front(w.ID)
	d.fields.Window(now, w)
	d.title(now)
}

func (d *desktop) title(now time.Time) {
	w := d.window.Current()
	if w.Title == "" {
		return
	}
	d.emit(capture.Input{At: now, Kind: capture.TitleShown, Text: w.Title, Field: capture.Field{App: w.App, Title: w.Title, Web: d.fields.Web()}})
}
