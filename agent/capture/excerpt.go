package capture

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/internal/detect"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// span is a half-open range of bytes of a text.
type span struct{ start, end int }

// makeExcerpt returns the sentence of the weightiest hit (the first) with at
// most one sentence on each side, at most limit characters, other personal
// data masked; and where in it the hits stand.
func makeExcerpt(text string, hits []detect.Hit, limit int) (string, []*lapwingv1.Span) {
	r := newRenderer(text, hits)
	top := span{hits[0].Start, hits[0].End}
	best := top
	if r.length(top) > limit {
		best.end = r.fit(top, limit)
	} else {
		best = r.widest(top, limit)
	}
	excerpt, marks := r.render(best)
	return excerpt, marks
}

// maskedTitle returns a window's title with personal data masked, except in
// the hits, if they are in this title, cut to what the message holds.
func maskedTitle(title string, hits []detect.Hit) string {
	r := newRenderer(title, hits)
	all := span{0, len(title)}
	if r.length(all) > lapwingv1.MaxTitle {
		all.end = r.fit(all, lapwingv1.MaxTitle)
	}
	s, _ := r.render(all)
	return s
}

// renderer turns ranges of one text into what people will read.
type renderer struct {
	text  string
	marks []span // hits, in order, merged where they overlap
	masks []mask // in order, not overlapping each other or a hit
}

func newRenderer(text string, hits []detect.Hit) *renderer {
	r := &renderer{text: text, marks: mergedSpans(hits)}
	r.masks = without(findMasks(text), r.marks)
	return r
}

// widest returns the largest allowed range around top that fits into limit:
// its sentence with both neighbours that name no password, with the one before, with the one after,
// alone, or as many of its words as fit.
func (r *renderer) widest(top span, limit int) span {
	ss := sentences(r.text)
	first, last := -1, -1
	for i, s := range ss {
		if s.end > top.start && first < 0 {
			first = i
		}
		if s.start < top.end {
			last = i
		}
	}
	if first < 0 || last < first {
		return top
	}
	own := span{min(ss[first].start, top.start), max(ss[last].end, top.end)}
	before, after := own.start, own.end
	if first > 0 && !r.namesSecret(ss[first-1]) {
		before = ss[first-1].start
	}
	if last+1 < len(ss) && !r.namesSecret(ss[last+1]) {
		after = ss[last+1].end
	}
	for _, s := range []span{{before, after}, {before, own.end}, {own.start, after}, own} {
		if r.length(s) <= limit {
			return s
		}
	}
	return r.words(top, own, limit)
}

func (r *renderer) namesSecret(s span) bool { return secretWord.MatchString(r.text[s.start:s.end]) }

// words grows top inside own word by word, in turn on both sides, while it fits.
func (r *renderer) words(top, own span, limit int) span {
	left, right := true, true
	for left || right {
		if s := (span{r.wordBefore(top.start, own.start), top.end}); left && s != top && r.length(s) <= limit {
			top = s
		} else {
			left = false
		}
		if s := (span{top.start, r.wordAfter(top.end, own.end)}); right && s != top && r.length(s) <= limit {
			top = s
		} else {
			right = false
		}
	}
	return top
}

func (r *renderer) wordBefore(i, low int) int {
	s := strings.TrimRightFunc(r.text[low:i], unicode.IsSpace)
	if j := strings.LastIndexFunc(s, unicode.IsSpace); j >= 0 {
		_, n := utf8.DecodeRuneInString(s[j:])
		return low + j + n
	}
	return low
}

func (r *renderer) wordAfter(i, high int) int {
	s := r.text[i:high]
	t := strings.TrimLeftFunc(s, unicode.IsSpace)
	if j := strings.IndexFunc(t, unicode.IsSpace); j >= 0 {
		return i + len(s) - len(t) + j
	}
	return high
}

// length is how many characters s has as rendered.
func (r *renderer) length(s span) int {
	n := 0
	r.pieces(s, func(p piece) { n += utf8.RuneCountInString(p.shown(r.text)) })
	return n
}

// fit returns the end of the longest start of s that has at most limit characters.
func (r *renderer) fit(s span, limit int) int {
	end := s.start
	for i := range r.text[s.start:s.end] {
		if r.length(span{s.start, s.start + i}) > limit {
			return end
		}
		end = s.start + i
	}
	return end
}

// piece is a part of the text that is shown as it is, or as the name of its mask.
type piece struct {
	span
	name string // "" shows the text
}

func (p piece) shown(text string) string {
	if p.name != "" {
		return p.name
	}
	return text[p.start:p.end]
}

// pieces yields s cut at the masks.
func (r *renderer) pieces(s span, yield func(piece)) {
	at := s.start
	for _, m := range r.masks {
		if m.end <= s.start || m.start >= s.end {
			continue
		}
		if m.start > at {
			yield(piece{span: span{at, m.start}})
		}
		at = min(m.end, s.end)
		yield(piece{span: span{max(m.start, s.start), at}, name: m.name})
	}
	if at < s.end {
		yield(piece{span: span{at, s.end}})
	}
}

// render returns s as people will read it, on one line, and the marks in it.
func (r *renderer) render(s span) (string, []*lapwingv1.Span) {
	var b strings.Builder
	var marks []*lapwingv1.Span
	r.pieces(s, func(p piece) {
		if p.name == "" { // marks never overlap a mask
			for _, m := range r.marks {
				lo, hi := max(m.start, p.start), min(m.end, p.end)
				if lo < hi && len(marks) < lapwingv1.MaxMarks {
					off := b.Len() - p.start
					marks = append(marks, &lapwingv1.Span{Start: uint32(lo + off), End: uint32(hi + off)})
				}
			}
		}
		b.WriteString(p.shown(r.text))
	})
	return strings.Map(oneLine, b.String()), marks
}

// oneLine keeps the number of bytes, so that marks stay right.
func oneLine(r rune) rune {
	switch r {
	case '\n', '\r', '\t':
		return ' '
	}
	return r
}

// mergedSpans returns the ranges of hits in order, merged where they overlap.
func mergedSpans(hits []detect.Hit) []span {
	spans := make([]span, 0, len(hits))
	for _, h := range hits {
		spans = append(spans, span{h.Start, h.End})
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	var merged []span
	for _, s := range spans {
		if n := len(merged); n > 0 && s.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// sentences cuts text after full stops, question and exclamation marks that a
// space follows, and at line ends. The spans are without surrounding space, in
// order, and leave out nothing else.
func sentences(text string) []span {
	var ss []span
	start := 0
	flush := func(end int) {
		t := text[start:end]
		lead := len(t) - len(strings.TrimLeftFunc(t, unicode.IsSpace))
		if t = strings.TrimSpace(t); t != "" {
			ss = append(ss, span{start + lead, start + lead + len(t)})
		}
		start = end
	}
	ended := false // after an end mark, and closing quotes or brackets
	for i, r := range text {
		switch {
		case r == '\n' || r == '\r' || ended && unicode.IsSpace(r):
			flush(i)
			ended = false
		case strings.ContainsRune(".!?…。！？", r):
			ended = true
		case !strings.ContainsRune(`"')]}”’»`, r):
			ended = false
		}
	}
	flush(len(text))
	return ss
}
