package audit

import "slices"

// Action is a registered word for what was done. A store refuses any other,
// so that a reader of the ledger meets no word that is not listed here.
type Action string

// Actions. Those of a case change are one for each caseflow command.
const (
	SchoolCreated Action = "school.create"

	CaseSuggested Action = "case.suggest" // an external reviewer suggested what to do
	CaseConsulted Action = "case.consult" // somebody from outside was asked about it, or it was taken back from them
	NameOpened    Action = "case.name"    // somebody gave a reason to see who asked for help
	CasesSearched Action = "case.search"  // somebody looked for cases by a person's name or account
	GlassBroken   Action = "glass.break"  // somebody looks beyond their years and sites, for a typed reason
	GlassRead     Action = "glass.read"   // sealed content of a case beyond the reader's years or sites was shown
	ScopeAsked    Action = "scope.ask"
	ScopeSet      Action = "scope.set" // confirmed

	CaseOpened      Action = "case.open"
	CaseJoined      Action = "case.join"
	CaseRevised     Action = "case.revise"
	CaseReopened    Action = "case.reopen" // by a person, or by triage for a graver capture
	CaseSeen        Action = "case.see"    // first look
	CaseClaimed     Action = "case.claim"
	CaseReleased    Action = "case.release"
	CaseNoted       Action = "case.note"
	CaseClosed      Action = "case.close"
	CaseRead        Action = "case.read"   // sealed content was shown
	CaseRefused     Action = "case.refuse" // somebody asked for a case that is hidden from them
	QueueRead       Action = "queue.read"  // sealed content of the objects was shown in a list
	CasesExported   Action = "case.export"
	CasesListed     Action = "case.list" // by a command, without anybody's words
	CaseEscalated   Action = "case.escalate"
	CaseReturned    Action = "case.return" // an escalation was ended
	CaseWaits       Action = "case.wait"   // put to wait, or back
	CaseStep        Action = "case.step"   // a step of the playbook was ticked, or the tick taken off
	CaseTransferred Action = "case.transfer"
	CasePassedOn    Action = "case.pass"  // to who must review it instead: it is about staff, or about who had it
	CaseMatched     Action = "case.match" // the directory, or a post, told something new of its people

	DeviceEnrolled Action = "device.enrol"
	DeviceRenewed  Action = "device.renew"
	DeviceRevoked  Action = "device.revoke"
	DeviceTamper   Action = "device.tamper"
	DeviceDigest   Action = "device.digest" // a device merged events when its spool was full
	DeviceMoved    Action = "device.move"   // to another group
	DeviceRetired  Action = "device.retire" // out of use
	TokenCreated   Action = "token.create"

	DeviceReleased  Action = "device.release" // a device of a multi-use token may send from now on
	DeviceSuspected Action = "device.suspect" // two machines seem to share its identity
	ReofferAsked    Action = "device.reoffer" // devices were asked to send again what they sent before

	UserCreated    Action = "user.create"
	UserChanged    Action = "user.change"
	LinkCreated    Action = "link.create"
	LinkUsed       Action = "link.use"
	SessionStarted Action = "session.start"
	SessionEnded   Action = "session.end"
	SessionRefused Action = "session.refuse" // wrong passphrase or link

	CaseTagged          Action = "case.exempt" // an exemption was put on captures of it, or taken off
	ExemptionProposed   Action = "exemption.propose"
	ExemptionApproved   Action = "exemption.approve"
	ExemptionRefused    Action = "exemption.refuse"
	ExemptionWithdrawn  Action = "exemption.withdraw"
	ExemptionRevoked    Action = "exemption.revoke"
	PlaybookProposed    Action = "playbook.propose"
	PlaybookApproved    Action = "playbook.approve"
	PlaybookRefused     Action = "playbook.refuse"
	PlaybookWithdrawn   Action = "playbook.withdraw"
	RuleChangeProposed  Action = "rule.propose"
	RuleChangeApproved  Action = "rule.approve"
	RuleChangeRefused   Action = "rule.refuse"
	RuleChangeWithdrawn Action = "rule.withdraw"
	PhraseTried         Action = "phrase.try" // sealed content of the objects was matched to a phrase
	ApprovalDelegated   Action = "approval.delegate"

	DirectoryImported Action = "directory.import"
	DirectoryRefused  Action = "directory.refuse" // a nightly file could not be taken
	DirectoryRead     Action = "directory.read"   // names of accounts or people were shown
	MediaPermitted    Action = "media.permit"
	MediaPermitEnded  Action = "media.end" // a permit was taken back before its time

	FlagSet   Action = "flag.set"
	FlagEnded Action = "flag.end"

	MonitoringChecked Action = "monitoring.check" // a check on monitoring was recorded

	NoticeSeen    Action = "notice.see"   // a device showed the notice, or passed on an answer to it
	NoticeOnPaper Action = "notice.paper" // somebody was told on paper, as a person recorded

	DocumentPut  Action = "document.put"
	KeyDestroyed Action = "key.destroy"
	LedgerRead   Action = "ledger.read"
)

// Actions lists every registered action.
func Actions() []Action {
	return []Action{
		SchoolCreated,
		CaseSuggested, CaseConsulted, NameOpened, CasesSearched, GlassBroken, GlassRead, ScopeAsked, ScopeSet,
		CaseOpened, CaseJoined, CaseRevised, CaseReopened, CaseSeen, CaseClaimed, CaseReleased,
		CaseNoted, CaseClosed, CaseRead, CaseRefused, QueueRead, CasesExported, CasesListed,
		DeviceEnrolled, DeviceRenewed, DeviceRevoked, DeviceTamper, DeviceDigest, DeviceMoved, DeviceRetired, TokenCreated,
		DeviceReleased, DeviceSuspected, ReofferAsked,
		UserCreated, UserChanged, LinkCreated, LinkUsed, SessionStarted, SessionEnded, SessionRefused,
		CaseEscalated, CaseReturned, CaseWaits, CaseStep, CaseTransferred, CasePassedOn, CaseMatched, DirectoryImported, DirectoryRefused, DirectoryRead, FlagSet, FlagEnded,
		CaseTagged, ExemptionProposed, ExemptionApproved, ExemptionRefused, ExemptionWithdrawn, ExemptionRevoked,
		PlaybookProposed, PlaybookApproved, PlaybookRefused, PlaybookWithdrawn, RuleChangeProposed, RuleChangeApproved, RuleChangeRefused, RuleChangeWithdrawn, PhraseTried, ApprovalDelegated,
		MediaPermitted, MediaPermitEnded,
		MonitoringChecked, NoticeSeen, NoticeOnPaper, DocumentPut, KeyDestroyed, LedgerRead,
	}
}

// Registered reports whether a is one of Actions.
func (a Action) Registered() bool { return slices.Contains(Actions(), a) }
