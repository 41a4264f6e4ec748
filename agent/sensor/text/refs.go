package text

import (
	"slices"

	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

// maxRefs bounds what is remembered of objects; the oldest goes first.
const maxRefs = 128

// refs remembers objects in the order in which they came.
type refs struct{ items []pidRef }

type pidRef struct {
	pid uint32
	ref atspi.Ref
}

// put remembers the last object of a process.
func (r *refs) put(pid uint32, ref atspi.Ref) {
	r.items = slices.DeleteFunc(r.items, func(p pidRef) bool { return p.pid == pid })
	r.push(pidRef{pid, ref})
}

// of returns the last object of a process, or the zero Ref.
func (r *refs) of(pid uint32) atspi.Ref {
	for _, p := range r.items {
		if p.pid == pid {
			return p.ref
		}
	}
	return atspi.Ref{}
}

func (r *refs) push(p pidRef) {
	if len(r.items) == maxRefs {
		r.items = slices.Delete(r.items, 0, 1)
	}
	r.items = append(r.items, p)
}
