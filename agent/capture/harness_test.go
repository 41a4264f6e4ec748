package capture

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// phraseEngine is a Matcher small enough to be obviously right: phrases at
// word borders, lowered by "not" in front, raised by "tonight" and silenced by
// "game" right behind.
type phraseEngine []phrase

type phrase struct {
	text       string
	severity   vocab.Severity
	level      vocab.Level
	categories []vocab.Category
}

var testRules = phraseEngine{
	{"end my life", vocab.Critical, vocab.Alert, []vocab.Category{vocab.Suicide, vocab.SelfHarm}},
	{"cut myself", vocab.High, vocab.Alert, []vocab.Category{vocab.SelfHarm}},
	{"you are worthless", vocab.High, vocab.Alert, []vocab.Category{vocab.Bullying}},
	{"loser", vocab.Low, vocab.Log, []vocab.Category{vocab.Bullying}},
	{"buy weed", vocab.Medium, vocab.Alert, []vocab.Category{vocab.Drugs}},
	{"place a bet", vocab.Low, vocab.Log, []vocab.Category{vocab.Gambling}},
	{"my number is 07700 900123", vocab.Medium, vocab.Alert, []vocab.Category{vocab.PersonalInfo}},
	{"ψψψ", vocab.Critical, vocab.Alert, []vocab.Category{vocab.Suicide}},
}

func (e phraseEngine) Match(text string, _ detect.Options) []detect.Hit {
	var hits []detect.Hit
	low := strings.ToLower(text)
	for _, p := range e {
		for from := 0; ; {
			i := strings.Index(low[from:], p.text)
			if i < 0 {
				break
			}
			start, end := from+i, from+i+len(p.text)
			from = end
			if start > 0 && isWord(low[start-1]) || end < len(low) && isWord(low[end]) ||
				strings.HasPrefix(low[end:], " game") {
				continue
			}
			h := detect.Hit{
				Rule: strings.ReplaceAll(p.text, " ", "-"), Title: "Says: " + p.text, Pack: "test", Version: 3,
				Categories: p.categories, Severity: p.severity, Level: p.level, Reading: "plain",
				Start: start, End: end,
			}
			if strings.HasSuffix(low[:start], "not ") && h.Severity > vocab.Low {
				h.Severity, h.LoweredBy = h.Severity-1, []string{"negated"}
			}
			if strings.HasPrefix(low[end:], " tonight") && h.Severity < vocab.Critical {
				h.Severity, h.RaisedBy = h.Severity+1, []string{"soon"}
			}
			hits = append(hits, h)
		}
	}
	return hits
}

func isWord(b byte) bool { return b >= 'a' && b <= 'z' }

// run drives a Machine and holds what must be true of any sequence: captures
// valid, revisions by one from 0, nothing after the final one.
type run struct {
	t   fataler
	m   *Machine
	at  time.Time
	all []Report
}

// fataler is *testing.T or *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

var testStart = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// newTold is New for a person who has been shown the notice.
func newTold(cfg Config, engine Matcher) *Machine {
	m := New(cfg, engine)
	m.SetTold(true, time.Time{})
	return m
}

func newRun(t fataler) *run {
	return &run{t: t, m: newTold(Config{}, testRules), at: testStart}
}

func (r *run) step(in Input) []Report {
	r.t.Helper()
	in.At = r.at
	return r.took(r.m.Step(in))
}

func (r *run) took(reports []Report) []Report {
	r.t.Helper()
	for _, rep := range reports {
		if err := rep.Capture.Validate(); err != nil {
			r.t.Fatalf("report does not validate: %v\n%v", err, rep.Capture)
		}
		next := uint32(0)
		for _, old := range r.all {
			if old.CaptureID != rep.CaptureID {
				continue
			}
			next++
			if old.Capture.Final {
				r.t.Fatalf("capture %d has a revision after its final one", rep.CaptureID)
			}
			if !old.At.Equal(rep.At) {
				r.t.Fatalf("capture %d changed its time", rep.CaptureID)
			}
		}
		if rep.Revision != next {
			r.t.Fatalf("capture %d has revision %d, want %d", rep.CaptureID, rep.Revision, next)
		}
		if rep.At.After(r.at) {
			r.t.Fatalf("capture %d is from the future", rep.CaptureID)
		}
		r.all = append(r.all, rep)
	}
	return reports
}

// focus moves to a field.
func (r *run) focus(f Field) []Report {
	r.t.Helper()
	return r.step(Input{Kind: FieldChanged, Field: f})
}

func (r *run) text(id string) []Report {
	r.t.Helper()
	return r.focus(Field{ID: id, Role: RoleText, App: "mousepad", Title: "Essay"})
}

// types s, 20 ms a key.
func (r *run) types(s string) []Report {
	r.t.Helper()
	var out []Report
	for _, c := range s {
		r.at = r.at.Add(20 * time.Millisecond)
		out = append(out, r.step(Input{Kind: Typed, Rune: c})...)
	}
	return out
}

func (r *run) back(n int) []Report {
	r.t.Helper()
	var out []Report
	for range n {
		out = append(out, r.step(Input{Kind: Backspace})...)
	}
	return out
}

func (r *run) press(k InputKind) []Report {
	r.t.Helper()
	return r.step(Input{Kind: k})
}

// wait lets d pass and ticks once, at its end.
func (r *run) wait(d time.Duration) []Report {
	r.t.Helper()
	r.at = r.at.Add(d)
	return r.press(Tick)
}

func (r *run) close() []Report {
	r.t.Helper()
	return r.took(r.m.Close(r.at))
}

// show writes reports in a short form: id.revision category/severity[!] "excerpt with [marks]".
func show(reports []Report) string {
	var b strings.Builder
	for i, rep := range reports {
		if i > 0 {
			b.WriteString("\n")
		}
		c := rep.Capture
		state := ""
		switch {
		case c.Withdrawn:
			state = " withdrawn"
		case c.Final:
			state = " final"
		}
		fmt.Fprintf(&b, "%d.%d %s %s%s %s", rep.CaptureID, rep.Revision,
			strings.Join(c.Categories, "+"), c.Severity.Vocab(), state, marked(c))
		if c.Count > 1 {
			fmt.Fprintf(&b, " x%d", c.Count)
		}
	}
	return b.String()
}

func marked(c *lapwingv1.Capture) string { return `"` + showMarks(c.Excerpt, c.Marks) + `"` }

func expect(t *testing.T, got []Report, want ...string) {
	t.Helper()
	if g, w := show(got), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}
