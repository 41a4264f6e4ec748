package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pipe(t *testing.T) (*SessionConn, *ServiceConn) {
	t.Helper()
	a, b := net.Pipe()
	session, service := NewSessionConn(a), NewServiceConn(b)
	t.Cleanup(func() { session.Close(); service.Close() })
	return session, service
}

func hit(excerpt string) *lapwingv1.SessionMessage {
	return &lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Hit{Hit: &lapwingv1.Hit{
		Seq: 7, CaptureId: 3, Capture: &lapwingv1.Capture{Excerpt: excerpt},
	}}}
}

func policy(n int) *lapwingv1.ServiceMessage {
	return &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Policy{Policy: &lapwingv1.SignedPolicy{
		Document: bytes.Repeat([]byte{0xa5}, n),
	}}}
}

func TestMessagesCrossWhole(t *testing.T) {
	session, service := pipe(t)
	sent := make(chan error, 2)
	go func() {
		sent <- session.Send(hit("héllo"))
		sent <- session.Send(hit("second"))
	}()
	for _, want := range []string{"héllo", "second"} {
		got, err := service.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, hit(want)) {
			t.Errorf("got %v, want %q", got, want)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}
	// Larger than one read step, so that the body grows as it arrives.
	go func() { sent <- service.Send(policy(3 << 20)) }()
	got, err := session.Receive()
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, policy(3<<20)) {
		t.Error("the policy changed on its way")
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestLimitsByDirection(t *testing.T) {
	session, service := pipe(t)
	if err := session.Send(hit(strings.Repeat("x", MaxSessionFrame))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("session sends too much: %v, want ErrTooLarge", err)
	}
	if err := service.Send(policy(MaxServiceFrame)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("service sends too much: %v, want ErrTooLarge", err)
	}
}

type readOnly struct{ io.Reader }

func (readOnly) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (readOnly) Close() error              { return nil }

func frame(length uint32, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, length), body...)
}

func TestBadFrames(t *testing.T) {
	good, err := proto.Marshal(hit("ok"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		wire []byte
		want error
	}{
		{"closed between frames", nil, io.EOF},
		{"closed in the length", []byte{0, 0}, io.ErrUnexpectedEOF},
		{"closed in the body", frame(uint32(len(good)), good[:3]), io.ErrUnexpectedEOF},
		{"closed before the body", frame(uint32(len(good)), nil), io.ErrUnexpectedEOF},
		{"empty", frame(0, nil), ErrBadFrame},
		{"one byte too long", frame(MaxSessionFrame+1, nil), ErrTooLarge},
		{"longest length", frame(1<<32-1, nil), ErrTooLarge},
		{"not a message", frame(3, []byte{0xff, 0xff, 0xff}), ErrBadFrame},
		{"no kind", frame(2, []byte{0x78, 0x01}), ErrBadFrame},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := NewServiceConn(readOnly{bytes.NewReader(tc.wire)}).Receive()
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestErrorsQuoteNoText(t *testing.T) {
	const secret = "planted secret"
	wire := frame(uint32(len(secret)), []byte(secret))
	_, err := NewServiceConn(readOnly{bytes.NewReader(wire)}).Receive()
	if err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("error %v", err)
	}
}

func TestCloseWakesReceive(t *testing.T) {
	session, service := pipe(t)
	done := make(chan error, 1)
	go func() { _, err := service.Receive(); done <- err }()
	session.Close()
	if err := <-done; err == nil {
		t.Error("Receive returned no error after Close")
	}
}

func FuzzReceive(f *testing.F) {
	good, err := proto.Marshal(hit("seed"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame(uint32(len(good)), good))
	f.Add(frame(MaxSessionFrame, good))
	f.Add([]byte{0, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, wire []byte) {
		conn := NewServiceConn(readOnly{bytes.NewReader(wire)})
		for range 1 + len(wire)/5 {
			m, err := conn.Receive()
			if err != nil {
				return
			}
			if m.Kind == nil {
				t.Fatal("a message without a kind came through")
			}
		}
		if _, err := conn.Receive(); err == nil {
			t.Fatal("more frames came out than fit in")
		}
	})
}
