package doctor

import (
	"context"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// proxy: there is none, or it lets us through.
func proxy(ctx context.Context, env Env) Result {
	if env.ID == nil {
		return noIdentity()
	}
	address := env.ID.Collector.Address
	via, err := env.Dialer.Via(address)
	if err != nil {
		return fail("Mend the file "+dial.FileName+" in the agent's directory, or the variable.", "%v", err)
	}
	if u := env.Status.Uplink; u != nil && u.Proxy != via {
		return fail("Write the proxy into the file "+dial.FileName+" in the agent's directory (or the word direct), which both read.",
			"this shell's variables name %s, and the service uses %s", orNone(via), orNone(u.Proxy))
	}
	if via == "" {
		return pass("none is set; the device connects directly")
	}
	if env.Status.Uplink == nil && env.Dialer.Borrowed(address) {
		return cannotTell("Write it into the file "+dial.FileName+" in the agent's directory.",
			"%s is set in this shell's variables, which the service does not have", via)
	}
	conn, err := env.Dialer.Dial(ctx, address)
	if err == nil {
		conn.Close()
		return pass("%s lets us through", via)
	}
	switch code := identity.Code(err); code {
	case conditions.ProxyAway, conditions.ProxyRefuses, conditions.ProxyPassword, conditions.ProxyNoWay:
		return coded(code, via+": "+err.Error())
	}
	return cannotTell("See the connection below.", "%s: %v", via, err)
}

func orNone(via string) string {
	if via == "" {
		return "none"
	}
	return via
}
