package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/canary"
	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/ipc"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	"github.com/lapwing-schools/lapwing/internal/trim"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Config of a session process.
type Config struct {
	// Conn is the inherited end of the socket pair. Run closes it.
	Conn *ipc.SessionConn
	// Desktop says where the desktop is.
	Desktop Desktop
	Log     *slog.Logger
	// Now is a clock whose readings carry the monotonic clock, as time.Now's do.
	Now func() time.Time
	// Canary is how a canary waits; the zero value is canary.Usual.
	Canary canary.Times
}

// Desktop names the places of one desktop session.
type Desktop struct {
	// Display is the X display, for example ":0".
	Display string
	// Xauthority is the file with its cookie; empty means ~/.Xauthority.
	Xauthority string
	// Wayland is the compositor's display, for example "wayland-1"; empty on X11.
	Wayland string
	// Kind is the session's type, x11 or wayland, as logind says it; empty when
	// nobody said.
	Kind string
	// SessionBus is the session bus's address; empty means RuntimeDir/bus.
	SessionBus string
	RuntimeDir string
	SystemBus  string
	// SessionID is logind's.
	SessionID string
}

// DesktopOf reads the usual variables through getenv, which is os.Getenv or a
// look-up in another process's environment.
func DesktopOf(getenv func(string) string) Desktop {
	return Desktop{
		Display:    getenv("DISPLAY"),
		Xauthority: getenv("XAUTHORITY"),
		Wayland:    getenv("WAYLAND_DISPLAY"),
		Kind:       getenv("XDG_SESSION_TYPE"),
		SessionBus: getenv("DBUS_SESSION_BUS_ADDRESS"),
		RuntimeDir: getenv("XDG_RUNTIME_DIR"),
		SystemBus:  getenv("DBUS_SYSTEM_BUS_ADDRESS"),
		SessionID:  getenv("XDG_SESSION_ID"),
	}
}

// sessionBus is the session bus's address; empty when there is none.
func (d Desktop) sessionBus() string {
	if d.SessionBus == "" && d.RuntimeDir != "" {
		return "unix:path=" + d.RuntimeDir + "/bus"
	}
	return d.SessionBus
}

// wayland reports whether the desktop is to be watched as a Wayland one: an X
// display beside it shows only the programs that still need one.
func (d Desktop) wayland() bool {
	return d.Wayland != "" && (d.Kind == "wayland" || d.Kind == "" && d.Display == "")
}

// statusEvery is how often the status is sent although nothing changed, so
// that counters arrive with the next heartbeat but one.
const statusEvery = time.Minute

// maxInputs that wait for the loop. A person makes some tens a second.
const maxInputs = 1024

// Run is the session process's life. It returns nil when the service said stop
// or closed the socket, and an error when the service broke the protocol or
// the process could not be made safe.
func Run(ctx context.Context, cfg Config) error {
	defer cfg.Conn.Close()
	if cfg.Canary == (canary.Times{}) {
		cfg.Canary = canary.Usual()
	}
	if err := harden(cfg.Log); err != nil {
		return fmt.Errorf("start session process: %w", err)
	}
	defer endBySignals()()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A Receive or Send that waits ends with the connection.
	defer context.AfterFunc(ctx, func() { cfg.Conn.Close() })()

	l := &loop{
		cfg:     cfg,
		board:   coverage.NewBoard(cfg.Now, sensor.Text, sensor.Window, sensor.Lock),
		machine: capture.New(capture.Config{}, nil),
		outbox:  newOutbox(),
		inputs:  make(chan capture.Input, maxInputs),
		typings: make(chan typing, 1),
		doze:    &trim.Doze{},
	}
	l.there = newAttendance(cfg.Now(), l.outbox.lockReport)
	hello := &lapwingv1.SessionHello{Protocol: ipc.Protocol, Pid: uint32(os.Getpid()), Display: cfg.Desktop.Display}
	if err := cfg.Conn.Send(&lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Hello{Hello: hello}}); err != nil {
		return fmt.Errorf("say hello to the service: %w", err)
	}
	received := make(chan received)
	done := make(chan struct{}, 2)
	go func() { defer func() { done <- struct{}{} }(); receive(ctx, cfg.Conn, received) }()
	go func() { defer func() { done <- struct{}{} }(); l.outbox.send(ctx, cfg.Conn) }()
	status := beat.Every(statusEvery)
	defer status.Stop()
	err := l.run(ctx, received, status.C)
	cancel()
	cfg.Conn.Close()
	<-done
	<-done
	l.watching.Wait()
	return err
}

type received struct {
	message *lapwingv1.ServiceMessage
	err     error
}

// receive hands messages on until the connection ends.
func receive(ctx context.Context, conn *ipc.SessionConn, to chan<- received) {
	for {
		m, err := conn.Receive()
		select {
		case to <- received{m, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// message acts on one message of the service; stop is true when the process is
// to end.
func (l *loop) message(ctx context.Context, r received) (stop bool, err error) {
	switch {
	case errors.Is(r.err, io.EOF), r.err != nil && ctx.Err() != nil:
		return true, nil
	case r.err != nil:
		return true, fmt.Errorf("hear from the service: %w", r.err)
	}
	if err := r.message.Validate(); err != nil {
		return true, fmt.Errorf("hear from the service: %w", err)
	}
	switch kind := r.message.Kind.(type) {
	case *lapwingv1.ServiceMessage_HitAck:
		l.outbox.ack(kind.HitAck.Upto)
	case *lapwingv1.ServiceMessage_Stop:
		return true, nil
	case *lapwingv1.ServiceMessage_Watch:
		l.scope(kind.Watch)
	case *lapwingv1.ServiceMessage_Canary:
		l.canary(kind.Canary)
	case *lapwingv1.ServiceMessage_Told:
		l.shown = kind.Told.Version
		l.gate()
	case *lapwingv1.ServiceMessage_Media:
		l.notes.add(kind.Media, l.cfg.Now())
		l.notes.show(ctx, l.cfg)
	case *lapwingv1.ServiceMessage_Policy:
		if err := l.policy(kind.Policy); err != nil {
			return true, err
		}
		l.watch(ctx)
		// Loading took several times the memory that the rules keep.
		trim.Self()
	}
	return false, nil
}

// scope changes what the schedule lets this session look at.
func (l *loop) scope(w *lapwingv1.Watch) {
	l.told = true
	var s capture.Scope
	switch w.Scope {
	case lapwingv1.Outside_OUTSIDE_ALL:
		for _, c := range w.Categories {
			s.Only = append(s.Only, vocab.Category(c))
		}
	case lapwingv1.Outside_OUTSIDE_URGENT:
		s = capture.UrgentOnly()
	default:
		s.Shut = true
	}
	l.shut = s.Shut
	for _, r := range l.machine.SetScope(s, l.cfg.Now()) {
		l.outbox.add(r, l.cfg.Now())
	}
}

// mayLook reports whether there is no notice for the screen, or it was shown.
func (l *loop) mayLook() bool {
	return l.policied && (l.notice == "" || l.notice == l.shown)
}

// gate lets the machine look only while the person has been shown the notice of
// the policy in force. Only the service says so, once it has that on its disk.
func (l *loop) gate() {
	for _, r := range l.machine.SetTold(l.mayLook(), l.cfg.Now()) {
		l.outbox.add(r, l.cfg.Now())
	}
}

// policy swaps the rules. The service has verified the signature and that the
// rules load; a failure here is the service's fault and ends the process.
func (l *loop) policy(s *lapwingv1.SignedPolicy) error {
	p, err := policydoc.Parse(s.Document)
	if err != nil {
		return fmt.Errorf("take policy: %w", err)
	}
	engine, err := detect.Load(p.Rules)
	if err != nil {
		return fmt.Errorf("take policy %d: %w", p.Version, err)
	}
	l.policied, l.notice = true, ""
	if n := p.GetNotice(); n.GetMode() == lapwingv1.Notice_MODE_SCREEN {
		l.notice = n.GetVersion()
	}
	l.gate()
	limits := p.GetLimits()
	l.machine.SetConfig(capture.Config{
		ExcerptChars: int(limits.GetExcerptChars()),
		Pause:        time.Duration(limits.GetFragmentPauseMs()) * time.Millisecond,
	})
	l.setEngine(engine)
	l.there.setPolicy(l.cfg.Now(), p.Lock)
	l.machine.SetPlaces(capture.NewPlaces(p.Places))
	if p.Schedule != nil && !l.told {
		l.scope(&lapwingv1.Watch{Scope: lapwingv1.Outside_OUTSIDE_NOTHING}) // until the service has looked at the clock
	}
	// Taking it over held it three times; the machine should have that back now,
	// not at the next collection, which an idle session may not see for hours.
	debug.FreeOSMemory()
	l.cfg.Log.Info("policy in force", "version", p.Version, "packs", len(p.Packs))
	return nil
}
