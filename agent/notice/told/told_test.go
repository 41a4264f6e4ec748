package told

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const (
	shown    = lapwingv1.NoticeSeen_STATE_SHOWN
	read     = lapwingv1.NoticeSeen_STATE_ACKNOWLEDGED
	declined = lapwingv1.NoticeSeen_STATE_DECLINED
)

var start = time.Date(2026, 9, 7, 8, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *Book {
	t.Helper()
	b, damage, err := Open(path)
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	return b
}

func put(t *testing.T, b *Book, account, version string, state lapwingv1.NoticeSeen_State, at time.Time) {
	t.Helper()
	if err := b.Put(account, Word{Version: version, State: state, At: at}); err != nil {
		t.Fatal(err)
	}
}

// TestOnceATermAndVersion: what was told stands over a restart, for this
// version and this term, and the file is the owner's and names nobody.
func TestOnceATermAndVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "told")
	b := open(t, path)
	if !b.News("rowan.pike", "1", time.Time{}, shown) {
		t.Error("the first showing is no news")
	}
	put(t, b, "rowan.pike", "1", shown, start)
	put(t, b, "rowan.pike", "1", declined, start.Add(time.Hour))
	b = open(t, path)
	if w := b.Of("rowan.pike", "1", start); w.State != declined || !w.At.Equal(start) {
		t.Errorf("after a restart: %+v", w)
	}
	for state, news := range map[lapwingv1.NoticeSeen_State]bool{shown: false, declined: false, read: true} {
		if b.News("rowan.pike", "1", start, state) != news {
			t.Errorf("%v again: want news %v", state, news)
		}
	}
	for what, w := range map[string]Word{
		"another version": b.Of("rowan.pike", "2", time.Time{}),
		"the next term":   b.Of("rowan.pike", "1", start.Add(100*24*time.Hour)),
		"somebody else":   b.Of("fern.hale", "1", time.Time{}),
	} {
		if w != (Word{}) {
			t.Errorf("%s: %+v", what, w)
		}
	}
	info, err := os.Stat(path)
	raw, readErr := os.ReadFile(path)
	if err != nil || readErr != nil || info.Mode().Perm() != 0o600 || bytes.Contains(raw, []byte("rowan")) {
		t.Errorf("%v, %v, %v: %s", err, readErr, info.Mode(), raw)
	}
}

func TestDamagedBookShowsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "told")
	for _, raw := range []string{"", "{", `{"key":"AA==","people":{}}`, `{"people":{"planted-secret":{}}}`} {
		if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		b, damage, err := Open(path)
		if err != nil || damage == nil || bytes.Contains([]byte(damage.Error()), []byte("planted")) {
			t.Fatalf("%q: %v, damage %v", raw, err, damage)
		}
		put(t, b, "a", "1", shown, start)
		if open(t, path).Of("a", "1", start).State != shown {
			t.Errorf("%q: not written anew", raw)
		}
	}
}

func TestFullBookForgetsTheOldest(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "told"))
	for i := range maxPeople {
		b.file.People[b.file.hash(fmt.Sprint(i))] = Word{Version: "1", State: shown, At: start.Add(time.Duration(i))}
	}
	put(t, b, "new", "1", shown, start.Add(time.Hour))
	if len(b.file.People) != maxPeople || b.Of("0", "1", start).State != 0 || b.Of("1", "1", start).State != shown || b.Of("new", "1", start).State != shown {
		t.Errorf("%d people", len(b.file.People))
	}
}
