package doctor

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// dns: this network knows the collector's name.
func dns(ctx context.Context, env Env) Result {
	if env.ID == nil {
		return noIdentity()
	}
	address := env.ID.Collector.Address
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fail("Enrol the device again.", "the collector's address %q is none", address)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return pass("the collector has an address and no name: %s", host)
	}
	if via, err := env.Dialer.Via(address); err == nil && via != "" {
		return pass("the proxy looks %s up", host)
	}
	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return coded(conditions.NameUnknown, host)
	}
	return pass("%s is %s", host, strings.Join(found, ", "))
}
