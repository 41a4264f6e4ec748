package posture

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

func (m *machine) osRelease() (id, version, name string) {
	s := m.settings("/usr/lib/os-release", "/etc/os-release")
	return s["id"], s["version_id"], s["pretty_name"]
}

func linuxOSSupported(_ context.Context, m *machine) Reading {
	id, version, name := m.osRelease()
	until, ok := supportedUntil(id, version)
	switch {
	case id == "":
		return cannotTell("the system does not say what it is")
	case !ok:
		return cannotTell("%s is not in the table of %s", name, eolAsOf)
	case m.now.After(until):
		return fail("%s has had no updates since %s", name, until.Format("2 January 2006"))
	}
	return pass("%s, until %s", name, until.Format("2 January 2006"))
}

// linuxOSUpdated takes the last run that upgraded anything, by apt's own record.
func linuxOSUpdated(_ context.Context, m *machine) Reading {
	last := m.lastUpgrade()
	if last.IsZero() {
		return cannotTell("no record of updates was found")
	}
	days := int(m.now.Sub(last) / (24 * time.Hour))
	most := int(m.policy.GetUpdateDays())
	if most == 0 {
		most = 14
	}
	if days > most {
		return fail("last updated %d days ago", days)
	}
	return pass("last updated %s", agoWord(days))
}

func agoWord(days int) string {
	switch {
	case days <= 0:
		return "today"
	case days == 1:
		return "yesterday"
	}
	return fmt.Sprintf("%d days ago", days)
}

func (m *machine) lastUpgrade() (last time.Time) {
	upgraded := false
	m.lines(func(line string) bool {
		switch {
		case strings.HasPrefix(line, "Start-Date:"):
			upgraded = false
		case strings.HasPrefix(line, "Upgrade:"):
			upgraded = true
		case upgraded && strings.HasPrefix(line, "End-Date:"):
			at, err := time.ParseInLocation("2006-01-02 15:04:05", strings.Join(strings.Fields(line)[1:], " "), m.now.Location())
			if err == nil && at.After(last) {
				last = at
			}
		}
		return true
	}, "/var/log/apt/history.log")
	// Fedora and others keep a database; its file changes with every upgrade.
	if last.IsZero() {
		for _, p := range []string{"/var/lib/apt/periodic/upgrade-stamp", "/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite"} {
			if info, err := os.Stat(m.path(p)); err == nil && info.ModTime().After(last) {
				last = info.ModTime()
			}
		}
	}
	return last
}

// linuxUpdatesPending asks apt what it would do. That took 17 s on a busy
// machine, so it is a slow check.
func linuxUpdatesPending(ctx context.Context, m *machine) Reading {
	if !m.exists("/var/lib/dpkg/status") {
		return cannotTell("only systems with apt are asked")
	}
	out, err := m.run(ctx, "apt-get", "-s", "-q", "-o", "Debug::NoLocking=1", "upgrade")
	switch {
	case ctx.Err() != nil:
		return cannotTell("apt took too long")
	case err != nil:
		return cannotTell("apt did not answer")
	}
	return pendingUpdates(out)
}

func pendingUpdates(out string) Reading {
	waiting, security := 0, 0
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "Inst ") {
			continue
		}
		waiting++
		if low := strings.ToLower(line); strings.Contains(low, "security") {
			security++
		}
	}
	switch {
	case security > 0:
		return fail("%d updates wait, %d of them for security", waiting, security)
	case waiting > 0:
		return pass("%d updates wait, none for security", waiting)
	}
	return pass("none waits")
}

func linuxRebootNeeded(_ context.Context, m *machine) Reading {
	if m.exists("/run/reboot-required") || m.exists("/var/run/reboot-required") {
		return fail("updates wait for a restart")
	}
	if !m.exists("/var/lib/dpkg/status") {
		return cannotTell("this system leaves no mark")
	}
	return pass("none waits")
}
