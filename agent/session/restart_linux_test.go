package session

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// TestServerComesBack: the X server dies, and another one with the same number
// takes its place. What is typed there is seen, once, and nothing of the field
// before goes on in it.
func TestServerComesBack(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.open("mousepad", "mousepad")
	e.awaitRole("mousepad", capture.RoleText)
	e.typed("before ")
	e.awaitText("before ")
	out, err := exec.Command("pgrep", "-f", "^Xvfb .*"+e.d.Dir()+"/").Output()
	e.must(err)
	e.must(exec.Command("kill", "-9", strings.TrimSpace(string(out))).Run())
	e.awaitStatus(sensor.Window, "COVERAGE_STATE_OFF", "display_lost")

	number := strings.TrimPrefix(e.d.Display(), ":")
	e.must(os.RemoveAll("/tmp/.X" + number + "-lock"))
	_, err = e.d.Start("Xvfb", e.d.Display(), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset", "-auth", filepath.Join(e.d.Dir(), "Xauthority"))
	e.must(err)
	e.await("the new server", func() bool {
		_, err := os.Stat("/tmp/.X11-unix/X" + number)
		return err == nil
	})
	_, err = e.d.Start("openbox", "--sm-disable")
	e.must(err)
	e.awaitStatus(sensor.Window, "COVERAGE_STATE_OK", "")
	e.open("mousepad", "mousepad")
	e.awaitRole("mousepad", capture.RoleText)
	e.typed("after")
	e.awaitText("after")
}
