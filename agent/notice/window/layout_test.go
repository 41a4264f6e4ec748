package window

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"golang.org/x/image/font"
	"pgregory.net/rapid"
)

func example(lang string) Text {
	return Text{
		School: "Peewit Green Academy", Version: "autumn-1", Lang: lang, Title: "This computer is monitored",
		Body:     []string{strings.Repeat("The school looks for signs that somebody is in danger. ", 4), "Passwords are never kept."},
		WhoReads: []string{"The safeguarding lead"}, WhoToTalkTo: []string{"Any adult whom you trust", "Childline: 0800 1111"}, Hours: "On school days.",
	}
}

func laid(t *testing.T, text Text, scale float64, width int) *layout {
	t.Helper()
	f, _, err := newFonts(scale)
	if err != nil {
		t.Fatal(err)
	}
	return lay(text, f, scale, width)
}

// TestEverythingFits: at any size no line and no button is cut off at the
// side, buttons do not overlap, and no word is lost.
func TestEverythingFits(t *testing.T) {
	for _, lang := range []string{"en", "cy", "cy-GB", "fr", ""} {
		for _, scale := range []float64{1, 1.5, 2, 4} {
			for _, width := range []int{320, 600, 720, 1440} {
				l := laid(t, example(lang), scale, int(float64(width)*scale))
				var all strings.Builder
				for _, ln := range l.lines {
					if end := ln.x + font.MeasureString(ln.face, ln.text).Ceil(); end > l.width {
						t.Errorf("%s %v %d: %q ends at %d", lang, scale, width, ln.text, end)
					}
					all.WriteString(ln.text + " ")
				}
				for _, want := range example(lang).Body {
					if !strings.Contains(strings.Join(strings.Fields(all.String()), " "), strings.TrimSpace(want)) {
						t.Errorf("%s: lost %q", lang, want)
					}
				}
				for i, b := range l.buttons {
					if b.at.Max.X > l.width || b.at.Max.Y > l.foot || b.at.Dy() < l.px(40) {
						t.Errorf("%s %v %d: button %q at %v of %d", lang, scale, width, b.text, b.at, l.width)
					}
					for _, other := range l.buttons[:i] {
						if b.at.Overlaps(other.at) {
							t.Errorf("%s %v %d: %q covers %q", lang, scale, width, b.text, other.text)
						}
					}
				}
			}
		}
	}
}

// TestWrapLosesNothing: all letters come out again, in their order, each line
// within the width.
func TestWrapLosesNothing(t *testing.T) {
	f, _, err := newFonts(1)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("aWi  é-."))).Draw(t, "text")
		lines := wrap(f.body, text, 60)
		if got, want := strings.Join(strings.Fields(strings.Join(lines, "")), ""), strings.Join(strings.Fields(text), ""); got != want {
			t.Fatalf("%q became %q", want, got)
		}
		for _, l := range lines {
			if font.MeasureString(f.body, l).Ceil() > 60 {
				t.Fatalf("%q is too wide", l)
			}
		}
	})
}

func TestLanguagesThatItCanWrite(t *testing.T) {
	_, regular, err := newFonts(1)
	if err != nil {
		t.Fatal(err)
	}
	for text, can := range map[string]bool{
		"Mae’r ŵyl ŷ": true, "Zażółć gęślą jaźń": true, "Київ": true, "£ € – “ ”": true,
		"مرحبا": false, "আমি": false, "ਪੰਜਾਬੀ": false, "你好": false,
	} {
		if canWrite(regular, text) != can {
			t.Errorf("%s: want %v", text, can)
		}
	}
	for lang, w := range languages {
		if !canWrite(regular, w.heading, w.readers, w.talk, w.hours, w.honest, w.read, w.decline, w.help) {
			t.Errorf("the window's own words in %s cannot be written", lang)
		}
	}
}

// TestContrast holds WCAG 2.2 AA: 4.5 for text, 3 for what marks the chosen button.
func TestContrast(t *testing.T) {
	for what, c := range map[string]struct {
		on, of color.RGBA
		least  float64
	}{
		"body": {paper, ink, 4.5}, "foot": {foot, soft, 4.5}, "head": {petrol, paper, 4.5}, "primary": {action, paper, 4.5}, "link": {foot, action, 4.5},
		"chosen link": {focus, ink, 4.5}, "edge": {paper, edge, 3}, "ring": {foot, ink, 3},
	} {
		if got := contrast(c.on, c.of); got < c.least {
			t.Errorf("%s: %.1f", what, got)
		}
	}
}

func contrast(a, b color.RGBA) float64 {
	light := func(c color.RGBA) float64 {
		lin := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
	}
	x, y := light(a), light(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// TestScrolledToTheEnd: the last line of a long notice stands above the foot.
func TestScrolledToTheEnd(t *testing.T) {
	text := example("en")
	for range 14 {
		text.Body = append(text.Body, text.Body[0])
	}
	l := laid(t, text, 1, 720)
	const height = 500
	last := l.lines[len(l.lines)-1]
	if bottom := l.px(barHeight) + last.y - l.maxScroll(height) + last.face.line; bottom > l.footAt(height) {
		t.Errorf("the last line ends at %d, under the foot at %d", bottom, l.footAt(height))
	}
	if img := l.draw(view{height: height, scroll: l.maxScroll(height), chosen: 1, focused: true}); img.Bounds() != image.Rect(0, 0, 720, height) {
		t.Errorf("drawn %v", img.Bounds())
	}
}
