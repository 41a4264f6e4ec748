package atspi

import (
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// filter takes the changes of text out of what a bus sends, and leaves all else
// to the D-Bus client. They come with every key, each of another shape of the
// same four values; unpacking them as the client does, by reflection, costs more
// than the sensors and the matching together.
//
// The wire is that of the D-Bus specification 0.38, "Message Protocol".
type filter struct {
	*socket.Stream
	changed func(sender string, ev Changed)

	// framed: the greeting is over, and messages come.
	framed bool
	head   []byte // of the message that is read, as far as it is not handed on
	left   int    // bytes of its body that are handed on from the stream
}

const (
	fixedHead = 16 // bytes of every message before the fields of its header
	// maxHead and maxChange bound what is unpacked here, in bytes; the client has
	// bounds of its own.
	maxHead   = 4 << 10
	maxChange = 256 << 10
)

// Write watches for the end of the greeting: what comes after it are messages.
func (f *filter) Write(p []byte) (int, error) {
	if !f.framed && strings.HasSuffix(string(p), "BEGIN\r\n") {
		f.framed = true // the client reads no more before it has written this
	}
	return f.Stream.Write(p)
}

func (f *filter) Read(p []byte) (int, error) {
	for {
		switch {
		case !f.framed || f.left > 0 && len(f.head) == 0:
			if f.framed {
				p = p[:min(len(p), f.left)]
			}
			n, err := f.Stream.Read(p)
			f.left = max(f.left-n, 0)
			return n, err
		case len(f.head) > 0:
			n := copy(p, f.head)
			f.head = f.head[n:]
			return n, nil
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
}

// next begins a message: either it is one for the client, in head and left, or
// it was told.
func (f *filter) next() error {
	head := make([]byte, fixedHead, 512)
	if _, err := io.ReadFull(f.Stream, head); err != nil {
		return err
	}
	order := orderOf(head[0])
	if order == nil {
		f.head, f.left = head, 0 // the client refuses it
		return nil
	}
	body, fields := int64(order.Uint32(head[4:])), int64(order.Uint32(head[12:]))
	const signal = 4
	padded := (fields + 7) &^ 7
	f.head, f.left = head, int(padded+body)
	if head[1] != signal || fields > maxHead || body > maxChange {
		return nil
	}
	head, err := more(f.Stream, head, int(padded))
	if err != nil {
		return err
	}
	f.head, f.left = head, int(body)
	h := parseHead(order, head[12:])
	if h.member != "TextChanged" || h.iface != "org.a11y.atspi.Event.Object" || !strings.HasPrefix(h.signature, "siiv") {
		return nil
	}
	f.head, f.left = nil, 0
	b, err := more(f.Stream, make([]byte, 0, 512), int(body))
	if err != nil {
		return err
	}
	if ev, ok := parseChange(order, b); ok {
		ev.Ref = Ref{Sender: h.sender, Path: h.path}
		f.changed(h.sender, ev)
	}
	return nil
}

// more appends n bytes of r to b.
func more(r io.Reader, b []byte, n int) ([]byte, error) {
	at := len(b)
	b = append(b, make([]byte, n)...)
	_, err := io.ReadFull(r, b[at:])
	return b, err
}

func orderOf(b byte) binary.ByteOrder {
	switch b {
	case 'l':
		return binary.LittleEndian
	case 'B':
		return binary.BigEndian
	}
	return nil
}

// head is what is needed of a message's header; what is not there is empty.
type head struct{ path, iface, member, sender, signature string }

// parseHead reads the fields of a header: an array of a code and a variant each.
func parseHead(order binary.ByteOrder, b []byte) (h head) {
	r := unpacker{b: b, order: order, shift: 12}
	n := int(r.u32())
	end := r.off + n
	for r.off < end && !r.bad {
		r.align(8)
		code, kind := r.byte(), r.signature()
		var v string
		switch kind {
		case "s", "o":
			v = r.string()
		case "g":
			v = r.signature()
		case "u":
			r.u32()
		default:
			return head{}
		}
		switch code {
		case 1:
			h.path = v
		case 2:
			h.iface = v
		case 3:
			h.member = v
		case 7:
			h.sender = v
		case 8:
			h.signature = v
		}
	}
	if r.bad {
		return head{}
	}
	return h
}

// parseChange reads the beginning of a TextChanged event's body: what happened,
// where, how many characters, and the text in a variant.
func parseChange(order binary.ByteOrder, b []byte) (Changed, bool) {
	r := unpacker{b: b, order: order}
	what := r.string()
	offset, length := int32(r.u32()), int32(r.u32())
	text := ""
	if r.signature() == "s" {
		text = r.string()
	} else if strings.HasPrefix(what, "insert") {
		r.bad = true
	}
	if r.bad || !utf8.ValidString(text) {
		return Changed{}, false
	}
	return change(what, offset, length, text)
}

// unpacker reads values one after the other; after the first that is not there
// it is bad and returns zeros.
type unpacker struct {
	b     []byte
	off   int
	shift int // of b in the message, for alignment
	order binary.ByteOrder
	bad   bool
}

// take returns the next n bytes.
func (r *unpacker) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b)-r.off {
		r.bad = true
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *unpacker) align(n int) { r.take(-(r.off + r.shift) & (n - 1)) }

func (r *unpacker) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *unpacker) u32() uint32 {
	r.align(4)
	if b := r.take(4); b != nil {
		return r.order.Uint32(b)
	}
	return 0
}

func (r *unpacker) string() string {
	n := r.u32()
	if int64(n) > int64(len(r.b)) {
		r.bad = true
	}
	return r.ended(int(n))
}

func (r *unpacker) signature() string { return r.ended(int(r.byte())) }

// ended reads n bytes and the zero byte behind them.
func (r *unpacker) ended(n int) string {
	b := r.take(n + 1)
	if b == nil || b[n] != 0 {
		r.bad = true
		return ""
	}
	return string(b[:n])
}
