package x11

import (
	"errors"
	"fmt"
	"io"
)

// setup is what we need of the server's greeting.
type setup struct {
	root           uint32
	width, height  uint16
	minKey, maxKey uint8
}

// readSetup reads the server's answer to the greeting (protocol, section 8).
func readSetup(r io.Reader) (setup, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return setup{}, fmt.Errorf("read greeting: %w", err)
	}
	body := make([]byte, 4*int(order.Uint16(head[6:])))
	if _, err := io.ReadFull(r, body); err != nil {
		return setup{}, fmt.Errorf("read greeting: %w", err)
	}
	if head[0] != 1 {
		reason := body[:min(len(body), int(head[1]))]
		return setup{}, fmt.Errorf("refused by the X server: %q", reason)
	}
	const fixed = 32
	if len(body) < fixed {
		return setup{}, fmt.Errorf("read greeting: %d bytes are too few", len(body))
	}
	vendor, formats := int(order.Uint16(body[16:])), int(body[21])
	screen := fixed + (vendor+3)&^3 + 8*formats
	if len(body) < screen+40 {
		return setup{}, errors.New("read greeting: it names no screen")
	}
	return setup{
		root:   order.Uint32(body[screen:]),
		width:  order.Uint16(body[screen+20:]),
		height: order.Uint16(body[screen+22:]),
		minKey: body[26],
		maxKey: body[27],
	}, nil
}
