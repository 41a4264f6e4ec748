package install

import "testing"

func TestStaysOn(t *testing.T) {
	for state, want := range map[string]bool{"running": true, "degraded": true, "starting": true, "stopping": false, "offline": false, "unknown": false, "": false} {
		if got := staysOn(state); got != want {
			t.Errorf("%q: %v", state, got)
		}
	}
}
