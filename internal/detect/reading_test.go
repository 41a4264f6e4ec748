package detect_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

// small is an engine of one rule over phrases, with a few common words.
func small(t testing.TB, phrases ...string) *detect.Engine {
	t.Helper()
	var b strings.Builder
	b.WriteString("pack: small\nversion: 1\nreview: reviewed\nwords: {common: [i, you, the, a, to, in]}\nrules:\n" +
		"  - {id: small, title: Small, category: violence, four_c: conduct, severity: high, level: log, phrases: [")
	b.WriteString(`"` + strings.Join(phrases, `", "`) + `"]}` + "\n")
	p, problems := rulepack.Parse("small.yaml", []byte(b.String()))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e, err := rulepack.Engine([]rulepack.Pack{p})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReadings(t *testing.T) {
	e := small(t, "kill", "suicide", "immigrants", "bottom feeder", "slag", "hostage", "dick", "bottom", "to die for", "casino", "xxxx", "tnd", "heb", "he ..4 meth")
	for text, want := range map[string]string{
		"kill":                         "plain",
		"KILL!":                        "plain",
		"𝓀𝒾𝓁𝓁":                         "plain",
		"ｋｉｌｌ":                         "plain",
		"kі11":                         "leet", // Cyrillic і
		"kіll":                         "folded",
		"kìll":                         "folded",
		"ki\u200bll":                   "folded",
		"k\u00adi\u00adll":             "folded",
		"k\u0336i\u0336l\u0336l\u0336": "folded",
		"ᴋɪʟʟ":                         "folded",
		"🅚🅘🅛🅛":                         "folded",
		"kiiiill":                      "repeats",
		"kil":                          "", // a letter fewer in a short word is not read
		"k1ll":                         "leet",
		"k!ll":                         "leet",
		"5u1c1d3":                      "leet",
		"c4s1n0-online.com":            "leet",
		"k i l l":                      "spaced",
		"k.i.l.l":                      "spaced",
		"k-i-l-l now":                  "spaced",
		"i k i l l":                    "spaced",
		"k*ll":                         "masked",
		"s##cide":                      "masked",
		"usicide":                      "", // the first letter is not missed
		"immigrnts":                    "misspelt",
		"suiicde":                      "misspelt",
		"siucide":                      "misspelt",
		"ikillyou":                     "",       // one short word of several
		"thesuicidehere":               "joined", //
		"isthisabottomfeeder":          "joined",
		// What is not a disguise.
		"return x*$x":          "", // sums and code
		"start + t-d seconds":  "",
		"wrote Hebb in 1949":   "", // a name with one letter doubled
		"wrote Hebbb in 1949":  "repeats",
		"and he confirmeth it": "", // as in the Bible
		"and he swimmeth now":  "",
		"but he redeemeth thy": "",
		"he smokesmeth now":    "joined",
		"skill":                "",
		"Killin":               "", // a place
		"skillet":              "",
		"a b c d e":            "",
		"x x x x":              "",
		"Pratts Bottom":        "", // a place
		"Dick Turpin rode":     "",
		"dick":                 "plain",
		"hostages":             "",
		"1 2 3 4 5":            "",
		"kill2":                "", // a word with a number
		"Siucide Jones":        "misspelt",
		"met Siucide Jones":    "", // written like a name
		"это кіll сор":         "", // mostly another script
		"therapist":            "",
		"k&ll":                 "",
		"https://t.co/k1ll":    "leet",
		"photo-die-for":        "",
		"i want to die for it": "plain",
	} {
		hits := e.Match(text, detect.Options{})
		got := ""
		if len(hits) > 0 {
			got = hits[0].Reading
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
		if plain := e.Match(text, detect.Options{Readings: detect.ReadPlain}); len(plain) > 0 != (want == "plain") {
			t.Errorf("%q: %d hits in the plain reading", text, len(plain))
		}
	}
}

func TestOffsetsAreThoseOfTheTypedText(t *testing.T) {
	e := small(t, "kill ..2 myself")
	for text, want := range map[string]string{
		"so i kill myself.":             "kill myself",
		"é k1ll my\u200bself é":         "k1ll my\u200bself",
		"ＫＩＬＬ ｍｙｓｅｌｆ now":               "ＫＩＬＬ ｍｙｓｅｌｆ",
		"ﬁne, k i l l  m y s e l f, ok": "k i l l  m y s e l f",
		"😀😀 kill 😀 myself 😀":            "kill 😀 myself",
		"\xff\xfekill\xff myself\xff":   "kill\xff myself",
		"kill it, then, myself":         "kill it, then, myself",
		"\u202ekill\u202c myself":       "kill\u202c myself",
	} {
		hits := e.Match(text, detect.Options{})
		if len(hits) != 1 || text[hits[0].Start:hits[0].End] != want {
			t.Errorf("%q: hits %+v, want %q", text, hits, want)
		}
	}
}

// TestBlocksLoseNothing plants a phrase around the ends of the blocks that a
// long text is matched in.
func TestBlocksLoseNothing(t *testing.T) {
	e := small(t, "kill ..2 myself")
	const block = detect.StreamRunes * 4
	rapid.Check(t, func(t *rapid.T) {
		filler := rapid.SampledFrom([]string{"lorem ipsum ", "x", "é ", "\n", "🙂"}).Draw(t, "filler")
		at := (rapid.IntRange(1, 3).Draw(t, "blocks")*block - rapid.IntRange(-600, 1200).Draw(t, "before the end")) / len(filler)
		text := strings.Repeat(filler, at) + " kill me and myself " + strings.Repeat(filler, 4*block/len(filler)-at)
		hits := e.Match(text, detect.Options{})
		if len(hits) != 1 || text[hits[0].Start:hits[0].End] != "kill me and myself" {
			t.Fatalf("%d hits", len(hits))
		}
	})
}

// TestHitsOfOneRuleAreBounded keeps a flood of one phrase small.
func TestHitsOfOneRuleAreBounded(t *testing.T) {
	e := small(t, "kill")
	if n := len(e.Match(strings.Repeat("kill ", 3000), detect.Options{})); n == 0 || n > 16 {
		t.Errorf("%d hits in one block", n)
	}
}

func TestConcurrentMatches(t *testing.T) {
	e := shipped(t)
	want := len(e.Match("i want to kill myself tonight", detect.Options{}))
	done := make(chan int)
	for range 8 {
		go func() {
			bad := 0
			for range 200 {
				if len(e.Match("i want to kill myself tonight", detect.Options{})) != want || len(e.Match("k1ll the mood", detect.Options{})) > 3 {
					bad++
				}
			}
			done <- bad
		}()
	}
	for range 8 {
		if bad := <-done; bad > 0 {
			t.Errorf("%d matches differ", bad)
		}
	}
}

// TestHash64 holds the reference vectors of SipHash-2-4.
func TestHash64(t *testing.T) {
	key := [2]uint64{0x0706050403020100, 0x0F0E0D0C0B0A0908}
	b := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
	for n, want := range map[int]uint64{0: 0x726FDB47DD0E0E31, 8: 0x93F5F5799A932462, 15: 0xA129CA6149BE45E5} {
		if got := detect.Hash64(key, b[:n]); got != want {
			t.Errorf("%d bytes: %#x, want %#x", n, got, want)
		}
	}
}

func TestKnownWords(t *testing.T) {
	k := detect.NewKnownWords([]string{"apple", "pear"})
	if !k.Has([]byte("apple")) || !k.Has([]byte("pear")) || k.Has([]byte("plum")) {
		t.Error("the filter forgot a word or knows another")
	}
}
