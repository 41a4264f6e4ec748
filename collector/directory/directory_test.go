package directory_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

const simple = "account,name,role,year,aliases\n" +
	"rowan.ash,Rowan Ashdown,pupil,Year 8,Ro\n" +
	"\"j.porter\",\"Porter, Jane\",staff,,JPO;Mrs P Smith\n" +
	"=cmd|'/c calc'!A1,@SUM(1+1) -2,learner,+7,\n"

func TestSimple(t *testing.T) {
	got, err := directory.ParseSimple("people.csv", []byte(simple))
	if err != nil {
		t.Fatal(err)
	}
	want := []directory.Record{
		{Source: "csv", ID: "rowan.ash", Account: "rowan.ash", Name: "Rowan Ashdown", Audience: vocab.Pupil, Year: "Year 8", Aliases: []string{"Ro"}, File: "people.csv", Line: 2},
		{Source: "csv", ID: "j.porter", Account: "j.porter", Name: "Porter, Jane", Audience: vocab.Staff, Aliases: []string{"JPO", "Mrs P Smith"}, File: "people.csv", Line: 3},
		// What a spreadsheet would run is text, kept as it is.
		{Source: "csv", ID: "=cmd|'/c calc'!a1", Account: "=cmd|'/c calc'!A1", Name: "@SUM(1+1) -2", Audience: vocab.Pupil, Year: "+7", File: "people.csv", Line: 4},
	}
	if d := cmp.Diff(want, got.People); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func utf16le(s string) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

func TestEncodings(t *testing.T) {
	text := "account,name,role\nzoe,Zoë Ō 🦉,pupil\n"
	be := utf16le(text)
	for i := 0; i < len(be); i += 2 {
		be[i], be[i+1] = be[i+1], be[i]
	}
	for name, raw := range map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with a mark": append([]byte{0xef, 0xbb, 0xbf}, text...), "UTF-16 LE": utf16le(text), "UTF-16 BE": be,
		"CR LF": []byte(strings.ReplaceAll(text, "\n", "\r\n")), "decomposed": []byte("account,name,role\nzoe,Zoe\u0308 O\u0304 🦉,pupil\n"),
	} {
		got, err := directory.ParseSimple("f", raw)
		if err != nil || got.People[0].Name != "Zoë Ō 🦉" {
			t.Errorf("%s: %+v, %v", name, got.People, err)
		}
	}
}

// Every refusal names file, line and field, and says what to do.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 201)
	for name, tt := range map[string]struct{ raw, want string }{
		"empty":             {"", "f: the file is empty"},
		"nobody":            {"account,name,role\n\n,,\n", "f: there is nobody in it"},
		"missing column":    {"account,name\na,b\n", "f line 1, role: this column is missing"},
		"semicolons":        {"account;name;role\na;b;pupil\n", "parted by something else than commas"},
		"column twice":      {"account,name,role,Name\n", "f line 1, name: this column is there twice"},
		"Windows-1252":      {"account,name,role\na,b,pupil\nzoe,Zo\xeb,pupil\n", "f line 3: byte 0xEB is not UTF-8; the file looks like Windows-1252"},
		"UTF-16, no mark":   {string(utf16le("account")[2:]), "looks like UTF-16"},
		"UTF-16, odd":       {"\xff\xfea", "ends within a character"},
		"half a pair":       {"\xff\xfea\x00\x00\xd8", "half of a UTF-16 pair"},
		"zero byte":         {"account,name,role\na\x00,b,pupil\n", "f line 2: there is a zero byte"},
		"quotes":            {"account,name,role\na,\"b,pupil\n", "the quotation marks do not pair"},
		"long":              {"account,name,role\na," + long + ",pupil\n", "f line 2, name: 201 characters, at most 200"},
		"line break":        {"account,name,role\na,\"b\nc\",pupil\n", "f line 2, name: there is a line break"},
		"no account":        {"account,name,role\n ,b,pupil\n", "f line 2, account: the account is missing"},
		"no name":           {"account,name,role\na,,pupil\n", "f line 2, name: the name is missing"},
		"role":              {"account,name,role\na,b,boss\n", "f line 2, role: the role must be pupil or staff"},
		"twice":             {"account,name,role\nRowan,b,pupil\nc,d,pupil\n rowAN ,b,pupil\n", "f line 4, account: the account is in line 2 already"},
		"many aliases":      {"account,name,role,aliases\na,b,pupil," + strings.Repeat("z;", 21) + "\n", "f line 2, aliases: over 20 aliases"},
		"alias of five":     {"account,name,role,aliases\na,b,pupil,one two three four five\n", "f line 2, aliases: an alias of 5 words, at most 4"},
		"row after a break": {"account,name,role\na,\"b\n\",pupil\nc,d,boss\n", "f line 4, role"},
	} {
		got, err := directory.ParseSimple("f", []byte(tt.raw))
		var e *directory.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || len(got.People) > 0 {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	var all strings.Builder
	all.WriteString("account,name,role\n")
	for i := range 80 {
		fmt.Fprintf(&all, "a%d,b,boss\n", i)
	}
	_, err := directory.ParseSimple("f", []byte(all.String()))
	var e *directory.Error
	if !errors.As(err, &e) || len(e.Problems) != 50 || e.More != 30 {
		t.Errorf("80 problems: %+v", e)
	}
}

func export(users string, more ...string) fstest.MapFS {
	fs := fstest.MapFS{"users.csv": {Data: []byte(users)}}
	for i := 0; i < len(more); i += 2 {
		fs[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	return fs
}

const users = "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password\n" +
	"u1,,,true,o1,student,rash,,Rowan,Ashdown,,,rash@peewit.example,,,,08,\n" +
	"u2,,,true,o1,teacher,jporter,,Jane,Porter,,,j.porter@peewit.example,,,,,\n" +
	"u3,,,true,o1,parent,,,Pa,Ashdown,,,pa@home.example,,,,,\n" +
	"u4,tobedeleted,,true,o1,student,gone,,Gone,By,,,,,,,07,\n" +
	"u5,,,true,o1,student,ivo,,Ivo,Fernley,,,,,,,,\n"

func TestOneRoster(t *testing.T) {
	files := export(users, "classes.csv", "sourcedId,title,grades\nc1,9R History,09\nc2,,09\n", "enrollments.csv", "sourcedId,classSourcedId,userSourcedId\ne1,c1,u5\ne2,c2,u5\n",
		"manifest.csv", "propertyName,value\noneroster.version,1.1\nfile.users,bulk\n",
		"orgs.csv", "sourcedId,status,name,type\no1,,North Site,school\no2,,South Site,school\nd1,,The Trust,district\n")
	north := []string{"North Site"}
	want := []directory.Record{
		{Source: "oneroster", ID: "u1", Account: "rash", Email: "rash@peewit.example", Name: "Rowan Ashdown", Given: "Rowan", Family: "Ashdown", Audience: vocab.Pupil, Year: "Year 8", File: "users.csv", Line: 2, Sites: north},
		{Source: "oneroster", ID: "u2", Account: "jporter", Email: "j.porter@peewit.example", Name: "Jane Porter", Given: "Jane", Family: "Porter", Audience: vocab.Staff, File: "users.csv", Line: 3, Sites: north},
		{Source: "oneroster", ID: "u5", Account: "ivo", Name: "Ivo Fernley", Given: "Ivo", Family: "Fernley", Audience: vocab.Pupil, Year: "Year 9", File: "users.csv", Line: 6, Sites: north, Classes: []directory.Class{{ID: "c1", Title: "9R History"}, {ID: "c2", Title: "c2"}}},
	}
	got, err := directory.ParseFolder("export", files)
	if err != nil || got.Skipped != 2 {
		t.Fatalf("%v, skipped %d", err, got.Skipped)
	}
	if d := cmp.Diff(want, got.People); d != "" {
		t.Errorf("folder (-want +got):\n%s", d)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, f := range files {
		w, err := z.Create("Peewit Green/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	got, err = directory.ParseZip("export.zip", bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got.People); d != "" {
		t.Errorf("zip with a folder (-want +got):\n%s", d)
	}
}

func TestOneRosterRefusals(t *testing.T) {
	head := "sourcedId,role,username,givenName,familyName\n"
	for name, tt := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"not one":    {fstest.MapFS{"people.csv": {}}, "there is no users.csv in it"},
		"delta":      {export(users, "manifest.csv", "propertyName,value\nfile.users,delta\n"), "manifest.csv line 2, value: users are a list of changes"},
		"version":    {export(users, "manifest.csv", "propertyName,value\noneroster.version,2.0\n"), "version is not 1.1"},
		"id twice":   {export(head + "a,student,u,G,F\nb,student,v,G,F\na,student,w,G,F\n"), "users.csv line 4, sourcedId: the id is in line 2 already"},
		"no id":      {export(head + ",student,u,G,F\n"), "users.csv line 2, sourcedId: the id is missing"},
		"role":       {export(head + "a,pupil,u,G,F\n"), "users.csv line 2, role"},
		"no account": {export(head + "a,student,,G,F\n"), "users.csv line 2, username: neither"},
		"no name":    {export(head + "a,student,u,,\n"), "users.csv line 2, familyName"},
		"nobody":     {export(head), "there is nobody in it"},
	} {
		if _, err := directory.ParseFolder("x", tt.files); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if _, err := directory.ParseZip("x.zip", bytes.NewReader([]byte("PK")), 2); err == nil || !strings.Contains(err.Error(), "not a zip file") {
		t.Errorf("no zip: %v", err)
	}
}

// hash stands for the vault's: folded, and distinct by text.
func hash(text string) (k caseflow.PersonKey) {
	f := directory.Fold(text)
	if f == "" {
		return k
	}
	k[0] = 1
	copy(k[1:], f)
	k[15] = byte(len(f))
	return k
}

func TestMatch(t *testing.T) {
	record := func(account, email string, a vocab.Audience, aliases ...string) directory.Record {
		return directory.Record{Account: account, Email: email, Audience: a, Aliases: aliases}
	}
	people := []directory.Person{
		directory.Identify(record("rash", "r.ash@p.ex", vocab.Pupil), caseflow.PersonKey{1}, hash),
		directory.Identify(record("jp", "", vocab.Staff, "porter.j", "Mrs Porter"), caseflow.PersonKey{2}, hash),
		directory.Identify(record(`CUR\wil`, "", vocab.Pupil), caseflow.PersonKey{3}, hash),
		directory.Identify(record("twin", "", vocab.Pupil), caseflow.PersonKey{4}, hash),
		directory.Identify(record("twin2", "twin@p.ex", vocab.Staff), caseflow.PersonKey{5}, hash),
		directory.Identify(record("again", "", vocab.Pupil), caseflow.PersonKey{6}, hash),
		directory.Identify(record("again", "", vocab.Staff), caseflow.PersonKey{7}, hash),
		directory.Identify(record("left", "", vocab.Staff), caseflow.PersonKey{8}, hash),
	}
	people[6].Gone, people[7].Gone = true, true
	x := directory.NewIndex(people)
	for account, want := range map[string]byte{
		"rash": 1, " RASH ": 1, "r.ash": 1, "R.Ash@p.ex": 1, `P\rash`: 1, "rash@p.ex": 1,
		"rash@gmail.ex": 0, // known under another domain
		"jp":            2, "porter.j": 2, `X\jp`: 2, "jp@any.ex": 2, "mrs porter": 0,
		"wil": 3, `cur\WIL`: 3, `OTHER\wil`: 0, "wil@p.ex": 3,
		"twin": 0, "twin@p.ex": 5, "twin@q.ex": 4,
		"again": 6, // who is there counts before who has gone
		"left":  8, "": 0, " ": 0, "@": 0, `\`: 0, "nobody": 0,
	} {
		p, ok := x.Match(directory.AccountOf(account, hash))
		if ok != (want != 0) || p.Key[0] != want {
			t.Errorf("%q is %d, %v; want %d", account, p.Key[0], ok, want)
		}
	}
	if all := x.Possible(directory.AccountOf("twin", hash)); len(all) != 2 {
		t.Errorf("twin could be %d people", len(all))
	}
	var none *directory.Index
	if _, ok := none.Match(directory.AccountOf("rash", hash)); ok || none.Len() != 0 {
		t.Error("no directory matches somebody")
	}
}

func TestNames(t *testing.T) {
	porter := directory.NamePhrases(directory.Record{Name: "Mrs Jane Porter", Audience: vocab.Staff, Aliases: []string{"JPO", "Miss P", "Al"}})
	brien := directory.NamePhrases(directory.Record{Name: "Zoë O'Brien-Smith", Given: "Zoë", Family: "O'Brien-Smith", Audience: vocab.Staff})
	for text, want := range map[string]struct{ porter, brien bool }{
		"jane porter is here":            {true, false},
		"Mr.Porter said":                 {true, false},
		"MISS   PORTER’S lesson":         {true, false},
		"mr porters lesson":              {true, false},
		"j porter":                       {true, false},
		"miss jane":                      {true, false},
		"ask jpo":                        {true, false},
		"jpop is good":                   {false, false},
		"the porter came":                {false, false},
		"jane and porter":                {false, false},
		"misses porter":                  {false, false},
		"mr porterhouse":                 {false, false},
		"al":                             {false, false},
		"Ms O’Brien-Smith":               {false, true},
		"miss obrien smith":              {false, true},
		"mrs smith":                      {false, true},
		"zoe smith":                      {false, true},
		"ms o'brien":                     {false, true},
		"ZOE\u0308 O'BRIEN":              {false, true},
		"smith":                          {false, false},
		"ja\u00adne porter":              {true, false}, // a soft hyphen hides nothing
		"ｊａｎｅ ｐｏｒｔｅｒ":                    {true, false},
		"mr smith and mrs porter":        {true, true},
		"<b>Jane Porter</b>":             {true, false},
		strings.Repeat("ä", 4000) + " x": {false, false},
	} {
		phrases := directory.Phrases(text)
		has := func(names []string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(phrases, n) })
		}
		if has(porter) != want.porter || has(brien) != want.brien {
			t.Errorf("%q names Porter: %v, O'Brien-Smith: %v", text, has(porter), has(brien))
		}
	}
	if p := directory.NamePhrases(directory.Record{Name: "Jane Porter", Audience: vocab.Pupil}); len(p) > 0 {
		t.Errorf("a pupil is looked for as staff: %q", p)
	}
}

// Whoever the roster has is found by every account and name the file gives.
func TestWhoeverIsInIsFound(t *testing.T) {
	name := rapid.StringMatching(`[A-Z][a-zé]{3,8}( [A-Z][a-z']{3,8})`)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString("account,name,role\n")
		n := rapid.IntRange(1, 20).Draw(t, "people")
		for i := range n {
			fmt.Fprintf(&b, "acc%d,%s,staff\n", i, name.Draw(t, "name"))
		}
		got, err := directory.ParseSimple("f", []byte(b.String()))
		if err != nil || len(got.People) != n {
			t.Fatalf("%d of %d: %v", len(got.People), n, err)
		}
		var people []directory.Person
		for i, r := range got.People {
			people = append(people, directory.Identify(r, caseflow.PersonKey{byte(i + 1)}, hash))
		}
		x := directory.NewIndex(people)
		for i, r := range got.People {
			if p, ok := x.Match(directory.AccountOf(`SCHOOL\`+strings.ToUpper(r.Account), hash)); !ok || p.Key[0] != byte(i+1) {
				t.Fatalf("%s is not found", r.Account)
			}
			text := directory.Phrases("so " + strings.ToUpper(r.Name) + " said no")
			if !slices.ContainsFunc(directory.NamePhrases(r), func(p string) bool { return slices.Contains(text, p) }) {
				t.Fatalf("%s is not found in %q", r.Name, text)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(simple))
	f.Add([]byte(users))
	f.Add(utf16le(simple))
	f.Add([]byte("account,name,role\n\"a\"\"\",b,pupil"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, errA := directory.ParseSimple("f", raw)
		b, errB := directory.ParseFolder("x", fstest.MapFS{"users.csv": {Data: raw}, "classes.csv": {Data: raw}, "enrollments.csv": {Data: raw}})
		for _, err := range []error{errA, errB} {
			var e *directory.Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%v is not a list of problems", err)
			}
		}
		ids := map[string]bool{}
		for _, r := range append(a.People, b.People...) {
			key := r.Source + "\x00" + r.ID
			if r.ID == "" || r.Name == "" || ids[key] || r.Audience == vocab.Unknown || r.Line < 2 || len([]rune(r.Name)) > 401 {
				t.Fatalf("%+v", r)
			}
			ids[key] = true
			directory.NamePhrases(r)
		}
		for _, p := range directory.Phrases(string(raw)) {
			if len(strings.Fields(p)) > directory.MaxNameWords {
				t.Fatalf("phrase %q", p)
			}
		}
	})
}

func BenchmarkParse50000(b *testing.B) {
	var text strings.Builder
	text.WriteString("account,name,role,year,aliases\n")
	for i := range 50_000 {
		fmt.Fprintf(&text, "pupil%05d,Given%d Family%d,pupil,Year %d,Nick%d\n", i, i%700, i%3000, 7+i%7, i)
	}
	raw := []byte(text.String())
	b.ReportAllocs()
	for b.Loop() {
		if r, err := directory.ParseSimple("f", raw); err != nil || len(r.People) != 50_000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkPhrases(b *testing.B) {
	text := strings.Repeat("and then mr porter said he would ", 6)
	b.ReportAllocs()
	for b.Loop() {
		directory.Phrases(text)
	}
}
