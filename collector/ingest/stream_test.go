package ingest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(m, dir))
	}
	goleak.VerifyTestMain(m)
}

// spy is a store whose commits and reports a test can see and spoil.
type spy struct {
	store.Store
	ingest  func(ctx context.Context, next store.Tenant, all []triage.Arrival) ([]store.Receipt, error)
	reports chan store.DeviceReport
	// read, when set, is called once after a device was read.
	read atomic.Pointer[func()]
}

func (s *spy) School(ctx context.Context, id store.SchoolID) (store.Tenant, error) {
	t, err := s.Store.School(ctx, id)
	return spyTenant{t, s}, err
}

type spyTenant struct {
	store.Tenant
	spy *spy
}

func (t spyTenant) Ingest(ctx context.Context, all []triage.Arrival) ([]store.Receipt, error) {
	if t.spy.ingest != nil {
		return t.spy.ingest(ctx, t.Tenant, all)
	}
	return t.Tenant.Ingest(ctx, all)
}

func (t spyTenant) Device(ctx context.Context, id caseflow.DeviceID) (store.Device, error) {
	d, err := t.Tenant.Device(ctx, id)
	if f := t.spy.read.Swap(nil); f != nil {
		(*f)()
	}
	return d, err
}

func (t spyTenant) Report(ctx context.Context, all []store.DeviceReport) error {
	err := t.Tenant.Report(ctx, all)
	if err == nil && t.spy.reports != nil {
		for _, r := range all {
			t.spy.reports <- r
		}
	}
	return err
}

func openBadger(_ context.Context, dir string) (store.Store, error) {
	return badgerstore.Open(dir, badgerstore.Options{Reserve: 1 << 20, MemTable: 4 << 20})
}

func (s *spy) open(ctx context.Context, dir string) (store.Store, error) {
	var err error
	s.Store, err = openBadger(ctx, dir)
	return s, err
}

type ed25519Key = ed25519.PublicKey

type line = grpc.BidiStreamingClient[lapwingv1.AgentMessage, lapwingv1.CollectorMessage]

// connect opens a stream without saying anything.
func connect(t *testing.T, c *collectortest.Collector, d collectortest.Device) line {
	t.Helper()
	// Not t.Context: that ends before the clean-up that drains the collector.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	s, err := c.AgentDoor(t, d).Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hello() *lapwingv1.AgentMessage {
	return &lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Hello{Hello: &lapwingv1.Hello{
		Protocol: 1, AgentVersion: "1.2", Os: "linux", OsVersion: "Debian 12", Arch: "amd64", Hostname: "lab-1", Boot: []byte(boot),
	}}}
}

func send(t *testing.T, s line, m *lapwingv1.AgentMessage) {
	t.Helper()
	if err := s.Send(m); err != nil && !errors.Is(err, io.EOF) { // EOF: recv tells the status
		t.Fatal(err)
	}
}

func sendBatch(t *testing.T, s line, b *lapwingv1.Batch) {
	t.Helper()
	send(t, s, &lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Batch{Batch: b}})
}

func recv(t *testing.T, s line) *lapwingv1.CollectorMessage {
	t.Helper()
	m, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	if a := m.GetAck(); a != nil && a.Upto == 0 && a.RetryAfterMs == 0 {
		return recv(t, s) // only the time: see TestTheTimeComesFirst
	}
	return m
}

func recvAck(t *testing.T, s line) *lapwingv1.Ack {
	t.Helper()
	m := recv(t, s)
	if m.GetAck() == nil {
		t.Fatalf("got %T, want an ack", m.Kind)
	}
	return m.GetAck()
}

// greet connects, says hello and takes the policy.
func greet(t *testing.T, c *collectortest.Collector, d collectortest.Device) line {
	t.Helper()
	s := connect(t, c, d)
	send(t, s, hello())
	if m := recv(t, s); m.GetPolicy() == nil {
		t.Fatalf("got %T, want a policy", m.Kind)
	}
	return s
}

// ends reads until the stream ends, and checks with what.
func ends(t *testing.T, s line, code codes.Code, word string) {
	t.Helper()
	for {
		_, err := s.Recv()
		if err == nil {
			continue
		}
		if st := status.Convert(err); st.Code() != code || !strings.Contains(st.Message(), word) {
			t.Errorf("stream ended with %v, want %v with %q", err, code, word)
		}
		return
	}
}

func TestAStreamFromHelloToGoodbye(t *testing.T) {
	sp := &spy{reports: make(chan store.DeviceReport, 100)}
	c := collectortest.Start(t, sp.open)
	d := c.Enrol(t)
	s := connect(t, c, d)
	send(t, s, hello())
	signed := recv(t, s).GetPolicy()
	p, err := policydoc.Open(signed, c.Data.Policy.Public().(ed25519Key))
	if err != nil || p.Version != 1 || p.School != "demo-school" || p.Group != "laptops" || len(p.Packs) != 1 {
		t.Fatalf("policy %d of %s/%s with %d packs, %v", p.GetVersion(), p.GetSchool(), p.GetGroup(), len(p.GetPacks()), err)
	}
	r := <-sp.reports
	if !r.Connected || r.AgentVersion != "1.2" || r.Host != "lab-1" {
		t.Errorf("after Hello the store has %+v", r)
	}
	sendBatch(t, s, batch(1, 2))
	if a := recvAck(t, s); a.Upto != 2 || a.Refused != 0 {
		t.Errorf("ack %v, want upto 2", a)
	}
	now := &lapwingv1.DeviceTime{WallMs: c.Clock.Now().Add(time.Hour).UnixMilli(), MonoMs: 5, Boot: []byte(boot)}
	send(t, s, &lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Heartbeat{Heartbeat: &lapwingv1.Heartbeat{
		Now: now, SpoolRecords: 3, DroppedRoutine: 4, MergedUrgent: 5, QuarantinedSegments: 6, Sessions: 2, PolicyVersion: 1,
		Coverage: []*lapwingv1.Coverage{{Sensor: "text", State: lapwingv1.CoverageState_COVERAGE_STATE_LIMITED,
			Code: "role_unavailable", SinceMs: now.WallMs - 60_000}},
	}}})
	for r = <-sp.reports; len(r.Coverage) == 0; r = <-sp.reports {
	}
	if r.SpoolRecords != 3 || r.Dropped != 9 || r.Quarantined != 6 || r.Sessions != 2 || r.PolicyVersion != 1 {
		t.Errorf("after the heartbeat the store has %+v", r)
	}
	if r.SkewMillis < 3_590_000 || r.SkewMillis > 3_600_000 {
		t.Errorf("skew %d ms, want an hour", r.SkewMillis)
	}
	if k := r.Coverage[0]; k.Sensor != "text" || k.State != "limited" || k.Code != "role_unavailable" || r.Seen.Sub(k.Since) != time.Minute {
		t.Errorf("coverage %+v, seen %v; want limited since a minute before", k, r.Seen)
	}
	send(t, s, &lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Goodbye{Goodbye: &lapwingv1.Goodbye{Reason: lapwingv1.Goodbye_REASON_SLEEP}}})
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after Goodbye the stream ended with %v, want OK", err)
	}
	for r = <-sp.reports; r.Connected; r = <-sp.reports {
	}
	if r.Goodbye != "sleep" {
		t.Errorf("goodbye %q, want sleep", r.Goodbye)
	}
	if cases := queue(t, c); cases != 1 {
		t.Errorf("%d cases, want 1", cases)
	}
}

// queue counts the cases of the school.
func queue(t *testing.T, c *collectortest.Collector) int {
	t.Helper()
	page, err := c.School.Queue(t.Context(), caseflow.Actor{System: true}, store.QueueQuery{Now: c.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return page.Total
}

func TestTheAgentDoorRefuses(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), URIs: d.Cert.URIs}
	selfSigned, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, rsaKey.Public(), rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	otherCA, err := tlsx.NewCA("other", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	otherKey, csr := collectortest.NewKey(t)
	foreign, err := otherCA.IssueDevice(csr, tlsx.Device{School: "demo-school", ID: d.ID}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server, err := c.Data.ServerCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for name, cert := range map[string]tls.Certificate{
		"no certificate":      {},
		"a self-signed RSA":   {Certificate: [][]byte{selfSigned}, PrivateKey: rsaKey},
		"another authority's": {Certificate: [][]byte{foreign.Raw}, PrivateKey: otherKey},
		"the collector's own": {Certificate: server.Certificate, PrivateKey: server.PrivateKey.(*ecdsa.PrivateKey)},
		"a key not its own's": {Certificate: [][]byte{d.Cert.Raw}, PrivateKey: otherKey},
	} {
		conn, err := c.DialAgent(t, cert)
		if err != nil {
			continue
		}
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err = conn.Read(make([]byte, 1)) // TLS 1.3: the refusal comes after the client's part
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: let in (%v)", name, err)
		}
		conn.Close()
	}
	ghost := collectortest.Device{Key: otherKey}
	if ghost.Cert, err = c.Data.CA.IssueDevice(csr, tlsx.Device{School: "demo-school", ID: "ghost"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	ends(t, connect(t, c, ghost), codes.PermissionDenied, "not known")
	if ghost.Cert, err = c.Data.CA.IssueDevice(csr, tlsx.Device{School: "no-school", ID: d.ID}, time.Now()); err != nil {
		t.Fatal(err)
	}
	ends(t, connect(t, c, ghost), codes.PermissionDenied, "not known")
}

func TestFramesThatEndAStream(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	badHello := hello()
	badHello.GetHello().Protocol = 2
	badBatch := batch(2, 1)
	for name, tt := range map[string]struct {
		send []*lapwingv1.AgentMessage
		word string
	}{
		"batch before hello": {[]*lapwingv1.AgentMessage{{Kind: &lapwingv1.AgentMessage_Batch{Batch: batch(1)}}}, "first message must be a Hello"},
		"hello twice":        {[]*lapwingv1.AgentMessage{hello(), hello()}, "only the first"},
		"protocol 2":         {[]*lapwingv1.AgentMessage{badHello}, "protocol"},
		"nothing in it":      {[]*lapwingv1.AgentMessage{hello(), {}}, "kind"},
		"seq out of order":   {[]*lapwingv1.AgentMessage{hello(), {Kind: &lapwingv1.AgentMessage_Batch{Batch: badBatch}}}, "seq"},
		"empty heartbeat":    {[]*lapwingv1.AgentMessage{hello(), {Kind: &lapwingv1.AgentMessage_Heartbeat{Heartbeat: &lapwingv1.Heartbeat{}}}}, "now"},
		"empty goodbye":      {[]*lapwingv1.AgentMessage{hello(), {Kind: &lapwingv1.AgentMessage_Goodbye{Goodbye: &lapwingv1.Goodbye{}}}}, "reason"},
	} {
		t.Run(name, func(t *testing.T) {
			s := connect(t, c, d)
			for _, m := range tt.send {
				send(t, s, m)
			}
			ends(t, s, codes.InvalidArgument, tt.word)
		})
	}
	t.Run("garbage", func(t *testing.T) {
		ends(t, connectRaw(t, c, d, []byte("\xff\xff\xffgarbage")), codes.Internal, "unmarshal")
	})
	t.Run("oversized", func(t *testing.T) {
		ends(t, connectRaw(t, c, d, make([]byte, lapwingv1.MaxFrame+1)), codes.ResourceExhausted, "larger than")
	})
	// And the device is let in again.
	sendAfter := greet(t, c, d)
	sendBatch(t, sendAfter, batch(1))
	if a := recvAck(t, sendAfter); a.Upto != 1 {
		t.Errorf("ack %v, want upto 1", a)
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (rawCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

// connectRaw opens a stream and sends one frame of any bytes.
func connectRaw(t *testing.T, c *collectortest.Collector, d collectortest.Device, frame []byte) line {
	t.Helper()
	conn, err := c.DialAgent(t, tls.Certificate{Certificate: [][]byte{d.Cert.Raw}, PrivateKey: d.Key})
	if err != nil {
		t.Fatal(err)
	}
	cc, err := tlsx.NewClientConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	s, err := cc.NewStream(ctx, desc, lapwingv1.AgentService_Stream_FullMethodName, grpc.ForceCodecV2(rawCodec{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendMsg(&frame); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return &grpc.GenericClientStream[lapwingv1.AgentMessage, lapwingv1.CollectorMessage]{ClientStream: s}
}

func TestRevokedDevices(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	s := greet(t, c, d)
	_, err := c.Control.RevokeDevice(t.Context(), &lapwingv1.RevokeDeviceRequest{Device: d.ID, Reason: "Stolen from the lab"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []line{s, connect(t, c, d)} { // the live stream, and a new one
		if m := recv(t, s); m.GetRevoked().GetReason() != "Stolen from the lab" {
			t.Errorf("got %v, want Revoked with its reason", m)
		}
		ends(t, s, codes.PermissionDenied, "revoked")
	}
	_, csr := collectortest.NewKey(t)
	_, err = c.AgentDoor(t, d).Renew(t.Context(), &lapwingv1.AgentServiceRenewRequest{Csr: csr})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("renewal: %v, want PermissionDenied", err)
	}
}

// A revocation must also reach a stream that is just being opened.
func TestRevokedWhileConnecting(t *testing.T) {
	sp := &spy{}
	c := collectortest.Start(t, sp.open)
	d := c.Enrol(t)
	revoke := func() {
		_, err := c.Control.RevokeDevice(context.Background(), &lapwingv1.RevokeDeviceRequest{Device: d.ID, Reason: "Stolen"})
		if err != nil {
			t.Error(err)
		}
	}
	sp.read.Store(&revoke)
	s := connect(t, c, d)
	send(t, s, hello())
	if m := recv(t, s); m.GetRevoked().GetReason() != "Stolen" {
		t.Errorf("got %v, want Revoked", m)
	}
	ends(t, s, codes.PermissionDenied, "revoked")
}

func TestTheTimeComesFirst(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	s := connect(t, c, c.Enrol(t))
	before := c.Clock.Now().UnixMilli()
	send(t, s, hello())
	m, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	a := m.GetAck()
	right := a.GetServerTimeMs() >= before && a.GetServerTimeMs() <= c.Clock.Now().UnixMilli()
	if !right || m.Validate() != nil || a.Upto != 0 || a.RetryAfterMs != 0 {
		t.Errorf("got %v, want the time alone", m)
	}
}

// After a restore the collector may be behind its devices, which keep what they have.
func TestADeviceWithANewerPolicyIsCounted(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	s := connect(t, c, c.Enrol(t))
	h := hello()
	h.GetHello().PolicyVersion = 7
	send(t, s, h)
	sendBatch(t, s, batch(1))
	recvAck(t, s) // fails if a policy comes first
	if n := total(t, c.Metrics, "lapwing_agent_policies_behind_total"); n != 1 {
		t.Errorf("counted %v times, want 1", n)
	}
}

func TestTheNewestConnectionWins(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	connected := func() bool {
		c.Ingest.FlushReports(t.Context())
		kept, err := c.School.Device(t.Context(), caseflow.DeviceID(d.ID))
		if err != nil {
			t.Fatal(err)
		}
		return kept.Report.Connected
	}
	old := greet(t, c, d)
	young := connect(t, c, d)
	ends(t, old, codes.Aborted, "newer connection")
	if !connected() {
		t.Error("the old stream's end was stored as the device's")
	}
	send(t, young, hello())
	if m := recv(t, young); m.GetPolicy() == nil {
		t.Fatalf("got %T, want a policy", m.Kind)
	}
	sendBatch(t, young, batch(1))
	if a := recvAck(t, young); a.Upto != 1 {
		t.Errorf("ack %v, want upto 1", a)
	}
	c.Drain()
	ends(t, young, codes.Unavailable, "restarting")
	if connected() {
		t.Error("after the end of its stream the device is stored as connected")
	}
}

func TestAPolicyThatTheDeviceHasIsNotSentAgain(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	greet(t, c, d) // version 1
	s := connect(t, c, d)
	h := hello()
	h.GetHello().PolicyVersion = 1
	send(t, s, h)
	sendBatch(t, s, batch(1))
	recvAck(t, s) // fails if a policy comes first
}

func TestAStreamsTimeIsUp(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	c.Ingest.SetLife(0)
	s := greet(t, c, c.Enrol(t))
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end with status OK", err)
	}
}

func TestACertificateThatEndsSoonIsToBeRenewed(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	c.Clock.Advance(22 * 24 * time.Hour)
	greet(t, c, d) // fails if anything but a policy comes first
	c.Clock.Advance(24 * time.Hour)
	s := connect(t, c, d)
	send(t, s, hello())
	if m := recv(t, s); m.GetRenewalHint() == nil {
		t.Errorf("got %T, want a renewal hint", m.Kind)
	}
}

func TestAPolicyIsPushedWhenItChanges(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	s := greet(t, c, c.Enrol(t))
	if err := c.Policy.SetRules(collectortest.Rules("school")); err != nil {
		t.Fatal(err)
	}
	p, err := policydoc.Open(recv(t, s).GetPolicy(), c.Data.Policy.Public().(ed25519Key))
	if err != nil || p.Version != 2 || len(p.Packs) != 1 || p.Packs[0].Name != "school" {
		t.Errorf("pushed %d %v, %v; want version 2 of the new pack", p.GetVersion(), p.GetPacks(), err)
	}
}

// A device sends on before it reads that a batch was put off. Acknowledging a
// later batch would lose the first.
func TestNothingAfterABatchThatWasPutOffIsAcknowledged(t *testing.T) {
	sp := &spy{}
	sp.ingest = func(ctx context.Context, next store.Tenant, all []triage.Arrival) ([]store.Receipt, error) {
		if all[0].Seq == 11 {
			sp.ingest = nil
			return nil, store.ErrFull
		}
		return next.Ingest(ctx, all)
	}
	c := collectortest.Start(t, sp.open)
	s := greet(t, c, c.Enrol(t))
	// The third was acknowledged long ago and is offered again.
	for _, b := range []*lapwingv1.Batch{batch(11, 12), batch(13, 14), batch(5, 6), batch(15)} {
		sendBatch(t, s, b)
	}
	for _, upto := range []uint64{0, 0, 6, 0} {
		if a := recvAck(t, s); a.Upto != upto || (a.RetryAfterMs == 0) != (upto > 0) {
			t.Errorf("ack %v, want upto %d, and to wait if that is 0", a, upto)
		}
	}
	routine := batch(1)
	routine.Lane, routine.Events[0].Lane = lapwingv1.Lane_LANE_ROUTINE, lapwingv1.Lane_LANE_ROUTINE
	routine.Events[0].Id = []byte("a routine event!")
	sendBatch(t, s, routine)
	if a := recvAck(t, s); a.Upto != 1 || a.Lane != lapwingv1.Lane_LANE_ROUTINE {
		t.Errorf("the other lane: %v, want upto 1", a)
	}
	// The spool has dropped event 11 in the meantime; it goes back to 12.
	for _, b := range []*lapwingv1.Batch{batch(12), batch(13, 14, 15)} {
		sendBatch(t, s, b)
		if a := recvAck(t, s); a.Upto != b.Events[len(b.Events)-1].Seq {
			t.Errorf("after going back: %v, want upto %d", a, b.Events[len(b.Events)-1].Seq)
		}
	}
}

func TestADeviceThatFloodsIsPutOffThenEnded(t *testing.T) {
	sp := &spy{ingest: func(_ context.Context, _ store.Tenant, all []triage.Arrival) ([]store.Receipt, error) {
		return make([]store.Receipt, len(all)), nil
	}}
	c := collectortest.Start(t, sp.open)
	s := greet(t, c, c.Enrol(t))
	b := batch(many(512)...)
	for _, e := range b.Events { // nothing to seal: this is about counting
		e.Account, e.Body = "", &lapwingv1.Event_Tamper{Tamper: &lapwingv1.Tamper{Code: "flood", Count: 1}}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s.Send(&lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Batch{Batch: b}}) == nil {
		}
	}()
	kept, putOff := 0, 0
	for {
		m, err := s.Recv()
		if err != nil {
			if status.Code(err) != codes.ResourceExhausted {
				t.Errorf("ended with %v, want ResourceExhausted", err)
			}
			break
		}
		if m.GetAck().GetRetryAfterMs() > 0 {
			putOff++
		} else if m.GetAck().GetUpto() > 0 {
			kept++
		}
	}
	<-ended
	if kept < 10_000/512 || kept > 10_000/512+5 || putOff < 60 {
		t.Errorf("%d batches kept, %d put off; want the burst of 10,000 events kept and 60 warnings", kept, putOff)
	}
}

func TestAPanicEndsItsOwnStreamOnly(t *testing.T) {
	sp := &spy{}
	c := collectortest.Start(t, sp.open)
	other := greet(t, c, c.Enrol(t))
	d := c.Enrol(t)
	s := greet(t, c, d)
	sp.ingest = func(context.Context, store.Tenant, []triage.Arrival) ([]store.Receipt, error) { panic("planted panic") }
	sendBatch(t, s, batch(1))
	_, err := s.Recv()
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "planted") {
		t.Errorf("got %v, want Internal without the panic's words", err)
	}
	sp.ingest = nil
	sendBatch(t, other, batch(1))
	if a := recvAck(t, other); a.Upto != 1 {
		t.Errorf("another device: %v, want upto 1", a)
	}
	again := greet(t, c, d)
	sendBatch(t, again, batch(1))
	if a := recvAck(t, again); a.Upto != 1 {
		t.Errorf("the same device again: %v, want upto 1", a)
	}
}
