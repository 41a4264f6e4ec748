// Package shared knows accounts that several people use, so that nobody takes
// one for a person: guests', by the names that systems give them, and those
// that the school's policy names. It imports the standard library only.
package shared

import "strings"

// guests are names of accounts that systems make for anybody who comes, in
// lower case, in which * stands for any letters: LightDM's guest-a1b2c3, the
// guest of macOS and Windows in English, German and French, live systems, kiosks.
func guests() []string {
	return []string{
		"guest", "guest-*", "guest_*", "_guest", "gast", "invité", "visitor", "kiosk", "liveuser",
		"defaultaccount", "wdagutilityaccount",
	}
}

// Account reports whether several people use an account, whatever domain it is
// of: MAYFIELD\guest and guest@mayfield.example are guests too.
func Account(account string, patterns []string) bool {
	name := strings.ToLower(account)
	if name == "" {
		return false
	}
	login := name
	if i := strings.LastIndexByte(login, '\\'); i >= 0 {
		login = login[i+1:]
	}
	login, _, _ = strings.Cut(login, "@")
	for _, p := range append(guests(), patterns...) {
		p = strings.ToLower(p)
		if match(p, name) || match(p, login) {
			return true
		}
	}
	return false
}

// match reports whether a pattern with stars stands for the whole of s.
func match(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(s, first) || !strings.HasSuffix(s[len(first):], last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}
