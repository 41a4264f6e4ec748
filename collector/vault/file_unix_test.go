//go:build unix

package vault_test

import (
	"errors"
	"os"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/vault"
)

func TestOpenRefusesAKeyFileThatOthersMayRead(t *testing.T) {
	_, path := newVault(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("created with mode %v, %v; want 0600", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Open(path); !errors.Is(err, vault.ErrPermissions) {
			t.Errorf("mode %o: %v, want ErrPermissions", mode, err)
		}
	}
}
