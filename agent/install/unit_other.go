//go:build !linux

package install

import "github.com/kardianos/service"

// optionsOf has the service restarted when it fails, with the system's own
// description of it; the installers of these systems come with a later version.
func optionsOf(_, _ string, _ Options) (service.KeyValue, error) {
	return service.KeyValue{
		"KeepAlive": true, "RunAtLoad": true,
		"OnFailure": "restart", "OnFailureDelayDuration": "1s", "OnFailureResetPeriod": 86400,
	}, nil
}
