package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// knownPrefix begins the name of the cookie by which a browser shows that
// somebody signed in with it before; what follows stands for the user, so that
// people who share a browser keep one each. It opens nothing: it only lets the
// throttle tell the person's own browser from others.
const knownPrefix = "__Host-lapwing-known-"

// knownFor is how long a browser stays known after its last sign-in.
const knownFor = 180 * 24 * time.Hour

// MinKey is the least length of Config.Key in bytes.
const MinKey = 32

// Browser is where an attempt to sign in comes from.
type Browser struct {
	Address string // the client's, without its port
	Cookies []*http.Cookie
}

// knownBrowsers signs and checks these cookies.
type knownBrowsers struct {
	key []byte
	now func() time.Time
}

func newKnownBrowsers(key []byte, now func() time.Time) (knownBrowsers, error) {
	switch {
	case len(key) == 0:
		key = make([]byte, MinKey)
		rand.Read(key) // never fails: crypto/rand aborts the program instead
	case len(key) < MinKey:
		return knownBrowsers{}, fmt.Errorf("key for known browsers has %d bytes; at least %d", len(key), MinKey)
	}
	return knownBrowsers{key: key, now: now}, nil
}

const (
	knownID   = 16 // random bytes: which browser
	knownBody = knownID + 8
	knownSize = knownBody + sha256.Size
)

// cookie makes a browser known to a user's account: random id, end and MAC.
func (k knownBrowsers) cookie(school store.SchoolID, user caseflow.UserID) *http.Cookie {
	b := make([]byte, knownID, knownSize)
	rand.Read(b)
	b = binary.BigEndian.AppendUint64(b, uint64(k.now().Add(knownFor).Unix()))
	b = append(b, k.mac(school, user, b)...)
	return &http.Cookie{Name: k.name(school, user), Value: base64.RawURLEncoding.EncodeToString(b), Path: "/",
		MaxAge: int(knownFor / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// browser returns the id of a browser that is known to a user's account, or "".
func (k knownBrowsers) browser(cookies []*http.Cookie, school store.SchoolID, user caseflow.UserID) string {
	name := k.name(school, user)
	for _, c := range cookies {
		if c.Name != name {
			continue
		}
		b, err := base64.RawURLEncoding.Strict().DecodeString(c.Value)
		if err != nil || len(b) != knownSize || !hmac.Equal(b[knownBody:], k.mac(school, user, b[:knownBody])) {
			continue
		}
		if k.now().Unix() < int64(binary.BigEndian.Uint64(b[knownID:knownBody])) {
			return string(b[:knownID])
		}
	}
	return ""
}

func (k knownBrowsers) name(school store.SchoolID, user caseflow.UserID) string {
	return knownPrefix + hex.EncodeToString(k.mac(school, user, []byte("name"))[:8])
}

func (k knownBrowsers) mac(school store.SchoolID, user caseflow.UserID, body []byte) []byte {
	m := hmac.New(sha256.New, k.key)
	fmt.Fprintf(m, "lapwing known browser v1\x00%d\x00%d\x00%s\x00", school, len(user), user)
	m.Write(body)
	return m.Sum(nil)
}
