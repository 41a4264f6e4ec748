package posture

import (
	"context"
	"strings"
	"time"
)

// freshFor is how old signatures may be.
const freshFor = 7 * 24 * time.Hour

// otherScanners are programs of other makers, whose signatures are not read.
var otherScanners = []string{"wdavdaemon", "falcon-sensor", "savd", "sophos_managem", "ds_agent", "cbagentd", "eset_service", "SentinelAgent", "sentineld"}

func linuxAntiMalware(_ context.Context, m *machine) Reading {
	if m.running("clamd") == "" {
		if other := m.running(otherScanners...); other != "" {
			return cannotTell("%s runs; the age of its signatures is not read", other)
		}
		return fail("no scanner runs that Lapwing knows")
	}
	var newest time.Time
	for _, p := range []string{"/var/lib/clamav/daily.cvd", "/var/lib/clamav/daily.cld"} {
		if at, ok := m.signatures(p); ok && at.After(newest) {
			newest = at
		}
	}
	days := int(m.now.Sub(newest) / (24 * time.Hour))
	switch {
	case newest.IsZero():
		return fail("ClamAV runs without signatures of its maker")
	case m.now.Sub(newest) > freshFor:
		return fail("ClamAV's signatures are %d days old", days)
	}
	return pass("ClamAV, signatures of %s", newest.Format("2 January 2006"))
}

// signatures reads when a ClamAV database was made, from its header.
func (m *machine) signatures(path string) (time.Time, bool) {
	head := m.text(path)
	f := strings.Split(head, ":")
	if len(f) < 3 || f[0] != "ClamAV-VDB" {
		return time.Time{}, false
	}
	// "21 Nov 2026 04-23 -0500"; the hour's minutes follow a hyphen.
	at, err := time.Parse("02 Jan 2006 15-04 -0700", f[1])
	return at, err == nil
}

// linuxFirewall asks the kernel's tables, and else what is set up to fill them.
func linuxFirewall(ctx context.Context, m *machine) Reading {
	if m.settings("/etc/ufw/ufw.conf")["enabled"] == "yes" {
		return pass("ufw")
	}
	if m.running("firewalld") != "" {
		return pass("firewalld")
	}
	out, err := m.run(ctx, "nft", "list", "chains")
	switch {
	case isMissing(err):
		return fail("neither nftables, ufw nor firewalld is there")
	case err != nil:
		return cannotTell("the kernel's tables could not be read")
	}
	return inputPolicy(out)
}

// inputPolicy looks for a chain that drops what nobody asked for.
func inputPolicy(out string) Reading {
	input := false
	for line := range strings.Lines(out) {
		if !strings.Contains(line, "hook input") {
			continue
		}
		input = true
		if strings.Contains(line, "policy drop") {
			return pass("nftables drops what is not allowed in")
		}
	}
	if input {
		return cannotTell("nftables filters what comes in, but lets the rest in: its rules are not judged")
	}
	return fail("nothing filters what comes in")
}

func linuxAutorun(_ context.Context, m *machine) Reading {
	starters := []string{"/usr/bin/nautilus", "/usr/bin/nemo", "/usr/bin/caja", "/usr/bin/thunar-volman"}
	there := ""
	for _, p := range starters {
		if m.exists(p) {
			there = p[strings.LastIndexByte(p, '/')+1:]
		}
	}
	if there == "" {
		return pass("no program here starts anything from media")
	}
	set := m.settings(m.glob("/etc/dconf/db/local.d/*")...)
	for _, desktop := range []string{"gnome", "cinnamon", "mate"} {
		if set["org/"+desktop+"/desktop/media-handling/autorun-never"] == "true" {
			return pass("turned off for all")
		}
	}
	return fail("%s may start what is on a medium, after asking", there)
}

// linuxLockPolicy reads what is set for all users; what each has chosen is not
// for the service to read.
func linuxLockPolicy(_ context.Context, m *machine) Reading {
	most := int(m.policy.GetLockMinutes())
	if most == 0 {
		most = 10
	}
	set := m.settings(m.glob("/etc/dconf/db/local.d/*")...)
	enabled, there := set["org/gnome/desktop/screensaver/lock-enabled"]
	if !there {
		saver := m.xscreensaver()
		if saver.set {
			return lockJudged(saver.lock, saver.minutes, most)
		}
		return cannotTell("nothing is set for all users")
	}
	delay := strings.TrimPrefix(set["org/gnome/desktop/session/idle-delay"], "uint32 ")
	seconds := 0
	for _, c := range delay {
		if c < '0' || c > '9' || seconds > 1e6 {
			break
		}
		seconds = seconds*10 + int(c-'0')
	}
	return lockJudged(enabled == "true", (seconds+59)/60, most)
}

func lockJudged(on bool, minutes, most int) Reading {
	switch {
	case !on:
		return fail("screens do not ask for the password")
	case minutes == 0:
		return fail("screens never lock by themselves")
	case minutes > most:
		return fail("set to %d minutes; at most %d", minutes, most)
	}
	return pass("after %d minutes, for all users", minutes)
}

type saverSetting struct {
	set, lock bool
	minutes   int
}

func (m *machine) xscreensaver() (s saverSetting) {
	m.lines(func(line string) bool {
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok:
		case key == "*lock":
			s.set, s.lock = true, strings.EqualFold(value, "true")
		case key == "*timeout":
			if t, err := time.Parse("15:04:05", value); err == nil {
				s.minutes = t.Hour()*60 + t.Minute()
			}
		}
		return true
	}, "/etc/X11/app-defaults/XScreenSaver")
	return s
}
