package storetest

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var command = audit.Who{Name: "root", Via: audit.ViaCommand}

func hash(b byte) (h [32]byte) {
	h[0], h[31] = b, 0xff
	return h
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func fails(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testSchools(t *testing.T, open Open) {
	ctx := t.Context()
	s := opened(t, open)
	must(t, s.Health(ctx))
	if all, err := s.Schools(ctx); err != nil || len(all) != 0 {
		t.Fatalf("a new store has %v, %v", all, err)
	}
	a, err := s.AddSchool(ctx, "hill-lane", "Hill Lane School", Start)
	must(t, err)
	same(t, "school", store.School{ID: 1, Slug: "hill-lane", Name: "Hill Lane School", Created: Start}, a)
	b, err := s.AddSchool(ctx, "oak", "Oak", Start)
	must(t, err)
	all, err := s.Schools(ctx)
	must(t, err)
	same(t, "schools", []store.School{a, b}, all)
	tn, err := s.School(ctx, b.ID)
	must(t, err)
	same(t, "info", b, tn.Info())
	_, err = s.AddSchool(ctx, "oak", "Another", Start)
	fails(t, "slug taken", err, store.ErrExists)
	_, err = s.School(ctx, 99)
	fails(t, "no such school", err, store.ErrNotFound)
	for _, bad := range [][2]string{{"", "n"}, {"Oak", "n"}, {"a b", "n"}, {strings.Repeat("a", 65), "n"}, {"ok", ""}, {"ok", strings.Repeat("n", 201)}, {"ok", "\xff"}} {
		_, err := s.AddSchool(ctx, bad[0], bad[1], Start)
		fails(t, bad[0], err, store.ErrInvalid)
	}
}

func enrolled(t *testing.T, tn store.Tenant, id caseflow.DeviceID, host string) store.Device {
	t.Helper()
	tok := store.Token{Hash: hash(byte(len(id) + len(host))), Group: "lab", Audience: vocab.GroupPupil, Uses: 1, Expires: Start.Add(time.Hour), Created: Start}
	must(t, tn.CreateToken(t.Context(), tok))
	d, err := tn.Enrol(t.Context(), tok.Hash, store.Device{ID: id, Host: host, OS: "linux"}, Start)
	must(t, err)
	return d
}

func testFleet(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	tok := store.Token{Hash: hash(1), Group: "lab", Audience: vocab.GroupMixed, Uses: 2, Expires: Start.Add(time.Hour), Created: Start}
	must(t, tn.CreateToken(ctx, tok))
	fails(t, "token twice", tn.CreateToken(ctx, tok), store.ErrExists)

	full := store.Device{
		ID: "d-1", Host: "pc-1", OS: "windows", OSText: "Windows 11", Arch: "amd64", Group: "forged", Audience: vocab.GroupStaff,
		CertSerial: "01", CertExpires: Start.Add(720 * time.Hour), Fingerprint: []byte{1, 2}, Revoked: Start, RevokedWhy: "forged",
	}
	want := full
	want.Group, want.Audience, want.Enrolled, want.Revoked, want.RevokedWhy = "lab", vocab.GroupMixed, Start, time.Time{}, ""
	got, err := tn.Enrol(ctx, tok.Hash, full, Start)
	must(t, err)
	same(t, "enrolled", want, got)
	got, err = tn.Device(ctx, "d-1")
	must(t, err)
	same(t, "kept", want, got)

	_, err = tn.Enrol(ctx, tok.Hash, full, Start)
	fails(t, "id taken", err, store.ErrExists)
	_, err = tn.Enrol(ctx, hash(9), store.Device{ID: "d-9"}, Start)
	fails(t, "unknown token", err, store.ErrTokenUnknown)
	_, err = tn.Enrol(ctx, tok.Hash, store.Device{ID: "d-9"}, tok.Expires)
	fails(t, "expired token", err, store.ErrTokenExpired)
	_, err = tn.Enrol(ctx, tok.Hash, store.Device{ID: "d-0"}, Start) // none of the failures used it
	must(t, err)
	_, err = tn.Enrol(ctx, tok.Hash, store.Device{ID: "d-3"}, Start)
	fails(t, "used-up token", err, store.ErrTokenUsed)
	_, err = tn.Device(ctx, "d-3")
	fails(t, "device of a failed enrolment", err, store.ErrNotFound)

	report := store.DeviceReport{
		ID: "d-1", Seen: Start.Add(time.Minute), Host: "pc-one", OSText: "Windows 12", AgentVersion: "1.0", Connected: true, Goodbye: "sleep",
		Coverage: []store.SensorState{{Sensor: "text", State: "limited", Code: "role_unavailable", Since: Start}, {Sensor: "usb", State: "ok"}},
		Sessions: 2, SpoolRecords: 3, Dropped: 4, Quarantined: 5, PolicyVersion: 6, SkewMillis: -7, Unlooked: 8,
	}
	must(t, tn.Report(ctx, []store.DeviceReport{{ID: "d-1"}, report, {ID: "never enrolled"}}))
	want.Report = report
	must(t, tn.Renewed(ctx, "d-1", "02", Start.Add(1440*time.Hour)))
	want.CertSerial, want.CertExpires = "02", Start.Add(1440*time.Hour)
	fails(t, "renewal of an unknown device", tn.Renewed(ctx, "d-9", "02", Start), store.ErrNotFound)

	must(t, tn.Revoke(ctx, "d-1", "stolen", command, Start.Add(time.Hour)))
	must(t, tn.Revoke(ctx, "d-1", "again", command, Start.Add(2*time.Hour)))
	fails(t, "revoke unknown", tn.Revoke(ctx, "d-9", "x", command, Start), store.ErrNotFound)
	want.Revoked, want.RevokedWhy = Start.Add(time.Hour), "stolen"
	all, err := tn.Devices(ctx)
	must(t, err)
	if len(all) != 2 {
		t.Fatalf("%d devices", len(all))
	}
	same(t, "device in the list", want, all[1])
	if got := actions(Ledger(t, tn)); len(got) != 4 || got[3] != audit.DeviceRevoked {
		t.Errorf("ledger %v", got)
	}
}

func putUser(t *testing.T, tn store.Tenant, a caseflow.Actor) {
	t.Helper()
	must(t, tn.PutUser(t.Context(), store.User{ID: a.User, Name: a.Name, Roles: a.Roles, Persons: a.Persons, Created: Start}, command, Start))
}

// testChangeUser changes one user from several sides at once: each change
// stands afterwards, on top of the others.
func testChangeUser(t *testing.T, tn store.Tenant) {
	must(t, tn.PutUser(t.Context(), store.User{ID: "u-many", Name: "Many Hands"}, command, Start))
	const changes = 12 // fewer than the tries of ChangeUser, so that even the unluckiest ends
	var wg sync.WaitGroup
	for i := range changes {
		wg.Go(func() {
			_, err := store.ChangeUser(t.Context(), tn, "u-many", command, Start, func(u *store.User) error {
				u.Persons = append(u.Persons, Person(500+i))
				return nil
			})
			if err != nil {
				t.Errorf("change %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	u, err := tn.User(t.Context(), "u-many")
	must(t, err)
	if len(u.Persons) != changes || u.Version != changes+1 {
		t.Errorf("%d of %d changes stand, version %d", len(u.Persons), changes, u.Version)
	}
	refused := errors.New("refused")
	_, err = store.ChangeUser(t.Context(), tn, "u-many", command, Start, func(*store.User) error { return refused })
	fails(t, "a change that is refused", err, refused)
	_, err = store.ChangeUser(t.Context(), tn, "u-nobody", command, Start, func(*store.User) error { return nil })
	fails(t, "a change of nobody", err, store.ErrNotFound)
}

func testAccess(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	u := store.User{
		ID: "u-1", Name: "Zoë Müller", Email: "Zoe@School.example", Roles: []caseflow.Role{caseflow.Technician}, Pending: []caseflow.Role{caseflow.DSL},
		Passphrase: "$argon2id$", Persons: []caseflow.PersonKey{Person(1), Person(2)}, Disabled: true, Created: Start, CoverWords: true, NoShortcuts: true,
	}
	must(t, tn.PutUser(ctx, u, command, Start))
	u.Version = 1
	got, err := tn.User(ctx, "u-1")
	must(t, err)
	same(t, "user", u, got)
	for _, login := range []string{"zoe@school.EXAMPLE", "ZOË MÜLLER", " zoë müller ", "zoe\u0308 mu\u0308ller"} {
		got, err := tn.UserByLogin(ctx, login)
		must(t, err)
		same(t, login, u, got)
	}
	fails(t, "name taken", tn.PutUser(ctx, store.User{ID: "u-2", Name: "zoë müller"}, command, Start), store.ErrExists)
	fails(t, "address taken, as a name", tn.PutUser(ctx, store.User{ID: "u-2", Name: "zoe@school.example"}, command, Start), store.ErrExists)
	_, err = tn.User(ctx, "u-2")
	fails(t, "user of a failed write", err, store.ErrNotFound)

	for _, wrong := range []uint64{0, 2} {
		stale := u
		stale.Version, stale.Roles = wrong, nil
		fails(t, "a version that was not read", tn.PutUser(ctx, stale, command, Start), store.ErrStale)
	}
	fails(t, "a user that is not there", tn.PutUser(ctx, store.User{ID: "u-2", Name: "New", Version: 1}, command, Start), store.ErrStale)
	got, err = tn.User(ctx, "u-1")
	must(t, err)
	same(t, "user after stale writes", u, got)

	u.Name, u.Email = "Zoë Smith", ""
	must(t, tn.PutUser(ctx, u, command, Start))
	_, err = tn.UserByLogin(ctx, "zoe@school.example")
	fails(t, "an address given up", err, store.ErrNotFound)
	must(t, tn.PutUser(ctx, store.User{ID: "u-2", Name: "Zoë Müller"}, command, Start))
	for _, login := range []string{"", " ", "nobody", strings.Repeat("x", 100_000), "\x00"} {
		_, err = tn.UserByLogin(ctx, login)
		fails(t, "login", err, store.ErrNotFound)
	}
	all, err := tn.Users(ctx)
	must(t, err)
	if len(all) != 2 || all[0].ID != "u-1" {
		t.Errorf("users %+v", all)
	}

	t.Run("no change is lost", func(t *testing.T) { testChangeUser(t, tn) })
	t.Run("links are used once", func(t *testing.T) {
		l := store.Link{Hash: hash(1), User: "u-1", Expires: Start.Add(time.Hour)}
		must(t, tn.PutLink(ctx, l))
		fails(t, "of nobody", tn.PutLink(ctx, store.Link{Hash: hash(2), User: "u-9", Expires: l.Expires}), store.ErrNotFound)
		for range 2 {
			got, err := tn.Link(ctx, l.Hash, Start)
			must(t, err)
			same(t, "link", l, got)
		}
		_, err := tn.Link(ctx, l.Hash, l.Expires)
		fails(t, "expired", err, store.ErrNotFound)
		got, err := tn.UseLink(ctx, l.Hash, Start)
		must(t, err)
		same(t, "used", l, got)
		_, err = tn.UseLink(ctx, l.Hash, Start)
		fails(t, "used again", err, store.ErrNotFound)
		_, err = tn.Link(ctx, l.Hash, Start)
		fails(t, "looked at after use", err, store.ErrNotFound)
		l.Hash = hash(3)
		must(t, tn.PutLink(ctx, l))
		_, err = tn.UseLink(ctx, l.Hash, l.Expires)
		fails(t, "used when expired", err, store.ErrNotFound)
	})
	t.Run("sessions end", func(t *testing.T) {
		session := func(b byte, user caseflow.UserID, ends time.Duration) store.Session {
			return store.Session{Hash: hash(b), User: user, Created: Start, Seen: Start, Expires: Start.Add(ends), Data: []byte("data")}
		}
		one, two, other := session(1, "u-1", time.Hour), session(2, "u-1", 3*time.Hour), session(3, "u-2", time.Hour)
		for _, s := range []store.Session{one, two, other} {
			must(t, tn.PutSession(ctx, s))
		}
		got, err := tn.Session(ctx, one.Hash, Start)
		must(t, err)
		same(t, "session", one, got)
		_, err = tn.Session(ctx, one.Hash, one.Expires)
		fails(t, "expired", err, store.ErrNotFound)
		two.Seen, two.Data = Start.Add(2*time.Hour), []byte("changed") // by then the first has ended
		must(t, tn.PutSession(ctx, two))
		got, err = tn.Session(ctx, two.Hash, Start)
		must(t, err)
		same(t, "replaced", two, got)
		must(t, tn.DeleteSession(ctx, hash(77)))
		three := session(4, "u-1", 9*time.Hour)
		must(t, tn.PutSession(ctx, three))
		must(t, tn.DeleteSession(ctx, two.Hash))
		_, err = tn.Session(ctx, two.Hash, Start)
		fails(t, "deleted", err, store.ErrNotFound)
		_, err = tn.Session(ctx, three.Hash, Start)
		must(t, err)
		must(t, tn.DeleteSessions(ctx, "u-1"))
		_, err = tn.Session(ctx, three.Hash, Start)
		fails(t, "all of a user", err, store.ErrNotFound)
		_, err = tn.Session(ctx, other.Hash, Start)
		must(t, err)
	})
}

func testDocuments(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	_, err := tn.LatestDocument(ctx, "policy/lab")
	fails(t, "none yet", err, store.ErrNotFound)
	doc := func(kind string, v uint64) store.Document {
		return store.Document{Kind: kind, Version: v, Body: []byte(kind), Proposed: command, Approved: audit.Who{User: "u", Name: "n", Via: "console"}, Created: Start}
	}
	for _, v := range []uint64{1, 2, 300, 70_000} {
		must(t, tn.PutDocument(ctx, doc("policy/lab", v)))
	}
	must(t, tn.PutDocument(ctx, doc("policy/lab2", 1)))
	must(t, tn.PutDocument(ctx, doc("policy", 5)))
	fails(t, "same version", tn.PutDocument(ctx, doc("policy/lab", 70_000)), store.ErrExists)
	fails(t, "lower version", tn.PutDocument(ctx, doc("policy/lab", 299)), store.ErrExists)
	for kind, v := range map[string]uint64{"policy/lab": 70_000, "policy/lab2": 1, "policy": 5} {
		got, err := tn.LatestDocument(ctx, kind)
		must(t, err)
		same(t, kind, doc(kind, v), got)
	}
	if got, err := tn.Document(ctx, "policy/lab", 299); err == nil && got.Version != 299 {
		t.Errorf("version 299: %+v", got)
	}
	first, err := tn.Document(ctx, "policy/lab2", 1)
	if err != nil || first.Version != 1 || first.Kind != "policy/lab2" {
		t.Errorf("one version: %+v, %v", first, err)
	}
	_, err = tn.Document(ctx, "policy/lab2", 2)
	fails(t, "no such version", err, store.ErrNotFound)
	_, err = tn.LatestDocument(ctx, "polic")
	fails(t, "a kind that begins another", err, store.ErrNotFound)
	for i, size := range []int{64 << 10, 64<<10 + 1, 900_001, store.MaxDocument} {
		large := doc("pack", uint64(i)+1)
		large.Body = make([]byte, size)
		for k := range large.Body { // no two parts the same
			large.Body[k] = byte(k>>8 ^ k)
		}
		must(t, tn.PutDocument(ctx, large))
		got, err := tn.LatestDocument(ctx, "pack")
		must(t, err)
		again, err := tn.Document(ctx, "pack", large.Version)
		must(t, err)
		if !bytes.Equal(got.Body, large.Body) || !bytes.Equal(again.Body, large.Body) {
			t.Errorf("a document of %d bytes came back changed", size)
		}
	}
	over := doc("pack", 9)
	over.Body = make([]byte, store.MaxDocument+1)
	fails(t, "a document over the limit", tn.PutDocument(ctx, over), store.ErrInvalid)
}

func testLedger(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	for i := range 25 {
		must(t, tn.Append(ctx, audit.Entry{At: Start.Add(time.Duration(i)), Who: command, Action: audit.CaseRead, Object: []string{"A", "B"}, Reason: "because",
			Seq: 99, Prev: hash(1), Hash: hash(2)}))
	}
	all := Ledger(t, tn)
	if len(all) != 26 || all[0].Action != audit.SchoolCreated || all[25].Reason != "because" || all[25].Who != command {
		t.Fatalf("%d entries, last %+v", len(all), all[len(all)-1])
	}
	part, err := tn.Entries(ctx, 3, 2)
	must(t, err)
	same(t, "part", all[3:5], part)
	for _, after := range []uint64{26, 1 << 62, ^uint64(0)} {
		if part, err := tn.Entries(ctx, after, 5); err != nil || len(part) != 0 {
			t.Errorf("after %d: %v, %v", after, part, err)
		}
	}
	_, err = tn.Entries(ctx, 0, store.MaxEntries+1)
	fails(t, "too many", err, store.ErrInvalid)
	fails(t, "unregistered", tn.Append(ctx, audit.Entry{At: Start, Who: command, Action: "case.peek"}), store.ErrInvalid)
}

func testKeys(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	_, err := tn.Key(ctx, Person(1))
	fails(t, "none yet", err, store.ErrNotFound)
	for _, w := range []string{"first", "second"} {
		got, err := tn.AddKey(ctx, Person(1), []byte(w))
		must(t, err)
		same(t, "the one that stands", []byte("first"), got)
	}
	got, err := tn.Key(ctx, Person(1))
	must(t, err)
	same(t, "key", []byte("first"), got)
	_, err = tn.AddKey(ctx, caseflow.PersonKey{}, []byte("nobody's")) // content of nobody has a key of its own
	must(t, err)
	must(t, tn.DestroyKey(ctx, Person(1)))
	must(t, tn.DestroyKey(ctx, Person(1)))
	_, err = tn.Key(ctx, Person(1))
	fails(t, "destroyed", err, store.ErrNotFound)
	got, err = tn.AddKey(ctx, Person(1), []byte("third"))
	must(t, err)
	same(t, "a new one since", []byte("third"), got)
	_, err = tn.AddKey(ctx, Person(2), nil)
	fails(t, "empty", err, store.ErrInvalid)
}
