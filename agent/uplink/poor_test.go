package uplink_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/testkit/badlink"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// through makes the device reach its collector by another dial.
func (d *device) through(dial identity.Dial) {
	d.link = identity.NewLink(d.link.Identity(), d.clock, 0.5, dial, options)
}

// The laptop's lid is closed for an hour in the middle of a stream. The
// connection is dead then, and the device does not wait for it to say so.
func TestWakesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		d.put(spool.Urgent, 1)
		d.arrived(1)
		d.sleep(time.Hour)
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if n := len(d.collector.Hellos()); n != 2 {
			t.Errorf("%d streams 35 s after waking, want a second one", n)
		}
		// A sleep through the moment of renewal: it is made up for at once.
		d.sleep(21 * 24 * time.Hour)
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if n := d.collector.Renewed(); n != 1 {
			t.Errorf("renewed %d times after waking, want 1", n)
		}
		// And one while it waits for its next attempt.
		d.collector.SetDown(true)
		time.Sleep(30 * time.Minute)
		d.collector.SetDown(false)
		d.sleep(time.Hour)
		d.put(spool.Urgent, 1)
		begin := time.Now()
		d.arrived(2)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("came back %v after waking", took)
		}
	})
}

// A network that is slow, goes silent and breaks: everything arrives once, in
// order, and batches become as small as the link needs.
func TestPoorLink(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := &fakecollector.Collector{}
				d := newDevice(t, c)
				poor := badlink.Poor{Delay: 300 * time.Millisecond, BytesPerSecond: 2000, SilentAfter: 8_000, BreakAfter: 16_000}
				link := badlink.New(c.Dial, seed, poor)
				d.through(link.Connect)
				largest, poorly := 0, false
				c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
					largest = max(largest, len(b.GetEvents()))
					poorly = poorly || len(b.GetEvents()) <= 32
					return fakecollector.Answer{}
				}
				d.put(spool.Routine, 1500)
				d.put(spool.Urgent, 300)
				d.start()
				d.arrived(1800)
				d.emptied()
				if !poorly {
					t.Error("batches never became small")
				}
				// On a good network it grows again.
				link.Set(badlink.Poor{})
				c.SetDown(true)
				largest = 0
				d.put(spool.Routine, 1500) // more than a lane grows through
				c.SetDown(false)
				d.arrived(1800 + 1500)
				if largest < 200 {
					t.Errorf("on a good network again, batches stay at %d events", largest)
				}
			})
		})
	}
}

// Connections that are refused at once say nothing about the size of batches.
func TestFastFailureKeepsBatchesLarge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		d := newDevice(t, c)
		largest := 0
		c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
			largest = max(largest, len(b.GetEvents()))
			return fakecollector.Answer{}
		}
		c.SetDown(true)
		d.put(spool.Routine, 300)
		d.start()
		time.Sleep(time.Hour)
		c.SetDown(false)
		d.arrived(300)
		if largest < 200 {
			t.Errorf("the largest batch had %d events", largest)
		}
	})
}

// What stands in the way has a code, none of them is taken for a failure of
// the device's identity, and the device comes through when it is gone.
func TestWhatStandsInTheWay(t *testing.T) {
	portal := func(answer string) identity.Dial {
		return func(context.Context, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				_, _ = there.Read(make([]byte, 4096))
				_, _ = there.Write([]byte(answer))
			}()
			return here, nil
		}
	}
	for name, tc := range map[string]struct {
		dial func(t *testing.T) identity.Dial
		code string
	}{
		"a log-in page without TLS": {func(*testing.T) identity.Dial {
			return portal("HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n")
		}, conditions.Stranger},
		"TLS by another authority": {func(t *testing.T) identity.Dial {
			other := &fakecollector.Collector{}
			other.Start(t)
			return other.Dial
		}, conditions.Stranger},
		"no DNS": {func(*testing.T) identity.Dial {
			return func(context.Context, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "lapwing.example", IsNotFound: true}}
			}
		}, conditions.NameUnknown},
		"no route": {func(*testing.T) identity.Dial {
			return func(context.Context, string) (net.Conn, error) { return nil, errors.New("no route to host") }
		}, conditions.NoAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := &fakecollector.Collector{}
				d := newDevice(t, c)
				bad := tc.dial(t)
				var open atomic.Bool
				d.through(func(ctx context.Context, address string) (net.Conn, error) {
					if !open.Load() {
						return bad(ctx, address)
					}
					return c.Dial(ctx, address)
				})
				d.put(spool.Urgent, 3)
				d.start()
				time.Sleep(10 * time.Minute)
				if st := d.uplink.Status(); st.State != uplink.Waiting || st.Code != tc.code {
					t.Errorf("state %s, code %q (%s); want waiting, %q", st.State, st.Code, st.Detail, tc.code)
				}
				open.Store(true)
				begin := time.Now()
				d.arrived(3)
				if took := time.Since(begin); took > time.Minute {
					t.Errorf("came through after %v", took)
				}
				if st := d.uplink.Status(); st.Code != "" || c.Renewed() != 0 {
					t.Errorf("connected, and still %q; %d renewals", st.Code, c.Renewed())
				}
			})
		})
	}
}

// The machine's clock is wrong by years, either way: the collector is believed
// by trusted time, the skew is told, and the identity stays the same.
func TestClockWrongByYears(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"1970": -50 * 365 * 24 * time.Hour, "2056": 30 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := newDevice(t, &fakecollector.Collector{})
				begin := time.Now()
				d.clock = identity.NewClock("", begin.Add(-90*24*time.Hour), func() time.Time { return time.Now().Add(wrong) },
					func() time.Duration { return time.Since(begin) })
				d.through(d.collector.Dial)
				d.put(spool.Urgent, 2)
				d.start()
				d.arrived(2)
				st := d.uplink.Status()
				if !st.SkewKnown || st.Skew.Round(time.Minute) != wrong {
					t.Errorf("skew %v, known %v; want %v", st.Skew, st.SkewKnown, wrong)
				}
				// A clock in the future renews at once, for nothing, and then not
				// again; nobody enrols anew.
				time.Sleep(48 * time.Hour)
				if n := d.collector.Renewed(); n > 1 {
					t.Errorf("renewed %d times in two days", n)
				}
				if id := d.link.Identity().Device.ID; id != "device-1" {
					t.Errorf("the device became %s", id)
				}
			})
		})
	}
}

// The collector shows a new certificate of the same authority from one
// connection to the next: nobody notices.
func TestCollectorRenewsItsCertificate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		d.put(spool.Urgent, 1)
		d.arrived(1)
		for i := range 3 {
			d.collector.RotateCertificate(t)
			d.collector.SetDown(true)
			d.collector.SetDown(false)
			d.put(spool.Urgent, 1)
			d.arrived(i + 2)
		}
	})
}
