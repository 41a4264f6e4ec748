package doctor

import (
	"context"
	"errors"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/identity"
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
	if errors.Is(err, dial.ErrProxy) || errors.Is(err, dial.ErrProxyAuth) {
		return coded(identity.Code(err), via)
	}
	return cannotTell("See the connection below.", "%s: %v", via, err)
}
