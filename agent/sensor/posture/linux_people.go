package posture

import (
	"context"
	"strconv"
	"strings"
)

// linuxAutoLogin looks at every display manager that is set up, and the console.
func linuxAutoLogin(_ context.Context, m *machine) Reading {
	gdm := m.settings("/etc/gdm3/custom.conf", "/etc/gdm3/daemon.conf", "/etc/gdm/custom.conf")
	light := m.settings(append(m.glob("/usr/share/lightdm/lightdm.conf.d/*.conf"), append(m.glob("/etc/lightdm/lightdm.conf.d/*.conf"), "/etc/lightdm/lightdm.conf")...)...)
	sddm := m.settings(append(m.glob("/etc/sddm.conf.d/*.conf"), "/etc/sddm.conf")...)
	for _, found := range []struct {
		where string
		yes   bool
	}{
		{"GDM", isTrue(gdm["daemon/automaticloginenable"]) || isTrue(gdm["daemon/timedloginenable"])},
		{"LightDM", light["seat:*/autologin-user"] != "" || light["seatdefaults/autologin-user"] != ""},
		{"SDDM", sddm["autologin/user"] != ""},
		{"the console", m.consoleLogin()},
	} {
		if found.yes {
			return fail("%s logs an account in by itself", found.where)
		}
	}
	return pass("every log-in asks")
}

func (m *machine) consoleLogin() (yes bool) {
	m.lines(func(line string) bool {
		yes = strings.HasPrefix(line, "ExecStart=") && strings.Contains(line, "--autologin")
		return !yes
	}, m.glob("/etc/systemd/system/*getty@*.service.d/*.conf")...)
	return yes
}

func isTrue(s string) bool {
	return strings.EqualFold(s, "true") || s == "1" || strings.EqualFold(s, "yes")
}

func linuxGuestAccount(_ context.Context, m *machine) Reading {
	light := m.settings(append(m.glob("/usr/share/lightdm/lightdm.conf.d/*.conf"), append(m.glob("/etc/lightdm/lightdm.conf.d/*.conf"), "/etc/lightdm/lightdm.conf")...)...)
	if isTrue(light["seat:*/allow-guest"]) || isTrue(light["seatdefaults/allow-guest"]) {
		return fail("LightDM offers a guest session")
	}
	guest := false
	m.lines(func(line string) bool {
		f := strings.Split(line, ":")
		guest = f[0] == "guest" && len(f) > 6 && !strings.HasSuffix(f[6], "nologin") && !strings.HasSuffix(f[6], "false")
		return !guest
	}, "/etc/passwd")
	if guest {
		return fail("there is an account called guest")
	}
	return pass("none")
}

// mostAdmins is how many administrators a laptop may have: the school's and a
// spare one.
const mostAdmins = 2

func linuxLocalAdmins(_ context.Context, m *machine) Reading {
	found := map[string]bool{}
	seen := false
	m.lines(func(line string) bool {
		f := strings.Split(line, ":")
		if len(f) == 4 && (f[0] == "sudo" || f[0] == "wheel" || f[0] == "admin") {
			seen = true
			for name := range strings.SplitSeq(f[3], ",") {
				if name != "" {
					found[name] = true
				}
			}
		}
		return true
	}, "/etc/group")
	switch n := len(found); {
	case !seen:
		return cannotTell("this system has no administrators' group that is known")
	case n > mostAdmins:
		return fail("%d accounts are administrators; at most %d", n, mostAdmins)
	case n == 1:
		return pass("1 account is administrator")
	default:
		return pass("%d accounts are administrators", n)
	}
}

// leastPassword is what Cyber Essentials asks for where something else limits
// guessing.
const leastPassword = 8

func linuxPasswordPolicy(_ context.Context, m *machine) Reading {
	pam, quality, least := false, false, 0
	m.lines(func(line string) bool {
		if strings.HasPrefix(line, "#") || !strings.HasPrefix(line, "password") {
			return true
		}
		pam = true
		quality = quality || strings.Contains(line, "pam_pwquality") || strings.Contains(line, "pam_cracklib")
		for word := range strings.FieldsSeq(line) {
			if n, ok := strings.CutPrefix(word, "minlen="); ok {
				if n, err := strconv.Atoi(n); err == nil && n < 1000 {
					least = n
				}
			}
		}
		return true
	}, "/etc/pam.d/common-password", "/etc/pam.d/system-auth")
	if quality && least == 0 {
		least = leastPassword // pwquality's own default
		if n, err := strconv.Atoi(m.settings("/etc/security/pwquality.conf")["minlen"]); err == nil {
			least = n
		}
	}
	switch {
	case !pam:
		return cannotTell("the rules for passwords could not be read")
	case least >= leastPassword:
		return pass("at least %d characters", least)
	case least > 0:
		return fail("%d characters are enough; at least %d", least, leastPassword)
	}
	return fail("no length is asked for")
}
