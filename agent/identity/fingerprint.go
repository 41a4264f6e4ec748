package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
)

// fingerprintKey separates this hash from every other use of a machine id
// (machine-id(5) asks for that): who knows the id elsewhere cannot recognise
// it here.
const fingerprintKey = "lapwing device fingerprint 1"

// Fingerprint returns a keyed hash of what the system knows the machine by, 32
// bytes, or nil where it knows nothing. It detects a cloned disk beside its
// original; it is never an identity (decision 7).
func Fingerprint() []byte { return fingerprint(machineFacts()) }

func fingerprint(facts []string) []byte {
	known := false
	mac := hmac.New(sha256.New, []byte(fingerprintKey))
	for _, f := range facts {
		f = strings.TrimSpace(f)
		known = known || f != ""
		mac.Write([]byte(f))
		mac.Write([]byte{0})
	}
	if !known {
		return nil
	}
	return mac.Sum(nil)
}
