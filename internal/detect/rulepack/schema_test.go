package rulepack_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/lapwing-schools/lapwing/configs"
)

func packSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
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
	return s
}

func validate(s *jsonschema.Schema, b []byte) error {
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		return err
	}
	j, err := json.Marshal(v)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(j)))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func TestShippedPacksFollowTheSchema(t *testing.T) {
	s := packSchema(t)
	files, err := fs.Glob(configs.Rules(), "*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("files %v, error %v", files, err)
	}
	for _, f := range files {
		b, err := fs.ReadFile(configs.Rules(), f)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, b); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := packSchema(t)
	if err := validate(s, []byte(packWith(nil))); err != nil {
		t.Fatalf("the sample itself: %v", err)
	}
	for name, change := range map[string]map[string]string{
		"category": {"category": "    category: weather"}, "level": {"level": "    level: shout"},
		"field": {"+": "    colour: red"}, "within": {"+": "    lower: [{name: x, any: [a], within: 99}]"},
		"no phrases": {"phrases": ""}, "one example": {"examples": "    examples: {hit: [zap you], miss: [zip, zop]}"},
	} {
		if err := validate(s, []byte(packWith(change))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
