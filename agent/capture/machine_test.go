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

func TestHighIsSentAtTheKeyAndFinalAtEnter(t *testing.T) {
	r := newRun(t)
	r.text("a")
	expect(t, r.types("Hello. I will end my lif"))
	expect(t, r.types("e"), `1.0 suicide+self-harm critical "Hello. I will <end my life>"`)
	completed := r.at
	expect(t, r.types(". Bye"))
	got := r.press(Enter)
	expect(t, got, `1.1 suicide+self-harm critical final "Hello. I will <end my life>. Bye"`)
	if !got[0].At.Equal(completed) {
		t.Errorf("final is from %v, want the completing key's %v", got[0].At, completed)
	}
	c := got[0].Capture
	if c.App != "mousepad" || c.Title != "Essay" || c.Source != lapwingv1.Source_SOURCE_TYPED_TEXT || c.Level != lapwingv1.Level_LEVEL_ALERT {
		t.Errorf("capture = %v", c)
	}
	if r := c.Rules[0]; r.Rule != "end-my-life" || r.Version != 3 || r.Pack != "test" || r.Reading != "plain" || r.Title != "Says: end my life" {
		t.Errorf("rule = %v", r)
	}
}

func TestSettlesAfterTwoSeconds(t *testing.T) {
	t.Run("medium goes out", func(t *testing.T) {
		r := newRun(t)
		r.text("a")
		expect(t, r.types("we buy weed"))
		expect(t, r.wait(settleAfter-time.Millisecond))
		expect(t, r.wait(time.Millisecond), `1.0 drugs medium "we <buy weed>"`)
		expect(t, r.types(" later"))
		expect(t, r.wait(DefaultPause), `1.1 drugs medium final "we <buy weed> later"`)
	})
	t.Run("high that got worse, then better", func(t *testing.T) {
		r := newRun(t)
		r.text("a")
		expect(t, r.types("cut myself"), `1.0 self-harm high "<cut myself>"`)
		expect(t, r.types(" tonight"), `1.1 self-harm critical "<cut myself> tonight"`)
		expect(t, r.back(8)) // not news at once, but at two seconds
		expect(t, r.wait(settleAfter), `1.2 self-harm high "<cut myself>"`)
		expect(t, r.press(Enter), `1.3 self-harm high final "<cut myself>"`)
	})
	t.Run("unchanged says nothing", func(t *testing.T) {
		r := newRun(t)
		r.text("a")
		r.types("cut myself")
		expect(t, r.wait(settleAfter))
		expect(t, r.press(Enter), `1.1 self-harm high final "<cut myself>"`)
	})
	t.Run("deleted words are withdrawn, and may come again", func(t *testing.T) {
		r := newRun(t)
		r.text("a")
		expect(t, r.types("cut myself"), `1.0 self-harm high "<cut myself>"`)
		r.back(4)
		expect(t, r.wait(settleAfter), `1.1 self-harm high withdrawn ""`)
		expect(t, r.types("self"), `2.0 self-harm high "<cut myself>"`)
		expect(t, r.press(Enter), `2.1 self-harm high final "<cut myself>"`)
	})
	t.Run("deleted before it was sent was never there", func(t *testing.T) {
		r := newRun(t)
		r.text("a")
		r.types("buy weed")
		r.back(3)
		expect(t, r.wait(time.Minute))
	})
}

func TestWhatFollowsCanSilence(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types("cut myself")
	expect(t, r.types(" game"))
	expect(t, r.press(Enter), `1.1 self-harm high withdrawn ""`)
}

func TestFragmentEnds(t *testing.T) {
	for name, end := range map[string]func(r *run) []Report{
		"enter":       func(r *run) []Report { return r.press(Enter) },
		"newline":     func(r *run) []Report { return r.types("\n") },
		"caret moved": func(r *run) []Report { return r.press(CaretMoved) },
		"pause":       func(r *run) []Report { return r.wait(DefaultPause) },
		"other field": func(r *run) []Report { return r.text("b") },
		"lock":        func(r *run) []Report { return r.press(ScreenLocked) },
		"close":       func(r *run) []Report { return r.close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.text("a")
			r.types("place a bet. we buy")
			got := end(r)
			expect(t, got[len(got)-1:], fmt.Sprintf(`1.%d gambling low final "<place a bet>. we buy"`, len(got)-1))
			r.press(ScreenUnlocked)
			expect(t, append(r.types(" weed"), r.press(Enter)...)) // did not join what went before
		})
	}
}

func TestPauseIsFromTheLastKey(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types("buy")
	r.wait(DefaultPause - time.Second)
	r.types(" ")
	r.wait(DefaultPause - time.Second)
	r.types("weed")
	expect(t, r.press(Enter), `1.0 drugs medium final "<buy weed>"`)
}

func TestOneCapturePerFragmentAndCategory(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types("loser. you are worthless. buy weed. loser")
	expect(t, r.press(Enter),
		`1.1 bullying high final "<loser>. <you are worthless>. buy weed."`,
		`2.0 drugs medium final "you are worthless. <buy weed>. loser"`)
	c := r.all[1].Capture
	if got := []string{c.Rules[0].Rule, c.Rules[1].Rule}; len(c.Rules) != 2 || got[0] != "you-are-worthless" || got[1] != "loser" {
		t.Errorf("rules = %v, want both, the most severe first", c.Rules)
	}
}

func TestPaste(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types("I want to ")
	expect(t, r.step(Input{Kind: Inserted, Text: "end my\u0007 life"}), `1.0 suicide+self-harm critical "I want to <end my life>"`)
	long := strings.Repeat("nothing to see here. ", 40)
	got := r.step(Input{Kind: Inserted, Text: "\n" + long + "cut myself " + long})
	expect(t, got, `2.0 self-harm high "nothing to see here. <cut myself> nothing to see here. nothing to see here."`)
}

// TestFarIntoTheFragment: only the end of a long text is matched at each key,
// yet the excerpt is cut from the whole.
func TestFarIntoTheFragment(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types(strings.Repeat("nothing to see here. ", 2*probeBytes/20) + "One. I cut mysel")
	expect(t, r.types("f"), `1.0 self-harm high "One. I <cut myself>"`)
	expect(t, r.types(". Two."))
	expect(t, r.press(Enter), `1.1 self-harm high final "One. I <cut myself>. Two."`)
}

// TestOnlyTheWholeHits: what no key shows is still found when the fragment closes.
func TestOnlyTheWholeHits(t *testing.T) {
	r := newRun(t)
	r.m = newTold(Config{}, longEngine{})
	r.text("a")
	expect(t, r.types("Start. "+strings.Repeat("x", 2*probeBytes)))
	r.at = r.at.Add(time.Second)
	got := r.press(Enter)
	expect(t, got, `1.0 drugs high final "<Start>."`)
	if want := r.at.Add(-time.Second); !got[0].At.Equal(want) {
		t.Errorf("At = %v, want the last key's %v", got[0].At, want)
	}
}

// longEngine finds a hit at the start of texts longer than any probe.
type longEngine struct{}

func (longEngine) Match(text string, _ detect.Options) []detect.Hit {
	if len(text) < 2*probeBytes {
		return nil
	}
	return []detect.Hit{{Rule: "r", Categories: []vocab.Category{vocab.Drugs}, Severity: vocab.High, Level: vocab.Alert, End: 5}}
}

func TestTitles(t *testing.T) {
	title := func(r *run, app, s string) []Report {
		return r.step(Input{Kind: TitleShown, Text: s, Field: Field{App: app}})
	}
	r := newRun(t)
	r.text("a")
	r.types("unfinished buy")
	got := title(r, "chromium", "how to end my life - Search - joe@example.org")
	expect(t, got, `1.0 suicide+self-harm critical final "how to <end my life> - Search - [email]"`)
	if c := got[0].Capture; c.Source != lapwingv1.Source_SOURCE_WINDOW_TITLE || c.App != "chromium" || c.Title != c.Excerpt {
		t.Errorf("capture = %v", c)
	}
	title(r, "chromium", "News")
	expect(t, title(r, "chromium", "how to end my life - Search - joe@example.org")) // went back to it
	r.wait(titleLife + time.Second)
	expect(t, title(r, "chromium", "how to end my life - Search - joe@example.org"),
		`2.0 suicide+self-harm critical final "how to <end my life> - Search - [email]"`)
	r.press(ScreenLocked)
	expect(t, title(r, "chromium", "end my life"))
}

func TestTitleDoesNotBreakTheFragment(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types("we buy ")
	r.step(Input{Kind: TitleShown, Text: "*Essay - joe@example.org"})
	r.types("weed")
	got := r.press(Enter)
	expect(t, got, `1.0 drugs medium final "we <buy weed>"`)
	if c := got[0].Capture; c.Title != "*Essay - [email]" {
		t.Errorf("title = %q", c.Title)
	}
}

func TestSetEngineWaitsForTheFragment(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types("cut myself")
	r.m.SetEngine(phraseEngine{{"hello", vocab.High, vocab.Log, []vocab.Category{vocab.Drugs}}})
	r.m.SetEngine(nil)
	expect(t, r.types(" hello"))
	expect(t, r.press(Enter), `1.1 self-harm high final "<cut myself> hello"`)
	expect(t, r.types("cut myself hello"), `2.0 drugs high "cut myself <hello>"`)
}

func TestNoEngineThenOne(t *testing.T) {
	r := newRun(t)
	r.m = newTold(Config{}, nil)
	r.text("a")
	expect(t, r.types("cut "))
	r.m.SetEngine(testRules)
	expect(t, r.types("myself"), `1.0 self-harm high "<cut myself>"`)
}

func TestConfigIsFloored(t *testing.T) {
	for _, c := range []struct {
		in      Config
		excerpt int
		pause   time.Duration
	}{
		{Config{}, 200, DefaultPause},
		{Config{ExcerptChars: 10_000, Pause: time.Hour}, 200, MaxPause},
		{Config{ExcerptChars: -1, Pause: -1}, 200, MinPause},
		{Config{ExcerptChars: 80, Pause: 2 * time.Second}, 80, 2 * time.Second},
	} {
		if got := newTold(c.in, testRules).cfg; got.ExcerptChars != c.excerpt || got.Pause != c.pause {
			t.Errorf("%+v became %+v", c.in, got)
		}
	}
	r := newRun(t)
	r.m.SetConfig(Config{ExcerptChars: 6})
	r.text("a")
	expect(t, r.types("cut myself"), `1.0 self-harm high "<cut my>"`)
}

// TestBrokenEngine: hits that do not say what or where are left out.
func TestBrokenEngine(t *testing.T) {
	r := newRun(t)
	good := detect.Hit{Rule: "r", Categories: []vocab.Category{vocab.Drugs}, Severity: vocab.High, Level: vocab.Alert, Start: 0, End: 1}
	with := func(change func(h *detect.Hit)) detect.Hit { h := good; change(&h); return h }
	r.m = newTold(Config{}, fixedEngine{
		with(func(h *detect.Hit) { h.End = 99 }),
		with(func(h *detect.Hit) { h.Start = -1 }),
		with(func(h *detect.Hit) { h.Start = 1 }),
		with(func(h *detect.Hit) { h.Categories = nil }),
		with(func(h *detect.Hit) { h.Rule = "" }),
		with(func(h *detect.Hit) { h.Severity = 9 }),
		with(func(h *detect.Hit) { h.Level = 0 }),
	})
	r.text("a")
	expect(t, append(r.types("é"), r.press(Enter)...)) // End 1 is inside the é
}

type fixedEngine []detect.Hit

func (e fixedEngine) Match(string, detect.Options) []detect.Hit { return e }

func TestDeadline(t *testing.T) {
	r := newRun(t)
	if d, ok := r.m.Deadline(); ok {
		t.Fatalf("a new machine waits for %v", d)
	}
	check := func(what string, after time.Duration) {
		t.Helper()
		d, ok := r.m.Deadline()
		if !ok || !d.Equal(r.at.Add(after)) {
			t.Fatalf("%s: deadline %v, %v; want %v after the last key", what, d.Sub(r.at), ok, after)
		}
	}
	r.types("x")
	check("role pending", MaxHold)
	r.wait(MaxHold)
	r.text("a")
	r.types("x")
	check("open fragment", DefaultPause)
	r.types(" cut myself")
	check("provisional", settleAfter)
	r.wait(settleAfter)
	check("settled", DefaultPause-settleAfter)
	r.wait(DefaultPause - settleAfter)
	if d, ok := r.m.Deadline(); ok {
		t.Fatalf("an idle machine waits for %v", d)
	}
}

func TestLongFragmentRolls(t *testing.T) {
	r := newRun(t)
	r.text("a")
	r.types("First I cut myself. ")
	var finals int
	for range 3 * maxFragment / 20 {
		for _, rep := range r.types("nothing to see here ") {
			if rep.Capture.Final {
				finals++
			}
		}
	}
	if finals != 1 {
		t.Errorf("%d finals while the fragment rolled, want 1", finals)
	}
	if n := len(r.m.fragment.text); n > maxFragment {
		t.Errorf("fragment holds %d bytes", n)
	}
	r.types("cut myself")
	expect(t, r.press(Enter)[:1], show(r.all[len(r.all)-1:]))
	if c := r.all[len(r.all)-1].Capture; !c.Final || !strings.Contains(marked(c), "<cut myself>") {
		t.Errorf("the hit after rolling is lost: %v", c)
	}
}

// TestRollKeepsPhrases: wherever a phrase stands when the fragment is full, it is found.
func TestRollKeepsPhrases(t *testing.T) {
	for lead := maxFragment - 40; lead <= maxFragment+5; lead++ {
		r := newRun(t)
		r.text("a")
		filler := strings.Repeat("abc ", maxFragment)[:lead-1] + " "
		r.step(Input{Kind: Inserted, Text: filler})
		r.types("buy weed with me")
		r.press(Enter)
		n := 0
		for _, rep := range r.all {
			if rep.Capture.Final && !rep.Capture.Withdrawn {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("phrase at byte %d: %d captures, want 1", lead, n)
		}
	}
}
