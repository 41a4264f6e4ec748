package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what one argon2id hash costs.
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// OWASP is the argon2id setting of the OWASP Password Storage Cheat Sheet:
// 19 MiB, two passes, one lane.
func OWASP() Cost { return Cost{MemoryKiB: 19 * 1024, Passes: 2, Lanes: 1} }

const (
	saltBytes = 16
	hashBytes = 32
	// Limits on what a stored PHC string may ask for, so that a damaged or
	// planted record cannot exhaust the collector.
	maxMemoryKiB = 256 * 1024
	maxPasses    = 16
	maxLanes     = 8
)

var errPHC = errors.New("not an argon2id PHC string within limits")

// hasher runs argon2id with a bound on how many run at once: each takes
// Cost.MemoryKiB, and a flood of sign-ins must not take the collector's memory.
type hasher struct {
	cost  Cost
	slots chan struct{}
	dummy string // verified against when there is no account, so that both cost the same
}

func newHasher(cost Cost, atOnce int) (*hasher, error) {
	h := &hasher{cost: cost, slots: make(chan struct{}, atOnce)}
	dummy, err := h.hash(context.Background(), rand.Text())
	if err != nil {
		return nil, err
	}
	h.dummy = dummy
	return h, nil
}

func (h *hasher) acquire(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a free hashing slot: %w", ctx.Err())
	}
}

func (h *hasher) release() { <-h.slots }

// hash returns the PHC string of a passphrase.
func (h *hasher) hash(ctx context.Context, passphrase string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails: crypto/rand aborts the program instead
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	sum := argon2.IDKey([]byte(passphrase), salt, h.cost.Passes, h.cost.MemoryKiB, h.cost.Lanes, hashBytes)
	return formatPHC(h.cost, salt, sum), nil
}

// verify reports whether passphrase is the one of phc. An empty or damaged
// phc costs the same and answers false.
func (h *hasher) verify(ctx context.Context, phc, passphrase string) (bool, error) {
	cost, salt, want, err := parsePHC(phc)
	known := err == nil
	if !known {
		if cost, salt, want, err = parsePHC(h.dummy); err != nil {
			return false, err
		}
	}
	if err := h.acquire(ctx); err != nil {
		return false, err
	}
	defer h.release()
	got := argon2.IDKey([]byte(passphrase), salt, cost.Passes, cost.MemoryKiB, cost.Lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

func formatPHC(c Cost, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		c.MemoryKiB, c.Passes, c.Lanes, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func parsePHC(s string) (Cost, []byte, []byte, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return Cost{}, nil, nil, errPHC
	}
	var c Cost
	var rest string
	n, _ := fmt.Sscanf(parts[3]+" .", "m=%d,t=%d,p=%d %s", &c.MemoryKiB, &c.Passes, &c.Lanes, &rest)
	if n != 4 || rest != "." ||
		c.Passes < 1 || c.Passes > maxPasses || c.Lanes < 1 || c.Lanes > maxLanes ||
		c.MemoryKiB < 8*uint32(c.Lanes) || c.MemoryKiB > maxMemoryKiB {
		return Cost{}, nil, nil, errPHC
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, err1 := b64.DecodeString(parts[4])
	sum, err2 := b64.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 {
		return Cost{}, nil, nil, errPHC
	}
	return c, salt, sum, nil
}
