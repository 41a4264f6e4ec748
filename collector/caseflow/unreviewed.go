package caseflow

import "slices"

// A case may wait that nobody may work on: its post is not filled, or whoever
// holds it is the one whom the case concerns. The contract names no further
// person, so nobody is shown it; but that it waits is told, without a word or a
// number of it, so that somebody fills the post (docs/adr/0034).

// Unreviewed reports whether the case is open and none of all may work on it.
func Unreviewed(c Case, all []Actor) bool {
	return c.Version != 0 && c.State != Closed && !slices.ContainsFunc(all, func(a Actor) bool { return MayAct(c, a) })
}

// ToldUnreviewed reports whether the actor is told that the case waits and
// nobody may open it: the data protection officer; an administrator where no
// such officer can be told. Nobody whom the case concerns ever is.
func ToldUnreviewed(c Case, a Actor, all []Actor) bool {
	if !Allows(a, LearnUnreviewed) || Concerns(c, a) || !Unreviewed(c, all) {
		return false
	}
	officer := func(o Actor) bool { return o.User != "" && o.Has(DPO) && !Concerns(c, o) }
	return officer(a) || !slices.ContainsFunc(all, officer)
}

// Unfilled lists the roles without which some case would be opened by nobody,
// or nobody would be told of it, and that none of all holds. It looks at people only, at no case.
func Unfilled(all []Actor) []Role {
	held := func(roles ...Role) bool {
		return slices.ContainsFunc(all, func(a Actor) bool { return a.User != "" && slices.ContainsFunc(roles, a.Has) })
	}
	var missing []Role
	if !held(DSL, Deputy) {
		missing = append(missing, DSL)
	}
	for _, r := range []Role{Head, Chair, DPO} {
		if !held(r) {
			missing = append(missing, r)
		}
	}
	return missing
}
