// Package doctor owns what `lapwing-agent doctor` looks at: one file for each
// check, each of which passes, fails, or cannot tell, and says what to do; and
// the bundle that a technician sends to whoever helps.
//
// A check looks for itself where it can (it dials, resolves, stats), and asks
// the running service where only that knows. No result holds captured text, a
// person's name, a key or a password.
//
// It may import agent/dial, agent/health, agent/identity, agent/status, internal/conditions,
// internal/tlsx and internal/buildinfo.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// States of a check.
const (
	Pass    = "pass"
	Fail    = "fail"
	Unknown = "unknown" // "cannot tell" on screen
)

// Result is what one check found.
type Result struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Code   string `json:"code,omitempty"` // of internal/conditions
	Detail string `json:"detail"`
	Do     string `json:"do,omitempty"` // what to do; empty when it passed
}

// Report is all of them; the form of --json.
type Report struct {
	OK     bool     `json:"ok"` // nothing failed
	Checks []Result `json:"checks"`
}

// Env is what checks look at.
type Env struct {
	Dir    string
	Status status.Report // of the running service, or why there is none
	ID     *identity.Identity
	IDErr  error // why ID is nil
	Clock  tlsx.Clock
	Dialer *dial.Dialer
	Now    time.Time
}

// check is one of them; patience bounds those that use the network.
type check struct {
	name string
	run  func(context.Context, Env) Result
}

const patience = 10 * time.Second

// checks are in the order in which a technician asks.
var checks = []check{
	{"rights", rights}, {"certificate", certificate}, {"dns", dns}, {"proxy", proxy}, {"connection", connection},
	{"clock", clock}, {"sessions", sessions}, {"spool", spool}, {"disk", disk}, {"canary", canary},
}

// Run runs every check.
func Run(ctx context.Context, env Env) Report {
	r := Report{OK: true}
	for _, c := range checks {
		cctx, cancel := context.WithTimeout(ctx, patience)
		res := c.run(cctx, env)
		cancel()
		res.Check = c.name
		r.OK = r.OK && res.State != Fail
		r.Checks = append(r.Checks, res)
	}
	return r
}

func pass(format string, args ...any) Result {
	return Result{State: Pass, Detail: fmt.Sprintf(format, args...)}
}

func fail(do, format string, args ...any) Result {
	return Result{State: Fail, Do: do, Detail: fmt.Sprintf(format, args...)}
}

func cannotTell(do, format string, args ...any) Result {
	return Result{State: Unknown, Do: do, Detail: fmt.Sprintf(format, args...)}
}

// coded is a failure in the words of the registry.
func coded(code, detail string) Result {
	c, _ := conditions.Lookup(code)
	return Result{State: Fail, Code: code, Detail: c.Title + " (" + detail + ")", Do: c.Action}
}

// What to do, in the order in which the commands accept it.
const (
	startService = "Start the service: lapwing-agent service start (lapwing-agent run, where it is not installed). " +
		"If it does not stay up, log/agent.log in the agent's directory says why."
	restart         = "If that stays so: lapwing-agent service restart. Without systemd: end lapwing-agent, and run it again."
	asAdministrator = "Run doctor as the administrator (root)."
	enrolAgain      = "Ask for an enrolment string. Then: lapwing-agent service stop, lapwing-agent enrol --force STRING, lapwing-agent service start."
)

// silent is the result of a check that only the running service can answer.
func silent(env Env) Result {
	if env.Status.NotAllowed() {
		return cannotTell(asAdministrator, "this account may not ask the service")
	}
	if env.Status.Hangs {
		return cannotTell(restart, "the service is there and does not answer")
	}
	return cannotTell(startService, "the service is not running")
}

// enrolFirst is the result of a check that needs an identity.
func enrolFirst(env Env) Result {
	switch {
	case errors.Is(env.IDErr, identity.ErrNotEnrolled):
		return fail("Enrol the device: lapwing-agent enrol STRING, as the administrator.", "this device is not enrolled")
	case errors.Is(env.IDErr, fs.ErrPermission):
		return cannotTell(asAdministrator, "this account may not read the device's identity")
	}
	return fail(enrolAgain, "the device's identity is damaged: %v", env.IDErr)
}

// noIdentity is that of the checks after certificate, which has said why.
func noIdentity() Result {
	return cannotTell("See the certificate above.", "the collector's address is not known")
}

// Write writes r for a person.
func Write(w io.Writer, r Report) error {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range r.Checks {
		word := map[string]string{Pass: "pass", Fail: "FAIL", Unknown: "cannot tell"}[c.State]
		fmt.Fprintf(tw, "%s\t%s\t%s\n", c.Check, word, c.Detail)
		if c.Do != "" {
			fmt.Fprintf(tw, "\t\tTo do: %s\n", c.Do)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}
