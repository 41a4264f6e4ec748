package rulepack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// packWith is a pack of one rule, to which lines are added or whose lines are
// replaced by their key.
func packWith(changes map[string]string) string {
	lines := []string{
		"pack: test", "version: 1", "title: Test", "language: en-GB", "review: reviewed",
		"words:", "  common: [the, go]", "  gap_stops: [not]",
		"lists:", "  who: [you, him]",
		"frames:", "  denied: {any: [never, not], within: 3, side: before}",
		"rules:", "  - id: test-rule", "    version: 3", "    title: A test", "    category: violence",
		"    four_c: conduct", "    severity: high", "    level: alert", `    phrases: ["zap ..2 @who"]`,
		"    examples: {hit: [zap you, zap him], miss: [zap me, zip]}",
	}
	var out []string
	for _, l := range lines {
		key, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(l), "- ")), ":")
		v, ok := changes[strings.TrimSpace(l)] // a whole line, where the key stands twice
		if !ok {
			v, ok = changes[key]
		}
		if ok {
			if v == "" {
				continue
			}
			l = v
		}
		out = append(out, l)
	}
	if v := changes["+"]; v != "" {
		out = append(out, v)
	}
	return strings.Join(out, "\n") + "\n"
}

func check(t *testing.T, yaml string) (*detect.Engine, []rulepack.Problem) {
	t.Helper()
	packs, problems := rulepack.ReadDir(fstest.MapFS{"test.yaml": {Data: []byte(yaml)}})
	b, _, more := rulepack.Check(packs)
	if problems = append(problems, more...); len(problems) > 0 {
		return nil, problems
	}
	e, err := detect.Load(b)
	if err != nil {
		t.Fatal(err)
	}
	return e, nil
}

func TestCheckNamesTheProblem(t *testing.T) {
	for name, c := range map[string]struct {
		changes map[string]string
		want    string // what the only problem's text must hold
	}{
		"category":         {map[string]string{"category": "    category: weather"}, `test.yaml:17: rule test-rule: category "weather" is not one of`},
		"four c":           {map[string]string{"four_c": "    four_c: cat"}, `four_c "cat" is not content`},
		"severity":         {map[string]string{"severity": "    severity: big"}, `severity "big" is not one of`},
		"level":            {map[string]string{"level": "    level: shout"}, `level "shout" is not one of`},
		"title":            {map[string]string{"title: A test": "    title: ''"}, "title is missing"},
		"id":               {map[string]string{"id": "  - id: Test Rule"}, "an id is 1 to 64 of a-z"},
		"no phrases":       {map[string]string{"phrases": ""}, "has no phrases"},
		"empty phrase":     {map[string]string{"phrases": `    phrases: ["zap", ""]`}, `phrase "" is empty`},
		"only optional":    {map[string]string{"phrases": `    phrases: ["zap", "ping?"]`}, "at least one word must not be optional"},
		"no letters":       {map[string]string{"phrases": `    phrases: ["zap !!"]`}, `"!!" has no letter`},
		"gap first":        {map[string]string{"phrases": `    phrases: [".. zap"]`}, "begins with a gap"},
		"gap last":         {map[string]string{"phrases": `    phrases: ["zap .."]`}, "ends with a gap"},
		"gap in group":     {map[string]string{"phrases": `    phrases: ["(zap .. you|zip)"]`}, "has a gap inside a group"},
		"gap too long":     {map[string]string{"phrases": `    phrases: ["zap ..99 you"]`}, `gap "..99"`},
		"group open":       {map[string]string{"phrases": `    phrases: ["(zap|zip"]`}, "has a group that is not closed"},
		"group closed":     {map[string]string{"phrases": `    phrases: ["zap)"]`}, "has no group to belong to"},
		"unknown list":     {map[string]string{"phrases": `    phrases: ["zap @whom"]`}, "list @whom is not defined"},
		"list in itself":   {map[string]string{"who": `  who: [you, "@who"]`}, "contains itself"},
		"twice":            {map[string]string{"phrases": `    phrases: [zap you, "zap  you"]`}, "stands in this rule twice"},
		"common at alert":  {map[string]string{"phrases": `    phrases: [zap, "(the|zip)"]`}, `single common word "the" at level alert`},
		"everyday word":    {map[string]string{"phrases": `    phrases: [zap, snow]`}, `single common word "snow" at level alert`},
		"name at alert":    {map[string]string{"phrases": `    phrases: ["@first-name"]`}, `at level alert; add words`},
		"one name of two":  {map[string]string{"phrases": `    phrases: ["(jake|zonk)"]`}, `single first name "jake" at level alert`},
		"name in a list":   {map[string]string{"who": `  who: [zonk, "(zip|jakes)"]`, "phrases": `    phrases: ["@who"]`}, `single first name "jakes" at level alert`},
		"optional beside":  {map[string]string{"phrases": `    phrases: ["(jake|zonk) now?"]`}, `single first name "jake" at level alert`},
		"common, respelt":  {map[string]string{"common": "  spellings: {the: [zeh]}", "phrases": `    phrases: ["(zeh|zonk)"]`}, `single common word "zeh" at level alert`},
		"name list taken":  {map[string]string{"who": `  first-name: [you, him]`}, `list "first-name" is one that the compiler has`},
		"unknown frame":    {map[string]string{"+": "    lower: [rumour]"}, `frame "rumour" is not defined`},
		"no words":         {map[string]string{"+": "    lower: [{name: x}]"}, `condition "x" has no words`},
		"side":             {map[string]string{"+": "    lower: [{name: x, any: [a], side: over}]"}, `side "over" is not`},
		"within":           {map[string]string{"+": "    lower: [{name: x, any: [a], within: 99}]"}, "at most 64"},
		"unknown field":    {map[string]string{"+": "    colour: red"}, "field colour not found"},
		"unknown in use":   {map[string]string{"+": "    lower: [{name: x, any: [a], colour: red}]"}, "field colour is not known"},
		"years":            {map[string]string{"+": "    years: [9, 7]"}, "years is [first, last]"},
		"audience":         {map[string]string{"+": "    audience: cats"}, `audience "cats" is not`},
		"silenced suicide": {map[string]string{"category": "    category: suicide", "+": "    silence: [denied]"}, "may only be lowered"},
		"dead by exclude":  {map[string]string{"phrases": `    phrases: [zip you, zap you]`, "+": "    exclude: [zap]"}, `phrase "zap you" is dead`},
		"dead by silence":  {map[string]string{"phrases": `    phrases: [zip you, zap not you]`, "+": "    silence: [{name: x, any: [not]}]"}, `phrase "zap not you" is dead`},
		"dead by a place":  {map[string]string{"phrases": `    phrases: [zap you, zonk]`, "+": "    exclude: [zonk]"}, `phrase "zonk" is dead`},
		"domain":           {map[string]string{"+": "    domains: [nowhere]"}, `domain "nowhere" is not a host`},
		"hash file":        {map[string]string{"+": "    hashes: [none.hashes]"}, `hashes "none.hashes": cannot be opened`},
		"version":          {map[string]string{"version: 1": ""}, "version is missing"},
		"not yaml":         {map[string]string{"pack": "pack: [a"}, "did not find expected"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := check(t, packWith(c.changes))
			if !slices.ContainsFunc(problems, func(p rulepack.Problem) bool { return strings.Contains(p.String(), c.want) }) {
				t.Errorf("problems %q, want one that says %q", fmt.Sprint(problems), c.want)
			}
		})
	}
}

func TestCheckRefusesEqualIDs(t *testing.T) {
	one := packWith(nil)
	two := strings.NewReplacer("pack: test", "pack: two", "  who:", "  whom:", "@who", "@whom", "  denied:", "  refused:").Replace(one)
	packs, problems := rulepack.ReadDir(fstest.MapFS{"a.yaml": {Data: []byte(one)}, "b.yaml": {Data: []byte(two)}})
	_, _, more := rulepack.Check(packs)
	if problems = append(problems, more...); len(problems) != 1 || !strings.Contains(problems[0].String(), "b.yaml:14: rule test-rule: id is also at a.yaml:14") {
		t.Errorf("problems %v", problems)
	}
}

func TestReadDirSaysWhenThereIsNothing(t *testing.T) {
	if _, problems := rulepack.ReadDir(fstest.MapFS{}); len(problems) != 1 {
		t.Errorf("problems %v", problems)
	}
}

func TestDraftsAreOff(t *testing.T) {
	e, problems := check(t, packWith(map[string]string{"review": "review: 'draft: not reviewed by a speaker'"}))
	if problems != nil {
		t.Fatal(problems)
	}
	if n := e.Stats().Rules; n != 0 {
		t.Errorf("%d rules of a draft are on", n)
	}
}

// TestRuleFeatures runs one rule with each feature over lines.
func TestRuleFeatures(t *testing.T) {
	for name, c := range map[string]struct {
		changes   map[string]string
		hit, miss []string
	}{
		"gap and list": {nil, []string{"zap you", "ZAP, him", "zap one two you", "we zap you"}, []string{"zap one two three you", "zap. you", "zap not you", "zapped you", "you zap"}},
		"group":        {map[string]string{"phrases": `    phrases: ["(zap|zip up) you"]`}, []string{"zap you", "zip up you"}, []string{"zip you"}},
		"optional":     {map[string]string{"phrases": `    phrases: ["zap (right|just)? now"]`}, []string{"zap now", "zap right now"}, []string{"zap then now"}},
		"inflection":   {map[string]string{"phrases": `    phrases: ["zap~ you"]`}, []string{"zaps you", "zapped you", "zapping you", "zappin you"}, []string{"zapper you"}},
		"needs":        {map[string]string{"+": "    needs: [{name: soon, any: [tonight], within: 2, side: after}]"}, []string{"zap you tonight", "zap you later tonight"}, []string{"zap you", "tonight zap you", "zap you at nine tonight"}},
		"exclude":      {map[string]string{"+": "    exclude: [zap you back]"}, []string{"zap you", "zap you, zap him back"}, []string{"zap you back"}},
		"silence":      {map[string]string{"+": "    silence: [denied]"}, []string{"zap you", "never in all my long life zap you"}, []string{"never zap you"}},
		"whole text":   {map[string]string{"+": "    silence: [{name: book, any: [chapter], within: 0}]"}, []string{"zap you"}, []string{"zap you. It is in the next chapter"}},
		"domains":      {map[string]string{"phrases": "", "+": "    domains: [zap.example]"}, []string{"zap.example", "see http://www.zap.example/x?y", "sub.zap.example:80"}, []string{"example", "zap example", "notzap.example", "zap.example.org"}},
		"apostrophes":  {map[string]string{"phrases": `    phrases: ["dont zap"]`}, []string{"don't zap", "don’t zap", "dont zap"}, []string{"do not zap"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, problems := check(t, packWith(c.changes))
			if problems != nil {
				t.Fatal(problems)
			}
			for _, line := range c.hit {
				if len(e.Match(line, detect.Options{})) == 0 {
					t.Errorf("misses %q", line)
				}
			}
			for _, line := range c.miss {
				if h := e.Match(line, detect.Options{}); len(h) > 0 {
					t.Errorf("hits %q at %q", line, line[h[0].Start:h[0].End])
				}
			}
		})
	}
}

func TestRaiseAndLower(t *testing.T) {
	e, problems := check(t, packWith(map[string]string{"+": "    lower: [denied]\n    raise: [{name: soon, any: [tonight], within: 0}]"}))
	if problems != nil {
		t.Fatal(problems)
	}
	for text, want := range map[string]struct {
		severity        vocab.Severity
		level           vocab.Level
		raised, lowered []string
	}{
		"zap you":               {vocab.High, vocab.Alert, nil, nil},
		"zap you tonight":       {vocab.Critical, vocab.Alert, []string{"soon"}, nil},
		"never zap you":         {vocab.Medium, vocab.Log, nil, []string{"denied"}},
		"never zap you tonight": {vocab.Medium, vocab.Log, []string{"soon"}, []string{"denied"}},
	} {
		h := e.Match(text, detect.Options{})
		if len(h) != 1 || h[0].Severity != want.severity || h[0].Level != want.level ||
			!slices.Equal(h[0].RaisedBy, want.raised) || !slices.Equal(h[0].LoweredBy, want.lowered) || h[0].Version != 3 {
			t.Errorf("%q: %+v, want %+v", text, h, want)
		}
	}
}

func TestWordEnds(t *testing.T) {
	for flag, want := range map[string]map[string]bool{
		"    word_ends: true": {"zap him": true, "zap HIM": true, "zap hіm": true, "we zap him.": false, "zap him ": false, "zap him now": false},
		"":                    {"zap him": false, "zap him ": false},
	} {
		e, problems := check(t, packWith(map[string]string{"+": flag}))
		if problems != nil {
			t.Fatal(problems)
		}
		for text, growing := range want {
			if h := e.Match(text, detect.Options{}); len(h) != 1 || h[0].Growing != growing {
				t.Errorf("%q, %q: %+v, want one hit, growing %v", flag, text, h, growing)
			}
		}
		long := strings.Repeat("word ", 4000)
		if h := e.Match(long+"zap him", detect.Options{}); len(h) != 1 || h[0].Growing != (flag != "") {
			t.Errorf("%q at the end of a long text: %+v", flag, h)
		}
	}
}

func TestAudienceAndYears(t *testing.T) {
	e, problems := check(t, packWith(map[string]string{"+": "    audience: [pupil]\n    years: [7, 9]"}))
	if problems != nil {
		t.Fatal(problems)
	}
	for o, want := range map[detect.Options]int{
		{}: 1, {Audience: vocab.Pupil}: 1, {Audience: vocab.Staff}: 0, {Year: 8}: 1, {Year: 9}: 1, {Year: 10}: 0, {Year: 6}: 0,
	} {
		if n := len(e.Match("zap you", o)); n != want {
			t.Errorf("%+v: %d hits, want %d", o, n, want)
		}
	}
}

func TestCompileIsTheSameEveryTime(t *testing.T) {
	packs, _ := rulepack.ReadDir(fstest.MapFS{"test.yaml": {Data: []byte(packWith(nil))}})
	a, err := rulepack.Compile(packs)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if b, _ := rulepack.Compile(packs); string(a) != string(b) {
			t.Fatal("the same packs compiled to other bytes")
		}
	}
}

func TestLicensedListNeedsNoOpenEntry(t *testing.T) {
	var hashes strings.Builder
	const secret = "one two three"
	if err := rulepack.WriteHashes(strings.NewReader(secret+"\n# no entry\n"), rulepack.Phrases, [2]uint64{1, 2}, &hashes); err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"test.yaml":   {Data: []byte(packWith(map[string]string{"phrases": "    hashes: [list.hashes]"}))},
		"list.hashes": {Data: []byte(hashes.String())},
	}
	packs, problems := rulepack.ReadDir(fsys)
	b, _, more := rulepack.Check(packs)
	if problems = append(problems, more...); len(problems) > 0 {
		t.Fatal(problems)
	}
	if strings.Contains(string(b), "three") || strings.Contains(hashes.String(), "three") {
		t.Error("an entry stands in the open")
	}
	e, err := detect.Load(b)
	if err != nil {
		t.Fatal(err)
	}
	if h := e.Match("say One, two three!", detect.Options{}); len(h) != 1 || h[0].Start != 4 || h[0].End != 18 {
		t.Errorf("hits %+v", h)
	}
	if h := e.Match("one two", detect.Options{}); len(h) > 0 {
		t.Error("hits a part of an entry")
	}
}

func TestReadHashesRefuses(t *testing.T) {
	for _, text := range []string{"", "words", "lapwing-hashes 1 words 12", "lapwing-hashes 1 cats 0123456789abcdef0123456789abcdef",
		"lapwing-hashes 1 words 0123456789abcdef0123456789abcdef\nxyz", "lapwing-hashes 2 words 0123456789abcdef0123456789abcdef"} {
		if _, err := rulepack.ReadHashes(strings.NewReader(text)); err == nil {
			t.Errorf("reads %q", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(packWith(nil)))
	f.Add([]byte("rules: [{phrases: ['(a|(b c)?) ..3 @x~']}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, problems := rulepack.Parse("fuzz.yaml", b)
		if len(problems) == 0 {
			rulepack.Check([]rulepack.Pack{p})
		}
	})
}
