package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Reason why the service is about to be stopped.
type Reason string

// Reasons that a person gives by a command. Without one it is a shutdown.
const (
	ToRestart   Reason = "restart"
	ToUninstall Reason = "uninstall"
)

// leavingFile holds the reason. Only the owner of the data directory, which is
// the machine's administrator, can write it.
const leavingFile = "leaving"

// Leave tells the service of dir why it will be stopped.
func Leave(dir string, why Reason) error {
	if err := os.WriteFile(filepath.Join(dir, leavingFile), []byte(why), 0o600); err != nil {
		return fmt.Errorf("tell the service why it stops: %w", err)
	}
	return nil
}

// Leaving returns why the service of dir is stopped, empty when nobody said.
func Leaving(dir string) Reason {
	b, err := os.ReadFile(filepath.Join(dir, leavingFile))
	if err != nil {
		return ""
	}
	switch why := Reason(strings.TrimSpace(string(b))); why {
	case ToRestart, ToUninstall:
		return why
	}
	return ""
}

// Left takes the word back: the collector has heard it, or it is an old one.
func Left(dir string) error {
	if err := os.Remove(filepath.Join(dir, leavingFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take back why the service stops: %w", err)
	}
	return nil
}
