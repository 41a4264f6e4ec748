package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// launcherPath is where the desktops' menus find the entry (XDG Base Directory,
// the usual XDG_DATA_DIRS); like the unit, it is for a program that no package brought.
const launcherPath = "/usr/local/share/applications/lapwing-notice.desktop"

// Launcher is the entry in the desktops' menus that opens the page for the
// person at the keyboard (desktop-entry-spec 1.4).
func Launcher(program, dir string) string {
	return fmt.Sprintf(`[Desktop Entry]
Type=Application
Version=1.4
Name=What Lapwing sees, and help
Name[cy]=Beth mae Lapwing yn ei weld, a help
Comment=What the school's monitoring does on this computer, and a way to tell somebody something
Comment[cy]=Beth mae monitro'r ysgol yn ei wneud ar y cyfrifiadur hwn, a ffordd o ddweud rhywbeth wrth rywun
Exec=%s notice --dir %s
TryExec=%s
Icon=help-browser
Terminal=false
Categories=Utility;
Keywords=help;Childline;monitoring;safeguarding;
`, argument(program), argument(dir), strings.ReplaceAll(program, `\`, `\\`))
}

// argument writes one argument of Exec: quoted, percent signs doubled, and
// backslashes once more for the file's own strings.
func argument(s string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`, `%`, `%%`).Replace(s)
	return `"` + strings.ReplaceAll(quoted, `\`, `\\`) + `"`
}

// addLauncher writes the entry, below root (empty but in tests).
func addLauncher(root, program, dir string) error {
	path := filepath.Join(root, launcherPath)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of the menu entry: %w", err)
	}
	if err := os.WriteFile(path, []byte(Launcher(program, dir)), 0o644); err != nil {
		return fmt.Errorf("write the menu entry: %w", err)
	}
	// Menus are for all, whatever the umask of who installs.
	if err := errors.Join(os.Chmod(filepath.Dir(path), 0o755), os.Chmod(path, 0o644)); err != nil {
		return fmt.Errorf("open the menu entry to all: %w", err)
	}
	return nil
}

// removeLauncher takes the entry away, and its folder when nothing else is in it.
func removeLauncher(root string) error {
	path := filepath.Join(root, launcherPath)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the menu entry: %w", err)
	}
	_ = os.Remove(filepath.Dir(path)) // others' entries keep it
	return nil
}
