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
	// repeatAt is when the last key begins to repeat if it is held; releases
	// says that its release is waited for.
	repeatAt time.Time
	releases bool
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
	x, err := x11.Open(cfg.Desktop.Display, cfg.Desktop.Xauthority)
	if err != nil {
		return nil, fmt.Errorf("open desktop: %w", err)
	}
	property, err := x.Text(x.Root(), x11.ATSPIBus)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open desktop: %w", err), x.Close())
	}
	d := &desktop{
		cfg: cfg, board: board, inputs: inputs, x: x,
		window: window.NewWatcher(x, hostname), screen: lock.NewScreen(x), echo: text.NewEcho(),
	}
	d.bus = newBus(cfg.Desktop, property)
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
		select {
		case p, ok := <-d.x.Packets():
			if !ok {
				return fmt.Errorf("watch desktop: %w", d.x.Err())
			}
			if err := d.packet(p); err != nil {
				return fmt.Errorf("watch desktop: %w", err)
			}
		case ev := <-d.bus.events:
			if err := d.accessibility(ev); err != nil {
				return fmt.Errorf("watch desktop: %w", err)
			}
		case ev := <-d.locks.events:
			d.lockEvent(ev)
		case t := <-d.typings:
			d.typeTest(t)
		case id := <-d.test.windows:
			d.test.opened(id)
		case <-d.there.changed:
			d.watched.again()
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
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
	if when := d.repeatAt; !when.IsZero() && when.Before(next) {
		next = when
	}
	timer.Reset(max(0, next.Sub(now)))
	return nil
}

// held looks, when a key would begin to repeat, whether it is still down, and
// only then has its release told: while somebody types, releases would wake
// this process as often again as the keys themselves.
func (d *desktop) held(now time.Time) error {
	if d.repeatAt.IsZero() || now.Before(d.repeatAt) {
		return nil
	}
	d.repeatAt = time.Time{}
	code, ok := d.typist.Held()
	if !ok {
		return nil
	}
	// Select first, then ask: a release between the two is told as well.
	if err := d.watchReleases(true); err != nil {
		return err
	}
	down, err := d.x.KeyDown(code)
	if err != nil {
		return err
	}
	d.typist.StillDown(down)
	if !down {
		return d.watchReleases(false)
	}
	return nil
}

func (d *desktop) watchReleases(on bool) error {
	if d.releases == on {
		return nil
	}
	d.releases = on
	return d.x.WatchReleases(on)
}

// packet acts on one event of the X server.
func (d *desktop) packet(p []byte) error {
	ev, err := d.x.Decode(p)
	if err != nil || ev == nil {
		return err
	}
	now := d.cfg.Now()
	switch ev := ev.(type) {
	case x11.KeyPress:
		d.watched.back()
		d.key(now, ev)
		return nil
	case x11.KeyRelease:
		if !d.lock.Locked() {
			d.typist.Release(now, ev, d.x.Keyboard.Repeats)
		}
		return d.watchReleases(d.typist.Repeating())
	case x11.ButtonPress:
		d.watched.back()
		const firstWheel, lastWheel = 4, 7
		if !d.lock.Locked() && (ev.Button < firstWheel || ev.Button > lastWheel) {
			d.typist.Click(now)
		}
		return nil
	case x11.FocusOut:
		if uint32(ev.Window) == d.window.Current().ID {
			d.fields.Away(now)
		}
		return nil
	case x11.FocusIn:
		if uint32(ev.Window) == d.window.Current().ID {
			d.fields.Back(now)
		}
		return nil
	}
	if locked, err := d.screen.Handle(ev); err != nil {
		return err
	} else if locked != nil {
		return d.setLock(*locked)
	}
	change, err := d.window.Handle(ev)
	if err != nil {
		return err
	}
	switch change {
	case window.Activated:
		d.board.Report(sensor.Window, sensor.Status{State: sensor.OK})
		d.activated(now)
	case window.Renamed:
		d.fields.Title(now, d.window.Current().Title)
		d.title(now)
	case window.Nothing:
	}
	return nil
}

// key hands a key on, unless the screen is locked: what is typed then is not
// even translated.
func (d *desktop) key(now time.Time, ev x11.KeyPress) {
	if d.lock.Locked() {
		return
	}
	k := d.x.Keyboard.Translate(ev.Code)
	if x11.Modifier(k.Keysym) {
		return
	}
	// A prompt comes after Enter, or while nothing is typed.
	d.fields.Echo(now, d.enter || now.Sub(d.lastKey) > time.Second)
	d.enter = x11.Enter(k.Keysym)
	d.lastKey = now
	d.typist.Press(now, ev, k, d.x.Keyboard.Repeats)
	d.repeatAt = time.Time{}
	if delay, ok := d.x.Keyboard.RepeatDelay(ev.Code); ok {
		d.repeatAt = now.Add(delay)
	}
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
