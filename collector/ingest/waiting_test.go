package ingest_test

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// enrolMany enrols a device with a string that several can use.
func enrolMany(t *testing.T, c *collectortest.Collector, fingerprint []byte) collectortest.Device {
	t.Helper()
	key, csr := collectortest.NewKey(t)
	e := c.Token(t, &lapwingv1.CreateTokenRequest{Uses: 30})
	resp, err := c.EnrolDoor(t, e).Enrol(t.Context(), &lapwingv1.EnrolRequest{
		Token: e.Token, Csr: csr, Hostname: "lab-7", Os: "linux", AgentVersion: "1.0", Fingerprint: fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(resp.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	return collectortest.Device{ID: resp.DeviceId, Key: key, Cert: cert}
}

func device(t *testing.T, c *collectortest.Collector, id string) store.Device {
	t.Helper()
	d, err := c.School.Device(t.Context(), caseflow.DeviceID(id))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What a device of a multi-use token sends is put off until a technician
// releases it; then it is taken on the stream that is open.
func TestAHeldDeviceKeepsItsEventsUntilItIsReleased(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := enrolMany(t, c, nil)
	s := greet(t, c, d)
	sendBatch(t, s, batch(1, 2))
	if a := recvAck(t, s); a.Upto != 0 || a.RetryAfterMs != 60_000 {
		t.Fatalf("a held device's batch was answered with %v", a)
	}
	if p, err := c.School.Queue(t.Context(), caseflow.Actor{System: true}, store.QueueQuery{}); err != nil || p.Total != 0 {
		t.Fatalf("%d cases of a held device, %v", p.Total, err)
	}
	held := device(t, c, d.ID)
	resp, err := c.Control.ReleaseToken(t.Context(), &lapwingv1.ReleaseTokenRequest{Batch: held.Batch})
	if err != nil || len(resp.Released) != 1 || resp.Released[0] != d.ID {
		t.Fatalf("released %v, %v", resp.GetReleased(), err)
	}
	sendBatch(t, s, batch(1, 2))
	if a := recvAck(t, s); a.Upto != 2 || a.Refused != 0 {
		t.Fatalf("after the release: %v, want upto 2", a)
	}
	if p, err := c.School.Queue(t.Context(), caseflow.Actor{System: true}, store.QueueQuery{}); err != nil || p.Total == 0 {
		t.Errorf("%d cases after the release, %v", p.Total, err)
	}
	// One that connects later is taken at once.
	s = greet(t, c, d)
	sendBatch(t, s, batch(3))
	if a := recvAck(t, s); a.Upto != 3 {
		t.Errorf("on a new stream: %v", a)
	}
}

// helloOf is a Hello from one machine.
func helloOf(bootID byte, fingerprint []byte) *lapwingv1.AgentMessage {
	m := hello()
	m.GetHello().Boot = bytes.Repeat([]byte{bootID}, 16)
	m.GetHello().Fingerprint = fingerprint
	return m
}

func meet(t *testing.T, c *collectortest.Collector, d collectortest.Device, h *lapwingv1.AgentMessage) {
	t.Helper()
	s := connect(t, c, d)
	send(t, s, h)
	recv(t, s) // the policy: the Hello has been dealt with
}

func TestOtherHardwareIsASuspectedClone(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	board, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	d := enrolMany(t, c, board)
	for _, known := range [][]byte{board, nil} {
		meet(t, c, d, helloOf(1, known))
		if got := device(t, c, d.ID); !got.Suspect.IsZero() {
			t.Fatalf("suspected with hardware %x: %s", known, got.SuspectWhy)
		}
	}
	meet(t, c, d, helloOf(1, other))
	if got := device(t, c, d.ID); got.Suspect.IsZero() || got.SuspectWhy != store.SuspectHardware {
		t.Errorf("a clone is not suspected: %+v", got)
	}
	entries, err := c.School.Entries(t.Context(), 0, 0)
	if err != nil || entries[len(entries)-1].Action != audit.DeviceSuspected {
		t.Errorf("the ledger does not end with the suspicion: %v", err)
	}
}

func TestOtherHardwareShowsAtRenewalToo(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := enrolMany(t, c, bytes.Repeat([]byte{1}, 32))
	door := c.AgentDoor(t, d)
	for i, fp := range [][]byte{nil, bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)} {
		_, csr := collectortest.NewKey(t)
		if _, err := door.Renew(t.Context(), &lapwingv1.AgentServiceRenewRequest{Csr: csr, Fingerprint: fp}); err != nil {
			t.Fatal(err) // a board may have been replaced: it is renewed all the same
		}
		if got := device(t, c, d.ID); got.Suspect.IsZero() != (i < 2) {
			t.Errorf("renewal %d: suspected %v", i, !got.Suspect.IsZero())
		}
	}
}

// Two machines that take turns on one identity are found without any hardware
// facts; a machine that is started again and again is not.
func TestTwoMachinesOnOneIdentity(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := enrolMany(t, c, nil)
	for _, b := range []byte{1, 1, 2, 2, 3, 4, 5, 6} {
		meet(t, c, d, helloOf(b, nil))
	}
	if got := device(t, c, d.ID); !got.Suspect.IsZero() {
		t.Fatalf("a machine that was restarted is suspected: %s", got.SuspectWhy)
	}
	meet(t, c, d, helloOf(5, nil))
	if got := device(t, c, d.ID); got.SuspectWhy != store.SuspectTwo {
		t.Errorf("boot 5 came back after boot 6: %+v", got)
	}
}

// After a restore devices are asked once a stream for a day: those that are
// connected at once.
func TestDevicesAreAskedAgain(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	s := greet(t, c, d)
	sendBatch(t, s, batch(1, 2))
	recvAck(t, s)
	since := c.Clock.Now().Add(-2 * time.Hour).UnixMilli()
	if _, err := c.Control.AskAgain(t.Context(), &lapwingv1.AskAgainRequest{SinceMs: since}); err != nil {
		t.Fatal(err)
	}
	if m := recv(t, s).GetReoffer(); m.GetSinceMs() != since {
		t.Fatalf("asked for %v, want since %d", m, since)
	}
	sendBatch(t, s, batch(1, 2)) // what it offers again is kept once
	if a := recvAck(t, s); a.Upto != 2 {
		t.Errorf("%v", a)
	}
	s = greet(t, c, d)
	if m := recv(t, s).GetReoffer(); m.GetSinceMs() != since {
		t.Errorf("a new stream is asked for %v", m)
	}
	c.Clock.Advance(store.ReofferFor)
	s = greet(t, c, d)
	sendBatch(t, s, batch(3))
	if m := recv(t, s); m.GetAck() == nil {
		t.Errorf("a day later: %v", m)
	}
	if _, err := c.Control.AskAgain(t.Context(), &lapwingv1.AskAgainRequest{SinceMs: c.Clock.Now().Add(time.Hour).UnixMilli()}); err == nil {
		t.Error("the future was asked for")
	}
}
