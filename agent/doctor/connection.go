package doctor

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// floorSlack is how far ahead of the device's clock the last told time may be
// without being the reason why the collector's certificate is refused.
const floorSlack = 24 * time.Hour

// connection: the right collector answers, now and from here.
func connection(ctx context.Context, env Env) Result {
	if env.ID == nil {
		return noIdentity()
	}
	if r, final := turnedAway(env); final {
		return r
	}
	begin := time.Now()
	raw, err := env.Dialer.Dial(ctx, env.ID.Collector.Address)
	if err == nil {
		raw, err = tlsx.AgentClient(env.ID.CA, env.ID.TLS(), env.Clock).Enter(ctx, raw)
	}
	if err != nil {
		code := identity.Code(err)
		if code == "" {
			code = conditions.NoAnswer
		}
		r := coded(code, err.Error())
		if told, _ := env.Clock(); code == conditions.ServerCert && told.After(env.Now.Add(floorSlack)) {
			r.Do = "If this device's clock and the collector's are right now: the device was told a time that had not come (" +
				told.Format(time.DateOnly) + "), and trusts the collector again once it is enrolled again. " + enrolAgain
		}
		return r
	}
	raw.Close()
	took := time.Since(begin).Round(time.Millisecond)
	u := env.Status.Uplink
	if u == nil {
		r := silent(env)
		r.Detail = "the collector answers in " + took.String() + ", but " + r.Detail
		return r
	}
	if u.State == "connected" {
		return pass("connected; the collector answers in %s", took)
	}
	if u.Code != "" {
		r := coded(u.Code, u.Detail)
		r.Detail = "the collector answers here, but not the service: " + r.Detail
		return r
	}
	return cannotTell("Look again in a minute.", "the collector answers in %s; the service is %s: %s", took, u.State, u.Detail)
}

// turnedAway is the collector's last word to the service. Whatever this command
// sees on its way there, the device must be enrolled again.
func turnedAway(env Env) (r Result, final bool) {
	u := env.Status.Uplink
	if u == nil {
		return Result{}, false
	}
	switch u.State {
	case "revoked":
		// Why is a person's text, and the bundle goes to others.
		return fail("If the device is to be used again: "+enrolAgain, "the collector has revoked this device; lapwing-agent status says why"), true
	case "refused":
		return fail(enrolAgain, "the collector refuses this device: %s", u.Detail), true
	}
	return Result{}, false
}
