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
		return notEnrolled()
	}
	address := env.ID.Collector.Address
	via, err := env.Dialer.Via(address)
	if err != nil {
		return fail("Mend the file "+dial.FileName+" in the agent's directory, or the variable.", "%v", err)
	}
	if via == "" {
		return pass("none is set; the device connects directly")
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
