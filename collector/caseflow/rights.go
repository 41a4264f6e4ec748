package caseflow

import "slices"

// Right is something that a signed-in person may be let see or do, apart from
// any single case. Which case, MaySee answers.
type Right string

// Rights. Every page, form, stream and command of the console names one.
const (
	// SignedIn is for everybody with an account: their own page, help, own preferences.
	SignedIn Right = "signed-in"

	// ReviewCases is told of cases at all: by a queue, with names or without, and its stream.
	ReviewCases Right = "review-cases"
	// WorkCases claims, decides, closes and reopens; it is with ReviewCases for all but the external reviewer.
	WorkCases Right = "work-cases"
	// NoteCases adds a note to a case.
	NoteCases Right = "note-cases"
	// AdviseCases opens the cases that one is asked about from outside, without
	// names, and suggests what to do with them; it changes nothing.
	AdviseCases Right = "advise-cases"
	// FindPeople looks for cases by a person's name or account.
	FindPeople Right = "find-people"
	// ReadFlags shows why a pupil needs more care.
	ReadFlags Right = "read-flags"
	// SetFlags sets and ends such flags, with reason and review date.
	SetFlags Right = "set-flags"
	// BreakGlass looks beyond one's own years and sites, for an hour and a typed reason.
	BreakGlass Right = "break-glass"

	// ProposeChanges asks for an exemption or a change of a rule.
	ProposeChanges Right = "propose-changes"
	// ReadChanges opens exemptions, rules and the log of changes; no captured text is in them.
	ReadChanges Right = "read-changes"
	// ApproveChanges approves or refuses what somebody else proposed; ApproveDelegated
	// does where the head has said so (DelegateApproval).
	ApproveChanges   Right = "approve-changes"
	ApproveDelegated Right = "approve-delegated"
	DelegateApproval Right = "delegate-approval"

	// ReadPlaybooks opens the playbooks that cases are worked by; proposing and
	// approving a change of one are ProposeChanges and ApproveChanges.
	ReadPlaybooks Right = "read-playbooks"
	// ReadPolicy opens what devices are told to do, by group.
	ReadPolicy Right = "read-policy"

	// ReadDevices opens devices, coverage and posture; no person, no text.
	ReadDevices Right = "read-devices"
	// ManageDevices enrols, moves, revokes and retires devices and asks them for a check.
	ManageDevices Right = "manage-devices"
	// PermitMedia says which portable media may be used, by whom and until when.
	PermitMedia Right = "permit-media"
	// ReadCompliance opens the answer to "is our monitoring working?"; without
	// ReadDevices beside it, as numbers that name no device and hide small groups.
	ReadCompliance Right = "read-compliance"
	// ReadMonitoringRecord opens the checks on monitoring that people made.
	ReadMonitoringRecord Right = "read-monitoring-record"
	// KeepMonitoringRecord enters checks on monitoring that a person made.
	KeepMonitoringRecord Right = "keep-monitoring-record"
	// ReadNotices lists who was told of the monitoring, by name.
	ReadNotices Right = "read-notices"
	// TellOnPaper records that somebody was told on paper or by word of mouth.
	TellOnPaper Right = "tell-on-paper"
	// ReadAudit opens the ledger.
	ReadAudit Right = "read-audit"
	// ListUsers opens the list of who may open what.
	ListUsers Right = "list-users"
	// ConfirmRoles puts somebody else's waiting content role, or scope, in force.
	ConfirmRoles Right = "confirm-roles"
	// SetScope limits a DSL or deputy to years and sites; it waits for a confirmation.
	SetScope Right = "set-scope"
	// LearnUnreviewed is told that a case waits which nobody may open (ToldUnreviewed), and nothing more of it.
	LearnUnreviewed Right = "learn-unreviewed"
	// KeepDirectory imports the school's list of people and links users to it.
	KeepDirectory Right = "keep-directory"
)

// table is the contract's role table: who holds which right. Nothing else in
// the collector says so; a role that is not in a row does not hold the right.
var table = map[Right][]Role{
	SignedIn: {Administrator, Technician, DSL, Deputy, Head, Chair, Leadership, Governor, DPO, External},

	ReviewCases: {DSL, Deputy, Head, Chair, External},
	WorkCases:   {DSL, Deputy, Head, Chair},
	NoteCases:   {DSL, Deputy, Head, Chair, External},
	AdviseCases: {External},
	FindPeople:  {DSL, Deputy, Head, Chair},
	ReadFlags:   {DSL, Deputy},
	SetFlags:    {DSL},
	BreakGlass:  {DSL, Deputy},

	ProposeChanges:   {DSL, Deputy, Head},
	ReadChanges:      {DSL, Deputy, Head, Leadership, DPO},
	ApproveChanges:   {Head},
	ApproveDelegated: {Leadership},
	DelegateApproval: {Head},

	ReadPlaybooks: {DSL, Deputy, Head, Chair, Leadership, DPO},
	ReadPolicy:    {Administrator, Technician, DSL, Deputy, Head, Chair, Leadership, Governor, DPO},

	ReadDevices:   {Technician, Head},
	ManageDevices: {Technician},
	PermitMedia:   {Technician, Head},

	ReadCompliance:       {Technician, Head, Leadership, Governor, Chair},
	ReadMonitoringRecord: {Technician, Head, Leadership, Governor, Chair, DSL, Deputy},
	KeepMonitoringRecord: {Technician, Head, DSL, Deputy},
	ReadNotices:          {Administrator, DSL, Deputy, Head, DPO},
	TellOnPaper:          {Administrator, DSL, Deputy, Head},

	ReadAudit:     {DPO},
	ListUsers:     {Administrator, DSL, Head},
	ConfirmRoles:  {DSL, Head},
	SetScope:      {Administrator},
	KeepDirectory: {Administrator},

	LearnUnreviewed: {DPO, Administrator},
}

// Rights lists every right.
func Rights() []Right {
	var all []Right
	for r := range table {
		all = append(all, r)
	}
	slices.Sort(all)
	return all
}

// Holders lists the roles that hold a right, in the table's order.
func Holders(r Right) []Role { return slices.Clone(table[r]) }

// Allows reports whether one of the actor's roles in force holds the right. The
// system is no person and holds none.
func Allows(a Actor, r Right) bool {
	return !a.System && a.User != "" && slices.ContainsFunc(table[r], a.Has)
}
