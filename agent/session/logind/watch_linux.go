package logind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/lapwing-schools/lapwing/agent/beat"
)

// Times of the watch.
const (
	// connectBound for finding and greeting the bus.
	connectBound = 10 * time.Second
	// retry is the pause before a missing or lost bus is tried again; it doubles
	// up to maxRetry, since some machines have none for good.
	retry    = 2 * time.Second
	maxRetry = time.Minute
	// lookAgain is the first pause before a display that was not found is looked
	// for again; it doubles up to lookMost. Old laptops take minutes to log on, and
	// logind says nothing when the desktop is there.
	lookAgain = 500 * time.Millisecond
	lookMost  = 15 * time.Second
	// sweep is how often all is looked at without being told.
	sweep = 5 * time.Minute
	// gather lets signals that come together be answered together.
	gather = 50 * time.Millisecond
)

// ErrAbsent says that this machine has no logind.
var ErrAbsent = errors.New("no logind on this system")

const (
	busName     = "org.freedesktop.login1"
	managerPath = "/org/freedesktop/login1"
	manager     = busName + ".Manager."
)

// Config of a Watch.
type Config struct {
	// SystemBus is its address; empty means the usual one.
	SystemBus string
	// Proc is "/proc"; empty means that.
	Proc string
	// Own is the account of this process.
	Own uint32
	// OnChange takes the desktops, first as they are and then whenever they have
	// changed; or the error for which they are not known (any more).
	OnChange func(Desktops, error)
	// OnSleep, if not nil, is called when the machine is about to sleep. The
	// machine waits until it returns, sleepPatience at most. OnWake is called
	// when it is awake again. Both come from the goroutine of Watch.
	OnSleep func(context.Context)
	OnWake  func()
}

// Watch watches until ctx is done.
func Watch(ctx context.Context, cfg Config) error {
	if cfg.SystemBus == "" {
		cfg.SystemBus = "unix:path=/run/dbus/system_bus_socket"
	}
	if cfg.Proc == "" {
		cfg.Proc = "/proc"
	}
	pause := retry
	for {
		began := time.Now()
		err := once(ctx, cfg)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		cfg.OnChange(Desktops{}, err)
		if time.Since(began) > maxRetry {
			pause = retry
		}
		again := beat.Every(pause)
		select {
		case <-again.C:
			again.Stop()
			pause = min(2*pause, maxRetry)
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		}
	}
}

// once watches over one connection to the bus.
func once(ctx context.Context, cfg Config) error {
	conn, err := dbus.Dial(cfg.SystemBus, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("watch logind: %w", ErrAbsent)
	}
	if err != nil {
		return fmt.Errorf("watch logind: dial: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	signals := make(chan *dbus.Signal, 64)
	conn.Signal(signals)
	w := &watch{cfg: cfg, conn: conn, signals: signals, leaders: newLeaders()}
	defer w.leaders.stop()
	defer w.letSleep()
	bounded, cancel := context.WithTimeout(ctx, connectBound)
	defer cancel()
	greeted := make(chan error, 1)
	go func() { greeted <- w.greet(bounded) }()
	select {
	case err = <-greeted:
	case <-bounded.Done():
		conn.Close()
		err = errors.Join(bounded.Err(), <-greeted)
	}
	if err != nil {
		return fmt.Errorf("watch logind: %w", err)
	}
	return w.run(ctx)
}

type watch struct {
	cfg     Config
	conn    *dbus.Conn
	signals <-chan *dbus.Signal
	last    Desktops
	told    bool
	leaders *leaders
	delay   *os.File // holds the machine awake for a moment; nil: it does not wait
}

func (w *watch) greet(ctx context.Context) error {
	if err := w.conn.Auth(nil); err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	if err := w.conn.Hello(); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	for _, m := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(busName), dbus.WithMatchInterface(busName + ".Manager")},
		{dbus.WithMatchSender(busName), dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchPathNamespace(managerPath + "/session")},
	} {
		if err := w.conn.AddMatchSignalContext(ctx, m...); err != nil {
			return fmt.Errorf("add match: %w", err)
		}
	}
	return nil
}

// run looks whenever logind has said something.
func (w *watch) run(ctx context.Context) error {
	w.delaySleep(ctx)
	pause := lookAgain
	for {
		now, err := w.look(ctx)
		if err != nil {
			return fmt.Errorf("watch logind: %w", err)
		}
		if !w.told || !now.equal(w.last) {
			w.last, w.told = now, true
			w.cfg.OnChange(now, nil)
		}
		wait := sweep
		if now.Hidden > 0 {
			wait = pause
			pause = longer(pause)
		}
		told, err := w.await(ctx, wait)
		if err != nil {
			return err
		}
		if told {
			pause = lookAgain
		}
	}
}

// longer is the pause after one in which no display was found.
func longer(pause time.Duration) time.Duration { return min(2*pause, lookMost) }

// await waits for a signal, and for those that come with it.
func (w *watch) await(ctx context.Context, wait time.Duration) (told bool, err error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case s, ok := <-w.signals:
			if !ok {
				return false, errors.New("watch logind: the system bus has gone")
			}
			if s.Name == manager+"PrepareForSleep" {
				w.sleep(ctx, s)
				continue
			}
			if !told {
				told = true
				timer.Reset(gather)
			}
		case <-w.leaders.left:
			return true, nil
		case <-timer.C:
			return told, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// look asks for every session.
func (w *watch) look(ctx context.Context) (Desktops, error) {
	bounded, cancel := context.WithTimeout(ctx, connectBound)
	defer cancel()
	var rows []struct {
		ID   string
		UID  uint32
		Name string
		Seat string
		Path dbus.ObjectPath
	}
	err := w.conn.Object(busName, managerPath).CallWithContext(bounded, manager+"ListSessions", 0).Store(&rows)
	if refused, ok := errors.AsType[dbus.Error](err); ok && refused.Name == "org.freedesktop.DBus.Error.ServiceUnknown" {
		return Desktops{}, ErrAbsent
	}
	if err != nil {
		return Desktops{}, fmt.Errorf("list sessions: %w", err)
	}
	var sessions []Session
	var pids []uint32
	for _, row := range rows {
		s, err := w.describe(bounded, row.Path)
		if err != nil || !alive(s.Leader) {
			continue // it has just ended
		}
		sessions = append(sessions, s)
		if s.graphical() {
			pids = append(pids, s.Leader)
		}
	}
	w.leaders.follow(ctx, pids)
	return choose(sessions, w.cfg.Own, places{w.cfg.Proc}.find), nil
}

// describe asks one session, and its user, for what a Session holds.
func (w *watch) describe(ctx context.Context, path dbus.ObjectPath) (Session, error) {
	props, err := w.properties(ctx, path, busName+".Session")
	if err != nil {
		return Session{}, err
	}
	s := Session{
		ID: get[string](props, "Id"), Type: get[string](props, "Type"), Class: get[string](props, "Class"),
		State: get[string](props, "State"), Active: get[bool](props, "Active"), Name: get[string](props, "Name"), Leader: get[uint32](props, "Leader"),
		Display: get[string](props, "Display"), Scope: get[string](props, "Scope"),
	}
	user, ok := props["User"].Value().([]any)
	if !ok || len(user) != 2 {
		return Session{}, errors.New("a session without a user")
	}
	userPath, ok := user[1].(dbus.ObjectPath)
	if !ok {
		return Session{}, errors.New("a session without a user")
	}
	if props, err = w.properties(ctx, userPath, busName+".User"); err != nil {
		return Session{}, err
	}
	s.UID, s.GID, s.RuntimeDir = get[uint32](props, "UID"), get[uint32](props, "GID"), get[string](props, "RuntimePath")
	return s, nil
}

func (w *watch) properties(ctx context.Context, path dbus.ObjectPath, iface string) (map[string]dbus.Variant, error) {
	var props map[string]dbus.Variant
	err := w.conn.Object(busName, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", 0, iface).Store(&props)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", path, err)
	}
	return props, nil
}

// get reads a property; one that is missing or of another type is empty.
func get[T any](props map[string]dbus.Variant, name string) T {
	v, _ := props[name].Value().(T)
	return v
}
