package identity

import (
	"errors"
	"io/fs"
	"os"
)

// machineFacts: a disk that is cloned takes machine-id along, the board's UUID
// stays with the board (and needs root to read). Half of the facts would be
// another machine's hash, so what may not be read makes all of them unknown.
func machineFacts() []string {
	var facts []string
	for _, name := range []string{"/etc/machine-id", "/sys/class/dmi/id/product_uuid"} {
		b, err := os.ReadFile(name) // a fact that is missing is an empty one
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		facts = append(facts, string(b))
	}
	return facts
}
