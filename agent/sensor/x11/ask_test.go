package x11

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// An event that comes between a request and its reply does not have the reader
// rest before it reads the reply: windows are switched in a rush of events, and
// each is asked about many times.
func TestReplyDoesNotWaitForTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := socket.NewPace()
		pace.Hold(false)
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer theirs.Close()
			_, _ = io.ReadFull(theirs, make([]byte, 12))
			_, _ = theirs.Write(greeting())
			_, _ = theirs.Write(packet(evMapNotify, 0, 0))
			for seq := uint16(1); ; seq++ {
				if _, err := io.ReadFull(theirs, make([]byte, 4)); err != nil {
					return
				}
				for _, p := range [][]byte{packet(evMapNotify, seq, 0), packet(packetError, seq-1, 0), packet(packetReply, seq, 0)} {
					time.Sleep(time.Millisecond)
					_, _ = theirs.Write(p)
				}
			}
		}()
		w, err := newWire(ours, nil, pace)
		if err != nil {
			t.Fatal(err)
		}
		<-w.ready
		synctest.Wait() // it rests
		begin := time.Now()
		const asks = 8
		for range asks {
			if _, err := w.ask([]byte{1, 0, 0, 0}, 32); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 3*asks*time.Millisecond {
			t.Errorf("the replies were there in %v, and read after %v", 3*asks*time.Millisecond, took)
		}
		// After the last reply it rests, and tells when that has brought nothing.
		for len(w.ready) > 0 {
			<-w.ready
		}
		<-w.ready
		if since := time.Since(begin); since > 2*socket.Step {
			t.Errorf("the end of the step is told after %v", since)
		}
		if err := w.close(); err != nil {
			t.Error(err)
		}
		<-done
	})
}
