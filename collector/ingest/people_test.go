package ingest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func (s *school) DirectoryState(context.Context) (store.DirectoryState, error) {
	return store.DirectoryState{Version: uint64(min(len(s.staff), 1))}, nil
}

func (s *school) NamedStaff(_ context.Context, phrases []caseflow.PersonKey) (all []caseflow.PersonKey, err error) {
	for _, p := range phrases {
		if k, ok := s.staff[p]; ok {
			all = append(all, k)
		}
	}
	return all, nil
}

func TestStaffAreFoundBeforeSealing(t *testing.T) {
	f, s := newFixture(t), newSchool()
	porter := caseflow.PersonKey{9}
	s.staff = map[caseflow.PersonKey]caseflow.PersonKey{}
	for _, p := range directory.NamePhrases(directory.Record{Name: "Jane Porter", Audience: vocab.Staff}) {
		s.staff[f.vault.NameKey(7, p)] = porter
	}
	for i, tt := range []struct {
		excerpt, title string
		named          bool
	}{
		{"mr porter made me", "", true},
		{"nothing here", "Miss PORTER's class – Chat", true},
		{"i carried it like a porter", "", false},
		{"planted excerpt zebra", "", false},
	} {
		b := batch(uint64(i + 1))
		c := b.Events[0].GetCapture()
		c.Excerpt, c.Title, c.Marks = tt.excerpt, tt.title, []*lapwingv1.Span{{Start: 0, End: 2}}
		if _, err := f.core.Accept(t.Context(), s, laptop, b); err != nil {
			t.Fatal(err)
		}
		got := s.kept[len(s.kept)-1].Capture.Subjects
		if named := len(got) > 0; named != tt.named || named && got[0] != porter {
			t.Errorf("%q %q: subjects %v", tt.excerpt, tt.title, got)
		}
	}
	if strings.Contains(f.log.String(), "porter") {
		t.Error("a name is in the log")
	}
}

func TestAccountsCarryTheirParts(t *testing.T) {
	f, s := newFixture(t), newSchool()
	key := func(text string) caseflow.PersonKey { return f.vault.PersonKey(7, text) }
	for i, tt := range []struct {
		account string
		want    directory.Account
	}{
		{"Rowan.Ash", directory.Account{Exact: key("rowan.ash")}},
		{`PEEWIT\Rowan.Ash`, directory.Account{Exact: key(`peewit\rowan.ash`), Login: key("rowan.ash"), Domain: key(`peewit\`)}},
		{"rowan.ash@peewit.example", directory.Account{Exact: key("rowan.ash@peewit.example"), Login: key("rowan.ash"), Domain: key("@peewit.example"), Mail: true}},
	} {
		b := batch(uint64(i + 1))
		b.Events[0].Account = tt.account
		if _, err := f.core.Accept(t.Context(), s, laptop, b); err != nil {
			t.Fatal(err)
		}
		a := s.kept[len(s.kept)-1]
		if d := cmp.Diff(tt.want, directory.Account{Exact: a.Person, Login: a.Login, Domain: a.Domain, Mail: a.DomainIsMail}); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.account, d)
		}
		if a.Audience != vocab.Unknown || !a.Entry.IsZero() {
			t.Errorf("%s: ingest itself says %v, %v", tt.account, a.Audience, a.Entry)
		}
	}
}
