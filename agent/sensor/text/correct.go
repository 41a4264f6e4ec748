package text

import (
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

// Bounds of a correction, in characters.
const (
	maxCorrected = 64 // of the word that is corrected
	maxAnew      = 2  // that are new in it: "dont" to "don’t", "teh" to "the"
	maxBehind    = 8  // typed behind it meanwhile
)

// corrected returns what a program has really put in. LibreOffice takes "pupil"
// out and puts "Pupil " in when the space is typed: but for the space, whose key
// waits, that was there, and the keys that made it have been explained. What the
// program made of it is not what was typed; it is left out. A paste over what was
// selected is told in the same way, and is another text.
func (m *Merger) corrected(at time.Time, c atspi.Changed) string {
	if m.gone.Ref != c.Ref || m.gone.Offset != c.Offset {
		return c.Text
	}
	was, is := []rune(m.gone.Text), []rune(c.Text)
	if len(was) == 0 || len(was) > maxCorrected || len(is) > len(was)+maxAnew+maxBehind {
		return c.Text
	}
	m.expire(at)
	for i := max(len(is)-maxBehind, 0); i <= len(is); i++ {
		behind := string(is[i:])
		if _, _, unexplained := m.run(behind); unexplained == "" && alike(was, is[:i]) {
			return behind
		}
	}
	return c.Text
}

// alike reports whether is is was with another case or a character or two changed.
func alike(was, is []rune) bool {
	n := 0
	for ; n < len(was) && n < len(is) && sameKey(is[n], was[n]); n++ {
	}
	common := n
	was, is = was[n:], is[n:]
	for n = 0; n < len(was) && n < len(is) && sameKey(is[len(is)-1-n], was[len(was)-1-n]); n++ {
	}
	return common+n > 0 && len(was)-n <= maxAnew && len(is)-n <= maxAnew
}
