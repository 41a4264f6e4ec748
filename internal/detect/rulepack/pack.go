package rulepack

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Pack is one file of rules.
type Pack struct {
	File string `yaml:"-"` // path in the directory it was read from
	// HashFiles are the hashed lists that the rules name, by file.
	HashFiles map[string]HashFile `yaml:"-"`

	Name    Text     `yaml:"pack"`
	Version uint32   `yaml:"version"`
	Title   string   `yaml:"title"`
	Lang    string   `yaml:"language"`
	Review  Text     `yaml:"review"` // who has read it ("by …", "reviewed"), or "draft: …" which is off by default
	Sources []string `yaml:"sources"`

	// Words says how single words are treated in every pack.
	Words Words `yaml:"words"`
	// Lists are named sets of phrases that phrases refer to as @name, and
	// Frames named conditions; both are seen by every pack of the directory.
	Lists  map[string][]Text    `yaml:"lists"`
	Frames map[string]Condition `yaml:"frames"`
	Rules  []Rule               `yaml:"rules"`
}

// Words treats single words.
type Words struct {
	// GapStops are words that a gap never runs over.
	GapStops []Text `yaml:"gap_stops"`
	// Common words are never what a disguised spelling stands for.
	Common []Text `yaml:"common"`
	// Spellings maps a word to other spellings of it, matched as the same.
	Spellings map[string][]Text `yaml:"spellings"`
}

// Rule is one rule as written.
type Rule struct {
	ID         Text     `yaml:"id"`
	Version    uint32   `yaml:"version"`
	Title      string   `yaml:"title"`
	Categories Strings  `yaml:"category"`
	FourC      Text     `yaml:"four_c"`
	Severity   Text     `yaml:"severity"`
	Level      Text     `yaml:"level"`
	Audience   Strings  `yaml:"audience"` // pupil, staff; both when absent
	Years      []uint8  `yaml:"years"`    // first and last school year; all when absent
	Phrases    []Text   `yaml:"phrases"`
	Domains    []Text   `yaml:"domains"` // hosts, matched with all under them
	Hashes     []Text   `yaml:"hashes"`  // files of hashed entries in the directory
	Exclude    []Text   `yaml:"exclude"` // phrases that remove a hit which they overlap
	Needs      []Use    `yaml:"needs"`   // one must hold
	Raise      []Use    `yaml:"raise"`
	Lower      []Use    `yaml:"lower"`
	Silence    []Use    `yaml:"silence"`
	WordEnds   bool     `yaml:"word_ends"` // while typed, a hit waits until its last word is over
	Examples   Examples `yaml:"examples"`
}

// Examples are lines that a rule must hit, and lines that it must miss.
type Examples struct {
	Hit  []Text `yaml:"hit"`
	Miss []Text `yaml:"miss"`
}

// Condition is words that matter near a hit.
type Condition struct {
	Name    string `yaml:"name"`
	Phrases []Text `yaml:"any"`
	// Within is the distance in words (1 to 64) inside the sentence; 0 is the
	// whole text. Default 6.
	Within *uint8 `yaml:"within"`
	Side   Text   `yaml:"side"` // before, after, either (default)
}

// Use is a condition in a rule: the name of a frame, or one written out.
type Use struct {
	Frame     Text
	Condition Condition
}

// UnmarshalYAML reads a name or a mapping.
func (u *Use) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return u.Frame.UnmarshalYAML(n)
	}
	if err := knownKeys(n, "name", "any", "within", "side"); err != nil {
		return err
	}
	return n.Decode(&u.Condition)
}

func knownKeys(n *yaml.Node, keys ...string) error {
	if n.Kind != yaml.MappingNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a condition is a frame's name or a mapping", n.Line)}}
	}
next:
	for i := 0; i+1 < len(n.Content); i += 2 {
		for _, k := range keys {
			if n.Content[i].Value == k {
				continue next
			}
		}
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: field %s is not known", n.Content[i].Line, n.Content[i].Value)}}
	}
	return nil
}

// Text is a string and the line it stands on.
type Text struct {
	Value string
	Line  int
}

// UnmarshalYAML reads a scalar.
func (t *Text) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: text is expected here", n.Line)}}
	}
	t.Value, t.Line = n.Value, n.Line
	return nil
}

// Strings is one text or a list of them.
type Strings []Text

// UnmarshalYAML reads a scalar or a sequence of scalars.
func (s *Strings) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		var v []Text
		if err := n.Decode(&v); err != nil {
			return err
		}
		*s = v
		return nil
	}
	var t Text
	if err := t.UnmarshalYAML(n); err != nil {
		return err
	}
	*s = Strings{t}
	return nil
}

// Problem is one thing wrong with a pack.
type Problem struct {
	File string // file in the directory
	Line int    // 0 when it concerns the whole file
	Rule string // rule id, when it concerns one
	Text string // the reason and what to do
}

// String formats the problem as file:line: rule: reason.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	if p.Rule != "" {
		s += ": rule " + p.Rule
	}
	return s + ": " + p.Text
}
