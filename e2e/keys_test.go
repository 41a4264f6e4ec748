//go:build linux

package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// keyboard presses keys in this process, so that the moment of a press is
// known to better than a millisecond; xdotool is a process away.
type keyboard struct {
	conn  *xgb.Conn
	codes map[rune]xproto.Keycode // unshifted characters only
}

func newKeyboard(t testing.TB, d *desktop.Desktop) *keyboard {
	t.Helper()
	// xgb reads the cookie's place from the process's environment.
	if err := os.Setenv("XAUTHORITY", d.Getenv("XAUTHORITY")); err != nil {
		t.Fatal(err)
	}
	conn, err := xgb.NewConnDisplay(d.Display())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := xtest.Init(conn); err != nil {
		t.Fatal(err)
	}
	setup := xproto.Setup(conn)
	first, last := setup.MinKeycode, setup.MaxKeycode
	m, err := xproto.GetKeyboardMapping(conn, first, byte(last-first+1)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	k := &keyboard{conn: conn, codes: map[rune]xproto.Keycode{}}
	for code := first; code < last; code++ {
		sym := rune(m.Keysyms[int(code-first)*int(m.KeysymsPerKeycode)])
		const returnSym = 0xff0d
		if sym == returnSym {
			sym = '\n'
		}
		if _, known := k.codes[sym]; !known {
			k.codes[sym] = code
		}
	}
	return k
}

// burst is the time between two keys of a quick typist's burst.
const burst = 12 * time.Millisecond

// press types text, a key every pace, and returns the moment just before the
// last key went down.
func (k *keyboard) press(t testing.TB, text string, every time.Duration) (last time.Time) {
	t.Helper()
	pace := time.NewTicker(every)
	defer pace.Stop()
	for _, r := range text {
		code, ok := k.codes[r]
		if !ok {
			t.Fatalf("no key for %q", r)
		}
		<-pace.C
		last = time.Now()
		for _, kind := range []byte{xproto.KeyPress, xproto.KeyRelease} {
			if err := xtest.FakeInputChecked(k.conn, kind, byte(code), 0, xproto.WindowNone, 0, 0, 0).Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return last
}
