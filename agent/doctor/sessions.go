package doctor

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// sessions: each desktop is watched, and what is not seen is named.
func sessions(_ context.Context, env Env) Result {
	if env.Status.NotAllowed() {
		return silent(env)
	}
	if env.Status.Hangs {
		return fail(restart, "the service is there and does not answer: perhaps nobody is watched")
	}
	if !env.Status.Running {
		return fail(startService, "the service is not running: nobody is watched")
	}
	blind := map[string][]string{} // sensors by what is wrong
	var worst conditions.Condition
	for _, name := range slices.Sorted(maps.Keys(env.Status.Coverage)) {
		s := env.Status.Coverage[name]
		if s.State != "off" && s.State != "limited" {
			continue
		}
		c, _ := conditions.Lookup(s.Code)
		if c.Severity == conditions.Info || s.Code == conditions.Unsupported {
			continue
		}
		blind[c.Title] = append(blind[c.Title], name)
		if c.Severity > worst.Severity {
			worst = c
		}
	}
	var said []string
	for _, title := range slices.Sorted(maps.Keys(blind)) {
		said = append(said, strings.Join(blind[title], ", ")+": "+title)
	}
	switch {
	case worst.Severity == conditions.Problem:
		return Result{State: Fail, Code: worst.Code, Detail: strings.Join(said, "; "), Do: worst.Action}
	case len(blind) > 0:
		return cannotTell(worst.Action, "%s", strings.Join(said, "; "))
	case env.Status.Sessions == 0:
		return pass("nobody is logged on")
	}
	return pass("%d watched", env.Status.Sessions)
}
