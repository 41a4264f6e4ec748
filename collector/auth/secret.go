package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// secretBytes is the entropy of a link or a session.
const secretBytes = 32

// newSecret makes a bearer value "<school>.<secret>" and the hash to keep.
// The school stands in front so that the tenant is known before any look-up.
func newSecret(school store.SchoolID) (string, [32]byte) {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails: crypto/rand aborts the program instead
	v := strconv.Itoa(int(school)) + "." + base64.RawURLEncoding.EncodeToString(b)
	return v, sha256.Sum256([]byte(v))
}

// parseSecret takes such a value apart. ok is false for anything else.
func parseSecret(v string) (school store.SchoolID, hash [32]byte, ok bool) {
	id, secret, found := strings.Cut(v, ".")
	if !found || len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return 0, hash, false
	}
	n, err := strconv.ParseInt(id, 10, 32)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != id {
		return 0, hash, false
	}
	return store.SchoolID(n), sha256.Sum256([]byte(v)), true
}
