package match_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/agent/match"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

var update = flag.Bool("update", false, "write the golden files")

// pack is small and its own, so that the golden files change only when the
// output does.
const pack = `
pack: sample
version: 4
review: reviewed
frames: {denied: {any: [never], within: 2, side: before}}
rules:
  - id: sample-threat
    version: 2
    title: A threat
    category: [violence, bullying]
    four_c: conduct
    severity: high
    level: alert
    phrases: ["kill you"]
    lower: [denied]
    raise: [{name: soon, any: [tonight], within: 0}]
`

func engine(t testing.TB) *detect.Engine {
	t.Helper()
	p, problems := rulepack.Parse("sample.yaml", []byte(pack))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e, err := rulepack.Engine([]rulepack.Pack{p})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const input = `i will kill you tonight
{"id":"a1","text":"never kill you"}
{"id":7,"text":"k1ll you <b>&amp;"}

nothing to see
{"text":"\ud83d\ude00 kill you"}
`

func TestRun(t *testing.T) {
	for name, f := range map[string]match.Flags{
		"text": {}, "json": {JSON: true}, "explain": {Explain: true},
		"json-explain": {JSON: true, Explain: true}, "json-plain": {JSON: true, Readings: "plain"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := match.Run(strings.NewReader(input), &out, engine(t), f); err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + name + ".golden"
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), out.String()); d != "" {
				t.Errorf("output differs from %s (-want +got):\n%s", file, d)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		f        match.Flags
	}{
		"readings":  {"", `--readings is "some"`, match.Flags{Readings: "some"}},
		"long line": {strings.Repeat("x", match.MaxLine+1), "up to 8388608 bytes", match.Flags{}},
	} {
		var out strings.Builder
		if err := match.Run(strings.NewReader(c.in), &out, engine(t), c.f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestALineThatOnlyBeginsLikeJSONIsText(t *testing.T) {
	in := "{ kill you }\n{\"id\":1,\"say\":\"kill you\"}\n{\"text\":\nkill you\n"
	var out strings.Builder
	if err := match.Run(strings.NewReader(in), &out, engine(t), match.Flags{JSON: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d results of 4 lines: %s", len(lines), out.String())
	}
	for i, flagged := range []bool{true, true, false, true} {
		if strings.Contains(lines[i], `"flag":true`) != flagged {
			t.Errorf("line %d: %s, want flag %v", i+1, lines[i], flagged)
		}
	}
}

func FuzzRun(f *testing.F) {
	e := engine(f)
	f.Add(input)
	f.Fuzz(func(t *testing.T, in string) {
		var out strings.Builder
		_ = match.Run(strings.NewReader(in), &out, e, match.Flags{JSON: true, Explain: true}) // any input may be refused; none may panic
	})
}

func TestEngineOfShippedPacksAndOfADirectory(t *testing.T) {
	if e, err := match.Engine(""); err != nil || e.Stats().Rules < 30 {
		t.Errorf("shipped packs: %v", err)
	}
	dir := t.TempDir()
	if _, err := match.Engine(dir); err == nil {
		t.Error("an empty directory is no rule set")
	}
	if err := os.WriteFile(dir+"/sample.yaml", []byte(pack), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := match.Engine(dir); err != nil || e.Stats().Rules != 1 {
		t.Errorf("directory: %v", err)
	}
	if err := os.WriteFile(dir+"/sample.yaml", []byte(strings.Replace(pack, "violence", "weather", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := match.Engine(dir); err == nil || !strings.Contains(err.Error(), `sample.yaml:10: rule sample-threat: category "weather"`) {
		t.Errorf("error %v does not name the problem", err)
	}
}
