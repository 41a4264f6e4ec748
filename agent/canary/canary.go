// Package canary proves on one desktop that what is typed arrives: it types a
// phrase that nobody else can know, and listens for it where the rules look.
//
// A full canary goes through the display: a small window of its own, keys from
// the X server, the sensor, the privacy gate, the fragment, and the matcher
// with the rules in force. It is typed only while nobody uses the desktop and
// no text field has the focus, so never into somebody's essay. A partial one
// starts above the sensor, and proves only what comes after it.
//
// The phrase is made of a nonce of the collector's: nobody can forge it, and no
// rule of a school can hit it. It may import agent/capture and internal/detect.
package canary

import (
	"errors"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/internal/detect"
)

// Why a full canary was not typed.
var (
	// ErrInUse: the keyboard or the mouse was used, before or meanwhile.
	ErrInUse = errors.New("the desktop is in use")
	// ErrUnable: this display does not let it be typed.
	ErrUnable = errors.New("the display lets nothing be typed")
)

// Times of a canary.
type Times struct {
	// Quiet is how long nobody must have touched the keyboard or the mouse.
	Quiet time.Duration
	// Patience is how long an agent waits for such a moment. Then it makes a
	// partial canary.
	Patience time.Duration
	// Retry is the pause between two looks for it.
	Retry time.Duration
	// Hear is how long a phrase that was typed may take to be heard.
	Hear time.Duration
}

// Usual times: the collector takes an answer for ten minutes.
func Usual() Times {
	return Times{Quiet: 20 * time.Second, Patience: 8 * time.Minute, Retry: 10 * time.Second, Hear: 5 * time.Second}
}

// nonceSize is that of a CanaryRequest.
const nonceSize = 16

// Phrase is what is typed for a nonce: two words that every Latin keyboard has
// the letters of. The second has 16 consonants, which are 64 bits of the nonce.
func Phrase(nonce []byte) string {
	const letters = "bcdfghjklmnpqrst"
	var b strings.Builder
	b.WriteString("lapwing ")
	for _, x := range nonce[:nonceSize/2] {
		b.WriteByte(letters[x>>4])
		b.WriteByte(letters[x&15])
	}
	return b.String()
}

// Listener is the matcher in force while a canary is under way: it passes every
// text on, and notes when the phrase was among them. It is not safe for
// concurrent use.
type Listener struct {
	engine capture.Matcher
	phrase string
	heard  bool
}

// Listen listens in front of the rules in force, which must be there.
func Listen(engine capture.Matcher, phrase string) *Listener {
	return &Listener{engine: engine, phrase: phrase}
}

// Heard reports whether the phrase has been matched against the rules.
func (l *Listener) Heard() bool { return l.heard }

// Match is the engine's.
func (l *Listener) Match(text string, o detect.Options) []detect.Hit {
	hits := l.engine.Match(text, o)
	l.heard = l.heard || l.said(text)
	return hits
}

// Adds is the engine's, and true for the phrase.
func (l *Listener) Adds(text string) bool {
	a, ok := l.engine.(interface{ Adds(string) bool })
	return !ok || l.said(text) || a.Adds(text)
}

// said ignores case: Caps Lock may be on.
func (l *Listener) said(text string) bool { return strings.Contains(strings.ToLower(text), l.phrase) }

// Partial feeds the phrase to a gate of its own, so that the fragment that
// somebody is typing stays as it is, and reports whether it came through.
func Partial(engine capture.Matcher, phrase string, now time.Time) bool {
	l := Listen(engine, phrase)
	m := capture.New(capture.Config{}, l)
	m.SetTold(true, now) // nobody's words
	m.Step(capture.Input{At: now, Kind: capture.FieldChanged, Field: capture.Field{ID: "canary", Role: capture.RoleText}})
	for _, r := range phrase {
		m.Step(capture.Input{At: now, Kind: capture.Typed, Rune: r})
	}
	m.Close(now)
	return l.Heard()
}
