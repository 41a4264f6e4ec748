package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
)

// between is a school in which somebody confirms a role at the moment between
// the reading and the writing of a user.
type between struct {
	store.Tenant
	before func()
}

func (b *between) PutUser(ctx context.Context, u store.User, by audit.Who, now time.Time) error {
	if f := b.before; f != nil {
		b.before = nil
		f()
	}
	return b.Tenant.PutUser(ctx, u, by, now)
}

type oneSchool struct {
	*badgerstore.Store
	tenant store.Tenant
}

func (o oneSchool) School(context.Context, store.SchoolID) (store.Tenant, error) {
	return o.tenant, nil
}

// Choosing a passphrase and being confirmed in a role at the same moment: both stand.
func TestARoleConfirmedDuringTheFirstSignInStands(t *testing.T) {
	_, s, tenant := newService(t)
	token := addUser(t, tenant, store.User{ID: "u1", Name: "H. Marlow", Pending: []caseflow.Role{caseflow.DSL}})
	confirm := func() {
		_, err := store.ChangeUser(t.Context(), tenant, "u1", audit.Who{Via: audit.ViaCommand}, time.Now(), func(u *store.User) error {
			u.Roles, u.Pending = u.Pending, nil
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	svc, err := auth.New(auth.Config{Schools: oneSchool{s, &between{tenant, confirm}}, Cost: auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := svc.RedeemLink(t.Context(), token, words)
	if err != nil {
		t.Fatal(err)
	}
	u, err := tenant.User(t.Context(), "u1")
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Roles) != 1 || len(u.Pending) != 0 || u.Passphrase == "" || !in.Actor.Has(caseflow.DSL) {
		t.Errorf("roles %v, waiting %v, passphrase set: %v", u.Roles, u.Pending, u.Passphrase != "")
	}
}
