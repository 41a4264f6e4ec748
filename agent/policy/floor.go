package policy

import (
	"crypto/sha256"
	"fmt"
	"os"

	"github.com/lapwing-schools/lapwing/internal/durable"
)

// The floor is the highest version that was in force, in a small file of its
// own: a policy file that is damaged, or swapped for an older one that the
// school signed too, must not let the device go back. It names the policy key,
// because versions begin anew with another collector.

func (c Config) floorPath() string { return c.Path + ".floor" }

func (c Config) keyName() string {
	sum := sha256.Sum256(c.Key)
	return fmt.Sprintf("%x", sum[:8])
}

// readFloor returns 0 for none. What is no floor of this key counts as none:
// whoever can write this file can remove it too.
func readFloor(c Config) uint64 {
	b, err := os.ReadFile(c.floorPath())
	if err != nil || len(b) > 64 {
		return 0
	}
	var version uint64
	var key string
	if _, err := fmt.Sscanf(string(b), "%d %s\n", &version, &key); err != nil || key != c.keyName() {
		return 0
	}
	return version
}

func writeFloor(c Config, version uint64) error {
	return durable.WriteFile(c.floorPath(), fmt.Appendf(nil, "%d %s\n", version, c.keyName()))
}
