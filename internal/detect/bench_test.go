package detect_test

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// The line is 70 characters of what a pupil types in a lesson.
const schoolLine = "the roman army built straight roads so that soldiers could move quick."

func BenchmarkMatchLine(b *testing.B) {
	e := shipped(b)
	for name, line := range map[string]string{
		"school":    schoolLine,
		"hit":       "honestly i just want to kill myself tonight and nobody would even care",
		"disguised": "honestly i just w4nt to k1ll mys3lf ton1ght and n0body would even c4re",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Match(line, detect.Options{})
			}
		})
	}
}

func BenchmarkStreamKey(b *testing.B) {
	e := shipped(b)
	for name, before := range map[string]string{"short": "", "long": strings.Repeat(schoolLine+" ", 50)} {
		b.Run(name, func(b *testing.B) {
			s := e.NewStream(detect.Options{})
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if i%len(schoolLine) == 0 {
					s.Reset()
					s.Insert(before)
					s.Hits()
				}
				s.Type(rune(schoolLine[i%len(schoolLine)]))
				s.Hits()
				i++
			}
		})
	}
}

func BenchmarkMatchMegabyte(b *testing.B) {
	e := shipped(b)
	for name, text := range map[string]string{
		"school":     strings.Repeat(schoolLine+" ", 1<<20/71),
		"hits":       strings.Repeat("i want to kill myself ", 1<<20/22),
		"no-spaces":  strings.Repeat("x", 1<<20),
		"letters":    strings.Repeat("k i l l ", 1<<20/8),
		"marks":      "e" + strings.Repeat("\u0301", 1<<19),
		"one-reason": strings.Repeat("i ", 1<<19),
		// What the readings of disguises try hardest on.
		"digits":  strings.Repeat("1 ", 1<<19),
		"spaced":  strings.Repeat("q z x ", 1<<20/6),
		"dotted":  strings.Repeat("q.z.x.", 1<<20/6),
		"masked":  strings.Repeat("a*b*c ", 1<<20/6),
		"unknown": strings.Repeat("qwertzuiop", 1<<20/200) + strings.Repeat("qwertzu ", 1<<20/16),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				e.Match(text, detect.Options{})
			}
		})
	}
}
