package console_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/console"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// door is one route as the contract has it: who may know of it.
type door struct {
	roles string     // roles in force that it opens for; "public" for who is not signed in; "nobody"
	path  string     // instead of the pattern's own, for placeholders other than {ref}
	form  url.Values // of a POST
	lost  bool       // the path names nothing, so whoever may open it finds nothing
}

const (
	everyone        = "administrator technician dsl deputy head chair leadership governor dpo external"
	works4          = "dsl deputy head chair"
	playbookReaders = "dsl deputy head chair leadership dpo"
	leaders         = "technician head leadership governor chair"
	readers         = "dsl deputy head leadership dpo" // of exemptions and changes of rules
)

// doors is the permissions of every route, written down once more. A route
// that is not here fails the walk.
var doors = map[string]door{
	"GET /assets/{name}": {roles: "public", path: "/assets/nothing"},
	"GET /sign-in":       {roles: "public"},
	"POST /sign-in":      {roles: "public"},
	"GET /link/{token}":  {roles: "public", path: "/link/x"},
	"POST /link/{token}": {roles: "public", path: "/link/x"},
	"GET /signed-out":    {roles: "public"},
	"POST /sign-out":     {roles: everyone},
	"GET /{$}":           {roles: everyone, path: "/"},
	"POST /preferences":  {roles: everyone},
	"GET /help/keyboard": {roles: everyone},
	"/":                  {roles: "nobody", path: "/nothing"},
	"GET /cases":         {roles: works4},
	"GET /cases/live":    {roles: works4 + " external"},
	"GET /cases/{ref}":   {roles: works4},
	"POST /cases/find":   {roles: works4, form: url.Values{"q": {"pupilsecret"}}},
	"POST /cases/views":  {roles: works4, form: url.Values{"back": {"/cases?category=bullying"}, "name": {"x"}}},
	"GET /cases/beyond":  {roles: "dsl deputy"},
	"POST /cases/beyond": {roles: "dsl deputy"},
	"POST /cases/together": {roles: works4, form: url.Values{"key": {"k"}, "outcome": {"no-concern"}, "reason": {"x"},
		"cases": {"{pupil}", "{staff}", "{head}"}}},
	"POST /cases/beyond/end":          {roles: "dsl deputy"},
	"POST /cases/{ref}/claim":         {roles: works4},
	"POST /cases/{ref}/release":       {roles: works4},
	"POST /cases/{ref}/record":        {roles: works4, form: url.Values{"act": {"note"}, "note": {"x"}}},
	"POST /cases/{ref}/reopen":        {roles: works4, form: url.Values{"reason": {"x"}}},
	"POST /cases/{ref}/draft":         {roles: works4, form: url.Values{"note": {"x"}}},
	"POST /cases/{ref}/steps":         {roles: works4},
	"POST /cases/{ref}/escalate":      {roles: works4},
	"POST /cases/{ref}/escalate/end":  {roles: works4},
	"POST /cases/{ref}/pass":          {roles: works4},
	"POST /cases/{ref}/transfer":      {roles: works4},
	"POST /cases/{ref}/wait":          {roles: works4},
	"POST /cases/{ref}/wait/end":      {roles: works4},
	"POST /cases/{ref}/consult":       {roles: works4, form: url.Values{"reviewer": {"u-n.-external"}, "question": {"x"}}},
	"POST /cases/{ref}/consult/end":   {roles: works4, form: url.Values{"from": {"u-nobody"}}},
	"GET /reviews":                    {roles: "external"},
	"GET /reviews/{ref}":              {roles: "external"},
	"POST /reviews/{ref}/suggest":     {roles: "external", form: url.Values{"outcome": {"no-concern"}, "reason": {"x"}}},
	"POST /reviews/{ref}/note":        {roles: "external", form: url.Values{"note": {"x"}}},
	"POST /reviews/{ref}/draft":       {roles: "external", form: url.Values{"note": {"x"}}},
	"POST /cases/{ref}/name":          {roles: works4, form: url.Values{"name_reason": {"x"}}},
	"GET /cases/{ref}/export":         {roles: works4},
	"POST /cases/{ref}/export":        {roles: works4},
	"GET /playbooks":                  {roles: playbookReaders},
	"GET /playbooks/{id}":             {roles: playbookReaders, path: "/playbooks/bullying"},
	"POST /playbooks/{id}":            {roles: "dsl deputy head", path: "/playbooks/bullying"},
	"POST /playbooks/{id}/decide":     {roles: "dsl deputy head", path: "/playbooks/bullying/decide", form: url.Values{"proposal": {"nothing"}}},
	"GET /policy":                     {roles: "administrator technician dsl deputy head chair leadership governor dpo"},
	"GET /enrolment":                  {roles: "technician"},
	"POST /enrolment":                 {roles: "technician"},
	"POST /enrolment/{batch}/release": {roles: "technician", path: "/enrolment/nothing/release"},
	"GET /compliance":                 {roles: leaders},
	"GET /compliance/data.csv":        {roles: leaders},
	"GET /compliance/trends":          {roles: leaders},
	"GET /compliance/record":          {roles: leaders + " dsl deputy"},
	"GET /compliance/record.csv":      {roles: leaders + " dsl deputy"},
	"POST /compliance/record":         {roles: "technician head dsl deputy"},
	"GET /acknowledgements":           {roles: "administrator dsl deputy head dpo"},
	"POST /acknowledgements/paper":    {roles: "administrator dsl deputy head"},
	"GET /media":                      {roles: "technician head"},
	"POST /media":                     {roles: "technician head"},
	"GET /media/new":                  {roles: "technician head"},
	"POST /media/{id}/end":            {roles: "technician head", path: "/media/nothing/end"},
	"GET /devices.csv":                {roles: "technician head"},
	"POST /devices":                   {roles: "technician"},
	"GET /devices":                    {roles: "technician head"},
	"GET /devices/{id}":               {roles: "technician head", path: "/devices/d-0142"},
	"GET /audit":                      {roles: "dpo"},
	"GET /people":                     {roles: "administrator dsl head"},
	"POST /people/{id}/confirm":       {roles: "dsl head", path: "/people/u-walk-other/confirm"},
	"GET /people/{id}/scope":          {roles: "administrator", path: "/people/u-walk-other/scope"},
	"POST /people/{id}/scope":         {roles: "administrator", path: "/people/u-walk-other/scope"},
	"POST /people/{id}/scope/confirm": {roles: "dsl head", path: "/people/u-walk-other/scope/confirm"},

	"GET /people/directory":               {roles: "administrator"},
	"POST /people/directory/preview":      {roles: "administrator"},
	"POST /people/directory/apply":        {roles: "administrator"},
	"POST /people/directory/link":         {roles: "administrator"},
	"GET /people/flags":                   {roles: "dsl"},
	"POST /people/flags/find":             {roles: "dsl", form: url.Values{"who": {"pupilsecret"}}},
	"GET /people/flags/person/{key}":      {roles: "dsl", path: "/people/flags/person/00112233445566778899aabbccddeeff"},
	"POST /people/flags/person/{key}":     {roles: "dsl", path: "/people/flags/person/00112233445566778899aabbccddeeff"},
	"POST /people/flags/person/{key}/end": {roles: "dsl", path: "/people/flags/person/00112233445566778899aabbccddeeff/end"},
	"GET /exemptions":                     {roles: readers},
	"POST /exemptions":                    {roles: "dsl deputy head"},
	"GET /exemptions/new":                 {roles: "dsl deputy head"},
	"POST /exemptions/{id}/decide":        {roles: readers, path: "/exemptions/nothing/decide"},
	"GET /rules":                          {roles: readers},
	"GET /rules/changes":                  {roles: readers},
	"POST /rules/changes/{id}/decide":     {roles: readers, path: "/rules/changes/nothing/decide"},
	"POST /rules/approvals":               {roles: "head"},
	"GET /rules/try":                      {roles: works4},
	"POST /rules/try":                     {roles: works4, form: url.Values{"phrase": {"secretwords"}}},
	"GET /rules/try/{key}":                {roles: works4, path: "/rules/try/nothing", lost: true},
	"GET /rules/{rule}":                   {roles: readers, path: "/rules/nothing", lost: true},
	"POST /rules/{rule}/change":           {roles: "dsl deputy head", path: "/rules/nothing/change"},
	"GET /help/accessibility":             {roles: everyone},
	"GET /help/who-sees-what":             {roles: everyone},
}

// planted is a case and what of it nobody else may meet anywhere.
type planted struct {
	ref   caseflow.Ref
	words []string
	c     caseflow.Case
}

// TestWalk signs in as every role, and as the subject of a case, asks for every
// route with every case, and reads the raw answers, the streams and the errors.
func TestWalk(t *testing.T) {
	f := withAll(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	me, boss := f.person("subject.person"), f.person("head.person")
	if _, token := f.user("Walk Other", nil, caseflow.Deputy); token == "" {
		t.Fatal("no user")
	}
	_, bossLink := f.user("Boss", []caseflow.PersonKey{boss}, caseflow.Head)
	_, subjectLink := f.user("Subject", []caseflow.PersonKey{me}, caseflow.DSL)
	people := map[string]*browser{"head who is a subject": f.enter(bossLink), "DSL who is a subject": f.enter(subjectLink)}
	actors := map[string]caseflow.Actor{
		"head who is a subject": {User: "u-boss", Roles: []caseflow.Role{caseflow.Head}, Persons: []caseflow.PersonKey{boss}},
		"DSL who is a subject":  {User: "u-subject", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{me}},
	}
	for _, r := range caseflow.Roles() {
		people[string(r)] = f.signIn("N. "+string(r), r)
		actors[string(r)] = caseflow.Actor{User: caseflow.UserID("u-n.-" + string(r)), Roles: []caseflow.Role{r}}
	}
	plant := func(name string, in typed) *planted {
		in.account, in.hit, in.title, in.level = name+"secretaccount", name+"secretwords", name+"secrettitle", vocab.Log
		in.category, in.severity = vocab.Gambling, vocab.Low
		return &planted{ref: f.typeText(in), words: []string{in.account, in.hit, in.title}}
	}
	cases := map[string]*planted{
		"pupil":   plant("pupil", typed{audience: vocab.Pupil}),
		"staff":   plant("staff", typed{audience: vocab.Staff}),
		"head":    plant("head", typed{audience: vocab.Staff, subjects: []caseflow.PersonKey{boss}}),
		"subject": plant("subject", typed{audience: vocab.Pupil, subjects: []caseflow.PersonKey{me}}),
	}
	for _, p := range cases {
		file, err := f.tenant.Case(t.Context(), caseflow.Actor{System: true}, p.ref)
		if err != nil {
			t.Fatal(err)
		}
		p.c = file.Case
	}
	f.says("pupilsecretaccount", triage.NoticeShown)
	f.inForce("d-0142")
	for _, route := range f.routes {
		if _, ok := doors[route]; !ok {
			t.Errorf("%s has no row in doors: say who may know of it", route)
		}
	}
	for pattern := range doors {
		if !slices.Contains(f.routes, pattern) {
			t.Errorf("%s is in doors and no route", pattern)
		}
	}
	for name, b := range people {
		w := walker{t, f, name, b, actors[name], cases}
		for _, route := range f.routes {
			if route != "POST /sign-out" {
				w.route(route, doors[route])
			}
		}
	}
}

type walker struct {
	t     *testing.T
	f     *fixture
	name  string
	b     *browser
	a     caseflow.Actor
	cases map[string]*planted
}

func (w walker) route(pattern string, d door) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = http.MethodGet, pattern
	}
	if d.path != "" {
		path = d.path
	}
	if path == "/cases/live" {
		w.stream(d)
		return
	}
	if !strings.Contains(path, "{ref}") {
		w.ask(pattern, method, path, d, w.allowed(d))
		return
	}
	for _, p := range w.cases {
		w.ask(pattern, method, strings.ReplaceAll(path, "{ref}", string(p.ref)), d, w.allowed(d) && caseflow.MaySee(p.c, w.a))
	}
	w.ask(pattern, method, strings.ReplaceAll(path, "{ref}", "7ZZZ7ZZZ"), d, false)
}

func (w walker) allowed(d door) bool {
	return d.roles == "public" || slices.ContainsFunc(w.a.Roles, func(r caseflow.Role) bool { return slices.Contains(strings.Fields(d.roles), string(r)) })
}

// ask makes one request; whoever may not know of it gets the page of what does not exist, to the byte.
func (w walker) ask(pattern, method, path string, d door, allowed bool) {
	w.t.Helper()
	var p page
	if method == http.MethodPost {
		form := url.Values{}
		for k, values := range d.form {
			for _, v := range values {
				for name, c := range w.cases {
					v = strings.ReplaceAll(v, "{"+name+"}", string(c.ref)+".1")
				}
				form.Add(k, v)
			}
		}
		p = w.b.post(path, form)
	} else {
		p = w.b.get(path)
	}
	w.reads(method+" "+path, p.body, d.form)
	for k, values := range p.header {
		w.reads("header "+k+" of "+path, strings.Join(values, "\n"), d.form)
	}
	if d.roles == "public" {
		return
	}
	missing := w.b.get("/nothing-at-all")
	same := p.status == missing.status && p.body == missing.body
	if !allowed && !same {
		w.t.Errorf("%s: %s %s: status %d, not the page of what does not exist", w.name, method, path, p.status)
	}
	// A form may be refused for what is in it, and a person may have nothing to look beyond.
	if allowed && same && method == http.MethodGet && !strings.HasPrefix(path, "/cases/beyond") && !strings.HasPrefix(path, "/people/flags/person/") && !d.lost {
		w.t.Errorf("%s: %s %s is hidden from who may open it", w.name, method, path)
	}
	_ = pattern
}

// reads looks for what of a hidden case no answer may hold. What the person
// typed in the form comes back and tells nothing.
func (w walker) reads(what, body string, form url.Values) {
	w.t.Helper()
	for name, p := range w.cases {
		if caseflow.MaySee(p.c, w.a) {
			continue
		}
		for _, word := range append([]string{string(p.ref)}, p.words...) {
			sent := strings.Contains(what, word) || word == string(p.ref) && strings.Contains(strings.Join(form["cases"], " "), "{"+name+"}")
			if !sent && strings.Contains(body, word) && !w.known(what, word) {
				w.t.Errorf("%s: %s holds %q of the %s case", w.name, what, word, name)
			}
		}
	}
}

// known is what the contract gives to those who see no case: the data protection
// officer's ledger names cases by their numbers, who keeps the directory reads
// the accounts that match nobody in it, and who tells people of the monitoring
// reads the accounts that were told. No captured text, and no case, is in either.
func (w walker) known(what, word string) bool {
	return what == "GET /audit" && w.a.Has(caseflow.DPO) && len(word) == 8 ||
		strings.Contains(what, "/people/directory") && w.a.Has(caseflow.Administrator) && strings.HasSuffix(word, "secretaccount") ||
		strings.Contains(what, " /acknowledgements") && caseflow.Allows(w.a, caseflow.ReadNotices) && strings.HasSuffix(word, "secretaccount")
}

// stream opens the live stream and reads what it says first.
func (w walker) stream(d door) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.f.server.URL+"/cases/live", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.b.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if stream := resp.StatusCode == http.StatusOK; stream != w.allowed(d) {
		w.t.Errorf("%s: the stream answers %d", w.name, resp.StatusCode)
	}
	if resp.StatusCode != http.StatusOK {
		return
	}
	lines := bufio.NewScanner(resp.Body)
	for range 6 {
		if !lines.Scan() {
			break
		}
		w.reads("the stream", lines.Text(), nil)
	}
}

// withAll is a console with every page that there is.
func withAll(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(f.log, nil))
	p, err := policy.New(policy.Config{Rules: fstest.MapFS{"core.yaml": {Data: []byte(smallPack)}}, Form: collectortest.Form(), Key: key, Now: f.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	f.policy = p
	handler, err := console.New(console.Config{Fleet: fleet.New(fleet.Config{Agents: "lapwing.example:9443", Now: f.clock}), Policies: p, Edits: f.edit, Permits: f.permits,
		Store: f.store, Cases: f.cases, Auth: f.signer, Now: f.clock, Logger: logger, Heartbeat: 50 * time.Millisecond,
		Directory: roster.New(f.vault, f.clock, logger), Pickups: pickups{},
		Oversight: oversight.New(oversight.Config{Policies: p, Now: f.clock, Zone: time.UTC}), Trials: f.cases, Rules: p})
	if err != nil {
		t.Fatal(err)
	}
	f.serve(handler)
	return f
}
