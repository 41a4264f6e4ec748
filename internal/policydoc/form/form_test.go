package form_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/policydoc/form"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func shipped(t testing.TB) *form.Form {
	t.Helper()
	f, problems := form.Parse("policy.yaml", configs.Policy)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return f
}

func TestShippedPolicy(t *testing.T) {
	f := shipped(t)
	for _, c := range []struct {
		group    string
		audience vocab.GroupAudience
		outside  lapwingv1.Outside
		kept     int
	}{
		{"year-9", vocab.GroupPupil, lapwingv1.Outside_OUTSIDE_URGENT, 0},
		{"office", vocab.GroupStaff, lapwingv1.Outside_OUTSIDE_NOTHING, 3},
		{"library", vocab.GroupMixed, lapwingv1.Outside_OUTSIDE_NOTHING, 3},
	} {
		p := &lapwingv1.Policy{Version: 1, School: "s", IssuedMs: 1, Rules: []byte{1}}
		if err := f.Fill(p, c.group, c.audience); err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		if p.Schedule.Outside != c.outside || len(p.Schedule.Categories) != c.kept {
			t.Errorf("%s: outside %v, %d categories", c.group, p.Schedule.Outside, len(p.Schedule.Categories))
		}
		if p.Notice.Mode != lapwingv1.Notice_MODE_SCREEN || len(p.Canary.Minutes) != 2 || len(p.Places) != 3 {
			t.Errorf("%s: %v", c.group, p)
		}
	}
}

// TestSchema holds the shipped file to the schema, and the schema to the form.
func TestSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(form.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(configs.Policy, &v); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Error(err)
	}
	sameFields(t, "", doc, reflect.TypeFor[form.Form]())
}

// sameFields: what the schema allows is what the form has.
func sameFields(t *testing.T, path string, schema any, in reflect.Type) {
	t.Helper()
	m := schema.(map[string]any)
	switch in.Kind() {
	case reflect.Pointer:
		sameFields(t, path, schema, in.Elem())
	case reflect.Slice:
		sameFields(t, path+"[]", m["items"], in.Elem())
	case reflect.Map:
		sameFields(t, path+".*", m["additionalProperties"], in.Elem())
	case reflect.Struct:
		properties := m["properties"].(map[string]any)
		for i := range in.NumField() {
			name := in.Field(i).Tag.Get("yaml")
			if properties[name] == nil {
				t.Errorf("schema lacks %s.%s", path, name)
				continue
			}
			sameFields(t, path+"."+name, properties[name], in.Field(i).Type)
			delete(properties, name)
		}
		for name := range properties {
			t.Errorf("schema has %s.%s, which the form has not", path, name)
		}
	}
}

func TestBroken(t *testing.T) {
	good := string(configs.Policy)
	for name, c := range map[string]struct{ was, is, want string }{
		"unknown field":          {"zone:", "sone:", "field sone not found"},
		"one person":             {"approved_by: the school, by using it unchanged", "approved_by: Lapwing, as shipped", "approved_by: is the one who proposed it"},
		"no zone":                {"zone: Europe/London", "zone: Mars/Base", "zone: is not a time zone"},
		"a floor lowered":        {"heartbeat_seconds: 60", "excerpt_chars: 500", "groups.pupil.limits.excerpt_chars: 500, must be 1 to 200"},
		"no choice for evenings": {"outside: urgent", "outside: sometimes", "groups.pupil.outside: must be all, urgent"},
		"staff watched for more": {"outside: nothing", "outside: all", "groups.staff.dpia: is missing"},
		"no such timetable":      {"timetable: school-day", "timetable: week", "groups.staff.timetable: names no timetable"},
		"not a time":             {`from: "07:30"`, `from: "25:00"`, "timetables.school-day.hours[0].from: is not a time"},
		"a top-level domain":     {"[patientaccess.com,", "[com,", "places[1].hosts[0]: not a host name"},
		"no pupil group":         {"  pupil:\n", "  year-9:\n", `groups: has no "pupil"`},
		"everybody is shared":    {"shared_accounts: []", `shared_accounts: ["**"]`, "shared_accounts[0]: has fewer than three letters"},
		"no mode of notice":      {"mode: screen", "mode: loud", "notice.mode: must be none, screen or paper"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(good, c.was) {
				t.Fatal("the shipped policy has changed")
			}
			f, problems := form.Parse("policy.yaml", []byte(strings.Replace(good, c.was, c.is, 1)))
			if f != nil || len(problems) == 0 {
				t.Fatal("taken")
			}
			var all strings.Builder
			for _, p := range problems {
				all.WriteString(p.String() + "\n")
			}
			if !strings.Contains(all.String(), c.want) || !strings.HasPrefix(all.String(), "policy.yaml:") {
				t.Errorf("problems are\n%s\nwant %s", all.String(), c.want)
			}
		})
	}
	for _, b := range []string{"", "a: &a [*a]", good + "\n---\nzone: x", strings.Repeat("#", form.MaxFile+1)} {
		if f, problems := form.Parse("p", []byte(b)); f != nil || len(problems) == 0 {
			t.Errorf("%.20q was taken", b)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(configs.Policy)
	f.Add([]byte("groups: {pupil: {limits: {excerpt_chars: -1}}}"))
	f.Add([]byte("timetables: {a: {hours: [{days: [mon], from: '1:00', to: '0:30'}]}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, problems := form.Parse("f", b)
		if (got == nil) != (len(problems) > 0) {
			t.Error("neither a form nor a problem, or both")
		}
		if got == nil {
			return
		}
		for name := range got.Groups {
			p := &lapwingv1.Policy{Version: 1, School: "s", IssuedMs: 1, Rules: []byte{1}}
			if err := got.Fill(p, name, vocab.GroupPupil); err != nil || len(name) <= 64 && p.Validate() != nil {
				t.Errorf("a form without problems does not fill: %v", err)
			}
		}
	})
}
