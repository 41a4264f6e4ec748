package capture

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/detect"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// excerptOf makes the excerpt of text with the parts between < and > as hits,
// the first the weightiest, and shows it in the same form.
func excerptOf(marked string, limit int) string {
	text, hits := unmark(marked)
	s, marks := makeExcerpt(text, hits, limit)
	return showMarks(s, marks)
}

func showMarks(s string, marks []*lapwingv1.Span) string {
	var b strings.Builder
	at := uint32(0)
	for _, m := range marks {
		b.WriteString(s[at:m.Start] + "<" + s[m.Start:m.End] + ">")
		at = m.End
	}
	return b.String() + s[at:]
}

func unmark(marked string) (string, []detect.Hit) {
	var b strings.Builder
	var hits []detect.Hit
	for _, r := range marked {
		switch r {
		case '<':
			hits = append(hits, detect.Hit{Start: b.Len()})
		case '>':
			hits[len(hits)-1].End = b.Len()
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), hits
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("word ", 50)
	for _, c := range []struct{ name, in, want string }{
		{"whole", "<kill>", "<kill>"},
		{"one sentence on each side", "Zero. One. Two <hit> it! Three? Four.", "One. Two <hit> it! Three?"},
		{"line ends cut sentences", "zero\none\nthe <hit>\ntwo\nthree", "one the <hit> two"},
		{"a stop without space cuts nothing", "a. see example.org/x <hit> v1.2 b. c", "a. see example.org/x <hit> v1.2 b. c"},
		{"closing quotes belong to the sentence", `x. He said "no." Then <hit>. y`, `He said "no." Then <hit>. y`},
		{"hit over two sentences", "A. B <x. y> C. D. E.", "A. B <x. y> C. D."},
		{"hits elsewhere are left out", "A <one>. B. C <two>. D", "A <one>. B."},
		{"second hit inside is marked", "A <one> and <two>.", "A <one> and <two>."},
		{"long before is left out", "Long " + long + ". the <hit>. After.", "the <hit>. After."},
		{"long after is left out", "Before. the <hit>. Long " + long, "Before. the <hit>."},
		{"long sentence is cut at words", strings.Repeat("abcdefghi ", 30) + "<hit> " + strings.Repeat("jklmnopqr ", 30),
			strings.Repeat("abcdefghi ", 10) + "<hit>" + strings.Repeat(" jklmnopqr", 9)},
		{"long hit is cut", "<" + strings.Repeat("é", 300) + ">", "<" + strings.Repeat("é", 200) + ">"},
		{"email", "mail joe.o'b@school.sch.uk or <hit>", "mail joe.o'[email] or <hit>"},
		{"phone", "<hit> ring 07700 900 123, +44 7700 900123 or (01632) 960-001", "<hit> ring [phone], [phone] or [phone]"},
		{"card and birthday", "<hit> 4111 1111 1111 1111 born 01/02/2011", "<hit> [number] born [number]"},
		{"short numbers stay", "<hit> year 11, room 1234, 12345", "<hit> year 11, room 1234, 12345"},
		{"six digits do not", "<hit> 123456 12 34 56", "<hit> [number]"},
		{"postcode", "<hit> at sw1a 1aa, M1 1AE or B338TH", "<hit> at [postcode], [postcode] or [postcode]"},
		{"other dashes", "<hit> call 07700–900–123 or 07700\u2011900\u2011123", "<hit> call [phone] or [phone]"},
		{"nothing visible between", "<hit> call 07700\u200b900\u200b123 or 0\u20607\u2060700900123", "<hit> call [phone] or [phone]"},
		{"other spaces", "<hit> call 07700\u00a0900\u00a0123", "<hit> call [phone]"},
		{"national insurance", "<hit> is QQ123456C, qq 12 34 56 c", "<hit> is [ni number], [ni number]"},
		{"query of an address", "<hit> https://x.org/reset?token=abcdefSECRET&u=tom now", "<hit> https://x.org/reset[query] now"},
		{"fragment of an address", "<hit> x.org/#access_token=abc.def", "<hit> x.org/[query]"},
		{"a question is no query", "<hit> what? a=b", "<hit> what? a=b"},
		{"handle", "<hit> insta @tom_ashby, (@x.y) but a @ b", "<hit> insta [handle], ([handle]) but a @ b"},
		{"password", "My password is hunter2 and <hit>", "My password is [secret] and <hit>"},
		{"pin", "<hit> the PIN is 4711, pin: 4711, passcode was abc", "<hit> the PIN is [secret] pin: [secret] passcode was [secret]"},
		{"no pin", "<hit> pin it down", "<hit> pin it down"},
		{"neighbours that name a password", "My password: hunter2 x. The <hit>. That Password again.", "The <hit>."},
		{"nothing is masked inside the hit", "it is <07700 900123> or 07700 900124", "it is <07700 900123> or [phone]"},
		{"half of it in the hit", "<ring 07700> 900123 now", "<ring 07700>[phone] now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := excerptOf(c.in, 200); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestExcerptHolds: any text, any hits, any limit.
func TestExcerptHolds(t *testing.T) {
	part := rapid.SampledFrom([]string{
		"a", "word", " ", " ", ". ", "! ", "\n", "é", "😀", " joe@example.org ", " 07700 900123 ", " SW1A 1AA ", " 4111111111111111 ", "\t", "…", "”",
	})
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(part, 1, 120).Draw(t, "parts")
		text := strings.Join(parts, "")
		var hits []detect.Hit
		for range rapid.IntRange(1, 5).Draw(t, "hits") {
			i := rapid.IntRange(0, len(parts)-1).Draw(t, "first")
			j := rapid.IntRange(i+1, min(len(parts), i+6)).Draw(t, "last")
			start := len(strings.Join(parts[:i], ""))
			hits = append(hits, detect.Hit{Start: start, End: start + len(strings.Join(parts[i:j], ""))})
		}
		limit := rapid.IntRange(1, 200).Draw(t, "limit")
		s, marks := makeExcerpt(text, hits, limit)

		if n := utf8.RuneCountInString(s); n > limit || n == 0 {
			t.Fatalf("%d characters, limit %d", n, limit)
		}
		at, inMarks, outside := uint32(0), "", ""
		for _, m := range marks {
			if m.Start < at || m.End <= m.Start || int(m.End) > len(s) {
				t.Fatalf("marks %v in %d bytes", marks, len(s))
			}
			outside += s[at:m.Start] + "|"
			inMarks += s[m.Start:m.End]
			at = m.End
		}
		outside += s[at:]
		if inMarks == "" {
			t.Fatalf("no mark in %q", s)
		}
		if !utf8.ValidString(s) || !utf8.ValidString(inMarks) {
			t.Fatalf("cut inside a character: %q, %q", s, inMarks)
		}
		if !touchesHit(text, hits) {
			for _, m := range findMasks(text) {
				if strings.Contains(outside, text[m.start:m.end]) {
					t.Fatalf("personal data outside the hits: %q", outside)
				}
			}
		}
		first := strings.Map(oneLine, text[hits[0].Start:hits[0].End])
		if utf8.RuneCountInString(first) <= limit && !strings.Contains(s, first) {
			t.Fatalf("weightiest hit %q is not whole in %q", first, s)
		}
	})
}

// touchesHit reports whether a hit cuts through something to be masked: what
// stays of it can look like another such thing.
func touchesHit(text string, hits []detect.Hit) bool {
	return slices.ContainsFunc(findMasks(text), func(m mask) bool {
		return slices.ContainsFunc(hits, func(h detect.Hit) bool { return h.Start < m.end && m.start < h.End })
	})
}

func TestMaskedTitle(t *testing.T) {
	text, hits := unmark("joe@example.org <loser> " + strings.Repeat("é", 300))
	for _, c := range []struct {
		hits []detect.Hit
		want string
	}{
		{nil, "[email] loser " + strings.Repeat("é", 186)},
		{[]detect.Hit{{Start: 0, End: 15}}, "joe@example.org loser " + strings.Repeat("é", 178)},
		{hits, "[email] loser " + strings.Repeat("é", 186)},
	} {
		if got := maskedTitle(text, c.hits); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := maskedTitle("", nil); got != "" {
		t.Errorf("empty title became %q", got)
	}
}
