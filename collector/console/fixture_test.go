package console_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/console"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/permits"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// noon is a school day: Thursday 12 November 2026, 8:14 in London.
var morning = time.Date(2026, 11, 12, 8, 14, 0, 0, time.UTC)

// fixture is a collector's upper half over a real store, without a network of agents.
type fixture struct {
	t       testing.TB
	store   *badgerstore.Store
	tenant  store.Tenant
	vault   *vault.Vault
	cases   *casework.Service
	signer  *auth.Service
	server  *httptest.Server
	routes  []string
	log     *lockedBuffer
	policy  *policy.Publisher
	permits *permits.Service
	edit    *lastEdit

	mu  sync.Mutex // guards now
	now time.Time
	seq uint64
	// event numbers the captures; a revision has its capture's.
	event uint64
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, now: morning, log: &lockedBuffer{}}
	dir := t.TempDir()
	var err error
	if f.store, err = badgerstore.Open(filepath.Join(dir, "store"), badgerstore.Options{Reserve: 1 << 20, MemTable: 8 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.store.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	school, err := f.store.AddSchool(t.Context(), "peewit-green", "Peewit Green School (demo)", morning)
	if err != nil {
		t.Fatal(err)
	}
	if f.tenant, err = f.store.School(t.Context(), school.ID); err != nil {
		t.Fatal(err)
	}
	if f.vault, err = vault.Create(filepath.Join(dir, "vault.key")); err != nil {
		t.Fatal(err)
	}
	books, err := playbook.Load(configs.Playbooks())
	if err != nil {
		t.Fatal(err)
	}
	if f.cases, err = casework.New(casework.Config{Vault: f.vault, Now: f.clock, Playbooks: books}); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(f.log, nil))
	// argon2id at its cheapest: what it costs is tested in auth.
	f.signer, err = auth.New(auth.Config{Schools: f.store, Now: f.clock, Cost: auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	f.permits = permits.New(permits.Config{
		Key:     func(slug string) [32]byte { return f.vault.Subkey("usb media of " + slug) },
		Changed: func(school store.SchoolID) { f.policy.Refresh(school) }, Now: f.clock,
	})
	f.policy, f.edit = f.policies(f.permits), &lastEdit{}
	handler, err := console.New(console.Config{Fleet: fleet.New(fleet.Config{Agents: "lapwing.example:9443", Now: f.clock}), Permits: f.permits, Policies: f.policy, Edits: f.edit, Store: f.store, Cases: f.cases, Auth: f.signer, Now: f.clock, Logger: logger, Heartbeat: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	f.serve(handler)
	return f
}

// serve puts a console in the place of the one that was served so far.
func (f *fixture) serve(handler *console.Console) {
	if f.server != nil {
		f.server.Close()
	}
	f.routes = handler.Routes()
	f.server = httptest.NewUnstartedServer(handler)
	f.server.Config = console.NewServer(handler)
	f.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	f.server.EnableHTTP2 = true
	f.server.StartTLS()
	f.t.Cleanup(f.server.Close)
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// user adds a person and returns the token of a sign-in link.
func (f *fixture) user(name string, persons []caseflow.PersonKey, roles ...caseflow.Role) (store.User, string) {
	f.t.Helper()
	u := store.User{ID: caseflow.UserID("u-" + strings.ToLower(strings.ReplaceAll(name, " ", "-"))), Name: name, Roles: roles, Persons: persons, Created: f.clock()}
	if err := f.tenant.PutUser(f.t.Context(), u, audit.Who{Via: audit.ViaCommand, Name: "root"}, f.clock()); err != nil {
		f.t.Fatal(err)
	}
	u.Version++ // as it stands in the store now
	token, err := auth.NewLink(f.t.Context(), f.tenant, u.ID, f.clock(), time.Hour)
	if err != nil {
		f.t.Fatal(err)
	}
	return u, token
}

const passphrase = "plover marsh teapot ladder"

// browser is a client with its own cookies that follows redirects like one.
type browser struct {
	f      *fixture
	client *http.Client
}

func (f *fixture) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	c := *f.server.Client()
	c.Jar = jar
	return &browser{f, &c}
}

// signIn makes a user and opens a session by the link.
func (f *fixture) signIn(name string, roles ...caseflow.Role) *browser {
	f.t.Helper()
	_, token := f.user(name, nil, roles...)
	return f.enter(token)
}

// enter opens a session by a link.
func (f *fixture) enter(token string) *browser {
	f.t.Helper()
	b := f.browser()
	p := b.post("/link/"+token, url.Values{"passphrase": {passphrase}, "passphrase_again": {passphrase}})
	if p.status != http.StatusOK {
		f.t.Fatalf("sign in: status %d\n%s", p.status, p.body)
	}
	return b
}

type page struct {
	status int
	path   string // after redirects
	header http.Header
	body   string
}

func (b *browser) do(req *http.Request) page {
	b.f.t.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.f.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Request.URL.RequestURI(), resp.Header, string(body)}
}

func (b *browser) get(path string) page {
	b.f.t.Helper()
	req, err := http.NewRequestWithContext(b.f.t.Context(), http.MethodGet, b.f.server.URL+path, nil)
	if err != nil {
		b.f.t.Fatal(err)
	}
	return b.do(req)
}

func (b *browser) post(path string, form url.Values) page {
	b.f.t.Helper()
	return b.do(b.form(path, form))
}

func (b *browser) form(path string, form url.Values) *http.Request {
	b.f.t.Helper()
	req, err := http.NewRequestWithContext(b.f.t.Context(), http.MethodPost, b.f.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return req
}

// typed is one capture, as a device would have sent it.
type typed struct {
	account  string
	audience vocab.Audience
	group    vocab.GroupAudience
	category vocab.Category
	severity vocab.Severity
	level    vocab.Level
	before   string
	hit      string
	after    string
	app      string
	title    string
	device   caseflow.DeviceID
	subjects []caseflow.PersonKey
	ago      time.Duration
	source   lapwingv1.Source
	// unfinished: a revision follows
	unfinished bool
	help       *lapwingv1.HelpRequest // instead of a capture
}

func (f *fixture) person(account string) caseflow.PersonKey {
	return f.vault.PersonKey(f.tenant.Info().ID, account)
}

// typeText brings one capture in and returns its case.
func (f *fixture) typeText(in typed) caseflow.Ref {
	f.t.Helper()
	return f.bring(in, 0)
}

// revise brings the last capture in again, as it is now.
func (f *fixture) revise(in typed) caseflow.Ref {
	f.t.Helper()
	return f.bring(in, 1)
}

func (f *fixture) bring(in typed, revision uint32) caseflow.Ref {
	f.t.Helper()
	if in.group == "" {
		in.group = vocab.GroupPupil
	}
	if in.level == 0 {
		in.level = vocab.Alert
	}
	if in.device == "" {
		in.device = "d-0142"
	}
	if in.app == "" {
		in.app = "chromium"
	}
	if in.source == 0 {
		in.source = lapwingv1.Source_SOURCE_TYPED_TEXT
	}
	now := f.clock()
	at := now.Add(-in.ago)
	key := f.person(in.account)
	sent := &lapwingv1.Capture{Excerpt: in.before + in.hit + in.after,
		Marks: []*lapwingv1.Span{{Start: uint32(len(in.before)), End: uint32(len(in.before) + len(in.hit))}}, App: in.app, Title: in.title, Count: 1, Final: !in.unfinished}
	if in.help != nil {
		sent = &lapwingv1.Capture{Help: in.help}
	}
	content, err := proto.Marshal(sent)
	if err != nil {
		f.t.Fatal(err)
	}
	f.seq++
	if revision == 0 {
		f.event++
	}
	arrival := triage.Arrival{Kind: triage.KindCapture, Device: in.device, Event: ulid.ID{byte(f.event >> 8), byte(f.event), 1}, Revision: revision, Urgent: true, Seq: f.seq,
		At: at, ReceivedAt: at, Person: key, PersonName: f.seal(key, vault.PersonName, []byte(in.account)), Audience: in.audience, Group: in.group,
		Capture: &triage.Capture{Categories: []vocab.Category{in.category}, Severity: in.severity, Level: in.level, Source: triage.Source(in.source),
			Rules:    []triage.Rule{{ID: "r-1", Title: "Told they are hated or unwanted", Pack: "core", Reading: "plain", Version: 1, Severity: in.severity, Level: in.level, RaisedBy: []string{"said_to_someone"}}},
			Subjects: in.subjects, Count: 1, Final: !in.unfinished, Content: f.seal(key, vault.Capture, content)}}
	if in.help != nil {
		c := arrival.Capture
		c.Categories, c.Rules, c.Source = []vocab.Category{vocab.Help}, nil, 0
		c.Help = caseflow.Help{Asked: true, AboutStaff: in.help.AboutAdult, HideName: in.help.HideName}
	}
	receipts, err := f.tenant.Ingest(f.t.Context(), []triage.Arrival{arrival})
	if err != nil {
		f.t.Fatal(err)
	}
	return receipts[0].Case
}

func (f *fixture) seal(key caseflow.PersonKey, p vault.Purpose, plain []byte) caseflow.Sealed {
	f.t.Helper()
	s, err := f.vault.Seal(f.t.Context(), f.tenant, f.tenant.Info().ID, key, p, plain)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// device enrols a device that reports what is given.
func (f *fixture) device(id caseflow.DeviceID, host string, seenAgo time.Duration, coverage ...store.SensorState) {
	f.t.Helper()
	f.deviceOf(id, host, "Year 8 trolley A", seenAgo, coverage...)
}

// deviceOf is device, in a group.
func (f *fixture) deviceOf(id caseflow.DeviceID, host, group string, seenAgo time.Duration, coverage ...store.SensorState) {
	f.t.Helper()
	hash := [32]byte{}
	copy(hash[:], id)
	now := f.clock()
	if err := f.tenant.CreateToken(f.t.Context(), store.Token{Hash: hash, Group: group, Audience: vocab.GroupPupil, Uses: 1, Expires: now.Add(time.Hour), Created: now}); err != nil {
		f.t.Fatal(err)
	}
	d := store.Device{ID: id, Host: host, OS: "linux", OSText: "Debian 12", Arch: "amd64", Enrolled: now.AddDate(0, -2, 0), CertSerial: fmt.Sprintf("5CG1-%s", id), CertExpires: now.AddDate(0, 0, 21)}
	if _, err := f.tenant.Enrol(f.t.Context(), hash, d, now); err != nil {
		f.t.Fatal(err)
	}
	if seenAgo < 0 {
		return
	}
	seen := now.Add(-seenAgo)
	if err := f.tenant.Report(f.t.Context(), []store.DeviceReport{{ID: id, Seen: seen, Host: host, OSText: "Debian 12", AgentVersion: "0.2.0", Connected: seenAgo < time.Minute, Coverage: coverage, Sessions: 1, PolicyVersion: 3}}); err != nil {
		f.t.Fatal(err)
	}
}

func works(since time.Time) []store.SensorState {
	var out []store.SensorState
	for _, s := range []string{"text", "window", "usb", "lock"} {
		out = append(out, store.SensorState{Sensor: s, State: "ok", Since: since})
	}
	return out
}

// demo fills the school with the cases and devices of the pictures.
func (f *fixture) demo() {
	since := morning.AddDate(0, 0, -20)
	bad := works(since)
	bad[0] = store.SensorState{Sensor: "text", State: "off", Code: "a11y_bus_missing", Since: morning.AddDate(0, 0, -2)}
	odd := works(since)
	odd[2] = store.SensorState{Sensor: "usb", State: "off", Code: "unsupported", Since: since}
	odd[3] = store.SensorState{Sensor: "lock", State: "unknown", Since: since}
	f.device("d-0142", "PGS-LT-0142", 10*time.Second, works(since)...)
	f.device("d-0087", "PGS-LT-0087", 3*time.Second, bad...)
	f.device("d-0311", "PGS-LT-0311", 5*time.Second, odd...)
	f.device("d-0205", "PGS-LT-0205", 118*24*time.Hour, works(since)...)
	f.device("d-0400", "PGS-LT-0400", -1)
	p := vocab.Pupil
	f.typeText(typed{account: "Pax Hollins", audience: p, category: vocab.Gambling, severity: vocab.Low, level: vocab.Log, hit: "free spins", after: " wheel for class rewards", ago: 40 * time.Minute})
	f.typeText(typed{account: "mswift.8r", category: vocab.FilterBypass, severity: vocab.Medium, hit: "how to get round school wifi block", after: " free no download", ago: 90 * time.Minute})
	f.typeText(typed{account: "Ivo Fernley", audience: p, category: vocab.Bullying, severity: vocab.High, before: "yeah ", hit: "nobody wants you here", after: " just leave the group", ago: 9 * time.Minute})
	for i, words := range [][3]string{{"8R project group (", "no Tamsin allowed", ") – Class chat"}, {"tell her ", "nobody likes her", " lol shes so annoying in maths"}, {"ok so ", "everyone hates you", " and nobody wants you in the group so dont come on friday"}} {
		source := lapwingv1.Source_SOURCE_TYPED_TEXT
		if i == 0 {
			source = lapwingv1.Source_SOURCE_WINDOW_TITLE
		}
		f.typeText(typed{account: "Rowan Ashdown", audience: p, category: vocab.Bullying, severity: vocab.High, before: words[0], hit: words[1], after: words[2], title: "8R project group – Class chat", ago: time.Duration(25-6*i) * time.Minute, source: source})
	}
	f.typeText(typed{account: "Tamsin Oakfield", audience: p, category: vocab.Exploitation, severity: vocab.Critical, hit: "don’t tell anyone", after: " where we’re going after school ok", ago: 22 * time.Minute})
}
