package capture

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// mask is a range of a text that shows personal data or a secret, and what
// stands for it.
type mask struct {
	span
	name string
}

// What is masked in excerpts and titles outside of the hits. Over-masking
// costs a word of context, under-masking somebody's data, so the patterns are wide.
var (
	emailPattern = regexp.MustCompile(`[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+`)
	// Six or more digits, with the separators people write between them (every
	// dash and every invisible character too): telephone, card, account and
	// pupil numbers, dates of birth.
	digitsPattern = regexp.MustCompile(`[+(]{0,2}\p{Nd}(?:[\p{Zs}()./\p{Pd}\p{Cf}]{0,3}\p{Nd}){5,}`)
	// National Insurance numbers (HMRC NIM39110), also with spaces.
	insurancePattern = regexp.MustCompile(`(?i)\b[A-Z]{2}(?:[ \-]?\p{Nd}{2}){3}[ \-]?[A-D]\b`)
	// The query or fragment of an address: tokens, names, searches.
	queryPattern = regexp.MustCompile(`[?&#][\p{L}\p{N}_.%\[\]\-]+=[^\s]*`)
	// A name on a social network; the group leaves out what stands before it.
	handlePattern = regexp.MustCompile(`(?:^|[^\p{L}\p{N}._%+\-@])(@[\p{L}\p{N}_][\p{L}\p{N}_.\-]+)`)
	// What people say a secret is.
	secretPattern = regexp.MustCompile(`(?i)\b(?:pass(?:word|code|phrase|wd)|pwd|pin)s?(?: +(?:code|number))?(?:'s|’s| *[:=]| +(?:is|was|are|were))[ \t:=]*(?:now +|not +)?(\S+)`)
	// A sentence that names one is not shown as a neighbour.
	secretWord = regexp.MustCompile(`(?i)pass(?:word|code|phrase|wd)`)
	// UK postcodes; the shape is Royal Mail's, with or without the space.
	postcodePattern = regexp.MustCompile(`(?i)\b(?:[A-Z]{1,2}[0-9][A-Z0-9]?|GIR)[ \t]{0,2}[0-9][A-Z]{2}\b`)
)

// phoneDigits is the least number of digits of a telephone number with its area.
const phoneDigits = 10

// findMasks returns what to mask in text, in order, not overlapping.
func findMasks(text string) []mask {
	var masks []mask
	find := func(p *regexp.Regexp, name func(string) string) {
		for _, at := range p.FindAllStringSubmatchIndex(text, -1) {
			at = at[len(at)-2:] // the group, if there is one
			masks = append(masks, mask{span{at[0], at[1]}, name(text[at[0]:at[1]])})
		}
	}
	find(emailPattern, func(string) string { return "[email]" })
	find(secretPattern, func(string) string { return "[secret]" })
	find(insurancePattern, func(string) string { return "[ni number]" })
	find(queryPattern, func(string) string { return "[query]" })
	find(handlePattern, func(string) string { return "[handle]" })
	find(digitsPattern, digitsName)
	find(postcodePattern, func(string) string { return "[postcode]" })
	slices.SortStableFunc(masks, func(a, b mask) int { return a.start - b.start })
	kept := masks[:0]
	for _, m := range masks {
		if n := len(kept); n > 0 && m.start < kept[n-1].end {
			kept[n-1].end = max(kept[n-1].end, m.end)
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

func digitsName(s string) string {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	if n >= phoneDigits && n <= 15 && strings.ContainsAny(s[:1], "0+(") {
		return "[phone]"
	}
	return "[number]"
}

// without cuts the hits out of the masks: a hit is always shown as typed.
func without(masks []mask, hits []span) []mask {
	var left []mask
	for _, m := range masks {
		for _, h := range hits {
			if h.end <= m.start || h.start >= m.end {
				continue
			}
			if h.start > m.start {
				left = append(left, mask{span{m.start, h.start}, m.name})
			}
			m.start = h.end
		}
		if m.start < m.end {
			left = append(left, m)
		}
	}
	return left
}
