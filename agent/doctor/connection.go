package doctor

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// connection: the right collector answers, now and from here.
func connection(ctx context.Context, env Env) Result {
	if env.ID == nil {
		return notEnrolled()
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
		return coded(code, err.Error())
	}
	raw.Close()
	took := time.Since(begin).Round(time.Millisecond)
	u := env.Status.Uplink
	if u == nil {
		return cannotTell(startService, "the collector answers in %s, but the service is not running", took)
	}
	switch u.State {
	case "connected":
		return pass("connected; the collector answers in %s", took)
	case "revoked":
		return fail("Ask a technician whether the device should be enrolled again (lapwing-agent enrol --force).", "the collector refuses this device: %s", u.Detail)
	case "refused":
		return fail("Enrol the device again: lapwing-agent enrol --force STRING.", "the collector does not know this device: %s", u.Detail)
	}
	return cannotTell("Look again in a minute.", "the collector answers in %s; the service is %s: %s", took, u.State, u.Detail)
}
