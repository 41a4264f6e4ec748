package caseflow

import "slices"

// Scope limits a DSL or deputy to year groups and sites of the school. The zero
// Scope is the whole school.
type Scope struct {
	Years []string // empty: all
	Sites []string // empty: all
	// Of says where the directory has a person now. Who makes an Actor of a user
	// sets it; while it is missing, a limited scope covers nobody.
	Of func(PersonKey) Place `json:"-"`
	// Broken: break glass is in force, and for its hour the limits do not hold.
	Broken bool
}

// Place is where the directory has a person.
type Place struct {
	Year  string   // empty: not known
	Sites []string // empty: not known
}

// Limited reports whether s is less than the whole school, glass or not.
func (s Scope) Limited() bool { return len(s.Years) > 0 || len(s.Sites) > 0 }

// Same reports whether two scopes have the same limits and the same glass.
func (s Scope) Same(o Scope) bool {
	return slices.Equal(s.Years, o.Years) && slices.Equal(s.Sites, o.Sites) && s.Broken == o.Broken
}

// Covers reports whether a case is within the limits. Whose year or site nobody
// knows, as with an unmatched account, is everybody's: a child must not fall
// between two scopes.
func (s Scope) Covers(c Case) bool {
	if !s.Limited() || c.Person.IsZero() {
		return true
	}
	if s.Of == nil {
		return false
	}
	at := s.Of(c.Person)
	year := len(s.Years) == 0 || at.Year == "" || slices.Contains(s.Years, at.Year)
	site := len(s.Sites) == 0 || len(at.Sites) == 0 || slices.ContainsFunc(at.Sites, func(x string) bool { return slices.Contains(s.Sites, x) })
	return year && site
}

// BeyondScope reports whether the actor sees the case through broken glass
// alone. Each such look is recorded as what it is, and the case's owner is told.
func BeyondScope(c Case, a Actor) bool {
	if !a.Scope.Broken || !MaySee(c, a) {
		return false
	}
	a.Scope.Broken = false
	return !MaySee(c, a)
}
