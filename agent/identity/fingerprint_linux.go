package identity

import "os"

// machineFacts: a disk that is cloned takes machine-id along, the board's UUID
// stays with the board (and needs root to read).
func machineFacts() []string {
	var facts []string
	for _, name := range []string{"/etc/machine-id", "/sys/class/dmi/id/product_uuid"} {
		b, _ := os.ReadFile(name) // a fact that is missing is an empty one
		facts = append(facts, string(b))
	}
	return facts
}
