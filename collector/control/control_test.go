package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/control"
	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/token"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"

	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func openBadger(_ context.Context, dir string) (store.Store, error) {
	return badgerstore.Open(dir, badgerstore.Options{Reserve: 1 << 20, MemTable: 1 << 20})
}

// installation is a data directory without a server.
type installation struct {
	dir     string
	revoked []string
}

func install(t *testing.T) *installation {
	t.Helper()
	in := &installation{dir: filepath.Join(t.TempDir(), "data")}
	_, err := datadir.Init(t.Context(), in.dir, datadir.Options{
		School: "Demo School", Console: "https://localhost:8443", Now: time.Now, OpenStore: openBadger,
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// open makes the service as a command does while no server runs.
func (in *installation) open() (*control.Service, io.Closer, error) {
	d, err := datadir.Open(in.dir, time.Now())
	if err != nil {
		return nil, nil, err
	}
	s, err := openBadger(context.Background(), datadir.StorePath(in.dir))
	if err != nil {
		return nil, nil, err
	}
	cases, err := casework.New(casework.Config{Vault: d.Vault, Now: time.Now})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return control.New(control.Config{
		Store: s, Cases: cases, Console: "https://lapwing.example:8443",
		Revoked: func(_ store.SchoolID, id caseflow.DeviceID, reason string) {
			in.revoked = append(in.revoked, string(id)+" "+reason)
		},
		Fleet: fleet.New(fleet.Config{CAFingerprint: d.CA.Fingerprint(), Agents: "lapwing.example:9443", Now: time.Now}),
		Now:   time.Now, Log: slog.New(slog.DiscardHandler),
	}), s, nil
}

// client connects as a command does.
func (in *installation) client(t *testing.T) *control.Client {
	t.Helper()
	c, err := control.Connect(in.dir, in.open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// serve runs a server on the directory until the test ends.
func (in *installation) serve(t *testing.T) (stop func()) {
	t.Helper()
	svc, closer, err := in.open()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := control.Serve(ctx, in.dir, svc); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := closer.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	t.Cleanup(stop)
	path := datadir.SocketPath(in.dir)
	for { // the server tells nobody when it listens; its socket does
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
			return stop
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

// both runs a test against a stopped and a running collector.
func both(t *testing.T, test func(t *testing.T, in *installation)) {
	t.Run("stopped", func(t *testing.T) { test(t, install(t)) })
	t.Run("running", func(t *testing.T) {
		in := install(t)
		in.serve(t)
		if c := in.client(t); !c.Running {
			t.Error("the command did not find the server")
		}
		test(t, in)
	})
}

func TestCreateToken(t *testing.T) {
	both(t, func(t *testing.T, in *installation) {
		c := in.client(t)
		resp, err := c.CreateToken(t.Context(), &lapwingv1.CreateTokenRequest{Group: "year-7"})
		if err != nil {
			t.Fatal(err)
		}
		e, err := tlsx.ParseEnrolment(resp.EnrolmentString)
		if err != nil || e.Address() != "lapwing.example:9443" || token.School(e.Token) != "demo-school" {
			t.Errorf("string for %s of %s, %v", e.Address(), token.School(e.Token), err)
		}
		resp, err = c.CreateToken(t.Context(), &lapwingv1.CreateTokenRequest{Group: "g", Audience: "mixed", Uses: 30, ExpiresSeconds: 3600, Address: "[2001:db8::1]:443"})
		if err != nil {
			t.Fatal(err)
		}
		if e, err := tlsx.ParseEnrolment(resp.EnrolmentString); err != nil || e.Address() != "[2001:db8::1]:443" {
			t.Errorf("string for %s, %v", e.Address(), err)
		}
		for word, req := range map[string]*lapwingv1.CreateTokenRequest{
			"group":     {},
			"group has": {Group: strings.Repeat("g", 65)},
			"shown":     {Group: "a\nb"},
			"audience":  {Group: "g", Audience: "everyone"},
			"uses":      {Group: "g", Uses: 10_001},
			"expected":  {Group: "g", Uses: 5, Expected: 6},
			"network":   {Group: "g", Network: "the lab"},
			"expires":   {Group: "g", ExpiresSeconds: 59},
			"address":   {Group: "g", Address: "lapwing.example"},
			"port":      {Group: "g", Address: "lapwing.example:0"},
			"host":      {Group: "g", Address: "not a host:1"},
		} {
			_, err := c.CreateToken(t.Context(), req)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), word) {
				t.Errorf("%v: %v, want InvalidArgument with %q", req, err, word)
			}
		}
		_, err = c.CreateToken(t.Context(), &lapwingv1.CreateTokenRequest{School: "other", Group: "g"})
		if status.Code(err) != codes.NotFound {
			t.Errorf("unknown school: %v, want NotFound", err)
		}
	})
}

func TestADefaultTokenIsForPupilsAndOneUse(t *testing.T) {
	in := install(t)
	svc, closer, err := in.open()
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	resp, err := svc.CreateToken(t.Context(), &lapwingv1.CreateTokenRequest{Group: "year-7"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := tlsx.ParseEnrolment(resp.EnrolmentString)
	if err != nil {
		t.Fatal(err)
	}
	school, err := closer.(store.Store).School(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	in13, in15 := time.Now().Add(13*24*time.Hour), time.Now().Add(15*24*time.Hour)
	if _, err := school.Enrol(t.Context(), token.Hash(e.Token), store.Device{ID: "a"}, in15); !errors.Is(err, store.ErrTokenExpired) {
		t.Errorf("after 15 days: %v, want ErrTokenExpired", err)
	}
	d, err := school.Enrol(t.Context(), token.Hash(e.Token), store.Device{ID: "a"}, in13)
	if err != nil || d.Audience != vocab.GroupPupil || d.Group != "year-7" {
		t.Errorf("after 13 days: %+v, %v", d, err)
	}
	if _, err := school.Enrol(t.Context(), token.Hash(e.Token), store.Device{ID: "b"}, in13); !errors.Is(err, store.ErrTokenUsed) {
		t.Errorf("the second use: %v, want ErrTokenUsed", err)
	}
}

func TestAddUser(t *testing.T) {
	both(t, func(t *testing.T, in *installation) {
		c := in.client(t)
		add := func(name string, roles ...string) (*lapwingv1.AddUserResponse, error) {
			return c.AddUser(t.Context(), &lapwingv1.AddUserRequest{Name: name, Roles: roles})
		}
		for _, tt := range []struct {
			name    string
			roles   []string
			pending []string
			why     string
		}{
			{"Tess", []string{"technician"}, nil, "no content"},
			{"Dee", []string{"dsl", "leadership"}, nil, "the school has no holder of dsl or head yet"},
			{"Hal", []string{"head", "leadership"}, []string{"head"}, "Dee has to confirm"},
			{"Dan", []string{"deputy", "dsl"}, []string{"deputy", "dsl"}, "Dee has to confirm"},
			{"Gil", []string{"governor"}, nil, "no content"},
		} {
			resp, err := add(tt.name, tt.roles...)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(resp.Pending, tt.pending) {
				t.Errorf("%s: pending %v, want %v: %s", tt.name, resp.Pending, tt.pending, tt.why)
			}
			if !strings.HasPrefix(resp.Link, "https://lapwing.example:8443/") {
				t.Errorf("%s: link %q", tt.name, resp.Link)
			}
		}
		if _, err := add("dee", "governor"); status.Code(err) != codes.AlreadyExists {
			t.Errorf("a name that is taken: %v, want AlreadyExists", err)
		}
		for word, req := range map[string]*lapwingv1.AddUserRequest{
			"name":   {Roles: []string{"dsl"}},
			"role":   {Name: "N"},
			"wizard": {Name: "N", Roles: []string{"wizard"}},
			"email":  {Name: "N", Roles: []string{"governor"}, Email: "nobody"},
		} {
			if _, err := c.AddUser(t.Context(), req); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), word) {
				t.Errorf("%v: %v, want InvalidArgument with %q", req, err, word)
			}
		}
	})
}

// slowUsers is a store whose list of users is old by the time it arrives: the
// first to ask waits until somebody else has asked for the school.
type slowUsers struct {
	store.Store
	asked chan struct{}
	once  *sync.Once
}

type slowTenant struct {
	store.Tenant
	slow slowUsers
}

func (s slowUsers) Schools(ctx context.Context) ([]store.School, error) {
	s.asked <- struct{}{}
	return s.Store.Schools(ctx)
}

func (s slowUsers) School(ctx context.Context, id store.SchoolID) (store.Tenant, error) {
	t, err := s.Store.School(ctx, id)
	return slowTenant{t, s}, err
}

func (t slowTenant) Users(ctx context.Context) ([]store.User, error) {
	all, err := t.Tenant.Users(ctx)
	t.slow.once.Do(func() {
		<-t.slow.asked // the first's own
		<-t.slow.asked // the second's
		runtime.Gosched()
	})
	return all, err
}

func TestOfTwoFirstReviewersOneIsConfirmed(t *testing.T) {
	in := install(t)
	s, err := openBadger(t.Context(), datadir.StorePath(in.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	svc := control.New(control.Config{
		Store:   slowUsers{s, make(chan struct{}, 2), new(sync.Once)},
		Console: "https://localhost:8443", Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	var pending [2][]string
	var wg sync.WaitGroup
	for i := range pending {
		wg.Go(func() {
			resp, err := svc.AddUser(t.Context(), &lapwingv1.AddUserRequest{Name: fmt.Sprint("N", i), Roles: []string{"dsl"}})
			if err != nil {
				t.Error(err)
			}
			pending[i] = resp.GetPending()
		})
	}
	wg.Wait()
	if len(pending[0])+len(pending[1]) != 1 {
		t.Errorf("pending %v: want one of the two to wait", pending)
	}
}

const planted = "planted excerpt zebra"

// fill enrols a device and puts a case into the store.
func fill(t *testing.T, in *installation) {
	t.Helper()
	d, err := datadir.Open(in.dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s, err := openBadger(t.Context(), datadir.StorePath(in.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	school, err := s.School(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	tok := store.Token{Hash: [32]byte{1}, Group: "lab", Audience: vocab.GroupPupil, Uses: 1, Expires: now.Add(time.Hour), Created: now}
	if err := school.CreateToken(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	if _, err := school.Enrol(t.Context(), tok.Hash, store.Device{ID: "laptop", Host: "lab-1", OS: "linux"}, now); err != nil {
		t.Fatal(err)
	}
	err = school.Report(t.Context(), []store.DeviceReport{{ID: "laptop", Seen: now, AgentVersion: "1.2",
		Coverage: []store.SensorState{{Sensor: "text", State: "limited", Code: "role_unavailable", Since: now}}}})
	if err != nil {
		t.Fatal(err)
	}
	err = school.ReportChecks(t.Context(), []store.CheckReport{{ID: "laptop", At: now,
		Checks: []store.CheckState{{ID: checks.Firewall, State: checks.Fail, Since: now, Detail: "off"}}}})
	if err != nil {
		t.Fatal(err)
	}
	rowan := d.Vault.PersonKey(1, "rowan.ash")
	content, err := proto.Marshal(&lapwingv1.Capture{Excerpt: planted})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := d.Vault.Seal(t.Context(), school, 1, rowan, vault.Capture, content)
	if err != nil {
		t.Fatal(err)
	}
	name, err := d.Vault.Seal(t.Context(), school, 1, rowan, vault.PersonName, []byte("rowan.ash"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = school.Ingest(t.Context(), []triage.Arrival{{
		Kind: triage.KindCapture, Device: "laptop", Event: ulid.ID{1}, Urgent: true, Seq: 1, At: now, ReceivedAt: now,
		Person: rowan, PersonName: name, Group: vocab.GroupPupil, Capture: &triage.Capture{
			Categories: []vocab.Category{vocab.SelfHarm}, Severity: vocab.High, Level: vocab.Alert, Source: 1, Count: 1, Final: true, Content: sealed,
			Rules: []triage.Rule{{ID: "r", Version: 1, Severity: vocab.High, Level: vocab.Alert}},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func list[T any](t *testing.T, s interface{ Recv() (T, error) }, err error) (all []T) {
	t.Helper()
	for err == nil {
		var x T
		if x, err = s.Recv(); err == nil {
			all = append(all, x)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return all
}

func TestListCasesShowsContentForAReasonOnly(t *testing.T) {
	in := install(t)
	fill(t, in)
	c := in.client(t)
	s, err := c.ListCases(t.Context(), &lapwingv1.ListCasesRequest{})
	all := list(t, s, err)
	if len(all) != 1 || all[0].Category != "self-harm" || all[0].State != "new" || all[0].Device != "laptop" {
		t.Fatalf("cases %v", all)
	}
	if b, err := json.Marshal(all); err != nil || strings.Contains(string(b), "zebra") || strings.Contains(string(b), "rowan") {
		t.Errorf("without a reason: %s, %v", b, err)
	}
	s, err = c.ListCases(t.Context(), &lapwingv1.ListCasesRequest{Reason: "Police request 17", Actor: "alice"})
	all = list(t, s, err)
	if len(all) != 1 || all[0].Excerpt != planted || all[0].Person != "rowan.ash" {
		t.Errorf("with a reason: %v", all)
	}
	s, err = c.ListCases(t.Context(), &lapwingv1.ListCasesRequest{Reason: strings.Repeat("x", 501)})
	if err == nil {
		_, err = s.Recv()
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a reason of 501 characters: %v, want InvalidArgument", err)
	}
	c.Close()
	for _, e := range ledger(t, in) {
		if e.Action == audit.CasesExported && e.Reason == "Police request 17" && strings.HasSuffix(e.Who.Name, " for alice") {
			return
		}
	}
	t.Error("the ledger does not say who read content, and why")
}

func ledger(t *testing.T, in *installation) []audit.Entry {
	t.Helper()
	s, err := openBadger(t.Context(), datadir.StorePath(in.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	school, err := s.School(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	all, err := school.Entries(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDevices(t *testing.T) {
	in := install(t)
	fill(t, in)
	c := in.client(t)
	s, err := c.ListDevices(t.Context(), &lapwingv1.ListDevicesRequest{})
	all := list(t, s, err)
	if len(all) != 1 || all[0].Host != "lab-1" || all[0].Group != "lab" || all[0].AgentVersion != "1.2" || all[0].LastSeenMs == 0 ||
		len(all[0].Coverage) != 1 || all[0].Coverage[0].Code != "role_unavailable" || all[0].Revoked ||
		len(all[0].Checks) != 1 || all[0].Checks[0].Id != "firewall" || all[0].Checks[0].State != "fail" || all[0].Checks[0].Detail != "off" {
		t.Errorf("devices %v", all)
	}
	for _, tt := range []struct {
		device, reason string
		code           codes.Code
	}{
		{"ghost", "lost", codes.NotFound},
		{"laptop", " ", codes.InvalidArgument},
		{"laptop", strings.Repeat("x", 201), codes.InvalidArgument},
		{"laptop", "lost", codes.OK},
	} {
		_, err := c.RevokeDevice(t.Context(), &lapwingv1.RevokeDeviceRequest{Device: tt.device, Reason: tt.reason})
		if status.Code(err) != tt.code {
			t.Errorf("revoke %s: %v, want %v", tt.device, err, tt.code)
		}
	}
	if !slices.Equal(in.revoked, []string{"laptop lost"}) {
		t.Errorf("streams ended: %q", in.revoked)
	}
	s, err = c.ListDevices(t.Context(), &lapwingv1.ListDevicesRequest{})
	if all := list(t, s, err); len(all) != 1 || !all[0].Revoked {
		t.Errorf("after the revocation: %v", all)
	}
}

func TestVerifyAudit(t *testing.T) {
	both(t, func(t *testing.T, in *installation) {
		c := in.client(t)
		resp, err := c.VerifyAudit(t.Context(), &lapwingv1.VerifyAuditRequest{})
		if err != nil || resp.Entries < 3 || len(resp.Head) != 32 {
			t.Errorf("%v, %v", resp, err)
		}
		if _, err := c.CreateToken(t.Context(), &lapwingv1.CreateTokenRequest{Group: "g"}); err != nil {
			t.Fatal(err)
		}
		more, err := c.VerifyAudit(t.Context(), &lapwingv1.VerifyAuditRequest{})
		if err != nil || more.Entries != resp.Entries+1 {
			t.Errorf("after one more act: %v, %v", more, err)
		}
	})
}

// liar is a ledger of which somebody changed an entry.
type liar struct{ store.Store }

type liarTenant struct{ store.Tenant }

func (l liar) School(ctx context.Context, id store.SchoolID) (store.Tenant, error) {
	t, err := l.Store.School(ctx, id)
	return liarTenant{t}, err
}

func (l liarTenant) Entries(ctx context.Context, after uint64, limit int) ([]audit.Entry, error) {
	all, err := l.Tenant.Entries(ctx, after, limit)
	if len(all) > 1 {
		all[1].Who.Name = "somebody else"
	}
	return all, err
}

func TestVerifyAuditFindsAChangedEntry(t *testing.T) {
	in := install(t)
	s, err := openBadger(t.Context(), datadir.StorePath(in.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	svc := control.New(control.Config{Store: liar{s}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	_, err = svc.VerifyAudit(t.Context(), &lapwingv1.VerifyAuditRequest{})
	if status.Code(err) != codes.DataLoss || !strings.Contains(err.Error(), "entry 2") {
		t.Errorf("got %v, want DataLoss that names entry 2", err)
	}
}

func TestTheSocketIsPrivateAndGoesAway(t *testing.T) {
	in := install(t)
	stop := in.serve(t)
	path := datadir.SocketPath(in.dir)
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("socket has mode %v, %v; want 0600", fi.Mode(), err)
	}
	stop()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the server ended its socket is there: %v", err)
	}
	c := in.client(t)
	if _, err := c.VerifyAudit(t.Context(), &lapwingv1.VerifyAuditRequest{}); err != nil || c.Running {
		t.Errorf("a command after the server ended: %v, running %v", err, c.Running)
	}
}

// staleSocket leaves what a killed server leaves.
func staleSocket(t *testing.T, in *installation) {
	t.Helper()
	ln, err := net.Listen("unix", datadir.SocketPath(in.dir))
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
}

func TestADeadServersSocketIsInNobodysWay(t *testing.T) {
	in := install(t)
	staleSocket(t, in)
	c := in.client(t)
	if _, err := c.VerifyAudit(t.Context(), &lapwingv1.VerifyAuditRequest{}); err != nil || c.Running {
		t.Errorf("a command: %v, running %v", err, c.Running)
	}
	c.Close()
	in.serve(t) // fails if the socket is in its way
	if c := in.client(t); !c.Running {
		t.Error("a command did not find the new server")
	}
}

func TestAFileInPlaceOfTheSocketIsNotRemoved(t *testing.T) {
	in := install(t)
	path := datadir.SocketPath(in.dir)
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	svc, closer, err := in.open()
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if err := control.Serve(t.Context(), in.dir, svc); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names it", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("the file is %q, %v", b, err)
	}
}

func TestASecondProcessIsToldThatTheStoreIsBusy(t *testing.T) {
	in := install(t)
	s, err := openBadger(t.Context(), datadir.StorePath(in.dir)) // a server that has no socket yet
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := control.Connect(in.dir, in.open); err == nil {
		t.Error("two processes had the store open")
	}
}

func TestAPathTooLongForASocket(t *testing.T) {
	in := install(t)
	long := filepath.Join(in.dir, strings.Repeat("x", 120))
	svc, closer, err := in.open()
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if err := control.Serve(t.Context(), long, svc); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v, want a word on its length", err)
	}
}
