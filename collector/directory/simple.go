package directory

import (
	"strings"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// simpleColumns of the CSV for schools without OneRoster. The last two may be
// missing.
var simpleColumns = []string{"account", "name", "role"}

// roleWords are what may stand in the role column.
var roleWords = map[string]vocab.Audience{
	"pupil": vocab.Pupil, "student": vocab.Pupil, "learner": vocab.Pupil,
	"staff": vocab.Staff, "teacher": vocab.Staff, "assistant": vocab.Staff, "governor": vocab.Staff, "head": vocab.Staff,
}

// ParseSimple reads the CSV account,name,role,year,aliases. Role is pupil or
// staff (student, learner, teacher, assistant, governor and head are taken
// too); aliases are parted by semicolons. The error is an *Error.
func ParseSimple(file string, raw []byte) (Roster, error) {
	var bad problems
	if len(raw) > MaxFileBytes {
		return Roster{}, wrong(file, 0, "", "the file has %d bytes, at most %d", len(raw), MaxFileBytes)
	}
	t, ok := newTable(file, raw, &bad, simpleColumns...)
	if !ok {
		return Roster{}, bad.err()
	}
	out := Roster{Source: SourceSimple}
	lines := map[string]int{}
	for t.next() {
		if t.blank() {
			continue
		}
		if len(out.People) == MaxPeople {
			bad.add(file, t.line, "", "over %d people. Leave out those who have left.", MaxPeople)
			break
		}
		r := t.simple()
		if t.failed {
			continue
		}
		if first, twice := lines[r.ID]; twice {
			t.wrong("account", "the account is in line %d already. Each account must be there once.", first)
			continue
		}
		lines[r.ID] = t.line
		out.People = append(out.People, r)
	}
	if err := bad.err(); err != nil {
		return Roster{}, err
	}
	if len(out.People) == 0 {
		return Roster{}, wrong(file, 0, "", "there is nobody in it. To empty a directory is no import.")
	}
	return out, nil
}

func (t *table) simple() Record {
	r := Record{Source: SourceSimple, File: t.file, Line: t.line,
		Account: t.get("account", MaxFieldChars), Name: t.get("name", MaxFieldChars), Year: t.get("year", MaxYearChars)}
	r.ID = Fold(r.Account)
	if r.ID == "" && !t.failed {
		t.wrong("account", "the account is missing. It is the name that people log on with.")
	}
	if strings.Contains(r.Account, "@") {
		r.Email = r.Account
	}
	if r.Name == "" && !t.failed {
		t.wrong("name", "the name is missing.")
	}
	role := t.get("role", MaxFieldChars)
	var known bool
	if r.Audience, known = roleWords[Fold(role)]; !known && !t.failed {
		t.wrong("role", "the role must be pupil or staff.")
	}
	r.Aliases = t.aliases()
	return r
}

// aliases may be as many as there are, each of the field's length.
func (t *table) aliases() (all []string) {
	for a := range strings.SplitSeq(t.get("aliases", MaxAliases*(MaxFieldChars+2)), ";") {
		a = t.check("aliases", strings.TrimSpace(a), MaxFieldChars)
		if a == "" {
			continue
		}
		if len(all) == MaxAliases {
			t.wrong("aliases", "over %d aliases. Keep those that are used.", MaxAliases)
			return nil
		}
		if n := len(Words(a)); n > MaxNameWords {
			t.wrong("aliases", "an alias of %d words, at most %d. Part several by semicolons.", n, MaxNameWords)
			return nil
		}
		all = append(all, a)
	}
	return all
}
