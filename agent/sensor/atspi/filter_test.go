package atspi

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// message is a signal as the D-Bus library writes it.
func message(t interface{ Fatal(...any) }, order binary.ByteOrder, iface, member string, body ...any) []byte {
	m := &dbus.Message{
		Type: dbus.TypeSignal,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath("/org/a11y/atspi/accessible/7")),
			dbus.FieldInterface: dbus.MakeVariant(iface),
			dbus.FieldMember:    dbus.MakeVariant(member),
			dbus.FieldSender:    dbus.MakeVariant(":1.23"),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...)),
		},
		Body: body,
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, order); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func textMessage(t interface{ Fatal(...any) }, order binary.ByteOrder, what string, offset, length int32, text any) []byte {
	return message(t, order, "org.a11y.atspi.Event.Object", "TextChanged",
		what, offset, length, dbus.MakeVariant(text), map[string]dbus.Variant{"x": dbus.MakeVariant(int32(1))})
}

// through sends b over a socket, and returns what a filter hands on and what it tells.
func through(t interface {
	Fatal(...any)
	Error(...any)
}, b []byte) (rest []byte, told []Changed) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Write(b)
		_ = theirs.Close()
	}()
	s, err := socket.NewStream(ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &filter{Stream: s, framed: true, changed: func(sender string, ev Changed) {
		if sender != ev.Ref.Sender {
			t.Error("two senders")
		}
		told = append(told, ev)
	}}
	rest, _ = io.ReadAll(f)
	return rest, told
}

// The filter makes the same of an event as the library and textChanged.
func TestFilterAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.SampledFrom([]binary.ByteOrder{binary.LittleEndian, binary.BigEndian}).Draw(t, "order")
		what := rapid.SampledFrom([]string{"insert", "insert/system", "delete", "replace", ""}).Draw(t, "what")
		offset, length := rapid.Int32Range(-2, 9000).Draw(t, "offset"), rapid.Int32Range(-2, 9000).Draw(t, "length")
		var text any = rapid.StringOfN(rapid.RuneFrom([]rune("aé😀 \n\u2029")), 0, 300, -1).Draw(t, "text")
		if rapid.IntRange(0, 9).Draw(t, "other type") == 0 {
			text = int32(5)
		}
		b := textMessage(t, order, what, offset, length, text)
		m, err := dbus.DecodeMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		want, ok := textChanged(m.Body)
		rest, told := through(t, b)
		if len(rest) != 0 {
			t.Fatalf("%d bytes were handed on", len(rest))
		}
		if !ok {
			if len(told) != 0 {
				t.Fatalf("told %+v, the library nothing", told)
			}
			return
		}
		want.Ref = Ref{Sender: ":1.23", Path: "/org/a11y/atspi/accessible/7"}
		if len(told) != 1 || told[0] != want {
			t.Fatalf("told %+v, want %+v", told, want)
		}
	})
}

// What toolkits tell otherwise than others.
func TestChanges(t *testing.T) {
	for _, tc := range []struct {
		name   string
		what   string
		offset int32
		text   string
		want   Changed
		ok     bool
	}{
		{"GTK 4.8 pastes at a place before the start", "insert", -14, "from elsewhere", Changed{Inserted: true, Text: "from elsewhere", Length: 1}, true},
		{"Qt ends a paragraph", "insert", 3, "a\u2029b\u2028c", Changed{Inserted: true, Offset: 3, Text: "a\nb\nc", Length: 1}, true},
		{"what was taken out", "delete:system", 3, "x", Changed{Offset: 3, Text: "x", Length: 1}, true},
		{"taken out nowhere", "delete", -1, "x", Changed{}, false},
		{"nothing put in", "insert", 1, "", Changed{}, false},
	} {
		ev, ok := change(tc.what, tc.offset, 1, tc.text)
		if ok != tc.ok || ok && ev != tc.want {
			t.Errorf("%s: %+v, %v", tc.name, ev, ok)
		}
	}
}

// All else is handed on byte for byte, in its order.
func TestFilterHandsOnTheRest(t *testing.T) {
	le := binary.LittleEndian
	focus := message(t, le, "org.a11y.atspi.Event.Object", "StateChanged", "focused", int32(1), int32(0), dbus.MakeVariant("x"))
	other := message(t, le, "org.example.Other", "TextChanged", "insert", int32(1), int32(1), dbus.MakeVariant("x"))
	long := textMessage(t, le, "insert", 0, 1, string(bytes.Repeat([]byte("long "), maxChange/5)))
	empty := message(t, binary.BigEndian, "org.a11y.atspi.Event.Object", "TextChanged")
	text := textMessage(t, le, "insert", 3, 1, "x")
	rest, told := through(t, slices.Concat(focus, text, other, text, long, empty, text))
	if want := slices.Concat(focus, other, long, empty); !bytes.Equal(rest, want) {
		t.Errorf("%d bytes handed on, want %d", len(rest), len(want))
	}
	if len(told) != 3 {
		t.Errorf("told %d changes, want 3", len(told))
	}
}

// Until the greeting is over, lines pass and no message is looked for.
func TestFilterWaitsForTheGreeting(t *testing.T) {
	ours, theirs := net.Pipe()
	s, err := socket.NewStream(ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	told := make(chan Changed, 1)
	f := &filter{Stream: s, changed: func(_ string, ev Changed) { told <- ev }}
	heard := make(chan string, 3)
	go func() {
		defer theirs.Close()
		for _, answer := range []string{"OK 1234\r\n", "AGREE\r\n"} {
			b := make([]byte, 64)
			n, _ := theirs.Read(b)
			heard <- string(b[:n])
			_, _ = io.WriteString(theirs, answer)
		}
		b := make([]byte, 64)
		n, _ := theirs.Read(b)
		heard <- string(b[:n])
		_, _ = theirs.Write(textMessage(t, binary.LittleEndian, "insert", 0, 1, "x"))
	}()
	for _, line := range []string{"AUTH\r\n", "NEGOTIATE\r\n"} {
		if _, err := io.WriteString(f, line); err != nil || <-heard != line {
			t.Fatal(err)
		}
		b := make([]byte, 64)
		if n, err := f.Read(b); err != nil || b[n-1] != '\n' {
			t.Fatalf("%q, %v", b[:n], err)
		}
	}
	if _, err := io.WriteString(f, "BEGIN\r\n"); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(f); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
	select {
	case ev := <-told:
		if ev.Text != "x" {
			t.Errorf("%+v", ev)
		}
	default:
		t.Error("nothing was told")
	}
}

// Nothing panics or is made up, whatever the bus sends.
func FuzzFilter(f *testing.F) {
	f.Add(textMessage(f, binary.LittleEndian, "insert", 0, 1, "x"))
	f.Add(textMessage(f, binary.BigEndian, "delete", 0, 1, ""))
	f.Add(message(f, binary.LittleEndian, "org.example.Other", "Thing", int32(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		rest, told := through(t, b)
		if len(rest) > len(b) {
			t.Errorf("%d bytes of %d handed on", len(rest), len(b))
		}
		for _, ev := range told {
			if ev.Offset < 0 || ev.Length < 0 || ev.Inserted && ev.Text == "" {
				t.Errorf("told %+v", ev)
			}
		}
	})
}
