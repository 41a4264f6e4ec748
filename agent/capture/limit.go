package capture

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const (
	// limitWindow and limitFirst: the first three captures of a rule in a
	// minute go out as they come; of the rest the latest and the most severe
	// follow when the minute ends.
	limitWindow = time.Minute
	limitFirst  = 3
	// maxBuckets bounds the rules that are counted at once.
	maxBuckets = 128
)

// limiter keeps one person's repetition from drowning the rest. Captures whose
// category is never limited do not come here.
type limiter struct {
	buckets []*bucket // by the time they end
	ready   []waiting
	dropped uint64
}

// bucket is one rule's minute.
type bucket struct {
	rule     string
	ends     time.Time
	admitted int
	// likenesses of finished captures that went out; at most limitFirst.
	likenesses []uint64
	// repeats of those, and others that wait; at most limitFirst + 2.
	repeats, others []*waiting
}

// waiting is a final capture that goes out when its minute ends.
type waiting struct {
	id       uint64
	at       time.Time
	likeness uint64
	capture  *lapwingv1.Capture
}

func newLimiter() limiter { return limiter{} }

func neverLimited(c *lapwingv1.Capture) bool {
	return slices.ContainsFunc(c.Categories, func(w string) bool { return vocab.Category(w).NeverLimited() })
}

// admit asks for a first revision that is not final.
func (m *Machine) admit(c *lapwingv1.Capture) bool {
	return neverLimited(c) || m.limit.bucket(c, m.now).admit()
}

// offer asks for a first revision that is final. If the answer is no, the
// limiter keeps the capture, counts it in an equal one, or drops it.
func (m *Machine) offer(c *open, last *lapwingv1.Capture) bool {
	if neverLimited(last) {
		return true
	}
	b := m.limit.bucket(last, m.now)
	w := &waiting{id: c.id, at: c.first, likeness: m.likeness(last), capture: last}
	switch {
	case slices.Contains(b.likenesses, w.likeness):
		b.repeats = fold(b.repeats, w)
		return false
	case b.admit():
		b.likenesses = append(b.likenesses, w.likeness)
		return true
	}
	m.limit.dropped += b.wait(w)
	return false
}

// drainLimiter sends what the limiter let go.
func (m *Machine) drainLimiter() {
	for _, w := range m.limit.ready {
		m.out = append(m.out, Report{CaptureID: w.id, Capture: w.capture, At: w.at})
	}
	m.limit.ready = nil
	m.counters.RateLimited += m.limit.dropped
	m.limit.dropped = 0
}

// likeness is equal for captures of one category and source whose excerpts
// have the same letters and digits, whatever the case, space and punctuation.
func (m *Machine) likeness(c *lapwingv1.Capture) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	_, _ = h.WriteString(c.Categories[0]) // maphash never fails
	_, _ = h.WriteString(c.Source.String())
	_ = h.WriteByte(0)
	for w := range strings.FieldsFuncSeq(strings.ToLower(c.Excerpt), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		_, _ = h.WriteString(w)
		_ = h.WriteByte(' ')
	}
	return h.Sum64()
}

// bucket returns the running minute of c's first rule, starting one if need be.
func (l *limiter) bucket(c *lapwingv1.Capture, now time.Time) *bucket {
	l.flush(now)
	rule := c.Rules[0].Rule
	if b := l.find(rule); b != nil {
		return b
	}
	if len(l.buckets) == maxBuckets {
		l.release(1)
	}
	b := &bucket{rule: rule, ends: now.Add(limitWindow)}
	l.buckets = append(l.buckets, b) // now never falls, so this one ends last
	return b
}

func (l *limiter) find(rule string) *bucket {
	for _, b := range l.buckets {
		if b.rule == rule {
			return b
		}
	}
	return nil
}

// sent tells that a capture that went out before is now final.
func (l *limiter) sent(c *lapwingv1.Capture, likeness uint64) {
	if b := l.find(c.Rules[0].Rule); b != nil && len(b.likenesses) < limitFirst {
		b.likenesses = append(b.likenesses, likeness)
	}
}

// deadline is when the first minute ends that has something waiting.
func (l *limiter) deadline() time.Time {
	for _, b := range l.buckets {
		if len(b.repeats)+len(b.others) > 0 {
			return b.ends
		}
	}
	return time.Time{}
}

// flush ends the minutes that are over.
func (l *limiter) flush(now time.Time) {
	n := 0
	for n < len(l.buckets) && !l.buckets[n].ends.After(now) {
		n++
	}
	l.release(n)
}

func (l *limiter) flushAll() { l.release(len(l.buckets)) }

// release ends the first n minutes and makes what waited in them ready.
func (l *limiter) release(n int) {
	for _, b := range l.buckets[:n] {
		from := len(l.ready)
		for _, w := range slices.Concat(b.repeats, b.others) {
			l.ready = append(l.ready, *w)
		}
		slices.SortStableFunc(l.ready[from:], func(a, b waiting) int { return a.at.Compare(b.at) })
	}
	l.buckets = slices.Delete(l.buckets, 0, n)
}

func (b *bucket) admit() bool {
	if b.admitted >= limitFirst {
		return false
	}
	b.admitted++
	return true
}

// wait keeps w as the latest beside the most severe, and returns how many
// captures had to go for it.
func (b *bucket) wait(w *waiting) (dropped uint64) {
	n := len(b.others)
	if b.others = fold(b.others, w); len(b.others) == n {
		return 0 // counted in an equal one
	}
	worst := slices.MaxFunc(b.others, func(a, b *waiting) int {
		return cmp.Compare(a.capture.Severity, b.capture.Severity)
	})
	b.others = slices.DeleteFunc(b.others, func(o *waiting) bool {
		gone := o != worst && o != w
		if gone {
			dropped += uint64(o.capture.Count)
		}
		return gone
	})
	return dropped
}

// fold counts w in an equal capture of ws, or appends it.
func fold(ws []*waiting, w *waiting) []*waiting {
	for _, o := range ws {
		if o.likeness == w.likeness {
			o.capture.Count += w.capture.Count
			return ws
		}
	}
	return append(ws, w)
}
