package vault_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// memKeys is one school's keys in memory.
type memKeys struct {
	mu   sync.Mutex
	keys map[caseflow.PersonKey][]byte
}

func (m *memKeys) Key(_ context.Context, p caseflow.PersonKey) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.keys[p]; ok {
		return k, nil
	}
	return nil, store.ErrNotFound
}

func (m *memKeys) AddKey(_ context.Context, p caseflow.PersonKey, w []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.keys[p]; ok {
		return k, nil
	}
	m.keys[p] = w
	return w, nil
}

func newKeys() *memKeys { return &memKeys{keys: map[caseflow.PersonKey][]byte{}} }

func newVault(t *testing.T) (*vault.Vault, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vault.key")
	v, err := vault.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return v, path
}

func TestSealedContentOpensAfterRestart(t *testing.T) {
	v, path := newVault(t)
	keys := newKeys()
	again, err := vault.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		person := again.PersonKey(1, rapid.String().Draw(t, "account"))
		sealed, err := v.Seal(context.Background(), keys, 1, person, vault.Note, plain)
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) > 3 && bytes.Contains(sealed, plain) {
			t.Fatal("sealed content shows the plain text")
		}
		got, err := again.Unseal(context.Background(), keys, 1, person, vault.Note, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("unsealed %x, %v; want %x", got, err, plain)
		}
	})
}

func TestUnsealRefusesWhatIsNotAsItWasSealed(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	keys := newKeys()
	amy, ben := v.PersonKey(1, "amy"), v.PersonKey(1, "ben")
	sealed, err := v.Seal(ctx, keys, 1, amy, vault.Capture, []byte("quiet words"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Seal(ctx, keys, 1, ben, vault.Capture, nil); err != nil {
		t.Fatal(err)
	}
	other, _ := newVault(t)
	for name, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return v.Unseal(ctx, keys, 1, amy, vault.Note, sealed) },
		"another school":  func() ([]byte, error) { return v.Unseal(ctx, keys, 2, amy, vault.Capture, sealed) },
		"another vault":   func() ([]byte, error) { return other.Unseal(ctx, keys, 1, amy, vault.Capture, sealed) },
		"another person's key under her name": func() ([]byte, error) {
			swapped := &memKeys{keys: map[caseflow.PersonKey][]byte{amy: keys.keys[ben]}}
			return v.Unseal(ctx, swapped, 1, amy, vault.Capture, sealed)
		},
		"empty": func() ([]byte, error) { return v.Unseal(ctx, keys, 1, amy, vault.Capture, nil) },
	} {
		if got, err := open(); !errors.Is(err, vault.ErrBroken) {
			t.Errorf("%s: got %q, %v; want ErrBroken", name, got, err)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if got, err := v.Unseal(ctx, keys, 1, amy, vault.Capture, bad); err == nil {
			t.Errorf("byte %d changed: opened as %q", i, got)
		}
		if got, err := v.Unseal(ctx, keys, 1, amy, vault.Capture, sealed[:i]); err == nil {
			t.Errorf("cut to %d bytes: opened as %q", i, got)
		}
	}
}

func TestDestroyedKeyErases(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	keys := newKeys()
	amy := v.PersonKey(1, "amy")
	sealed, err := v.Seal(ctx, keys, 1, amy, vault.Capture, []byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	delete(keys.keys, amy)
	if _, err := v.Unseal(ctx, keys, 1, amy, vault.Capture, sealed); !errors.Is(err, vault.ErrErased) {
		t.Fatalf("after the key was destroyed: %v, want ErrErased", err)
	}
	later, err := v.Seal(ctx, keys, 1, amy, vault.Capture, []byte("after"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Unseal(ctx, keys, 1, amy, vault.Capture, sealed); !errors.Is(err, vault.ErrErased) {
		t.Fatalf("with a new key since: %v, want ErrErased", err)
	}
	if got, err := v.Unseal(ctx, keys, 1, amy, vault.Capture, later); err != nil || string(got) != "after" {
		t.Fatalf("sealed since: %q, %v", got, err)
	}
}

func TestConcurrentFirstSealsShareOneKey(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	keys := newKeys()
	amy := v.PersonKey(1, "amy")
	var wg sync.WaitGroup
	sealed := make([]caseflow.Sealed, 16)
	for i := range sealed {
		wg.Go(func() { sealed[i], _ = v.Seal(ctx, keys, 1, amy, vault.Note, []byte{byte(i)}) })
	}
	wg.Wait()
	for i, s := range sealed {
		if got, err := v.Unseal(ctx, keys, 1, amy, vault.Note, s); err != nil || !bytes.Equal(got, []byte{byte(i)}) {
			t.Errorf("%d: got %v, %v", i, got, err)
		}
	}
}

func TestPersonKeyFoldsAccountsAndSeparatesSchools(t *testing.T) {
	v, _ := newVault(t)
	want := v.PersonKey(1, "zoë.müller")
	for _, same := range []string{"ZOË.Müller", " zoë.müller\t", "zoe\u0308.mu\u0308ller"} {
		if v.PersonKey(1, same) != want {
			t.Errorf("%q is another person than zoë.müller", same)
		}
	}
	other, _ := newVault(t)
	for name, k := range map[string]caseflow.PersonKey{
		"another school": v.PersonKey(2, "zoë.müller"), "another vault": other.PersonKey(1, "zoë.müller"),
		"another account": v.PersonKey(1, "zoe.muller"),
	} {
		if k == want || k.IsZero() {
			t.Errorf("%s: key %x", name, k)
		}
	}
	if !v.PersonKey(1, "  ").IsZero() {
		t.Error("an empty account is somebody")
	}
}

func TestKeyFileRefusals(t *testing.T) {
	_, path := newVault(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a key file: %v, want ErrExist", err)
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, good) {
		t.Fatal("create changed the key file that was there")
	}
	if _, err := vault.Open(path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := vault.Open(filepath.Dir(path)); !errors.Is(err, vault.ErrFile) {
		t.Errorf("a directory: %v, want ErrFile", err)
	}
	try := func(file []byte) error {
		p := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(p, file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := vault.Open(p)
		return err
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if err := try(bad); !errors.Is(err, vault.ErrFile) {
			t.Fatalf("byte %d changed: %v, want ErrFile", i, err)
		}
	}
	for _, bad := range [][]byte{nil, good[:len(good)-1], append(bytes.Clone(good), 0)} {
		if err := try(bad); !errors.Is(err, vault.ErrFile) {
			t.Errorf("%d bytes: %v, want ErrFile", len(bad), err)
		}
	}
}

func TestSubkey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.key")
	v, err := vault.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := vault.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	a := v.Subkey("a")
	if a != again.Subkey("a") || a == v.Subkey("b") || a == other.Subkey("a") || a == [32]byte{} {
		t.Error("a subkey is not of its label and key file alone")
	}
}
