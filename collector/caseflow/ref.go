package caseflow

import (
	"encoding/base32"
	"errors"
	"strings"
)

// ErrRef says that a text is not a case reference.
var ErrRef = errors.New("not a case reference: want 8 letters and digits")

// crockford leaves out I, L, O and U, so that a reference survives being read
// out on the telephone (https://www.crockford.com/base32.html).
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// RefFrom makes a reference of 5 random bytes.
func RefFrom(b [5]byte) Ref {
	return Ref(base32.NewEncoding(crockford).WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// ParseRef reads a reference as people write it: lower case, and I, L or O for
// the digits they look like. It fails with ErrRef.
func ParseRef(s string) (Ref, error) {
	if len(s) != 8 {
		return "", ErrRef
	}
	r := strings.NewReplacer("I", "1", "L", "1", "O", "0").Replace(strings.ToUpper(s))
	if !Ref(r).Valid() {
		return "", ErrRef
	}
	return Ref(r), nil
}

// Valid reports whether r has the form of a reference.
func (r Ref) Valid() bool {
	if len(r) != 8 {
		return false
	}
	for i := range len(r) {
		if !strings.Contains(crockford, string(r[i])) {
			return false
		}
	}
	return true
}
