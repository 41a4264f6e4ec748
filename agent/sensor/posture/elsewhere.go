package posture

import (
	"context"
	"strings"
)

// Windows and macOS: what one command answers. Their words are parsed here, on
// every system, so that they can be tested everywhere; they are run for real
// only there.

func asked(ctx context.Context, m *machine, judge func(string) Reading, name string, args ...string) Reading {
	out, err := m.run(ctx, name, args...)
	if err != nil && out == "" {
		return cannotTell("%s did not answer", name)
	}
	return judge(out)
}

func windowsDiskEncryption(ctx context.Context, m *machine) Reading {
	return asked(ctx, m, bitLocker, "manage-bde.exe", "-status", "C:")
}

func bitLocker(out string) Reading {
	switch {
	case strings.Contains(out, "Protection On"):
		return pass("BitLocker")
	case strings.Contains(out, "Protection Off"):
		return fail("BitLocker protection is off")
	}
	return cannotTell("manage-bde said neither on nor off")
}

func windowsFirewall(ctx context.Context, m *machine) Reading {
	return asked(ctx, m, advFirewall, "netsh.exe", "advfirewall", "show", "allprofiles", "state")
}

func advFirewall(out string) Reading {
	on, off := 0, 0
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "State" {
			if f[1] == "ON" {
				on++
			} else {
				off++
			}
		}
	}
	switch {
	case off > 0:
		return fail("off in %d of %d profiles", off, on+off)
	case on == 3:
		return pass("on in all profiles")
	}
	return cannotTell("netsh named %d profiles", on)
}

func windowsAntiMalware(ctx context.Context, m *machine) Reading {
	return asked(ctx, m, defenderService, "sc.exe", "query", "WinDefend")
}

// defenderService knows whether Defender runs, not how old its signatures are.
func defenderService(out string) Reading {
	switch {
	case strings.Contains(out, "RUNNING"):
		return cannotTell("Defender runs; the age of its signatures is not read yet")
	case strings.Contains(out, "STOPPED"):
		return cannotTell("Defender is stopped; another scanner may be in its place")
	}
	return cannotTell("the state of Defender is not known")
}

func darwinDiskEncryption(ctx context.Context, m *machine) Reading {
	return asked(ctx, m, fileVault, "/usr/bin/fdesetup", "status")
}

func fileVault(out string) Reading {
	switch {
	case strings.Contains(out, "FileVault is On"):
		return pass("FileVault")
	case strings.Contains(out, "FileVault is Off"):
		return fail("FileVault is off")
	}
	return cannotTell("fdesetup said neither on nor off")
}

func darwinFirewall(ctx context.Context, m *machine) Reading {
	return asked(ctx, m, applicationFirewall, "/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate")
}

func applicationFirewall(out string) Reading {
	switch {
	case strings.Contains(out, "State = 1"), strings.Contains(out, "State = 2"):
		return pass("the application firewall is on")
	case strings.Contains(out, "State = 0"):
		return fail("the application firewall is off")
	}
	return cannotTell("socketfilterfw said neither on nor off")
}

func darwinAutoLogin(ctx context.Context, m *machine) Reading {
	// The answer would be an account's name: only whether there is one is kept.
	out, err := m.run(ctx, "/usr/bin/defaults", "read", "/Library/Preferences/com.apple.loginwindow", "autoLoginUser")
	if err == nil && strings.TrimSpace(out) != "" {
		return fail("an account is logged in automatically")
	}
	return pass("no account is logged in automatically")
}

func darwinGuest(ctx context.Context, m *machine) Reading {
	out, _ := m.run(ctx, "/usr/bin/defaults", "read", "/Library/Preferences/com.apple.loginwindow", "GuestEnabled")
	if strings.TrimSpace(out) == "1" {
		return fail("the guest account is on")
	}
	return pass("the guest account is off")
}
