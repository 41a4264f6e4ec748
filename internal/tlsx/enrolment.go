package tlsx

import (
	"encoding/base32"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Enrolment is what an enrolment string says: where the collector is, which
// certificate authority is the right one, and the token that lets a device in.
type Enrolment struct {
	Host          string   // DNS name, at most 253 bytes, or IP address without brackets or zone
	Port          uint16   // 1 to 65535
	CAFingerprint [32]byte // SHA-256 of the authority's certificate, DER
	Token         string   // 8 to 128 of A-Z a-z 0-9 - _
}

// EnrolmentError says which part of an enrolment string is wrong, and why. It
// never holds the token.
type EnrolmentError struct {
	Part   string // prefix, version, host, port, fingerprint or token
	Reason string
}

// Error is fit for a person to read.
func (e *EnrolmentError) Error() string {
	return fmt.Sprintf("enrolment string: %s: %s; copy the whole string from the console again", e.Part, e.Reason)
}

const (
	enrolPrefix  = "lapwing-enrol"
	enrolVersion = "v1"
	// maxEnrolment bounds what ParseEnrolment looks at: 253 of host, 52 of
	// fingerprint, 128 of token, 5 of port, 22 of frame.
	maxEnrolment = 512
)

var fingerprintText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Address returns host and port in the form net.Dial takes.
func (e Enrolment) Address() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

// String returns the one thing to paste:
//
//	lapwing-enrol:v1:HOST:PORT:FINGERPRINT:TOKEN
//
// with an IPv6 address in brackets and the fingerprint in lower-case base32.
func (e Enrolment) String() string {
	return strings.Join([]string{enrolPrefix, enrolVersion, e.Address(),
		fingerprintText.EncodeToString(e.CAFingerprint[:]), e.Token}, ":")
}

// Validate reports the first part that ParseEnrolment would refuse.
func (e Enrolment) Validate() error {
	if reason := checkHost(e.Host); reason != "" {
		return &EnrolmentError{"host", reason}
	}
	if e.Port == 0 {
		return &EnrolmentError{"port", "must be 1 to 65535"}
	}
	if reason := checkToken(e.Token); reason != "" {
		return &EnrolmentError{"token", reason}
	}
	return nil
}

// ParseEnrolment reads what String writes; white space around it is ignored.
// Every error is an *EnrolmentError.
func ParseEnrolment(s string) (Enrolment, error) {
	fail := func(part, reason string) (Enrolment, error) {
		return Enrolment{}, &EnrolmentError{part, reason}
	}
	s = strings.TrimSpace(s)
	if len(s) > maxEnrolment {
		return fail("prefix", fmt.Sprintf("longer than %d bytes", maxEnrolment))
	}
	prefix, rest, _ := strings.Cut(s, ":")
	if prefix != enrolPrefix {
		return fail("prefix", "must begin with "+enrolPrefix+":")
	}
	version, rest, _ := strings.Cut(rest, ":")
	if version != enrolVersion {
		return fail("version", "this agent understands "+enrolVersion+" only")
	}
	host, rest, reason := cutHost(rest)
	if reason != "" {
		return fail("host", reason)
	}
	parts := strings.Split(rest, ":")
	switch {
	case rest == "":
		return fail("port", "is missing")
	case len(parts) < 3:
		return fail([]string{"fingerprint", "token"}[len(parts)-1], "is missing")
	case len(parts) > 3:
		return fail("token", "is followed by something else")
	}
	port, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil || port == 0 || parts[0][0] == '0' {
		return fail("port", "must be 1 to 65535")
	}
	e := Enrolment{Host: host, Port: uint16(port), Token: parts[2]}
	if !decodeFingerprint(e.CAFingerprint[:], parts[1]) {
		return fail("fingerprint", "must be 52 characters of a-z and 2-7")
	}
	return e, e.Validate()
}

// decodeFingerprint fills dst from text and reports whether text is exactly
// what encoding dst gives (base32 leaves four spare bits at the end).
func decodeFingerprint(dst []byte, text string) bool {
	b, err := fingerprintText.DecodeString(text)
	if err != nil || len(b) != len(dst) || fingerprintText.EncodeToString(b) != text {
		return false
	}
	copy(dst, b)
	return true
}

// cutHost takes the host from the front of s; a colon inside brackets belongs
// to the address.
func cutHost(s string) (host, rest, reason string) {
	if !strings.HasPrefix(s, "[") {
		host, rest, _ = strings.Cut(s, ":")
		return host, rest, checkHost(host)
	}
	host, rest, ok := strings.Cut(s[1:], "]:")
	if !ok {
		return "", "", "the bracket of the IPv6 address is not closed"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
		return "", "", "brackets hold something that is no IPv6 address"
	}
	return host, rest, checkHost(host)
}

// checkHost returns why host is neither an IP address nor a DNS name, or "".
func checkHost(host string) string {
	if host == "" {
		return "is missing"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "an IPv6 zone has no meaning on another machine"
		}
		return ""
	}
	if len(host) > 253 {
		return "longer than 253 bytes"
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			!allIn(label, "-") {
			return "is neither a DNS name nor an IP address"
		}
	}
	return ""
}

func checkToken(token string) string {
	switch {
	case token == "":
		return "is missing"
	case len(token) < 8 || len(token) > 128:
		return "must be 8 to 128 characters"
	case !allIn(token, "-_"):
		return "may hold letters, digits, - and _ only"
	}
	return ""
}

// allIn reports whether s holds only ASCII letters, digits and bytes of extra.
func allIn(s, extra string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte(extra, c) >= 0:
		default:
			return false
		}
	}
	return true
}
