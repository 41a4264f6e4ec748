package store

import (
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// Reach is how far a DSL or deputy sees.
type Reach struct {
	// Years and Sites are the limits in force; both empty: the whole school.
	Years, Sites []string
	// Next are limits that somebody asked for and nobody has confirmed yet; HasNext
	// tells "the whole school" from none.
	NextYears, NextSites []string
	HasNext              bool
	NextBy               caseflow.UserID
	// GlassUntil is when broken glass ends; zero or past: not broken.
	GlassUntil time.Time
}

// SavedView is a filter of the queue that somebody keeps.
type SavedView struct {
	Name  string // 1-40 characters
	Query string // of the queue's address; never a person
}

// Limits of what a user keeps.
const (
	MaxReach     = 40 // years, or sites
	MaxViews     = 12
	MaxViewName  = 40 // characters
	maxViewQuery = 600
)

// Places tells where the directory has somebody now.
type Places interface {
	// Place is answered from memory. The zero Place: not known.
	Place(person caseflow.PersonKey) caseflow.Place
}

// ActorOf is a user as who acts or looks at now: the one way from an account to
// permissions. Roles that wait for a confirmation are not in force.
func ActorOf(u User, at Places, now time.Time) caseflow.Actor {
	roles := make([]caseflow.Role, 0, len(u.Roles))
	for _, r := range u.Roles {
		if r.Valid() && !slices.Contains(u.Pending, r) {
			roles = append(roles, r)
		}
	}
	a := caseflow.Actor{User: u.ID, Name: u.Name, Roles: roles, Persons: slices.Clone(u.Persons)}
	if len(u.Reach.Years) > 0 || len(u.Reach.Sites) > 0 {
		a.Scope = caseflow.Scope{Years: u.Reach.Years, Sites: u.Reach.Sites, Of: at.Place, Broken: now.Before(u.Reach.GlassUntil)}
	}
	return a
}

// checkReach refuses what cannot be kept.
func checkReach(u User) error {
	for _, list := range [][]string{u.Reach.Years, u.Reach.Sites, u.Reach.NextYears, u.Reach.NextSites} {
		if len(list) > MaxReach || longest(list) > MaxText {
			return invalid("a user's years or sites: at most %d of %d bytes", MaxReach, MaxText)
		}
	}
	if len(u.Views) > MaxViews {
		return invalid("over %d saved views", MaxViews)
	}
	for _, v := range u.Views {
		if v.Name == "" || len(v.Name) > 4*MaxViewName || len(v.Query) > maxViewQuery {
			return invalid("a saved view's name or filter is too long")
		}
	}
	return nil
}
