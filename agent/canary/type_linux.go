package canary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/screensaver"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
)

// Typing is one phrase to be typed.
type Typing struct {
	Display string
	// Quiet is that of Times.
	Quiet time.Duration
	// Codes are the keys of the phrase, none of which needs a modifier.
	Codes []uint8
	// Opened is told the window before it is shown.
	Opened func(window uint32)
	// Front is closed once the sensor knows that the window has the focus.
	Front <-chan struct{}
}

// Times of typing.
const (
	// frontBound is how long a window manager may take to give the focus.
	frontBound = 2 * time.Second
	// keyBound is how long a key may take to come back to the window.
	keyBound = time.Second
)

// Type opens a small window, types, and closes it. Anything that somebody does
// meanwhile ends it with ErrInUse.
func Type(ctx context.Context, t Typing) (err error) {
	c, err := xgb.NewConnDisplay(t.Display)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	defer c.Close()
	if err := errors.Join(xtest.Init(c), screensaver.Init(c)); err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	w := &typist{c: c, root: xproto.Setup(c).DefaultScreen(c).Root, events: make(chan xgb.Event, 64)}
	idle, err := w.idle()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	if idle < t.Quiet {
		return ErrInUse
	}
	if err := w.open(t); err != nil {
		return err
	}
	go w.listen()
	defer func() { err = errors.Join(err, xproto.DestroyWindowChecked(c, w.window).Check()) }()
	if err := w.show(ctx, t.Front); err != nil {
		return err
	}
	for _, code := range t.Codes {
		if err := w.press(ctx, code); err != nil {
			return err
		}
	}
	return nil
}

type typist struct {
	c      *xgb.Conn
	root   xproto.Window
	window xproto.Window
	events chan xgb.Event
	x, y   int16
}

// idle is how long ago the last input of anybody was.
func (w *typist) idle() (time.Duration, error) {
	info, err := screensaver.QueryInfo(w.c, xproto.Drawable(w.root)).Reply()
	if err != nil {
		return 0, err
	}
	return time.Duration(info.MsSinceUserInput) * time.Millisecond, nil
}

// listen hands events on until the connection closes; what nobody takes is dropped.
func (w *typist) listen() {
	defer close(w.events)
	for {
		ev, err := w.c.WaitForEvent()
		if ev == nil && err == nil {
			return
		}
		select {
		case w.events <- ev:
		default:
		}
	}
}

// Title of the window, for whoever sees it for the fifth of a second.
const Title = "Lapwing is testing itself"

func (w *typist) open(t Typing) error {
	screen := xproto.Setup(w.c).DefaultScreen(w.c)
	id, err := xproto.NewWindowId(w.c)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	const width, height = 360, 48
	x, y := int16((int(screen.WidthInPixels)-width)/2), int16(max(int(screen.HeightInPixels)-3*height, 0))
	err = xproto.CreateWindowChecked(w.c, screen.RootDepth, id, screen.Root, x, y, width, height, 0,
		xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwEventMask,
		[]uint32{screen.WhitePixel, xproto.EventMaskKeyPress | xproto.EventMaskFocusChange | xproto.EventMaskButtonPress}).Check()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	w.window = id
	t.Opened(uint32(id))
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	text := func(property xproto.Atom, words string) error {
		return xproto.ChangePropertyChecked(w.c, xproto.PropModeReplace, id, property, xproto.AtomString, 8, uint32(len(words)), []byte(words)).Check()
	}
	pid := uint32(os.Getpid())
	atom, err := xproto.InternAtom(w.c, false, uint16(len("_NET_WM_PID")), "_NET_WM_PID").Reply()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	return errors.Join(
		text(xproto.AtomWmName, Title), text(xproto.AtomWmClass, "lapwing\x00Lapwing\x00"), text(xproto.AtomWmClientMachine, host),
		xproto.ChangePropertyChecked(w.c, xproto.PropModeReplace, id, atom.Atom, xproto.AtomCardinal, 32, 1,
			[]byte{byte(pid), byte(pid >> 8), byte(pid >> 16), byte(pid >> 24)}).Check(),
	)
}

// show waits until the window has the focus and the sensor knows.
func (w *typist) show(ctx context.Context, front <-chan struct{}) error {
	if err := xproto.MapWindowChecked(w.c, w.window).Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	bound := time.NewTimer(frontBound)
	defer bound.Stop()
	for focused, known := false, false; !focused || !known; {
		select {
		case ev := <-w.events:
			switch ev.(type) {
			case xproto.FocusInEvent:
				focused = true
			case xproto.KeyPressEvent, xproto.ButtonPressEvent:
				return ErrInUse
			}
		case <-front:
			known, front = true, nil
		case <-bound.C:
			return fmt.Errorf("%w: the window was not given the focus", ErrUnable)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p, err := xproto.QueryPointer(w.c, w.root).Reply()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	w.x, w.y = p.RootX, p.RootY
	return nil
}

// press types one key and waits until it is back. Between two keys the pointer
// must not have moved.
func (w *typist) press(ctx context.Context, code uint8) error {
	p, err := xproto.QueryPointer(w.c, w.root).Reply()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	const modifiers = xproto.ModMaskShift | xproto.ModMaskControl | xproto.ModMask1 | xproto.ModMask4
	if p.RootX != w.x || p.RootY != w.y || p.Mask&modifiers != 0 {
		return ErrInUse
	}
	for _, kind := range []byte{xproto.KeyPress, xproto.KeyRelease} {
		if err := xtest.FakeInputChecked(w.c, kind, code, 0, w.root, 0, 0, 0).Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnable, err)
		}
	}
	bound := time.NewTimer(keyBound)
	defer bound.Stop()
	for {
		select {
		case ev, ok := <-w.events:
			switch ev := ev.(type) {
			case xproto.KeyPressEvent:
				if uint8(ev.Detail) != code {
					return ErrInUse
				}
				return nil
			case xproto.FocusOutEvent, xproto.ButtonPressEvent:
				return ErrInUse
			}
			if !ok {
				return fmt.Errorf("%w: the display went away", ErrUnable)
			}
		case <-bound.C:
			return ErrInUse
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
