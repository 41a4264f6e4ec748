package directory

import (
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// The rule by which an account is somebody, as docs and screen state it:
//
//  1. An account as the device sends it (DOMAIN\user, user, user@domain)
//     is the person who has exactly this as user name, e-mail address, local
//     part of the e-mail address, or alias.
//  2. Else, without its domain, likewise; but not when the directory has the
//     person under another domain of the same kind.
//  3. Somebody who is no longer in the directory counts only where nobody who
//     is would do.
//  4. If two would do, it is nobody: unmatched. Never a guess.
//
// Letter case, Unicode form and space around an account make no difference.
// Aliases with a space in them are names, not accounts.

// Fold makes one of what people and systems write in different ways.
func Fold(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(s))))
}

// SplitAccount returns an account's name without its domain, and the domain
// with the sign that parts them: "school\" or "@school.example". Both are
// empty when there is no domain.
func SplitAccount(account string) (login, domain string) {
	account = strings.TrimSpace(account)
	if i := strings.LastIndexByte(account, '\\'); i >= 0 {
		return strings.TrimSpace(account[i+1:]), account[:i+1]
	}
	if i := strings.LastIndexByte(account, '@'); i >= 0 {
		return strings.TrimSpace(account[:i]), account[i:]
	}
	return "", ""
}

// Hash turns folded text into a key (collector/vault's PersonKey of a school).
// The empty text is the zero key.
type Hash func(text string) caseflow.PersonKey

// Account is an account in hashed form, as an arrival carries it.
type Account struct {
	Exact  caseflow.PersonKey // the whole
	Login  caseflow.PersonKey // without its domain; zero when it has none
	Domain caseflow.PersonKey // as in SplitAccount
	Mail   bool               // the domain is an e-mail domain
}

// AccountOf hashes an account.
func AccountOf(account string, hash Hash) Account {
	login, domain := SplitAccount(account)
	return Account{hash(account), hash(login), hash(domain), strings.HasPrefix(domain, "@")}
}

// Person is what matching knows of a directory entry.
type Person struct {
	Key      caseflow.PersonKey
	Audience vocab.Audience
	Gone     bool                 // no longer in the directory
	Accounts []caseflow.PersonKey // user names, e-mail addresses and local parts, aliases
	Mail     []caseflow.PersonKey // e-mail domains it is known under
	Windows  []caseflow.PersonKey // Windows domains it is known under
}

// Identify fills in what matching needs of a record.
func Identify(r Record, key caseflow.PersonKey, hash Hash) Person {
	p := Person{Key: key, Audience: r.Audience}
	add := func(to *[]caseflow.PersonKey, text string) {
		if k := hash(text); !k.IsZero() && !slices.Contains(*to, k) {
			*to = append(*to, k)
		}
	}
	for _, a := range append([]string{r.Account, r.Email}, r.Aliases...) {
		if strings.ContainsAny(a, " \u00a0") {
			continue
		}
		login, domain := SplitAccount(a)
		add(&p.Accounts, a)
		add(&p.Accounts, login)
		switch {
		case strings.HasPrefix(domain, "@"):
			add(&p.Mail, domain)
		case domain != "":
			add(&p.Windows, domain)
		}
	}
	return p
}

// Index finds people by account. It does not change; safe for concurrent use.
type Index struct {
	people []Person
	by     map[caseflow.PersonKey][]int32
	keys   map[caseflow.PersonKey]int32
}

// NewIndex returns an index of people, which it keeps.
func NewIndex(people []Person) *Index {
	x := &Index{people: people, by: make(map[caseflow.PersonKey][]int32, 2*len(people)), keys: make(map[caseflow.PersonKey]int32, len(people))}
	for i, p := range people {
		x.keys[p.Key] = int32(i)
		for _, a := range p.Accounts {
			if of := x.by[a]; len(of) == 0 || of[len(of)-1] != int32(i) { // listed twice is still one person
				x.by[a] = append(of, int32(i))
			}
		}
	}
	return x
}

// Len is the number of people.
func (x *Index) Len() int {
	if x == nil {
		return 0
	}
	return len(x.people)
}

// Person returns the person of a key.
func (x *Index) Person(k caseflow.PersonKey) (Person, bool) {
	if x == nil {
		return Person{}, false
	}
	i, ok := x.keys[k]
	if !ok {
		return Person{}, false
	}
	return x.people[i], true
}

// Match returns the one person whom the account is; false when it is nobody,
// or could be two.
func (x *Index) Match(a Account) (Person, bool) {
	if x == nil || a.Exact.IsZero() {
		return Person{}, false
	}
	for _, gone := range []bool{false, true} {
		found := x.find(a.Exact, gone, func(Person) bool { return true })
		if len(found) == 0 && !a.Login.IsZero() {
			found = x.find(a.Login, gone, a.fits)
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], true
		default:
			return Person{}, false
		}
	}
	return Person{}, false
}

// Possible are those whom an account that Match leaves unmatched could be.
func (x *Index) Possible(a Account) (all []Person) {
	if x == nil || a.Exact.IsZero() {
		return nil
	}
	any := func(Person) bool { return true }
	for _, k := range []caseflow.PersonKey{a.Exact, a.Login} {
		if !k.IsZero() {
			all = append(all, x.find(k, false, any)...)
		}
	}
	return all
}

// fits reports whether the account's domain does not speak against p.
func (a Account) fits(p Person) bool {
	known := p.Windows
	if a.Mail {
		known = p.Mail
	}
	return len(known) == 0 || slices.Contains(known, a.Domain)
}

func (x *Index) find(k caseflow.PersonKey, gone bool, fits func(Person) bool) (all []Person) {
	for _, i := range x.by[k] {
		if p := x.people[i]; p.Gone == gone && fits(p) {
			all = append(all, p)
		}
	}
	return all
}
