package capture

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// view is a text as its captures see it.
type view struct {
	text       string
	source     lapwingv1.Source
	app, title string
}

func (m *Machine) fragmentView() view {
	f := &m.fragment
	return view{
		text: string(f.text), source: lapwingv1.Source_SOURCE_TYPED_TEXT,
		app: f.app, title: clip(strings.ToValidUTF8(f.title, "\uFFFD"), maxTitleBytes),
	}
}

// group is the hits of one text in one category, the weightiest first.
type group struct {
	category vocab.Category
	hits     []detect.Hit
}

// byCategory groups hits by their first category, in order of that word.
func byCategory(hits []detect.Hit) []group {
	var groups []group
	for _, h := range hits {
		i, found := slices.BinarySearchFunc(groups, h.Categories[0], func(g group, c vocab.Category) int {
			return cmp.Compare(g.category, c)
		})
		if !found {
			groups = slices.Insert(groups, i, group{category: h.Categories[0]})
		}
		groups[i].hits = append(groups[i].hits, h)
	}
	for _, g := range groups {
		slices.SortStableFunc(g.hits, byWeight)
	}
	return groups
}

func byWeight(a, b detect.Hit) int {
	return cmp.Or(
		cmp.Compare(b.Severity, a.Severity),
		cmp.Compare(b.Level, a.Level),
		cmp.Compare(a.Start, b.Start),
		cmp.Compare(b.End, a.End),
		cmp.Compare(a.Rule, b.Rule),
	)
}

func groupOf(groups []group, c vocab.Category) (group, bool) {
	for _, g := range groups {
		if g.category == c {
			return g, true
		}
	}
	return group{}, false
}

// match returns the usable hits of text. A hit that does not name what it is,
// or not where, is left out: an engine's fault must not become a wrong excerpt.
func (m *Machine) match(text string) []detect.Hit {
	if m.engine == nil || text == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(m.engine.Match(text, m.cfg.Options)), func(h detect.Hit) bool {
		return len(h.Categories) == 0 || !m.scope.keeps(h) || h.Rule == "" || !h.Severity.Valid() || !h.Level.Valid() ||
			h.Start < 0 || h.End > len(text) || h.Start >= h.End ||
			!utf8.RuneStart(text[h.Start]) || h.End < len(text) && !utf8.RuneStart(text[h.End])
	})
}

// build makes the capture of a group; not final, counted once.
func (m *Machine) build(v view, g group) *lapwingv1.Capture {
	excerpt, marks := makeExcerpt(v.text, g.hits, m.cfg.ExcerptChars)
	c := &lapwingv1.Capture{
		Categories: lapwingv1.FromCategories(categoriesOf(g)),
		Severity:   lapwingv1.FromSeverity(g.hits[0].Severity),
		Level:      lapwingv1.FromLevel(topLevel(g.hits)),
		Source:     v.source,
		Rules:      rulesOf(g.hits),
		Excerpt:    excerpt,
		Marks:      marks,
		App:        clip(strings.ToValidUTF8(v.app, "\uFFFD"), lapwingv1.MaxApp),
		Count:      1,
	}
	own := g.hits
	if v.source == lapwingv1.Source_SOURCE_TYPED_TEXT {
		own = nil // the hits are not in the title
	}
	c.Title = maskedTitle(v.title, own)
	return c
}

// categoriesOf returns the group's category and the second one of its
// weightiest rule, if that has one.
func categoriesOf(g group) []vocab.Category {
	cs := []vocab.Category{g.category}
	if of := g.hits[0].Categories; len(of) > 1 && of[1] != g.category {
		cs = append(cs, of[1])
	}
	return cs
}

func topLevel(hits []detect.Hit) vocab.Level {
	top := vocab.Log
	for _, h := range hits {
		top = max(top, h.Level)
	}
	return top
}

// rulesOf lists each rule once, by its weightiest hit.
func rulesOf(hits []detect.Hit) []*lapwingv1.RuleHit {
	var rules []*lapwingv1.RuleHit
	for _, h := range hits {
		if len(rules) == lapwingv1.MaxRules {
			break
		}
		if slices.ContainsFunc(rules, func(r *lapwingv1.RuleHit) bool { return r.Rule == h.Rule }) {
			continue
		}
		rules = append(rules, &lapwingv1.RuleHit{
			Rule:      h.Rule,
			Version:   max(h.Version, 1),
			Pack:      h.Pack,
			Reading:   h.Reading,
			Severity:  lapwingv1.FromSeverity(h.Severity),
			Level:     lapwingv1.FromLevel(h.Level),
			RaisedBy:  h.RaisedBy[:min(len(h.RaisedBy), lapwingv1.MaxConditions)],
			LoweredBy: h.LoweredBy[:min(len(h.LoweredBy), lapwingv1.MaxConditions)],
			Title:     clip(h.Title, 120),
		})
	}
	return rules
}

// withdrawn is the final revision that takes a capture back: what it was, but
// none of the text.
func withdrawn(sent *lapwingv1.Capture) *lapwingv1.Capture {
	w := proto.Clone(sent).(*lapwingv1.Capture)
	w.Excerpt, w.Marks, w.Final, w.Withdrawn = "", nil, true, true
	return w
}

func (m *Machine) newID() uint64 {
	m.lastID++
	return m.lastID
}

// clip cuts s to at most n bytes on a rune border.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
