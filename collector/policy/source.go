package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/policydoc/form"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Source is what policies are made of.
type Source struct {
	Rules fs.FS                 // rule packs, *.yaml at its top
	Forms map[string]*form.Form // by the short name of a school
	// Default is for schools without one of their own.
	Default *form.Form
}

// compiled is a Source that was found good.
type compiled struct {
	forms    map[string]*form.Form
	standard *form.Form
	rules    rules
	files    folder // that the packs were read from, if they came from one
	// choices are what groups turn off or down, by selection.
	choices map[string][]rulepack.Override
}

// rules are compiled packs.
type rules struct {
	compiled []byte
	packs    []*lapwingv1.PackInfo
	titles   map[string]string // by rule id
	set      *rulepack.Set
	list     []tuning.Rule       // of the packs that are on, by category
	ids      map[string][]string // rules that are on, by pack
}

func (c *compiled) form(slug string) *form.Form {
	if f, ok := c.forms[slug]; ok {
		return f
	}
	return c.standard
}

// same reports whether both would give every group the same policy.
func (c *compiled) same(d *compiled) bool {
	return reflect.DeepEqual(c.forms, d.forms) && reflect.DeepEqual(c.standard, d.standard) &&
		bytes.Equal(c.rules.compiled, d.rules.compiled)
}

// compile finds out whether s is good. Packs that are the same files as before
// are not compiled again: that takes half a second, and an edit of a timetable
// should not.
func compile(s Source, before *compiled) (*compiled, error) {
	c := &compiled{forms: s.Forms, standard: s.Default, choices: map[string][]rulepack.Override{}}
	c.files, _ = s.Rules.(folder)
	if before != nil && c.files != nil && maps.EqualFunc(c.files, before.files, bytes.Equal) {
		c.rules = before.rules
	} else {
		var err error
		if c.rules, err = compileRules(s.Rules); err != nil {
			return nil, err
		}
	}
	for name, g := range c.groups() {
		choice, err := c.rules.choose(g.Packs)
		if err == nil && len(choice) > 0 {
			_, err = c.rules.set.Encode(choice)
		}
		if err != nil {
			return nil, fmt.Errorf("groups.%s.packs: %w", name, err)
		}
		c.choices[selection(g.Packs)] = choice
	}
	return c, nil
}

func compileRules(fsys fs.FS) (rules, error) {
	packs, problems := rulepack.ReadDir(fsys)
	if len(problems) > 0 {
		errs := make([]error, len(problems))
		for i, p := range problems {
			errs[i] = errors.New(p.String())
		}
		return rules{}, fmt.Errorf("read rule packs: %w", errors.Join(errs...))
	}
	set, err := rulepack.CompileSet(packs)
	if err != nil {
		return rules{}, fmt.Errorf("compile rule packs: %w", err)
	}
	out, err := set.Encode(nil)
	if err != nil {
		return rules{}, fmt.Errorf("compile rule packs: %w", err)
	}
	r := rules{compiled: out, titles: map[string]string{}, set: set, list: listed(packs), ids: map[string][]string{}}
	for i := range packs {
		p := &packs[i]
		if !p.Draft() {
			r.packs = append(r.packs, &lapwingv1.PackInfo{Name: p.Name.Value, Version: p.Version, Rules: uint32(len(p.Rules))})
			r.ids[p.Name.Value] = []string{}
		}
		for _, rule := range p.Rules {
			r.titles[rule.ID.Value] = rule.Title
			if !p.Draft() {
				r.ids[p.Name.Value] = append(r.ids[p.Name.Value], rule.ID.Value)
			}
		}
	}
	return r, nil
}

// groups yields the groups of every form.
func (c *compiled) groups() iter.Seq2[string, form.Group] {
	return func(yield func(string, form.Group) bool) {
		for _, f := range append(slices.Collect(maps.Values(c.forms)), c.standard) {
			for name, g := range f.Groups {
				if !yield(name, g) {
					return
				}
			}
		}
	}
}

// selection names what a group selects; the same choice has the same name.
func selection(p *form.Packs) string {
	if p == nil {
		return ""
	}
	sorted := func(s []string) string { return strings.Join(slices.Sorted(slices.Values(s)), ",") }
	return sorted(p.Only) + "|" + sorted(p.Without) + "|" + sorted(p.LogOnly)
}

// choose says which rules a group turns off, or down to log. A floor that this
// would go below is found when the set is encoded.
func (r rules) choose(p *form.Packs) ([]rulepack.Override, error) {
	if p == nil {
		return nil, nil
	}
	for _, name := range slices.Concat(p.Only, p.Without, p.LogOnly) {
		if _, ok := r.ids[name]; !ok {
			return nil, errors.New("names a pack that there is not, or a draft")
		}
	}
	var all []rulepack.Override
	for _, name := range slices.Sorted(maps.Keys(r.ids)) {
		off := slices.Contains(p.Without, name) || len(p.Only) > 0 && !slices.Contains(p.Only, name)
		log := slices.Contains(p.LogOnly, name)
		for _, id := range r.ids[name] {
			switch {
			case off:
				all = append(all, rulepack.Override{Rule: id, Off: true})
			case log:
				all = append(all, rulepack.Override{Rule: id, Level: vocab.Log})
			}
		}
	}
	return all, nil
}
