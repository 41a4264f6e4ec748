package caseflow

import "slices"

// Role is one of a user's roles; conflicts are of the person, not of the role.
type Role string

// Roles.
const (
	Administrator Role = "administrator"
	Technician    Role = "technician"
	DSL           Role = "dsl"
	Deputy        Role = "deputy"
	Head          Role = "head"
	Chair         Role = "chair"
	Leadership    Role = "leadership"
	Governor      Role = "governor"
	DPO           Role = "dpo"
	External      Role = "external"
)

// Roles lists every role, in the order the console shows them.
func Roles() []Role {
	return []Role{Administrator, Technician, DSL, Deputy, Head, Chair, Leadership, Governor, DPO, External}
}

// Valid reports whether r is a known role.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Content reports whether r opens captured text; such a role waits for a
// confirmation by a holder of dsl or head, except while the school has none.
func (r Role) Content() bool {
	switch r {
	case DSL, Deputy, Head, Chair, External:
		return true
	}
	return false
}

// Actor is who acts or looks: a signed-in user, or the system.
type Actor struct {
	User UserID
	Name string
	// Roles in force: granted and, where needed, confirmed.
	Roles []Role
	// Persons are the person keys that are this human being: own OS accounts and directory entry.
	Persons []PersonKey
	// Scope limits what a DSL or deputy sees of the safeguarding queue.
	Scope Scope
	// System is true for triage and timers only; no request can set it.
	System bool
}

// Has reports whether the actor holds r.
func (a Actor) Has(r Role) bool { return slices.Contains(a.Roles, r) }

// Is reports whether the actor is the person with key k.
func (a Actor) Is(k PersonKey) bool { return !k.IsZero() && slices.Contains(a.Persons, k) }
