package text

import (
	"math"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

// For how long another object is taken for a password field that was left:
// "show password" may put a new object in its place. A name is a better sign
// than a place, which the next step of a form may take.
const (
	sameNameLife  = 10 * time.Minute
	samePlaceLife = 10 * time.Second
)

// secrets remembers the objects that were passwords, maxRefs of them.
type secrets struct{ items []secretItem }

type secretItem struct {
	pid    uint32
	object atspi.Object
	// seen is when it last had the focus.
	seen time.Time
}

func (s *secrets) add(at time.Time, pid uint32, o atspi.Object) {
	s.items = slices.DeleteFunc(s.items, func(i secretItem) bool { return i.object.Ref == o.Ref })
	if len(s.items) == maxRefs {
		s.items = slices.Delete(s.items, 0, 1)
	}
	s.items = append(s.items, secretItem{pid, o, at})
}

// left says that a password field had the focus until now.
func (s *secrets) left(at time.Time, ref atspi.Ref) {
	for i := range s.items {
		if s.items[i].object.Ref == ref {
			s.items[i].seen = at
		}
	}
}

func (s *secrets) has(ref atspi.Ref) bool {
	return slices.ContainsFunc(s.items, func(i secretItem) bool { return i.object.Ref == ref })
}

// of reports whether a process has shown a password field.
func (s *secrets) of(pid uint32) bool {
	return slices.ContainsFunc(s.items, func(i secretItem) bool { return i.pid == pid })
}

// unplaced reports whether an object is alike for want of its place only.
func (s *secrets) unplaced(at time.Time, pid uint32, o atspi.Object) bool {
	elsewhere := o
	elsewhere.Place = atspi.Place{X: math.MinInt32 / 2, Y: math.MinInt32 / 2, Width: 1, Height: 1}
	return !o.Place.Known() && !s.has(o.Ref) && s.alike(at, pid, o) && !s.alike(at, pid, elsewhere)
}

// alike reports whether an object may be a password field that now shows what
// is typed.
func (s *secrets) alike(at time.Time, pid uint32, o atspi.Object) bool {
	return slices.ContainsFunc(s.items, func(i secretItem) bool {
		was, gone := i.object, at.Sub(i.seen)
		switch {
		case i.pid != pid, was.Address != "" && o.Address != "" && was.Address != o.Address:
			return false
		case was.Name != "" && was.Name == o.Name:
			return gone < sameNameLife
		}
		return gone < samePlaceLife && !was.Place.Apart(o.Place)
	})
}
