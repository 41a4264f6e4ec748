package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// settings are what programs of /usr need of this machine's /etc; the rest,
// people and their passwords above all, stays out.
var settings = []string{
	"alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "pam.d", "pam.conf", "security", "dbus-1", "fonts",
	"X11", "xdg", "gtk-3.0", "nsswitch.conf", "login.defs", "debian_version", "localtime", "ssl", "shells",
	"default", "environment", "chromium", "chromium.d", "mime.types",
}

// makeRoot lays out the machine's root directory.
func (m *Machine) makeRoot(accounts []Account) error {
	root := m.Root()
	for _, dir := range []string{
		"usr", "etc/systemd/system", "var/lib", "var/log", "var/cache", "var/tmp", "tmp", "run", "proc", "sys", "dev",
		"home", "root", "opt", "media", "mnt",
	} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{"var/tmp", "tmp"} {
		if err := os.Chmod(filepath.Join(root, dir), 0o777|fs.ModeSticky); err != nil {
			return err
		}
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		to, err := os.Readlink("/" + link)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("this machine's /%s is no link into /usr: %w", link, err)
		}
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			return err
		}
	}
	if err := m.copySettings(); err != nil {
		return err
	}
	return m.writePeople(accounts)
}

func (m *Machine) copySettings() error {
	etc := filepath.Join(m.Root(), "etc")
	for _, name := range settings {
		if _, err := os.Lstat("/etc/" + name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if out, err := exec.Command("cp", "-a", "/etc/"+name, etc).CombinedOutput(); err != nil {
			return fmt.Errorf("copy /etc/%s: %w: %s", name, err, out)
		}
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"os-release": string(release), // a link into /usr, which nspawn looks at before it is bound
		"machine-id": "",              // made at the first boot
		"hostname":   "lapwing-machine\n",
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writePeople writes the accounts: this machine's system accounts, so that
// files in /usr have their owners, and those of the options.
func (m *Machine) writePeople(accounts []Account) error {
	etc := filepath.Join(m.Root(), "etc")
	people, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	groups, err := os.ReadFile("/etc/group")
	if err != nil {
		return err
	}
	var passwd, group, shadow strings.Builder
	group.Write(groups)
	for line := range strings.Lines(string(people)) {
		name, _, _ := strings.Cut(line, ":")
		if name == "root" || name == "messagebus" || name == "nobody" || strings.HasPrefix(name, "systemd-") {
			passwd.WriteString(line)
			fmt.Fprintf(&shadow, "%s:*:19000::::::\n", name)
		}
	}
	for _, a := range accounts {
		fmt.Fprintf(&passwd, "%s:x:%d:%d::/home/%s:/bin/bash\n", a.Name, a.UID, a.UID, a.Name)
		fmt.Fprintf(&group, "%s:x:%d:\n", a.Name, a.UID)
		fmt.Fprintf(&shadow, "%s:*:19000::::::\n", a.Name)
		home := filepath.Join(m.Root(), "home", a.Name)
		if err := os.Mkdir(home, 0o700); err != nil {
			return err
		}
		if err := os.Chown(home, int(a.UID), int(a.UID)); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"passwd": passwd.String(), "group": group.String()} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(etc, "shadow"), []byte(shadow.String()), 0o600)
}
