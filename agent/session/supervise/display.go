package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoDisplay says that the environment names no desktop.
var ErrNoDisplay = errors.New("no desktop in this environment: DISPLAY is not set")

// passed are the variables that a session process gets, and no others.
func passed() []string {
	return []string{
		"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "XDG_RUNTIME_DIR",
		"XDG_SESSION_ID", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "HOME", "LANG", "PATH",
	}
}

// DisplayTarget is the desktop that environ names by DISPLAY: the development
// mode, and that of machines without logind. Run as root, the session process
// runs as the owner of the display's cookie file, if there is one.
func DisplayTarget(environ []string) (Target, error) {
	get := func(name string) string {
		for _, kv := range slices.Backward(environ) {
			if n, v, _ := strings.Cut(kv, "="); n == name {
				return v
			}
		}
		return ""
	}
	display := get("DISPLAY")
	if display == "" {
		return Target{}, ErrNoDisplay
	}
	var env []string
	for _, name := range passed() {
		if v := get(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	cookie := get("XAUTHORITY")
	if cookie == "" && get("HOME") != "" {
		cookie = filepath.Join(get("HOME"), ".Xauthority")
	}
	t := Target{ID: "display" + display, Env: env, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	if os.Geteuid() == 0 {
		if uid, gid, ok := owner(cookie); ok {
			t.UID, t.GID = uid, gid
		}
	}
	account, err := AccountOf(t.UID)
	if err != nil {
		return Target{}, fmt.Errorf("name the display's owner: %w", err)
	}
	t.Account = account
	return t, nil
}
