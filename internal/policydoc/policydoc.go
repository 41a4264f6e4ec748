// Package policydoc owns the signed policy document: how a collector builds
// and signs it, and how an agent verifies and reads it. The signature is
// Ed25519 over Context followed by the exact bytes of the document, so that
// a signature made for anything else never passes for a policy.
//
// It may import the messages of proto/lapwing/v1 and the standard library.
// Whether the rules inside load is for the caller to check (agent/policy).
package policydoc

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Context stands before the document in what is signed (policy.proto).
const Context = "lapwing policy v1\n"

// ErrSignature says that a policy is not signed by the given key, or was
// changed afterwards.
var ErrSignature = errors.New("policy signature does not match")

// ErrKey says that a key has not the size of an Ed25519 key.
var ErrKey = errors.New("policy key is not an Ed25519 key")

// Sign checks p against every limit of policy.proto and signs it. The error
// names the field and the limit.
func Sign(p *lapwingv1.Policy, key ed25519.PrivateKey) (*lapwingv1.SignedPolicy, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("sign policy: %w", ErrKey)
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("sign policy: %w", err)
	}
	// Deterministic, so that the same policy is the same bytes in a comparison.
	document, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("sign policy: %w", err)
	}
	s := &lapwingv1.SignedPolicy{Document: document, Signature: ed25519.Sign(key, signed(document))}
	if err := s.Validate(); err != nil { // the whole may be too large where each part is not
		return nil, fmt.Errorf("sign policy: %w", err)
	}
	return s, nil
}

// Open verifies s by key, then reads and checks the document. Nothing of the
// document is looked at before its signature was found good.
func Open(s *lapwingv1.SignedPolicy, key ed25519.PublicKey) (*lapwingv1.Policy, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("open policy: %w", ErrKey)
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("open policy: %w", err)
	}
	if !ed25519.Verify(key, signed(s.Document), s.Signature) {
		return nil, fmt.Errorf("open policy: %w", ErrSignature)
	}
	return Parse(s.Document)
}

// Parse reads and checks a document whose signature was verified elsewhere:
// the session process gets its policy from the service, which did.
func Parse(document []byte) (*lapwingv1.Policy, error) {
	p := new(lapwingv1.Policy)
	if err := proto.Unmarshal(document, p); err != nil {
		return nil, errors.New("open policy: document: not a policy message")
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("open policy: %w", err)
	}
	return p, nil
}

func signed(document []byte) []byte {
	b := make([]byte, 0, len(Context)+len(document))
	return append(append(b, Context...), document...)
}
