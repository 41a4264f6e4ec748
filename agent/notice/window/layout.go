package window

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// Colours, as the console and the local page have them; contrast on their
// ground: ink 16, soft 7.7, white on petrol 13.5, white on action 6.7.
var (
	paper  = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink    = color.RGBA{0x14, 0x20, 0x1f, 0xff}
	soft   = color.RGBA{0x47, 0x56, 0x52, 0xff}
	petrol = color.RGBA{0x0d, 0x34, 0x33, 0xff}
	action = color.RGBA{0x1c, 0x67, 0x60, 0xff}
	edge   = color.RGBA{0x5d, 0x69, 0x64, 0xff}
	focus  = color.RGBA{0xff, 0xdd, 0x00, 0xff}
	foot   = color.RGBA{0xf6, 0xf5, 0xf0, 0xff}
)

// type sizes and distances, in pixels at 96 dots an inch.
const (
	bodySize, bodyLine   = 17, 26
	headSize, headLine   = 26, 34
	labelSize, labelLine = 17, 26
	smallSize, smallLine = 15, 22
	barHeight            = 56
	margin               = 32
	between              = 12
	buttonHeight         = 44
	idealWidth           = 720
)

// face is a font at one size.
type face struct {
	font.Face
	line int
}

// fonts are the faces of one scale.
type fonts struct{ body, bold, head, small face }

func newFonts(scale float64) (*fonts, *sfnt.Font, error) {
	regular, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, nil, fmt.Errorf("read the font: %w", err)
	}
	bold, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, nil, fmt.Errorf("read the font: %w", err)
	}
	f := &fonts{}
	for _, want := range []struct {
		to         *face
		from       *sfnt.Font
		size, line float64
	}{
		{&f.body, regular, bodySize, bodyLine}, {&f.bold, bold, labelSize, labelLine},
		{&f.head, bold, headSize, headLine}, {&f.small, regular, smallSize, smallLine},
	} {
		drawn, err := opentype.NewFace(want.from, &opentype.FaceOptions{Size: want.size * scale, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil, nil, fmt.Errorf("size the font: %w", err)
		}
		*want.to = face{drawn, int(want.line * scale)}
	}
	return f, regular, nil
}

// canWrite reports whether the font has a sign for every letter.
func canWrite(f *sfnt.Font, texts ...string) bool {
	var buf sfnt.Buffer
	for _, text := range texts {
		for _, r := range text {
			if r == '\n' || r == '\t' {
				continue
			}
			if i, err := f.GlyphIndex(&buf, r); err != nil || i == 0 {
				return false
			}
		}
	}
	return true
}

// line is one line of text where it stands in the body.
type line struct {
	text string
	face face
	col  color.Color
	x, y int // of its top left
}

// button is one of the three, where it stands in the window.
type button struct {
	text    string
	does    Event
	primary bool
	link    bool
	at      image.Rectangle
}

// layout is the whole window at one width: a body that may scroll, and a foot
// that stays.
type layout struct {
	scale   float64
	width   int
	fonts   *fonts
	school  string
	lines   []line
	body    int // height of the body
	foot    int // height of the foot
	honest  []string
	buttons []button
}

func (l *layout) px(n int) int { return int(float64(n) * l.scale) }

// lay breaks a text into lines for a width.
func lay(t Text, f *fonts, scale float64, width int) *layout {
	l := &layout{scale: scale, width: width, fonts: f, school: t.School}
	w := wordsFor(t.Lang)
	y := l.px(margin - 8)
	add := func(text string, fc face, col color.Color, indent int) {
		for _, part := range wrap(fc, text, width-2*l.px(margin)-indent) {
			l.lines = append(l.lines, line{part, fc, col, l.px(margin) + indent, y})
			y += fc.line
		}
	}
	title := t.Title
	if title == "" {
		title = w.heading
	}
	add(title, f.head, ink, 0)
	for _, p := range t.Body {
		y += l.px(between)
		add(p, f.body, ink, 0)
	}
	for _, list := range []struct {
		label string
		rows  []string
	}{{w.readers, t.WhoReads}, {w.talk, t.WhoToTalkTo}, {w.hours, oneOf(t.Hours)}} {
		if len(list.rows) == 0 {
			continue
		}
		y += l.px(between)
		add(list.label, f.bold, ink, 0)
		for _, row := range list.rows {
			add(row, f.body, ink, l.px(16))
		}
	}
	y += l.px(between)
	l.body = y
	l.layFoot(w, t.Version)
	return l
}

func oneOf(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// layFoot places the buttons, in rows where one does not hold them.
func (l *layout) layFoot(w words, version string) {
	l.honest = wrap(l.fonts.small, w.honest+" ("+version+")", l.width-2*l.px(margin))
	y := l.px(between) + len(l.honest)*l.fonts.small.line + l.px(between)
	x, height := l.px(margin), l.px(buttonHeight)
	for _, b := range []button{{text: w.read, does: Read, primary: true}, {text: w.decline, does: Declined}, {text: w.help, does: Help, link: true}} {
		fc := l.fonts.bold
		if b.link {
			fc = l.fonts.body
		}
		wide := font.MeasureString(fc, b.text).Ceil() + 2*l.px(16)
		if x > l.px(margin) && x+wide > l.width-l.px(margin) {
			x, y = l.px(margin), y+height+l.px(between)
		}
		b.at = image.Rect(x, y, x+wide, y+height)
		l.buttons = append(l.buttons, b)
		x += wide + l.px(between)
	}
	l.foot = y + height + l.px(between+4)
}

// height is what the window needs to show everything.
func (l *layout) height() int { return l.px(barHeight) + l.body + l.foot }

// wrap breaks text at spaces, and a word that is wider than a line anywhere.
func wrap(f font.Face, text string, width int) []string {
	var lines []string
	now := ""
	for _, word := range strings.Fields(text) {
		next := word
		if now != "" {
			next = now + " " + word
		}
		if font.MeasureString(f, next).Ceil() <= width {
			now = next
			continue
		}
		if now != "" {
			lines = append(lines, now)
		}
		for now = word; font.MeasureString(f, now).Ceil() > width; {
			head, rest := split(f, now, width)
			lines, now = append(lines, head), rest
		}
	}
	if now != "" {
		lines = append(lines, now)
	}
	return lines
}

// split cuts a word at the last letter that fits, the first at least.
func split(f font.Face, word string, width int) (head, rest string) {
	cut := len(word)
	for i := range word {
		if i > 0 && font.MeasureString(f, word[:i]).Ceil() > width {
			break
		}
		if i > 0 {
			cut = i
		}
	}
	if cut == len(word) { // one letter alone
		return word, ""
	}
	return word[:cut], word[cut:]
}
