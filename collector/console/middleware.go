package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/roster"
)

const (
	// maxForm holds a note of 10,000 characters, each percent-encoded in full
	// (4 bytes of UTF-8, 3 characters each), and the other fields.
	maxForm = 160 << 10
	// pageTime bounds the work for one page.
	pageTime = 10 * time.Second

	contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

// wrap puts around every address what every address needs.
func (c *Console) wrap(h http.Handler) http.Handler {
	h = auth.SameOrigin(h, http.HandlerFunc(c.crossOrigin))
	h = limitBody(h)
	h = secureHeaders(h)
	return c.catchPanics(h)
}

// secureHeaders sets what no page may go without. There is no HSTS: a school's
// first certificate is self-signed, and HSTS would take away the way past the
// browser's warning.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		// same-origin, not no-referrer: that would make browsers send "Origin: null" with our own forms.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), clipboard-read=()")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := int64(maxForm)
		if r.URL.Path == importPath {
			limit = roster.MaxUpload + maxForm // and what stands around the file
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// catchPanics answers a page's panic with the error page and a reference.
func (c *Console) catchPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); {
			case p == nil:
			case p == http.ErrAbortHandler:
				panic(p) // net/http's own way to cut a connection
			default:
				// The value is not logged: it could quote content. The stack names the place.
				c.fail(w, r, fmt.Errorf("panic of type %T at\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// person is a page of a signed-in person.
type person func(w http.ResponseWriter, r *http.Request, id auth.Identity) error

// signedIn resolves who asks, asks allow, and maps the page's error once.
// Somebody who may not open it gets the answer for a page that does not exist.
func (c *Console) signedIn(allow gate, page person) http.Handler {
	return bounded(func(w http.ResponseWriter, r *http.Request) {
		id, err := c.auth.Resolve(r.Context(), r, byPerson(r))
		if errors.Is(err, auth.ErrSignedOut) {
			c.askToSignIn(w, r)
			return
		}
		if err == nil && allow(id.Actor) {
			err = page(w, r, id)
		} else if err == nil {
			err = errMissing
		}
		c.answer(w, r, id, err)
	})
}

// bounded ends the work for a page in time; a flood of sign-ins waits for
// hashing slots no longer than that.
func bounded(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageTime)
		defer cancel()
		h(w, r.WithContext(ctx))
	})
}

// byPerson tells a page or form that a person opened from what the page's
// script fetches by itself; only the first keeps a session alive.
func byPerson(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "" || dest == "document"
}

// clientAddress is the address the throttle counts by. Behind a proxy all
// share one; X-Forwarded-For is not believed.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// reference is a number to read out on the telephone.
func reference() string { return rand.Text()[:8] }
