package console

import (
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/roster"
)

// gate says whether a person may know of an address.
type gate func(caseflow.Actor) bool

// Gates, from the contract's role table.
func anyone(caseflow.Actor) bool        { return true }
func reviewer(a caseflow.Actor) bool    { return len(caseflow.QueuesOf(a)) > 0 }
func fleetKeeper(a caseflow.Actor) bool { return a.Has(caseflow.Technician) || a.Has(caseflow.Head) }
func technician(a caseflow.Actor) bool  { return a.Has(caseflow.Technician) }
func auditor(a caseflow.Actor) bool     { return a.Has(caseflow.DPO) }

// navigation is the header's, each shown to those whom its gate admits.
var navigation = []struct {
	label, href string
	allow       gate
}{
	{"Cases", "/cases", reviewer},
	{"Exemptions", "/exemptions", caseflow.MayReadChanges},
	{"Rules", "/rules", caseflow.MayReadChanges},
	{"Devices", "/devices", fleetKeeper},
	{"People", "/people", peopleReader},
	{"Audit log", "/audit", auditor},
}

// routes lists every address of the console.
func (c *Console) routes() http.Handler {
	m := http.NewServeMux()

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
	m.Handle("GET /cases/{ref}", c.signedIn(reviewer, c.casePage))
	m.Handle("POST /cases/{ref}/claim", c.signedIn(reviewer, c.claimCase))
	m.Handle("POST /cases/{ref}/release", c.signedIn(reviewer, c.releaseCase))
	m.Handle("POST /cases/{ref}/record", c.signedIn(reviewer, c.recordCase))
	m.Handle("POST /cases/{ref}/reopen", c.signedIn(reviewer, c.reopenCase))
	m.Handle("GET /devices", c.signedIn(fleetKeeper, c.devices))
	m.Handle("GET /devices/{id}", c.signedIn(fleetKeeper, c.device))
	if c.fleet != nil {
		m.Handle("GET /enrolment", c.signedIn(technician, c.enrolment))
		m.Handle("POST /enrolment", c.signedIn(technician, c.makeToken))
		m.Handle("POST /enrolment/{batch}/release", c.signedIn(technician, c.releaseDevices))
	}
	m.Handle("GET /audit", c.signedIn(auditor, c.audit))
	m.Handle("GET /people", c.signedIn(peopleReader, c.people))
	m.Handle("POST /people/{id}/confirm", c.signedIn(confirmer, c.confirmPerson))
	if c.directory != nil {
		m.Handle("GET /people/directory", c.signedIn(directoryKeeper, c.directoryPage))
		m.Handle("POST "+importPath, c.signedIn(directoryKeeper, c.previewImport))
		m.Handle("POST /people/directory/apply", c.signedIn(directoryKeeper, c.applyImport))
		m.Handle("POST /people/directory/link", c.signedIn(directoryKeeper, c.linkUser))
		m.Handle("GET /people/flags", c.signedIn(roster.MaySetFlags, c.flagsPage))
		m.Handle("POST /people/flags/find", c.signedIn(roster.MaySetFlags, c.findPupil))
		m.Handle("GET /people/flags/person/{key}", c.signedIn(roster.MaySetFlags, c.pupilPage))
		m.Handle("POST /people/flags/person/{key}", c.signedIn(roster.MaySetFlags, c.setFlag))
		m.Handle("POST /people/flags/person/{key}/end", c.signedIn(roster.MaySetFlags, c.endFlag))
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
