package supervise

import (
	"sync"
	"time"
)

// kills are those of one account's session processes, wherever its desktops
// are: who kills one twice and logs on anew does not begin again. Safe for
// concurrent use.
type kills struct {
	mu     sync.Mutex
	recent []time.Time
}

// add counts a kill. It returns how many they are when they are enough to be
// told, and then begins anew; else 0.
func (k *kills) add(now time.Time) uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	recent := k.recent[:0]
	for _, at := range k.recent {
		if now.Sub(at) < TamperWindow {
			recent = append(recent, at)
		}
	}
	k.recent = append(recent, now)
	n := len(k.recent)
	if n < TamperKills {
		return 0
	}
	k.recent = nil
	return uint32(n)
}
