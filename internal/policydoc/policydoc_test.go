package policydoc

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// testKey is a key of a fixed seed, so that failures repeat.
func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func policy() *lapwingv1.Policy {
	return &lapwingv1.Policy{
		Version: 7, School: "st-anne", IssuedMs: 1_764_000_000_000, Rules: []byte("compiled"),
		Packs:      []*lapwingv1.PackInfo{{Name: "core", Version: 2, Rules: 40}},
		ProposedBy: "A. Technician", ApprovedBy: "D. Lead", Group: "lab",
		Limits: &lapwingv1.Limits{ExcerptChars: 160, FragmentPauseMs: 4000, HeartbeatSeconds: 30},
	}
}

func TestRoundTrip(t *testing.T) {
	key := testKey("school")
	s, err := Sign(policy(), key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(s, public(key))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(policy(), got, protocmp.Transform()); d != "" {
		t.Errorf("signed (-) and opened (+):\n%s", d)
	}
	again, err := Sign(policy(), key)
	if err != nil || !proto.Equal(s, again) {
		t.Errorf("the same policy signs to other bytes (%v)", err)
	}
}

// TestSignedIsContextAndDocument pins what is signed: another implementation
// must be able to verify it.
func TestSignedIsContextAndDocument(t *testing.T) {
	key := testKey("school")
	s, err := Sign(policy(), key)
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(public(key), append([]byte("lapwing policy v1\n"), s.Document...), s.Signature) {
		t.Error("signature is not over the context and the document")
	}
}

func TestRefused(t *testing.T) {
	key := testKey("school")
	good, err := Sign(policy(), key)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(s *lapwingv1.SignedPolicy)) *lapwingv1.SignedPolicy {
		s := proto.Clone(good).(*lapwingv1.SignedPolicy)
		f(s)
		return s
	}
	bare := change(func(s *lapwingv1.SignedPolicy) { s.Signature = ed25519.Sign(key, s.Document) })
	for _, c := range []struct {
		name string
		s    *lapwingv1.SignedPolicy
		key  ed25519.PublicKey
		want error
	}{
		{"another key", good, public(testKey("other")), ErrSignature},
		{"changed document", change(func(s *lapwingv1.SignedPolicy) { s.Document[5] ^= 1 }), public(key), ErrSignature},
		{"longer document", change(func(s *lapwingv1.SignedPolicy) { s.Document = append(s.Document, 0) }), public(key), ErrSignature},
		{"changed signature", change(func(s *lapwingv1.SignedPolicy) { s.Signature[63] ^= 1 }), public(key), ErrSignature},
		{"signed without the context", bare, public(key), ErrSignature},
		{"short key", good, public(key)[:31], ErrKey},
		{"no key", good, nil, ErrKey},
	} {
		if p, err := Open(c.s, c.key); !errors.Is(err, c.want) || p != nil {
			t.Errorf("%s: %v, %v; want %v", c.name, p, err, c.want)
		}
	}
	for name, s := range map[string]*lapwingv1.SignedPolicy{
		"nil": nil, "empty": {}, "short signature": change(func(s *lapwingv1.SignedPolicy) { s.Signature = s.Signature[:63] }),
	} {
		var fe *lapwingv1.FieldError
		if _, err := Open(s, public(key)); !errors.As(err, &fe) {
			t.Errorf("%s: %v, want the field that is wrong", name, err)
		}
	}
}

// TestSignedNonsense: a good signature does not excuse a bad document.
func TestSignedNonsense(t *testing.T) {
	key := testKey("school")
	for want, document := range map[string][]byte{
		"not a policy message": []byte("\xff\xff\xff"),
		"version: 0":           mustMarshal(t, &lapwingv1.Policy{}),
		"limits.excerpt_chars: 500": mustMarshal(t, func() *lapwingv1.Policy {
			p := policy()
			p.Limits.ExcerptChars = 500
			return p
		}()),
	} {
		s := &lapwingv1.SignedPolicy{Document: document, Signature: ed25519.Sign(key, signed(document))}
		if len(document) == 0 {
			s.Document = []byte{0x12, 0} // an empty school, so that there is a document at all
			s.Signature = ed25519.Sign(key, signed(s.Document))
		}
		if _, err := Open(s, public(key)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func mustMarshal(t *testing.T, p *lapwingv1.Policy) []byte {
	t.Helper()
	b, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSignRefuses(t *testing.T) {
	if _, err := Sign(policy(), testKey("school")[:32]); !errors.Is(err, ErrKey) {
		t.Errorf("half a key: %v", err)
	}
	for want, change := range map[string]func(p *lapwingv1.Policy){
		"school: empty":                  func(p *lapwingv1.Policy) { p.School = "" },
		"rules: 0 bytes":                 func(p *lapwingv1.Policy) { p.Rules = nil },
		"document: 16777":                func(p *lapwingv1.Policy) { p.Rules = make([]byte, lapwingv1.MaxPolicy) },
		"limits.fragment_pause_ms: 999,": func(p *lapwingv1.Policy) { p.Limits.FragmentPauseMs = 999 },
	} {
		p := policy()
		change(p)
		if s, err := Sign(p, testKey("school")); err == nil || !strings.Contains(err.Error(), want) || s != nil {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := Sign(nil, testKey("school")); err == nil {
		t.Error("signed nothing")
	}
}

// FuzzOpen: nothing that is not signed opens, and nothing panics; a signed
// document opens only if it is valid.
func FuzzOpen(f *testing.F) {
	key := testKey("school")
	s, err := Sign(policy(), key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Document, s.Signature)
	f.Add([]byte{}, []byte{})
	f.Add([]byte("\x08\x01"), make([]byte, 64))
	f.Fuzz(func(t *testing.T, document, signature []byte) {
		p, err := Open(&lapwingv1.SignedPolicy{Document: document, Signature: signature}, public(key))
		if err == nil && !ed25519.Verify(public(key), signed(document), signature) {
			t.Fatal("opened without a good signature")
		}
		if (p == nil) == (err == nil) {
			t.Fatalf("policy %v with error %v", p, err)
		}
		p, err = Parse(document)
		if err == nil && p.Validate() != nil {
			t.Fatal("parsed a policy that is not valid")
		}
	})
}
