package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const words = "plover marsh teapot ladder"

func newService(t *testing.T) (*auth.Service, *badgerstore.Store, store.Tenant) {
	t.Helper()
	s, err := badgerstore.Open(t.TempDir(), badgerstore.Options{Reserve: 1 << 20, MemTable: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	school, err := s.AddSchool(t.Context(), "peewit-green", "Peewit Green", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := s.School(t.Context(), school.ID)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := auth.New(auth.Config{Schools: s, Cost: auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return svc, s, tenant
}

func addUser(t *testing.T, tenant store.Tenant, u store.User) string {
	t.Helper()
	if err := tenant.PutUser(t.Context(), u, audit.Who{Via: audit.ViaCommand}, time.Now()); err != nil {
		t.Fatal(err)
	}
	token, err := auth.NewLink(t.Context(), tenant, u.ID, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestOneOfManyRedeemsALink(t *testing.T) {
	svc, _, tenant := newService(t)
	token := addUser(t, tenant, store.User{ID: "u1", Name: "H. Marlow", Roles: []caseflow.Role{caseflow.DSL}})
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch _, err := svc.RedeemLink(t.Context(), token, words); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, auth.ErrLink):
				t.Errorf("redeem: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d redeemed one link", won.Load())
	}
}

func TestPendingRolesAreNotInForce(t *testing.T) {
	svc, _, tenant := newService(t)
	token := addUser(t, tenant, store.User{ID: "u1", Name: "H. Marlow", Roles: []caseflow.Role{caseflow.Technician, caseflow.DSL}, Pending: []caseflow.Role{caseflow.DSL}})
	in, err := svc.RedeemLink(t.Context(), token, words)
	if err != nil {
		t.Fatal(err)
	}
	if in.Actor.Has(caseflow.DSL) || !in.Actor.Has(caseflow.Technician) || in.Actor.System {
		t.Errorf("roles in force: %v", in.Actor.Roles)
	}
}

func TestDisabledUsersStayOut(t *testing.T) {
	svc, _, tenant := newService(t)
	u := store.User{ID: "u1", Name: "H. Marlow", Roles: []caseflow.Role{caseflow.DSL}}
	in, err := svc.RedeemLink(t.Context(), addUser(t, tenant, u), words)
	if err != nil {
		t.Fatal(err)
	}
	u, err = tenant.User(t.Context(), "u1")
	if err != nil {
		t.Fatal(err)
	}
	u.Disabled = true
	token := addUser(t, tenant, u)
	if _, err := svc.RedeemLink(t.Context(), token, words); !errors.Is(err, auth.ErrLink) {
		t.Errorf("by link: %v", err)
	}
	if _, err := svc.SignIn(t.Context(), tenant.Info().ID, "H. Marlow", words, auth.Browser{Address: "192.0.2.1"}); !errors.Is(err, auth.ErrRefused) {
		t.Errorf("by passphrase: %v", err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(in.Cookie)
	if _, err := svc.Resolve(t.Context(), r, true); !errors.Is(err, auth.ErrSignedOut) {
		t.Errorf("by an older session: %v", err)
	}
}

// What the store holds of a link and a session does not open anything.
func TestOnlyHashesAreKept(t *testing.T) {
	svc, _, tenant := newService(t)
	token := addUser(t, tenant, store.User{ID: "u1", Name: "H. Marlow"})
	in, err := svc.RedeemLink(t.Context(), token, words)
	if err != nil {
		t.Fatal(err)
	}
	u, err := tenant.User(t.Context(), "u1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(u.Passphrase, "$argon2id$") || strings.Contains(u.Passphrase, "plover") {
		t.Errorf("kept as %q", u.Passphrase)
	}
	entries, err := tenant.Entries(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var did []string
	for _, e := range entries {
		did = append(did, string(e.Action))
		for _, o := range append(e.Object, e.Reason) {
			if strings.Contains(o, in.Cookie.Value) || strings.Contains(o, token) || strings.Contains(o, words) {
				t.Errorf("the ledger holds a secret at %s", e.Action)
			}
		}
	}
	if got := strings.Join(did, " "); !strings.Contains(got, "link.use session.start") {
		t.Errorf("the ledger says %s", got)
	}
}

func TestSessionOfAnotherSchool(t *testing.T) {
	svc, s, tenant := newService(t)
	other, err := s.AddSchool(t.Context(), "other", "Other", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	in, err := svc.RedeemLink(t.Context(), addUser(t, tenant, store.User{ID: "u1", Name: "H. Marlow"}), words)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{strings.Replace(in.Cookie.Value, "1.", "2.", 1), strings.Replace(in.Cookie.Value, "1.", "9.", 1), in.Cookie.Value[2:], ""} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: auth.Cookie, Value: value})
		if _, err := svc.Resolve(t.Context(), r, true); !errors.Is(err, auth.ErrSignedOut) {
			t.Errorf("a cookie changed for school %d: %v", other.ID, err)
		}
	}
}

func TestSignInStopsWithItsRequest(t *testing.T) {
	svc, _, tenant := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := svc.SignIn(ctx, tenant.Info().ID, "x", "y", auth.Browser{Address: "192.0.2.1"}); err == nil || errors.Is(err, auth.ErrRefused) && ctx.Err() == nil {
		t.Errorf("a request that is gone: %v", err)
	}
}

func TestLinkURL(t *testing.T) {
	for base, want := range map[string]string{"https://localhost:8443": "https://localhost:8443/link/1.abc", "https://lapwing.example/": "https://lapwing.example/link/1.abc"} {
		if got, err := auth.LinkURL(base, "1.abc"); err != nil || got != want {
			t.Errorf("%s: %s, %v", base, got, err)
		}
	}
	if _, err := auth.LinkURL("://", "1.abc"); err == nil {
		t.Error("a broken address is taken")
	}
}
