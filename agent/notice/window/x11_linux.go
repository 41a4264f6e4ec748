package window

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"strconv"
	"strings"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Class is the window's WM_CLASS.
const Class = "lapwing-notice"

// window is one notice on one display. Its fields belong to the goroutine of Show.
type window struct {
	conn   *xgb.Conn
	screen *xproto.ScreenInfo
	id     xproto.Window
	gc     xproto.Gcontext
	keys   map[xproto.Keycode]xproto.Keysym
	atoms  map[string]xproto.Atom

	text   Text
	fonts  *fonts
	scale  float64
	layout *layout
	view   view
	drawn  *image.RGBA
	tell   func(Event)
	told   bool // Shown
}

// Show opens the window and tells what happens to it, until it is answered or
// closed (nil), or ctx is done. An error before Shown means that this display
// cannot show it; XAUTHORITY is read from the environment.
func Show(ctx context.Context, display string, t Text, tell func(Event)) error {
	if display == "" {
		return errors.New("show the notice: no X display")
	}
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		return fmt.Errorf("show the notice: %w", err)
	}
	defer conn.Close()
	w := &window{conn: conn, screen: xproto.Setup(conn).DefaultScreen(conn), text: t, tell: tell}
	if err := w.open(); err != nil {
		return fmt.Errorf("show the notice: %w", err)
	}
	return w.run(ctx)
}

func (w *window) open() error {
	setup := xproto.Setup(w.conn)
	if err := drawable(setup, w.screen); err != nil {
		return err
	}
	w.scale = w.scaleOf()
	fonts, regular, err := newFonts(w.scale)
	if err != nil {
		return err
	}
	t := w.text
	if !canWrite(regular, append(append(append([]string{t.School, t.Version, t.Title, t.Hours}, t.Body...), t.WhoReads...), t.WhoToTalkTo...)...) {
		return ErrCannotWrite
	}
	w.fonts = fonts
	wide, high := int(w.screen.WidthInPixels), int(w.screen.HeightInPixels)
	width := min(int(idealWidth*w.scale), wide*9/10)
	w.layout = lay(t, fonts, w.scale, width)
	w.view = view{height: min(w.layout.height(), high*9/10), chosen: -1}
	if err := w.keyboard(setup); err != nil {
		return err
	}
	return w.create(wide, high)
}

// drawable refuses screens whose pixels are not as draw makes them; there has
// been none of another kind on a desktop for long.
func drawable(setup *xproto.SetupInfo, s *xproto.ScreenInfo) error {
	for _, d := range s.AllowedDepths {
		for _, v := range d.Visuals {
			if v.VisualId != s.RootVisual {
				continue
			}
			if d.Depth >= 24 && v.Class == xproto.VisualClassTrueColor && v.RedMask == 0xff0000 && v.GreenMask == 0xff00 && v.BlueMask == 0xff && setup.ImageByteOrder == xproto.ImageOrderLSBFirst {
				return nil
			}
		}
	}
	return errors.New("the screen's colours are of a kind that this program does not know")
}

// scaleOf is how large the desktop wants its letters: Xft.dpi, as desktops set
// it, else 96 dots an inch.
func (w *window) scaleOf() float64 {
	r, err := xproto.GetProperty(w.conn, false, w.screen.Root, xproto.AtomResourceManager, xproto.AtomString, 0, 1<<14).Reply()
	if err != nil {
		return 1
	}
	for row := range strings.Lines(string(r.Value)) {
		if dpi, ok := strings.CutPrefix(row, "Xft.dpi:"); ok {
			if n, err := strconv.ParseFloat(strings.TrimSpace(dpi), 64); err == nil {
				return min(max(n/96, 1), 4)
			}
		}
	}
	return 1
}

// keyboard reads what the keys mean that this window knows, by their first sign.
func (w *window) keyboard(setup *xproto.SetupInfo) error {
	first, n := setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode+1)
	m, err := xproto.GetKeyboardMapping(w.conn, first, n).Reply()
	if err != nil {
		return fmt.Errorf("read the keyboard: %w", err)
	}
	w.keys = make(map[xproto.Keycode]xproto.Keysym, n)
	for i := range int(n) {
		w.keys[first+xproto.Keycode(i)] = m.Keysyms[i*int(m.KeysymsPerKeycode)]
	}
	return nil
}

const eventMask = xproto.EventMaskExposure | xproto.EventMaskStructureNotify | xproto.EventMaskVisibilityChange |
	xproto.EventMaskKeyPress | xproto.EventMaskButtonPress | xproto.EventMaskFocusChange

func (w *window) create(wide, high int) error {
	id, err := xproto.NewWindowId(w.conn)
	if err != nil {
		return fmt.Errorf("make a window: %w", err)
	}
	w.id = id
	width, height := w.layout.width, w.view.height
	err = xproto.CreateWindowChecked(w.conn, w.screen.RootDepth, id, w.screen.Root,
		int16((wide-width)/2), int16((high-height)/2), uint16(width), uint16(height), 0, xproto.WindowClassInputOutput, w.screen.RootVisual,
		xproto.CwBackPixel|xproto.CwEventMask, []uint32{0xffffff, eventMask}).Check()
	if err != nil {
		return fmt.Errorf("make a window: %w", err)
	}
	if w.gc, err = xproto.NewGcontextId(w.conn); err != nil {
		return fmt.Errorf("make a window: %w", err)
	}
	if err := xproto.CreateGCChecked(w.conn, w.gc, xproto.Drawable(id), 0, nil).Check(); err != nil {
		return fmt.Errorf("make a window: %w", err)
	}
	if err := w.hints(); err != nil {
		return err
	}
	if err := xproto.MapWindowChecked(w.conn, id).Check(); err != nil {
		return fmt.Errorf("show a window: %w", err)
	}
	return nil
}

// hints tell the window manager what this window is: above the others, and
// never to be given the focus by itself (_NET_WM_USER_TIME 0, EWMH).
func (w *window) hints() error {
	w.atoms = map[string]xproto.Atom{}
	for _, name := range []string{"WM_PROTOCOLS", "WM_DELETE_WINDOW", "_NET_WM_NAME", "UTF8_STRING", "_NET_WM_USER_TIME", "_NET_WM_STATE",
		"_NET_WM_STATE_ABOVE", "_NET_WM_PID"} {
		r, err := xproto.InternAtom(w.conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			return fmt.Errorf("name a property: %w", err)
		}
		w.atoms[name] = r.Atom
	}
	title := w.text.Title
	if title == "" {
		title = wordsFor(w.text.Lang).heading
	}
	numbers := func(ns ...uint32) []byte {
		b := make([]byte, 4*len(ns))
		for i, n := range ns {
			xgb.Put32(b[4*i:], n)
		}
		return b
	}
	const inputHint, takesInput = 1, 1
	const programPosition, programMinSize = 1 << 2, 1 << 4
	for _, p := range []struct {
		name, kind xproto.Atom
		bits       byte
		value      []byte
	}{
		{xproto.AtomWmName, xproto.AtomString, 8, []byte("Lapwing")},
		{w.atoms["_NET_WM_NAME"], w.atoms["UTF8_STRING"], 8, []byte(title)},
		{xproto.AtomWmClass, xproto.AtomString, 8, []byte(Class + "\x00" + Class + "\x00")},
		{w.atoms["WM_PROTOCOLS"], xproto.AtomAtom, 32, numbers(uint32(w.atoms["WM_DELETE_WINDOW"]))},
		{w.atoms["_NET_WM_USER_TIME"], xproto.AtomCardinal, 32, numbers(0)},
		{w.atoms["_NET_WM_STATE"], xproto.AtomAtom, 32, numbers(uint32(w.atoms["_NET_WM_STATE_ABOVE"]))},
		{w.atoms["_NET_WM_PID"], xproto.AtomCardinal, 32, numbers(uint32(os.Getpid()))},
		{xproto.AtomWmHints, xproto.AtomWmHints, 32, numbers(inputHint, takesInput, 0, 0, 0, 0, 0, 0, 0)},
		{xproto.AtomWmNormalHints, xproto.AtomWmSizeHints, 32, numbers(programPosition|programMinSize, 0, 0, 0, 0,
			uint32(min(w.layout.width, 320)), uint32(min(w.view.height, 240)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
	} {
		n := uint32(len(p.value) / int(p.bits/8))
		if err := xproto.ChangePropertyChecked(w.conn, xproto.PropModeReplace, w.id, p.name, p.kind, p.bits, n, p.value).Check(); err != nil {
			return fmt.Errorf("describe the window: %w", err)
		}
	}
	return nil
}

// errDone ends run without an error.
var errDone = errors.New("done")

func (w *window) run(ctx context.Context) error {
	events := make(chan xgb.Event)
	go func() {
		defer close(events)
		for {
			ev, err := w.conn.WaitForEvent()
			if ev == nil && err == nil {
				return // closed
			}
			if ev == nil {
				continue // an answer to a request about something that has gone
			}
			select {
			case events <- ev:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				return errors.New("show the notice: the connection to the display was lost")
			}
			if err := w.handle(ev); errors.Is(err, errDone) {
				return nil
			} else if err != nil {
				return fmt.Errorf("show the notice: %w", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *window) handle(ev xgb.Event) error {
	switch ev := ev.(type) {
	case xproto.ExposeEvent:
		if ev.Count == 0 {
			return w.paint(false)
		}
	case xproto.ConfigureNotifyEvent:
		return w.resized(int(ev.Width), int(ev.Height))
	case xproto.VisibilityNotifyEvent:
		if ev.State != xproto.VisibilityFullyObscured && !w.told && w.drawn != nil {
			return w.paint(false)
		}
	case xproto.FocusInEvent:
		w.view.focused = true
		return w.paint(true)
	case xproto.FocusOutEvent:
		w.view.focused = false
		return w.paint(true)
	case xproto.KeyPressEvent:
		return w.key(w.keys[ev.Detail], ev.State&xproto.ModMaskShift != 0)
	case xproto.ButtonPressEvent:
		return w.click(ev)
	case xproto.MappingNotifyEvent:
		return w.keyboard(xproto.Setup(w.conn))
	case xproto.ClientMessageEvent:
		if ev.Type == w.atoms["WM_PROTOCOLS"] && ev.Data.Data32[0] == uint32(w.atoms["WM_DELETE_WINDOW"]) {
			return errDone
		}
	case xproto.DestroyNotifyEvent:
		return errDone
	}
	return nil
}

// resized lays the text out anew.
func (w *window) resized(width, height int) error {
	if width == w.layout.width && height == w.view.height {
		return nil
	}
	w.layout = lay(w.text, w.fonts, w.scale, width)
	w.view.height = height
	w.view.scroll = min(w.view.scroll, w.layout.maxScroll(height))
	if w.drawn == nil {
		return nil
	}
	return w.paint(true)
}

// paint puts the window on the screen, drawn anew if changed. The first time
// it is known to stand there, that is told.
func (w *window) paint(changed bool) error {
	if changed && w.drawn == nil {
		return nil // not on the screen yet
	}
	if w.drawn == nil || changed {
		w.drawn = w.layout.draw(w.view)
	}
	if err := w.put(w.drawn); err != nil {
		return err
	}
	if w.told {
		return nil
	}
	attrs, err := xproto.GetWindowAttributes(w.conn, w.id).Reply() // after the pixels
	if err != nil {
		return fmt.Errorf("ask whether the window is seen: %w", err)
	}
	if attrs.MapState == xproto.MapStateViewable {
		w.told = true
		w.tell(Shown)
	}
	return nil
}

// put sends pixels, in pieces that the server takes.
func (w *window) put(img *image.RGBA) error {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	most := (int(xproto.Setup(w.conn).MaximumRequestLength)*4 - 64) / (width * 4)
	for top := 0; top < height; top += most {
		rows := min(most, height-top)
		data := make([]byte, rows*width*4)
		for y := range rows {
			from := img.Pix[(top+y)*img.Stride:]
			to := data[y*width*4:]
			for x := 0; x < width*4; x += 4 {
				to[x], to[x+1], to[x+2] = from[x+2], from[x+1], from[x]
			}
		}
		err := xproto.PutImageChecked(w.conn, xproto.ImageFormatZPixmap, xproto.Drawable(w.id), w.gc, uint16(width), uint16(rows), 0, int16(top),
			0, w.screen.RootDepth, data).Check()
		if err != nil {
			return fmt.Errorf("draw: %w", err)
		}
	}
	return nil
}

// Keysyms that this window knows (keysymdef.h).
const (
	keyTab, keyLeftTab, keyReturn, keyEnter = 0xff09, 0xfe20, 0xff0d, 0xff8d
	keyHome, keyUp, keyDown, keyEnd         = 0xff50, 0xff52, 0xff54, 0xff57
	keyPageUp, keyPageDown, keySpace        = 0xff55, 0xff56, 0x20
)

// key acts on a key. Until somebody presses Tab no button is chosen, so that
// nobody answers who was typing something else.
func (w *window) key(sym xproto.Keysym, shift bool) error {
	n := len(w.layout.buttons)
	page := w.layout.visible(w.view.height)
	switch sym {
	case keyTab, keyLeftTab:
		if shift || sym == keyLeftTab {
			w.view.chosen = (max(w.view.chosen, 0) + n - 1) % n
		} else {
			w.view.chosen = (w.view.chosen + 1) % n
		}
		return w.paint(true)
	case keyReturn, keyEnter, keySpace:
		if w.view.chosen >= 0 {
			return w.press(w.layout.buttons[w.view.chosen].does)
		}
	case keyUp:
		return w.scroll(-w.layout.px(bodyLine))
	case keyDown:
		return w.scroll(w.layout.px(bodyLine))
	case keyPageUp:
		return w.scroll(-page)
	case keyPageDown:
		return w.scroll(page)
	case keyHome:
		return w.scroll(-w.layout.body)
	case keyEnd:
		return w.scroll(w.layout.body)
	}
	return nil
}

func (w *window) scroll(by int) error {
	to := min(max(w.view.scroll+by, 0), w.layout.maxScroll(w.view.height))
	if to == w.view.scroll {
		return nil
	}
	w.view.scroll = to
	return w.paint(true)
}

func (w *window) click(ev xproto.ButtonPressEvent) error {
	const left, wheelUp, wheelDown = 1, 4, 5
	switch ev.Detail {
	case wheelUp:
		return w.scroll(-3 * w.layout.px(bodyLine))
	case wheelDown:
		return w.scroll(3 * w.layout.px(bodyLine))
	case left:
		at := image.Pt(int(ev.EventX), int(ev.EventY)-w.layout.footAt(w.view.height))
		for _, b := range w.layout.buttons {
			if at.In(b.at) {
				return w.press(b.does)
			}
		}
	}
	return nil
}

func (w *window) press(e Event) error {
	w.tell(e)
	if e == Help {
		return nil
	}
	return errDone
}
