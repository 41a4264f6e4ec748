package tlsx_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

const zeroPin = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestEnrolmentRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := tlsx.Enrolment{
			Host: rapid.OneOf(
				rapid.StringMatching(`[a-z0-9]{1,20}(\.[a-z0-9-]{0,5}[a-z0-9]){0,3}`),
				rapid.SampledFrom([]string{"127.0.0.1", "::1", "2001:db8::5", "::ffff:10.0.0.1"}),
			).Draw(t, "host"),
			Port:  rapid.Uint16Min(1).Draw(t, "port"),
			Token: rapid.StringMatching(`[A-Za-z0-9_-]{8,128}`).Draw(t, "token"),
		}
		copy(e.CAFingerprint[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "pin"))
		if strings.Contains(e.Host, ".-") || e.Validate() != nil {
			t.Skip("not a host")
		}
		got, err := tlsx.ParseEnrolment(" " + e.String() + "\n")
		if err != nil || got != e {
			t.Fatalf("%q read as %+v, %v", e, got, err)
		}
	})
}

func TestEnrolmentForm(t *testing.T) {
	e := tlsx.Enrolment{Host: "2001:db8::5", Port: 9443, Token: "token-123"}
	want := "lapwing-enrol:v1:[2001:db8::5]:9443:" + zeroPin + ":token-123"
	if e.String() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
	if e.Address() != "[2001:db8::5]:9443" {
		t.Errorf("address %s", e.Address())
	}
}

func TestEnrolmentErrorsNameThePart(t *testing.T) {
	for s, part := range map[string]string{
		"":                        "prefix",
		"https://example.org":     "prefix",
		strings.Repeat("x", 1000): "prefix",
		"lapwing-enrol":           "version",
		"lapwing-enrol:v2:h:1:" + zeroPin + ":token-123": "version",
		"lapwing-enrol:v1": "host",
		"lapwing-enrol:v1::1:" + zeroPin + ":token-123":          "host",
		"lapwing-enrol:v1:-a:1:" + zeroPin + ":token-123":        "host",
		"lapwing-enrol:v1:a b:1:" + zeroPin + ":token-123":       "host",
		"lapwing-enrol:v1:[::1:1:" + zeroPin + ":token-123":      "host",
		"lapwing-enrol:v1:[1.2.3.4]:1:" + zeroPin + ":token-123": "host",
		"lapwing-enrol:v1:[fe80::1%eth0]:1:" + zeroPin + ":t":    "host",
		"lapwing-enrol:v1:h":                                   "port",
		"lapwing-enrol:v1:h:0:" + zeroPin + ":token-123":       "port",
		"lapwing-enrol:v1:h:01:" + zeroPin + ":token-123":      "port",
		"lapwing-enrol:v1:h:65536:" + zeroPin + ":token-123":   "port",
		"lapwing-enrol:v1:h:+1:" + zeroPin + ":token-123":      "port",
		"lapwing-enrol:v1:h:1":                                 "fingerprint",
		"lapwing-enrol:v1:h:1:abc:token-123":                   "fingerprint",
		"lapwing-enrol:v1:h:1:" + zeroPin[:51] + "b:token-123": "fingerprint", // spare bits set
		"lapwing-enrol:v1:h:1:" + zeroPin:                      "token",
		"lapwing-enrol:v1:h:1:" + zeroPin + ":":                "token",
		"lapwing-enrol:v1:h:1:" + zeroPin + ":short":           "token",
		"lapwing-enrol:v1:h:1:" + zeroPin + ":token 123":       "token",
		"lapwing-enrol:v1:h:1:" + zeroPin + ":token-123:more":  "token",
	} {
		_, err := tlsx.ParseEnrolment(s)
		var e *tlsx.EnrolmentError
		if !errors.As(err, &e) || e.Part != part {
			t.Errorf("%q: %v, want an error of the %s", s, err, part)
		}
		if err != nil && strings.Contains(err.Error(), "token-123") {
			t.Errorf("%q: the error shows the token", s)
		}
	}
}

func FuzzParseEnrolment(f *testing.F) {
	f.Add("lapwing-enrol:v1:[::1]:9443:" + zeroPin + ":token-123")
	f.Add("lapwing-enrol:v1:collector.school.example:9443:" + zeroPin + ":token-123")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := tlsx.ParseEnrolment(s)
		if err != nil {
			return
		}
		again, err := tlsx.ParseEnrolment(e.String())
		if err != nil || again != e {
			t.Errorf("%q read as %+v, written as %q, read as %+v, %v", s, e, e, again, err)
		}
	})
}
