package capture

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var words = []string{
	"end my life", "not", "cut myself", "tonight", "game", "loser", "you are worthless", "buy weed", "place a bet",
	"end my", "life", "hello", "my number is 07700 900123", "SW1A 1AA", "joe@example.org", "é", ".", "?", "\n",
}

func drawText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 25).Draw(t, "words"), " ")
}

// TestFinalEqualsWhole is the property of the contract: however a text came to
// stand in the field (typing mistakes, pastes, ticks, pauses shorter than the
// end of a fragment), its final captures are those of the whole.
func TestFinalEqualsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		r := newRun(t)
		r.text("f")
		enterText(t, r, text)
		r.press(Enter)

		type outcome struct {
			Severity vocab.Severity
			Rules    []string
		}
		want := map[vocab.Category]outcome{}
		for _, h := range testRules.Match(text, detect.Options{}) {
			o := want[h.Categories[0]]
			o.Severity = max(o.Severity, h.Severity)
			if !slices.Contains(o.Rules, h.Rule) {
				o.Rules = append(o.Rules, h.Rule)
			}
			want[h.Categories[0]] = o
		}
		got := map[vocab.Category]outcome{}
		last := map[uint64]Report{}
		for _, rep := range r.all {
			last[rep.CaptureID] = rep
		}
		for _, rep := range last {
			if !rep.Capture.Final {
				t.Fatalf("capture %d never became final", rep.CaptureID)
			}
			if rep.Capture.Withdrawn {
				continue
			}
			category := vocab.Category(rep.Capture.Categories[0])
			if _, twice := got[category]; twice {
				t.Fatalf("two captures of %s for one fragment", category)
			}
			o := outcome{Severity: rep.Capture.Severity.Vocab()}
			for _, rule := range rep.Capture.Rules {
				o.Rules = append(o.Rules, rule.Rule)
			}
			got[category] = o
		}
		for _, m := range []map[vocab.Category]outcome{want, got} {
			for _, o := range m {
				slices.Sort(o.Rules)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%q: whole (-) and streamed (+) differ:\n%s", text, d)
		}
	})
}

// enterText brings text into the field in one of many ways.
func enterText(t *rapid.T, r *run, text string) {
	for len(text) > 0 {
		if rapid.IntRange(0, 9).Draw(t, "paste") == 0 || text[0] == '\n' {
			n := min(len(text), rapid.IntRange(1, 20).Draw(t, "length"))
			part := strings.ToValidUTF8(text[:n], "")
			if part == "" { // half an é
				part = "é"
			}
			r.step(Input{Kind: Inserted, Text: part})
			text = text[len(part):]
			continue
		}
		for _, c := range text {
			if rapid.IntRange(0, 19).Draw(t, "mistake") == 0 {
				r.types("x")
				r.press(Backspace)
			}
			r.types(string(c))
			text = text[len(string(c)):]
			break
		}
		r.at = r.at.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 0, 700, 4_000}).Draw(t, "pause")) * time.Millisecond)
		if rapid.Bool().Draw(t, "tick") {
			r.press(Tick)
		}
	}
}

// TestTicksChangeNothing: with a Tick at every deadline or with none at all,
// the same reports come in the same order.
func TestTicksChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var inputs []Input
		at := testStart
		inputs = append(inputs, Input{At: at, Kind: FieldChanged, Field: Field{ID: "f", Role: RoleText}})
		for range rapid.IntRange(1, 30).Draw(t, "inputs") {
			at = at.Add(time.Duration(rapid.SampledFrom([]int{10, 100, 299, 300, 2000, 4999, 5000, 61_000}).Draw(t, "ms")) * time.Millisecond)
			in := Input{At: at, Kind: Inserted, Text: " " + rapid.SampledFrom(words).Draw(t, "text")}
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				in = Input{At: at, Kind: Enter}
			case 1:
				in = Input{At: at, Kind: FieldChanged, Field: Field{ID: "f", Role: rapid.SampledFrom([]Role{RoleText, RolePending}).Draw(t, "role")}}
			case 2:
				in = Input{At: at, Kind: TitleShown, Text: rapid.SampledFrom(words).Draw(t, "title")}
			}
			inputs = append(inputs, in)
		}
		end := at.Add(5 * time.Minute)
		without := newTold(Config{}, testRules)
		with := newTold(Config{}, testRules)
		var a, b []Report
		for _, in := range inputs {
			a = append(a, without.Step(in)...)
			for d, ok := with.Deadline(); ok && !d.After(in.At); d, ok = with.Deadline() {
				b = append(b, with.Step(Input{At: d, Kind: Tick})...)
			}
			b = append(b, with.Step(in)...)
		}
		a = append(a, without.Step(Input{At: end, Kind: Tick})...)
		for d, ok := with.Deadline(); ok && !d.After(end); d, ok = with.Deadline() {
			b = append(b, with.Step(Input{At: d, Kind: Tick})...)
		}
		if d := cmp.Diff(a, b, protocmp.Transform()); d != "" {
			t.Fatalf("without ticks (-) and with (+) differ:\n%s", d)
		}
		if without.Counters() != with.Counters() {
			t.Fatalf("counters differ: %+v, %+v", without.Counters(), with.Counters())
		}
	})
}

// TestBounded: whatever is typed and pasted, the machine's memory stays small.
func TestBounded(t *testing.T) {
	r := newRun(t)
	r.text("f")
	for i := range 5 * len(words) {
		r.step(Input{Kind: Inserted, Text: strings.Repeat(words[i%len(words)]+" ", 1000)})
		r.step(Input{Kind: TitleShown, Text: "loser " + strings.Repeat("x", i)})
	}
	m := r.m
	if cap(m.fragment.text) != maxFragment || cap(m.held.text) != maxHeldText || cap(m.held.keys) != maxHeldKeys {
		t.Errorf("buffers grew: fragment %d, held %d bytes and %d keys", cap(m.fragment.text), cap(m.held.text), cap(m.held.keys))
	}
	if len(m.limit.buckets) > maxBuckets {
		t.Errorf("%d buckets", len(m.limit.buckets))
	}
	if n := len(m.fragment.open); n > len(vocab.Categories()) {
		t.Errorf("%d open captures", n)
	}
	for _, b := range m.limit.buckets {
		if len(b.likenesses) > limitFirst || len(b.repeats) > limitFirst || len(b.others) > 2 {
			t.Errorf("bucket holds %d, %d, %d", len(b.likenesses), len(b.repeats), len(b.others))
		}
	}
}
