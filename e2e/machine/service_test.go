//go:build linux

package machine

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// backBound is what "back within 2 s" may become on a machine that runs all
// tests at once; what was measured is in the log.
const backBound = 20 * time.Second

func TestService(t *testing.T) {
	w := newWorld(t)
	before := w.files()

	// Only the administrator, and only a program that nobody else can change.
	w.refused("only the machine's administrator", "setpriv", "--reuid=2001", "--regid=2001", "--clear-groups", program, "service", "install")
	w.run("chmod", "0777", "/opt/lapwing")
	w.refused("others than root may change /opt/lapwing", program, "service", "install")
	w.run("chmod", "0755", "/opt/lapwing")

	w.agent("service", "install")
	w.agent("service", "install") // again, as after an update
	if out, err := w.m.Command(t.Context(), "systemd-analyze", "verify", "/etc/systemd/system/lapwing-agent.service").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the unit: %v: %s", err, out)
	}
	if entry := w.run("cat", "/usr/local/share/applications/lapwing-notice.desktop"); !strings.Contains(entry, `"`+program+`" notice`) {
		t.Errorf("the menu entry: %s", entry)
	}
	w.refused("not enrolled", program, "service", "start")
	w.enrol()
	w.agent("service", "start")
	w.awaitConnected()
	if got := w.agent("service", "status"); got != "running" {
		t.Errorf("status %q", got)
	}
	if mode := w.run("stat", "-c", "%a %U", dataDir); mode != "700 root" {
		t.Errorf("data directory %q", mode)
	}
	if enabled := w.run("systemctl", "is-enabled", "lapwing-agent"); enabled != "enabled" {
		t.Errorf("at boot: %q", enabled)
	}

	w.await("the policy", func() error { return w.covered("service", "ok", "") })
	// Nothing is wrong with a device that was installed by the book, and the
	// bundle of it is for nobody else to read.
	if out := w.run("sh", "-c", program+" doctor --bundle /root/lapwing.zip || true"); strings.Contains(out, "FAIL") {
		t.Error(out)
	}
	if mode := w.run("stat", "-c", "%a %U", "/root/lapwing.zip"); mode != "600 root" {
		t.Errorf("the bundle is %q", mode)
	}
	w.run("rm", "/root/lapwing.zip")

	pid := w.unit("MainPID")
	w.run("kill", "-9", pid)
	pid, took := w.awaitRestart(pid)
	t.Logf("killed with -9, up again after %v", took)
	if took > backBound {
		t.Errorf("up again after %v", took)
	}
	w.awaitConnected()
	w.hangs(pid)
	w.fails()
	w.stopsAndGoes()

	w.run("test", "!", "-e", "/usr/local/share/applications")
	if after := w.files(); !slices.Equal(before, after) {
		t.Errorf("uninstalling left something:\nbefore %q\nafter  %q", before, after)
	}
	if state := w.unit("LoadState"); state != "not-found" {
		t.Errorf("systemd still knows the unit: %s", state)
	}
}

// hangs: one that answers no more is restarted by the watchdog.
func (w *world) hangs(pid string) {
	w.t.Helper()
	dropIn := "/etc/systemd/system/lapwing-agent.service.d/test.conf"
	w.run("sh", "-c", "mkdir -p "+filepath.Dir(dropIn)+" && printf '[Service]\\nWatchdogSec=4\\n' > "+dropIn)
	w.run("systemctl", "daemon-reload")
	w.agent("service", "restart")
	pid, _ = w.awaitRestart(pid)
	w.awaitCollector("the goodbye of a restart", func() bool {
		return slices.Contains(w.collector.Goodbyes(), lapwingv1.Goodbye_REASON_RESTART)
	})
	w.run("kill", "-STOP", pid)
	w.awaitRestart(pid)
	if result := w.run("journalctl", "--no-pager", "-u", "lapwing-agent", "-g", "Watchdog timeout"); result == "" {
		w.t.Error("it was not the watchdog")
	}
	w.run("rm", "-r", filepath.Dir(dropIn))
	w.run("systemctl", "daemon-reload")
	w.awaitConnected()
}

// fails: one that ends at once, again and again, is not said to run.
func (w *world) fails() {
	w.t.Helper()
	cert, aside := dataDir+"/identity/device.crt", dataDir+"/aside"
	w.agent("service", "stop")
	w.run("mv", cert, aside)
	w.refused("journalctl -u lapwing-agent", program, "service", "start")
	for range 5 { // between two attempts, and in one
		w.refused("failing", program, "service", "status")
		time.Sleep(300 * time.Millisecond)
	}
	w.run("mv", aside, cert)
	w.awaitConnected()
	if got := w.agent("service", "status"); got != "running" {
		w.t.Errorf("mended, it is %s", got)
	}
}

// stopsAndGoes: stop and uninstall, each told to the collector or not done.
func (w *world) stopsAndGoes() {
	w.t.Helper()
	told := func(why lapwingv1.Goodbye_Reason) {
		w.t.Helper()
		w.awaitCollector(why.String(), func() bool { return slices.Contains(w.collector.Goodbyes(), why) })
	}
	// The machine stays on, which is no shutdown.
	before := len(w.collector.Goodbyes())
	w.agent("service", "stop")
	w.awaitCollector("the goodbye of a stop", func() bool {
		said := w.collector.Goodbyes()
		return len(said) > before && said[len(said)-1] == lapwingv1.Goodbye_REASON_RESTART
	})
	w.refused("the service is stopped", program, "service", "status")
	w.refused("start it first", program, "service", "uninstall")
	w.agent("service", "start")
	w.awaitConnected()

	w.line.cut()
	w.refused("the collector could not be told", program, "service", "uninstall")
	if got := w.agent("service", "status"); got != "running" {
		w.t.Errorf("after an uninstall that was refused it is %s", got)
	}
	w.line.mend()
	w.awaitConnected()
	w.refused("only the machine's administrator", "setpriv", "--reuid=2001", "--regid=2001", "--clear-groups", program, "service", "uninstall")
	w.run("sh", "-c", "mkdir /essays && touch /essays/draft && chmod 755 /essays")
	for _, verb := range []string{"install", "uninstall"} {
		w.refused("is no directory of an agent", program, "service", verb, "--dir", "/essays")
	}
	if got := w.run("sh", "-c", "stat -c %a /essays; ls /essays"); got != "755\ndraft" {
		w.t.Errorf("the folder of somebody else is %q", got)
	}
	w.run("rm", "-r", "/essays")
	w.agent("service", "uninstall")
	told(lapwingv1.Goodbye_REASON_UNINSTALL)
}

// files are all where the agent could leave something, /var/log and the like
// of other programs left out.
func (w *world) files() []string {
	w.t.Helper()
	var all []string
	for _, dir := range []string{"etc", "opt", "var/lib", "root", "home", "run/systemd/system", "tmp"} {
		base := filepath.Join(w.m.Root(), dir)
		err := filepath.WalkDir(base, func(path string, _ fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			// systemd's own: random seeds, timers, private folders of its services.
			if strings.Contains(path, "/systemd-private-") || strings.Contains(path, "/var/lib/systemd") || strings.Contains(path, "/var/lib/private") {
				return nil
			}
			all = append(all, strings.TrimPrefix(path, w.m.Root()))
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}
