package badgerstore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// With the vault, nothing of what somebody typed, or of who it was, stands in
// the data directory; and once the key is gone nobody reads it again.
func TestSealedContentIsNotInTheFiles(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	must(t, err)
	s := openIn(t, dir)
	tn := storetest.NewSchool(t, s)
	id := tn.Info().ID

	excerpt, account, canary := []byte("planted-excerpt-words"), "planted.account", []byte("planted-in-the-clear")
	person := v.PersonKey(id, account)
	a := storetest.Arrive(1, 1, 0)
	a.Person = person
	a.PersonName, err = v.Seal(ctx, tn, id, person, vault.PersonName, []byte(account))
	must(t, err)
	a.Capture.Content, err = v.Seal(ctx, tn, id, person, vault.Capture, excerpt)
	must(t, err)
	a.Capture.Rules[0].Title = string(canary) // stands for what may be read: proves that the search finds
	r, err := tn.Ingest(ctx, []triage.Arrival{a})
	must(t, err)

	system := caseflow.Actor{System: true}
	f, err := tn.Case(ctx, system, r[0].Case)
	must(t, err)
	got, err := v.Unseal(ctx, tn, id, person, vault.Capture, f.Captures[0].Capture.Content)
	if err != nil || !bytes.Equal(got, excerpt) {
		t.Fatalf("unsealed %q, %v", got, err)
	}
	if found := filesWith(t, dir, canary); found == 0 {
		t.Fatal("the search finds nothing at all")
	}
	for _, secret := range [][]byte{excerpt, []byte(account)} {
		if n := filesWith(t, dir, secret); n != 0 {
			t.Errorf("%q stands in %d files", secret, n)
		}
	}
	must(t, tn.DestroyKey(ctx, person))
	if _, err := v.Unseal(ctx, tn, id, person, vault.Capture, f.Captures[0].Capture.Content); !errors.Is(err, vault.ErrErased) {
		t.Errorf("after the key was destroyed: %v", err)
	}
	must(t, s.Close())
	for _, secret := range [][]byte{excerpt, []byte(account)} {
		if n := filesWith(t, dir, secret); n != 0 {
			t.Errorf("closed: %q stands in %d files", secret, n)
		}
	}
}

func filesWith(t *testing.T, dir string, what []byte) (n int) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, what) {
			n++
		}
		return err
	}))
	return n
}
