package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// A search is sent as a form, and answered by an address in which what was
// typed stands sealed: nobody's name is in a browser's history, a bookmark or a
// proxy's log. The seal is for one person and one day.

// found is a search as it was understood.
type found struct {
	typed  string
	people []caseflow.PersonKey // nil: no search
}

const (
	maxPersonToken = 2048
	searchLasts    = 24 * time.Hour
)

// searches seals and opens searches.
type searches struct{ aead cipher.AEAD }

// newSearches takes any secret; without one, searches end with the process.
func newSearches(secret []byte) (searches, error) {
	if len(secret) == 0 {
		secret = []byte(rand.Text() + rand.Text())
	}
	key := sha256.Sum256(append([]byte("lapwing search v1\x00"), secret...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return searches{}, fmt.Errorf("prepare searches: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return searches{}, fmt.Errorf("prepare searches: %w", err)
	}
	return searches{aead}, nil
}

type sealedSearch struct {
	Typed  string               `json:"q"`
	People []caseflow.PersonKey `json:"p"`
	At     int64                `json:"t"`
}

func (s searches) seal(id auth.Identity, f found, now time.Time) string {
	plain, err := json.Marshal(sealedSearch{f.typed, f.people, now.Unix()})
	if err != nil {
		return "" // a struct of plain fields always marshals
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, searchFor(id)))
}

// open returns false for what is not a search of this person, or is over.
func (s searches) open(id auth.Identity, token string, now time.Time) (found, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return found{}, false
	}
	plain, err := s.aead.Open(nil, nil, raw, searchFor(id))
	if err != nil {
		return found{}, false
	}
	var in sealedSearch
	if json.Unmarshal(plain, &in) != nil || now.Sub(time.Unix(in.At, 0)) > searchLasts {
		return found{}, false
	}
	if in.People == nil {
		in.People = []caseflow.PersonKey{}
	}
	return found{in.Typed, in.People}, true
}

func searchFor(id auth.Identity) []byte {
	return fmt.Appendf(nil, "%d/%s", id.Tenant.Info().ID, id.User.ID)
}

// findCases takes the search form: a case number, the name of a device, or a
// person's name or account.
func (c *Console) findCases(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	typed := strings.TrimSpace(r.PostForm.Get("q"))
	f := backFilter(r.PostForm.Get("back"))
	if ref, err := caseflow.ParseRef(typed); err == nil {
		if _, err := id.Tenant.Case(r.Context(), id.Actor, ref); err == nil {
			http.Redirect(w, r, "/cases/"+string(ref), http.StatusSeeOther)
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("find case: %w", err)
		}
	}
	if device, err := c.deviceByHost(r, id, typed); err != nil {
		return err
	} else if device != "" {
		http.Redirect(w, r, f.address("device", string(device)), http.StatusSeeOther)
		return nil
	}
	people, err := c.cases.FindPeople(r.Context(), id.Tenant, id.Actor, typed)
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return c.casesAgain(w, r, id, f, casesForm{Typed: typed, SearchError: invalid.Message})
	}
	if err != nil {
		return fmt.Errorf("find people: %w", err)
	}
	typed = string([]rune(typed)[:min(len([]rune(typed)), casework.MaxSearchChars)])
	http.Redirect(w, r, f.address("person", c.searches.seal(id, found{typed, people}, c.now())), http.StatusSeeOther)
	return nil
}

// backFilter is the filter of the page that a form was on.
func backFilter(back string) caseFilter {
	u, err := url.Parse(back)
	if err != nil || u.Path != "/cases" {
		return caseFilter{}
	}
	return readFilter(u.Query())
}

func (c *Console) deviceByHost(r *http.Request, id auth.Identity, typed string) (caseflow.DeviceID, error) {
	want := directory.Fold(typed)
	if want == "" {
		return "", nil
	}
	devices, err := id.Tenant.Devices(r.Context())
	if err != nil {
		return "", fmt.Errorf("find device: %w", err)
	}
	for _, d := range devices {
		if directory.Fold(d.Host) == want || d.Report.Host != "" && directory.Fold(d.Report.Host) == want {
			return d.ID, nil
		}
	}
	return "", nil
}
