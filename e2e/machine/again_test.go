//go:build linux

package machine

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestEnrolsAgain follows a laptop that was called stolen and came back: what a
// technician types to have it watched again, and what refuses before that.
func TestEnrolsAgain(t *testing.T) {
	w := newWorld(t)
	w.agent("service", "install")
	w.enrol()
	w.agent("service", "start")
	w.awaitConnected()
	enrolment := w.collector.Enrolment()
	enrolment.Port = w.line.port()
	w.refused("enrolled already", program, "enrol", enrolment.String())
	w.refused("lapwing-agent service stop", program, "enrol", "--force", enrolment.String())
	first := w.device()

	w.revoke()
	out, err := w.m.Run(t.Context(), program, "doctor")
	if err == nil || !strings.Contains(err.Error()+out, "enrol --force") {
		t.Errorf("doctor does not say what to do: %s %v", out, err)
	}
	w.refused("the collector could not be told", program, "service", "uninstall")
	if got := w.agent("service", "status"); got != "running" {
		t.Errorf("after an uninstall that was refused it is %s", got)
	}

	w.collector.Do(func(c *fakecollector.Collector) { c.Revoked = "" })
	w.agent("service", "stop")
	w.agent("enrol", "--force", enrolment.String())
	w.agent("service", "start")
	w.awaitConnected()
	if again := w.device(); again == first || again == "" {
		t.Errorf("it was %q and is now %q", first, again)
	}

	// And one that is not to come back leaves without the collector's word.
	w.revoke()
	w.refused("the collector could not be told", program, "service", "uninstall")
	w.agent("service", "uninstall", "--unreported")
	w.run("test", "!", "-e", dataDir)
	if state := w.unit("LoadState"); state != "not-found" {
		t.Errorf("the unit is %q", state)
	}
}

// revoke has the collector revoke the device, and waits until it knows.
func (w *world) revoke() {
	w.t.Helper()
	const reason = "called stolen, ref 12"
	w.collector.Do(func(c *fakecollector.Collector) { c.Revoked = reason })
	w.collector.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Revoked{
		Revoked: &lapwingv1.Revoked{Reason: reason}}})
	w.awaitUplink("revoked")
}
