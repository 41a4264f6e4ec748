package caseflow

import "slices"

// Who asks for changes to what is monitored, and who approves them, from the
// contract's role table: exemptions, and changes of rules.

// MayPropose reports whether the actor may propose an exemption or a change of a rule.
func MayPropose(a Actor) bool {
	return Allows(a, ProposeChanges)
}

// MayReadChanges reports whether the actor may read exemptions and the log of
// changes to monitoring. No captured text is in either.
func MayReadChanges(a Actor) bool {
	return a.System || Allows(a, ReadChanges)
}

// CountsOf lists the queues whose cases are in the counts of rules that the
// actor reads: those that the actor reviews. The chair's few cases are in
// nobody's counts, for a count of one would tell of it.
func CountsOf(a Actor) []Queue {
	return slices.DeleteFunc(QueuesOf(a), func(q Queue) bool { return q == QueueChair && !a.System })
}

// Author is who made a proposal: the user, and the person keys that are the
// same human being under other accounts.
type Author struct {
	User    UserID
	Persons []PersonKey
}

// AuthorOf is the actor as the author of a proposal.
func AuthorOf(a Actor) Author { return Author{a.User, slices.Clone(a.Persons)} }

// Approves reports whether the actor is somebody who approves at all: the head,
// or leadership where the head has delegated it.
func Approves(a Actor, delegated bool) bool {
	return Allows(a, ApproveChanges) || delegated && Allows(a, ApproveDelegated)
}

// MayApprove reports whether the actor may approve or refuse what by proposed.
// Nobody approves their own proposal, whatever their roles.
func MayApprove(a Actor, by Author, delegated bool) bool {
	return Approves(a, delegated) && a.User != by.User && !slices.ContainsFunc(by.Persons, a.Is)
}

// MayDelegate reports whether the actor decides if leadership may approve.
func MayDelegate(a Actor) bool { return Allows(a, DelegateApproval) }

// MayRevoke reports whether the actor may end an approved exemption before its
// time: whoever may ask for one may also take it back, for that only adds to
// what is looked at.
func MayRevoke(a Actor, delegated bool) bool { return MayPropose(a) || Approves(a, delegated) }
