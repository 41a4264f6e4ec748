package window

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
)

// view is what a person sees of a layout now.
type view struct {
	height  int // of the window
	scroll  int // of the body
	focused bool
	chosen  int // button that Enter presses, -1 none
}

// visible is the height of the part of the body that is seen.
func (l *layout) visible(height int) int { return max(0, height-l.px(barHeight)-l.foot) }

// maxScroll is how far the body can be moved.
func (l *layout) maxScroll(height int) int { return max(0, l.body-l.visible(height)) }

// footAt is where the foot begins.
func (l *layout) footAt(height int) int { return l.px(barHeight) + l.visible(height) }

// draw draws the window.
func (l *layout) draw(v view) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, l.width, v.height))
	fill(img, img.Bounds(), paper)
	for _, ln := range l.lines {
		if y := l.px(barHeight) + ln.y - v.scroll; y+ln.face.line > 0 && y < v.height {
			write(img, ln.face, ln.col, ln.x, y, ln.text)
		}
	}
	if hidden := l.maxScroll(v.height); hidden > 0 {
		l.drawBar(img, v, hidden)
	}
	l.drawHead(img)
	l.drawFoot(img, v)
	return img
}

// drawBar shows that there is more, and where one is.
func (l *layout) drawBar(img *image.RGBA, v view, hidden int) {
	seen := l.visible(v.height)
	size := max(l.px(24), seen*seen/l.body)
	top := l.px(barHeight) + (seen-size)*v.scroll/hidden
	fill(img, image.Rect(l.width-l.px(10), top, l.width-l.px(4), top+size), edge)
}

func (l *layout) drawHead(img *image.RGBA) {
	fill(img, image.Rect(0, 0, l.width, l.px(barHeight)), petrol)
	y := (l.px(barHeight) - l.fonts.bold.line) / 2
	write(img, l.fonts.bold, paper, l.px(margin), y, "Lapwing")
	x := l.px(margin) + font.MeasureString(l.fonts.bold, "Lapwing").Ceil() + l.px(16)
	school := wrap(l.fonts.body, l.school, l.width-x-l.px(margin))
	if len(school) > 0 {
		write(img, l.fonts.body, paper, x, y, school[0])
	}
}

func (l *layout) drawFoot(img *image.RGBA, v view) {
	top := l.footAt(v.height)
	fill(img, image.Rect(0, top, l.width, v.height), foot)
	fill(img, image.Rect(0, top, l.width, top+max(1, l.px(1))), edge)
	for i, text := range l.honest {
		write(img, l.fonts.small, soft, l.px(margin), top+l.px(between)+i*l.fonts.small.line, text)
	}
	for i, b := range l.buttons {
		l.drawButton(img, b, b.at.Add(image.Pt(0, top)), v.focused && i == v.chosen)
	}
}

// drawButton draws one; the chosen one has a yellow ring with an ink one
// around it, which is seen on any ground.
func (l *layout) drawButton(img *image.RGBA, b button, at image.Rectangle, chosen bool) {
	if chosen {
		fill(img, at.Inset(-l.px(5)), ink)
		fill(img, at.Inset(-l.px(3)), focus)
	}
	text, fc := ink, l.fonts.bold
	switch {
	case b.primary:
		fill(img, at, action)
		text = paper
	case b.link:
		if !chosen {
			fill(img, at, foot)
		}
		text, fc = action, l.fonts.body
		if chosen {
			text = ink
		}
	default:
		fill(img, at, edge)
		fill(img, at.Inset(max(1, l.px(2))), paper)
	}
	x, y := at.Min.X+l.px(16), at.Min.Y+(at.Dy()-fc.line)/2
	write(img, fc, text, x, y, b.text)
	if b.link {
		under := y + fc.line - l.px(4)
		fill(img, image.Rect(x, under, at.Max.X-l.px(16), under+max(1, l.px(1))), text)
	}
}

func fill(img *image.RGBA, r image.Rectangle, c color.Color) {
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// write writes a line whose top left is at x and y.
func write(img *image.RGBA, f face, c color.Color, x, y int, text string) {
	m := f.Metrics()
	base := y + (f.line+m.Ascent.Ceil()-m.Descent.Ceil())/2
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: f, Dot: fixed.P(x, base)}
	d.DrawString(text)
}
