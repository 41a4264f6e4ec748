// Package playbook reads the steps that a reviewer is shown beside a case:
// what not to do, then what to do. The defaults come from configs/playbooks; a
// school's own come later through the same Load.
//
// A playbook advises and never decides; nothing in triage or caseflow reads
// it. It may import collector/caseflow, internal/vocab and a YAML reader.
package playbook

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Limits of a playbook, so that it stays something a person reads in a minute.
const (
	MaxFileBytes = 64 << 10
	MaxSteps     = 12
	MaxStepChars = 240
	MaxNameChars = 120
)

// Allegation and General are the playbooks that are not of one category: for
// cases that concern staff, and for categories without their own.
const (
	Allegation = "allegation"
	General    = "general"
)

// Playbook is one page of advice.
type Playbook struct {
	// ID is the file's name without .yaml: a category, allegation or general.
	ID string `yaml:"-"`
	// Title heads the steps, for example "Bullying: what to do".
	Title string `yaml:"title"`
	// Version rises with every edit; a case records the one that was shown.
	Version int `yaml:"version"`
	// Sources say which policy or guidance each part rests on.
	Sources []string `yaml:"sources"`
	DoNot   []string `yaml:"do_not"`
	Do      []Step   `yaml:"do"`
}

// Step is one thing to do and tick.
type Step struct {
	// ID is stable over versions, so that a tick keeps its meaning.
	ID   string `yaml:"id"`
	Text string `yaml:"text"`
	// Why is said smaller, after the text; optional.
	Why string `yaml:"why"`
}

// Set is the playbooks of one school. It is never changed once loaded; safe
// for concurrent use. The zero Set has none.
type Set struct{ byID map[string]Playbook }

// ErrPlaybook says that a file is not a playbook; the wrapping text names the
// file, the field and the limit.
var ErrPlaybook = errors.New("playbook not valid")

// Load reads every *.yaml at the top of fsys. One bad file fails the whole, so
// that a school never works with half a set.
func Load(fsys fs.FS) (Set, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return Set{}, fmt.Errorf("list playbooks: %w", err)
	}
	s := Set{byID: make(map[string]Playbook, len(names))}
	for _, name := range names {
		p, err := read(fsys, name)
		if err != nil {
			return Set{}, err
		}
		s.byID[p.ID] = p
	}
	for _, id := range []string{Allegation, General} {
		if _, ok := s.byID[id]; !ok {
			return Set{}, fmt.Errorf("%w: %s.yaml is missing", ErrPlaybook, id)
		}
	}
	return s, nil
}

// For returns the playbook of a case: of allegations when it concerns staff or
// is not the DSL's, else of its category, else the general one.
func (s Set) For(c caseflow.Case) Playbook {
	id := string(c.Category)
	if c.Queue > caseflow.QueueDSL || c.Audience == vocab.Staff || len(c.Subjects) > 0 {
		id = Allegation
	}
	p, ok := s.byID[id]
	if !ok {
		p = s.byID[General]
	}
	return p
}

// Get returns the playbook with the id.
func (s Set) Get(id string) (Playbook, bool) {
	p, ok := s.byID[id]
	return p, ok
}

// IDs lists the playbooks of the set, sorted.
func (s Set) IDs() []string { return slices.Sorted(maps.Keys(s.byID)) }

// Has reports whether the playbook has the step.
func (p Playbook) Has(step string) bool {
	return slices.ContainsFunc(p.Do, func(s Step) bool { return s.ID == step })
}

// Marshal writes the playbook as Parse reads it.
func (p Playbook) Marshal() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	b, err := yaml.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write playbook: %w", err)
	}
	return b, nil
}

func read(fsys fs.FS, name string) (Playbook, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return Playbook{}, fmt.Errorf("read playbook: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return Playbook{}, fmt.Errorf("read playbook %s: %w", name, err)
	}
	p, err := Parse(b)
	if err != nil {
		return Playbook{}, fmt.Errorf("read playbook %s: %w", name, err)
	}
	p.ID = strings.TrimSuffix(path.Base(name), ".yaml")
	if p.ID != Allegation && p.ID != General && !vocab.Category(p.ID).Valid() {
		return Playbook{}, fmt.Errorf("read playbook %s: %w: the file's name is not a category", name, ErrPlaybook)
	}
	return p, nil
}

// Parse reads one playbook, without its ID. It fails with ErrPlaybook.
func Parse(b []byte) (Playbook, error) {
	if len(b) > MaxFileBytes {
		return Playbook{}, fmt.Errorf("%w: over %d bytes", ErrPlaybook, MaxFileBytes)
	}
	var p Playbook
	d := yaml.NewDecoder(strings.NewReader(string(b)))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		return Playbook{}, fmt.Errorf("%w: %w", ErrPlaybook, err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Playbook{}, fmt.Errorf("%w: more than one document", ErrPlaybook)
	}
	return p, p.check()
}

func (p Playbook) check() error {
	switch {
	case !line(p.Title, MaxNameChars):
		return fmt.Errorf("%w: title: want one line of 1 to %d characters", ErrPlaybook, MaxNameChars)
	case p.Version < 1:
		return fmt.Errorf("%w: version: want 1 or more", ErrPlaybook)
	case len(p.Sources) == 0:
		return fmt.Errorf("%w: sources: name the policy or guidance it rests on", ErrPlaybook)
	case len(p.DoNot) < 1 || len(p.DoNot) > MaxSteps:
		return fmt.Errorf("%w: do_not: want 1 to %d lines", ErrPlaybook, MaxSteps)
	case len(p.Do) < 1 || len(p.Do) > MaxSteps:
		return fmt.Errorf("%w: do: want 1 to %d steps", ErrPlaybook, MaxSteps)
	}
	for i, t := range slices.Concat(p.Sources, p.DoNot) {
		if !line(t, MaxStepChars) {
			return fmt.Errorf("%w: line %d of sources and do_not: want one line of 1 to %d characters", ErrPlaybook, i+1, MaxStepChars)
		}
	}
	ids := map[string]bool{}
	for i, s := range p.Do {
		if !line(s.Text, MaxStepChars) || s.Why != "" && !line(s.Why, MaxStepChars) {
			return fmt.Errorf("%w: do, step %d: want one line of 1 to %d characters", ErrPlaybook, i+1, MaxStepChars)
		}
		if !stepID(s.ID) || ids[s.ID] {
			return fmt.Errorf("%w: do, step %d: want an id of its own, 1 to 32 of a-z, 0-9 and hyphen", ErrPlaybook, i+1)
		}
		ids[s.ID] = true
	}
	return nil
}

// line reports whether s is one line of text of at most limit characters.
func line(s string, limit int) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && !strings.ContainsAny(s, "\r\n") &&
		utf8.RuneCountInString(s) <= limit
}

func stepID(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
