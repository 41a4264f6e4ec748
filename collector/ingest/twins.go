package ingest

import (
	"context"
	"crypto/subtle"
	"slices"
	"sync"

	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// An identity that was copied to a second machine shows in two ways: the copy
// reports other hardware, and the two take turns on the one stream. A machine
// has one boot at a time and never returns to an old one, so a device that was
// seen in boot 1, then in boot 2, and then in boot 1 again, is two.
//
// Both go on being heard: what a pupil writes matters more than whose copy it
// is. A technician is told, and enrols the copy as a device of its own.

// bootsKept of a device are remembered, the newest last.
const bootsKept = 4

// boots remembers in which boots devices were seen since the collector
// started. It is safe for concurrent use.
type boots struct {
	mu   sync.Mutex // guards seen
	seen map[deviceKey][][16]byte
}

// again notes a boot and reports whether the device has returned to an older one.
func (b *boots) again(k deviceKey, boot []byte) bool {
	if len(boot) != 16 {
		return false
	}
	id := [16]byte(boot)
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.seen[k]
	at := slices.Index(all, id)
	if at >= 0 {
		if at == len(all)-1 {
			return false
		}
		all = slices.Delete(all, at, at+1)
	}
	if len(all) == bootsKept {
		all = slices.Delete(all, 0, 1)
	}
	b.seen[k] = append(all, id)
	return at >= 0
}

// SameHardware reports whether a device reports what it was enrolled with. One
// that says nothing, then or now, cannot be judged.
func SameHardware(enrolled, now []byte) bool {
	return len(enrolled) == 0 || len(now) == 0 || subtle.ConstantTimeCompare(enrolled, now) == 1
}

// twins marks the device if its Hello shows that it is two.
func (st *stream) twins(ctx context.Context, h *lapwingv1.Hello) {
	two := st.server.boots.again(st.key, h.Boot)
	why := ""
	switch {
	case !SameHardware(st.device.Fingerprint, h.Fingerprint):
		why = store.SuspectHardware
	case two:
		why = store.SuspectTwo
	}
	if why == "" || !st.device.Suspect.IsZero() {
		return
	}
	first, err := st.tenant.Suspect(ctx, st.device.ID, why, st.server.cfg.Now())
	if err != nil {
		st.server.cfg.Log.ErrorContext(ctx, "suspected clone not recorded", "device", string(st.device.ID), "error", err)
		return
	}
	if first {
		st.server.metrics.twins.WithLabelValues(why).Inc()
		st.server.cfg.Log.WarnContext(ctx, "two machines seem to share a device's identity", "device", string(st.device.ID), "reason", why)
	}
}
