package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// Why a device is suspected to be two.
const (
	// SuspectHardware: it reports other hardware than it was enrolled with.
	SuspectHardware = "hardware"
	// SuspectTwo: two machines take turns on its identity.
	SuspectTwo = "two_streams"
)

// Enrolment holds tokens, the devices that wait for a technician, and what the
// collector asks all devices for.
type Enrolment interface {
	// Token returns ErrTokenUnknown, wrapped, when there is none.
	Token(ctx context.Context, hash [32]byte) (Token, error)
	// Tokens lists all, also used and expired ones; the newest first.
	Tokens(ctx context.Context) ([]Token, error)
	// Release lets those of the batch's devices send that are held and in ids,
	// and returns them: a technician releases what was looked at, and no device
	// that came in meanwhile. With nothing to release it writes nothing.
	Release(ctx context.Context, batch string, ids []caseflow.DeviceID, by audit.Who, now time.Time) ([]caseflow.DeviceID, error)
	// Suspect marks a device as one identity on two machines. The first mark
	// stands; it reports whether this was it.
	Suspect(ctx context.Context, id caseflow.DeviceID, why string, now time.Time) (first bool, err error)
	// AskAgain asks all devices to offer once more what they sent since a time:
	// the collector was restored from a backup. A later request replaces it.
	AskAgain(ctx context.Context, r Reoffer, by audit.Who) error
	// Asked returns the zero Reoffer when nothing was asked.
	Asked(ctx context.Context) (Reoffer, error)
}

// Reoffer asks for what devices sent since a time.
type Reoffer struct {
	Since time.Time // by the collector's clock
	Asked time.Time
}

// ReofferFor is how long devices that connect are asked: they keep what they
// sent for a day (contract "Re-offer").
const ReofferFor = 24 * time.Hour

// Open reports whether a device that connects now should be asked.
func (r Reoffer) Open(now time.Time) bool {
	return !r.Asked.IsZero() && now.Sub(r.Asked) < ReofferFor
}

// HoldsDevices reports whether devices that come in by t are held.
func (t Token) HoldsDevices() bool { return t.Expected > 1 }

// AllowedFrom reports whether t works from addr; without a network it works
// from everywhere.
func (t Token) AllowedFrom(addr netip.Addr) bool {
	if t.Network == "" {
		return true
	}
	network, err := netip.ParsePrefix(t.Network)
	return err == nil && network.Contains(addr.Unmap().WithZone(""))
}
