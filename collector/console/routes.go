package console

import (
	"net/http"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// gate says whether a person may know of an address.
type gate func(caseflow.Actor) bool

// can is the gate of a right in caseflow's role table, which alone says who holds it.
func can(r caseflow.Right) gate {
	return func(a caseflow.Actor) bool { return caseflow.Allows(a, r) }
}

// Gates that several pages share.
var (
	anyone      = can(caseflow.SignedIn)
	reviewer    = can(caseflow.WorkCases)
	adviser     = can(caseflow.AdviseCases)
	fleetKeeper = can(caseflow.ReadDevices)
	auditor     = can(caseflow.ReadAudit)
)

// place is a page that people are led to.
type place struct {
	label, href string
	allow       gate
	what        string // it is for
}

// navigation is the header's, each shown to those whom its gate admits.
var navigation = []place{
	{"Cases", "/cases", reviewer, "what waits for review"},
	{"Reviews", "/reviews", adviser, "the cases that the school asks you about, without names"},
	{"Playbooks", "/playbooks", can(caseflow.ReadPlaybooks), "what to do in a case of each kind, and what not"},
	{"Exemptions", "/exemptions", caseflow.MayReadChanges, "lessons and exams whose captures stand lower in the list"},
	{"Rules", "/rules", caseflow.MayReadChanges, "how often each rule was right, and what was changed"},
	{"Devices", "/devices", fleetKeeper, "what Lapwing can see on each device, and what to do where it cannot"},
	{"Compliance", "/compliance", leader, "the answer to “Is our monitoring working?”"},
	{"People", "/people", peopleReader, "who may open what"},
	{"Notices", "/acknowledgements", can(caseflow.ReadNotices), "who was told of the monitoring, and how"},
	{"Audit log", "/audit", auditor, "who did and who read what"},
}

// elsewhere are pages of many roles that are seldom opened: the footer leads to them.
var elsewhere = []place{
	{"Policy in force", "/policy", can(caseflow.ReadPolicy), "what devices are told to do, group by group"},
	{"Try a phrase", "/rules/try", func(a caseflow.Actor) bool { return reviewer(a) && !caseflow.MayReadChanges(a) }, "what a phrase would have found in the cases that you may see"},
	{"Checks on monitoring", "/compliance/record", can(caseflow.ReadMonitoringRecord), "the record of checks that people made"},
}

// mux keeps the list of its addresses, so that a test can walk them all.
type mux struct {
	http.ServeMux
	patterns []string
}

func (m *mux) Handle(pattern string, h http.Handler) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.Handle(pattern, h)
}

func (m *mux) HandleFunc(pattern string, h http.HandlerFunc) { m.Handle(pattern, h) }

// Routes lists the patterns of every address, as net/http writes them. Who may
// know of each is held by a test that walks the list as every role.
func (c *Console) Routes() []string { return slices.Clone(c.mux.patterns) }

// routes lists every address of the console.
func (c *Console) routes() *mux {
	m := &mux{}

	m.Handle("GET /assets/{name}", c.assets)
	m.Handle("GET /sign-in", bounded(c.signInForm))
	m.Handle("POST /sign-in", bounded(c.signIn))
	m.Handle("GET /link/{token}", bounded(c.linkForm))
	m.Handle("POST /link/{token}", bounded(c.linkUse))
	m.Handle("GET /signed-out", bounded(c.signedOut))
	m.Handle("POST /sign-out", c.signedIn(anyone, c.signOut))

	m.Handle("GET /{$}", c.signedIn(anyone, c.home))
	m.Handle("GET /cases", c.signedIn(reviewer, c.casesPage))
	m.HandleFunc("GET /cases/live", c.live)
	m.Handle("POST /cases/find", c.signedIn(can(caseflow.FindPeople), c.findCases))
	m.Handle("POST /cases/together", c.signedIn(can(caseflow.WorkCases), c.closeTogether))
	m.Handle("POST /cases/views", c.signedIn(reviewer, c.saveView))
	m.Handle("GET /cases/beyond", c.signedIn(can(caseflow.BreakGlass), c.beyondForm))
	m.Handle("POST /cases/beyond", c.signedIn(can(caseflow.BreakGlass), c.breakGlass))
	m.Handle("POST /cases/beyond/end", c.signedIn(can(caseflow.BreakGlass), c.mendGlass))
	m.Handle("GET /people/{id}/scope", c.signedIn(can(caseflow.SetScope), c.scopeForm))
	m.Handle("POST /people/{id}/scope", c.signedIn(can(caseflow.SetScope), c.askScope))
	m.Handle("POST /people/{id}/scope/confirm", c.signedIn(can(caseflow.ConfirmRoles), c.confirmScope))
	m.Handle("GET /cases/{ref}", c.signedIn(reviewer, c.casePage))
	m.Handle("POST /cases/{ref}/claim", c.signedIn(reviewer, c.claimCase))
	m.Handle("POST /cases/{ref}/release", c.signedIn(reviewer, c.releaseCase))
	m.Handle("POST /cases/{ref}/record", c.signedIn(reviewer, c.recordCase))
	m.Handle("POST /cases/{ref}/reopen", c.signedIn(reviewer, c.reopenCase))
	m.Handle("POST /cases/{ref}/draft", c.signedIn(reviewer, c.draftCase))
	m.Handle("POST /cases/{ref}/steps", c.signedIn(reviewer, c.stepCase))
	m.Handle("POST /cases/{ref}/escalate", c.signedIn(reviewer, c.escalateCase))
	m.Handle("POST /cases/{ref}/escalate/end", c.signedIn(reviewer, c.endEscalation))
	m.Handle("POST /cases/{ref}/pass", c.signedIn(reviewer, c.passOnCase))
	m.Handle("POST /cases/{ref}/transfer", c.signedIn(reviewer, c.transferCase))
	m.Handle("POST /cases/{ref}/wait", c.signedIn(reviewer, c.waitCase))
	m.Handle("POST /cases/{ref}/wait/end", c.signedIn(reviewer, c.endWait))
	m.Handle("POST /cases/{ref}/consult", c.signedIn(reviewer, c.consultCase))
	m.Handle("POST /cases/{ref}/consult/end", c.signedIn(reviewer, c.endConsult))
	m.Handle("POST /cases/{ref}/name", c.signedIn(reviewer, c.openName))
	m.Handle("GET /cases/{ref}/export", c.signedIn(reviewer, c.exportPage))
	m.Handle("POST /cases/{ref}/export", c.signedIn(reviewer, c.exportCase))
	m.Handle("GET /reviews", c.signedIn(adviser, c.reviews))
	m.Handle("GET /reviews/{ref}", c.signedIn(adviser, c.review))
	m.Handle("POST /reviews/{ref}/suggest", c.signedIn(adviser, c.suggestReview))
	m.Handle("POST /reviews/{ref}/note", c.signedIn(adviser, c.noteReview))
	m.Handle("POST /reviews/{ref}/draft", c.signedIn(adviser, c.draftReview))
	m.Handle("GET /playbooks", c.signedIn(can(caseflow.ReadPlaybooks), c.playbooks))
	m.Handle("GET /playbooks/{id}", c.signedIn(can(caseflow.ReadPlaybooks), c.playbook))
	m.Handle("POST /playbooks/{id}", c.signedIn(caseflow.MayPropose, c.proposePlaybook))
	m.Handle("POST /playbooks/{id}/decide", c.signedIn(caseflow.MayPropose, c.decidePlaybook))
	if c.fleet != nil {
		m.Handle("GET /enrolment", c.signedIn(mayManage, c.enrolment))
		m.Handle("POST /enrolment", c.signedIn(mayManage, c.makeToken))
		m.Handle("POST /enrolment/{batch}/release", c.signedIn(mayManage, c.releaseDevices))
	}
	if c.policies != nil {
		m.Handle("GET /policy", c.signedIn(can(caseflow.ReadPolicy), c.policy))
	}
	m.Handle("GET /devices", c.signedIn(fleetKeeper, c.devices))
	m.Handle("GET /devices.csv", c.signedIn(fleetKeeper, c.devicesCSV))
	m.Handle("POST /devices", c.signedIn(mayManage, c.actOnDevices))
	m.Handle("GET /devices/{id}", c.signedIn(fleetKeeper, c.device))
	if c.permits != nil {
		m.Handle("GET /media", c.signedIn(fleetKeeper, c.media))
		m.Handle("POST /media", c.signedIn(can(caseflow.PermitMedia), c.permitMedia))
		m.Handle("GET /media/new", c.signedIn(can(caseflow.PermitMedia), c.permitForm))
		m.Handle("POST /media/{id}/end", c.signedIn(can(caseflow.PermitMedia), c.endPermit))
	}
	m.Handle("GET /compliance", c.signedIn(leader, c.compliance))
	m.Handle("GET /compliance/data.csv", c.signedIn(leader, c.complianceCSV))
	m.Handle("GET /compliance/trends", c.signedIn(leader, c.trends))
	m.Handle("GET /compliance/record", c.signedIn(can(caseflow.ReadMonitoringRecord), c.record))
	m.Handle("GET /compliance/record.csv", c.signedIn(can(caseflow.ReadMonitoringRecord), c.recordCSV))
	m.Handle("POST /compliance/record", c.signedIn(recorder, c.putRecord))
	m.Handle("GET /audit", c.signedIn(auditor, c.audit))
	m.Handle("GET /people", c.signedIn(peopleReader, c.people))
	m.Handle("POST /people/{id}/confirm", c.signedIn(confirmer, c.confirmPerson))
	if c.directory != nil {
		m.Handle("GET /people/directory", c.signedIn(directoryKeeper, c.directoryPage))
		m.Handle("POST "+importPath, c.signedIn(directoryKeeper, c.previewImport))
		m.Handle("POST /people/directory/apply", c.signedIn(directoryKeeper, c.applyImport))
		m.Handle("POST /people/directory/link", c.signedIn(directoryKeeper, c.linkUser))
		m.Handle("GET /acknowledgements", c.signedIn(can(caseflow.ReadNotices), c.acknowledgements))
		m.Handle("POST /acknowledgements/paper", c.signedIn(can(caseflow.TellOnPaper), c.tellOnPaper))
		m.Handle("GET /people/flags", c.signedIn(can(caseflow.SetFlags), c.flagsPage))
		m.Handle("POST /people/flags/find", c.signedIn(can(caseflow.SetFlags), c.findPupil))
		m.Handle("GET /people/flags/person/{key}", c.signedIn(can(caseflow.SetFlags), c.pupilPage))
		m.Handle("POST /people/flags/person/{key}", c.signedIn(can(caseflow.SetFlags), c.setFlag))
		m.Handle("POST /people/flags/person/{key}/end", c.signedIn(can(caseflow.SetFlags), c.endFlag))
	}
	if c.oversight != nil {
		m.Handle("GET /exemptions", c.signedIn(caseflow.MayReadChanges, c.exemptions))
		m.Handle("POST /exemptions", c.signedIn(caseflow.MayPropose, c.askExemption))
		m.Handle("GET /exemptions/new", c.signedIn(caseflow.MayPropose, c.askForm))
		m.Handle("POST /exemptions/{id}/decide", c.signedIn(caseflow.MayReadChanges, c.decideExemption))
		m.Handle("GET /rules", c.signedIn(caseflow.MayReadChanges, c.rulesPage))
		m.Handle("GET /rules/changes", c.signedIn(caseflow.MayReadChanges, c.changesPage))
		m.Handle("POST /rules/changes/{id}/decide", c.signedIn(caseflow.MayReadChanges, c.decideChange))
		m.Handle("POST /rules/approvals", c.signedIn(caseflow.MayDelegate, c.delegateApproval))
		m.Handle("GET /rules/try", c.signedIn(reviewer, c.trialPage))
		m.Handle("POST /rules/try", c.signedIn(reviewer, c.tryPhrase))
		m.Handle("GET /rules/try/{key}", c.signedIn(reviewer, c.trialStepPage))
		m.Handle("GET /rules/{rule}", c.signedIn(caseflow.MayReadChanges, c.rulePage))
		m.Handle("POST /rules/{rule}/change", c.signedIn(caseflow.MayPropose, c.proposeChange))
	}
	m.Handle("POST /preferences", c.signedIn(anyone, c.setPreferences))

	m.Handle("GET /help/keyboard", c.signedIn(anyone, c.helpPage("help-keyboard", "Keyboard shortcuts")))
	m.Handle("GET /help/accessibility", c.signedIn(anyone, c.helpPage("help-accessibility", "Accessibility")))
	m.Handle("GET /help/who-sees-what", c.signedIn(anyone, c.helpPage("help-who-sees-what", "Who can see what")))

	// Whatever else is asked for, by whomever: the page for what cannot be opened.
	m.Handle("/", c.signedIn(func(caseflow.Actor) bool { return false }, nil))
	return m
}
