package doctor

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/agent/status"
)

// canary: what became of the last test phrase since the service started.
func canary(_ context.Context, env Env) Result {
	if !env.Status.Running {
		return silent(env)
	}
	c := env.Status.Canary
	if c == nil {
		return cannotTell("Ask for a test phrase on the device's page in the console.",
			"no test phrase was asked for since the service started")
	}
	when := c.At.Local().Format(time.DateTime)
	switch c.Result {
	case status.CanaryProved:
		return pass("a test phrase was typed and seen, %s", when)
	case status.CanaryFailed:
		return coded(c.Code, "at "+when)
	}
	return cannotTell("Ask for another one when somebody is logged on and the device is left alone for a minute.",
		"the last test phrase was %s, %s", c.Result, when)
}
