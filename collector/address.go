package main

import (
	"fmt"
	"net"
	"os"
)

// advertised returns the host:port that others reach a listen address at: its
// own host when it names one, else host, else the machine's name.
func advertised(flag, listen, host string) (string, error) {
	h, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", usageError(fmt.Sprintf("--%s is %q; give host:port or :port, for example :9443", flag, listen))
	}
	if ip := net.ParseIP(h); h != "" && (ip == nil || !ip.IsUnspecified()) {
		return net.JoinHostPort(h, port), nil
	}
	if host == "" {
		if host, err = os.Hostname(); err != nil {
			return "", fmt.Errorf("find this machine's name: %w; give --host", err)
		}
	}
	return net.JoinHostPort(host, port), nil
}
