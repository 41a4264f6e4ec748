package x11

import (
	"errors"
	"fmt"
	"time"
)

// ErrNoIdle says that this server does not tell for how long nobody was there.
var ErrNoIdle = errors.New("the X server does not tell the idle time")

func (c *Conn) findSaver() error {
	major, _, err := c.queryExtension("MIT-SCREEN-SAVER")
	if errors.Is(err, errNoExtension) {
		return nil
	}
	c.ext.saver = major
	return err
}

// Idle is the time since the last key or move of the mouse, by the server's
// own count, which screen savers go by too.
func (c *Conn) Idle() (time.Duration, error) {
	if c.ext.saver == 0 {
		return 0, ErrNoIdle
	}
	const queryInfo = 1
	r, err := c.wire.ask(order.AppendUint32([]byte{c.ext.saver, queryInfo, 0, 0}, uint32(c.Root())), 32)
	if err != nil {
		return 0, fmt.Errorf("query idle time: %w", err)
	}
	return serverTime(order.Uint32(r[16:])), nil
}
