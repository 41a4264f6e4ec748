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
	if !env.Status.Running {
		return fail(startService, "the service is not running: nobody is watched")
	}
	var blind []string
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
		blind = append(blind, name+": "+c.Title)
		if c.Severity > worst.Severity {
			worst = c
		}
	}
	switch {
	case worst.Severity == conditions.Problem:
		return Result{State: Fail, Code: worst.Code, Detail: strings.Join(blind, "; "), Do: worst.Action}
	case len(blind) > 0:
		return cannotTell(worst.Action, "%s", strings.Join(blind, "; "))
	case env.Status.Sessions == 0:
		return pass("nobody is logged on")
	}
	return pass("%d watched", env.Status.Sessions)
}
