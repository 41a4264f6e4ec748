package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/durable"
)

// ownerFile names whose events the spool holds: a hash of school and authority.
const ownerFile = "spool-owner"

// claimSpool makes sure that a device which was enrolled with another school
// sends nothing there that the first one was meant to see: the spool of
// another owner, and its grace logs, are removed before anything opens them.
// It is asked at each start, so a stop between enrolling and removing loses
// nothing of that promise.
func claimSpool(dir string, id *identity.Identity, log *slog.Logger) error {
	sum := sha256.Sum256(append([]byte(id.Device.School+"\x00"), id.CA.Raw...))
	owner := hex.EncodeToString(sum[:])
	name := filepath.Join(dir, ownerFile)
	old, err := os.ReadFile(name)
	switch {
	case err == nil && strings.TrimSpace(string(old)) == owner:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("find whose events the spool holds: %w", err)
	case err == nil:
		log.Warn("spool_removed", "reason", "the device was enrolled with another school")
		if err := os.RemoveAll(filepath.Join(dir, "spool")); err != nil {
			return fmt.Errorf("remove another school's events: %w", err)
		}
	}
	if err := durable.WriteFile(name, []byte(owner+"\n")); err != nil {
		return fmt.Errorf("note whose events the spool holds: %w", err)
	}
	return nil
}
