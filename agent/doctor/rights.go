package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"

	"github.com/lapwing-schools/lapwing/agent/identity"
)

// rights: the directory belongs to the service's account and to nobody else,
// and so does all that is in it: the service has no right to write elsewhere.
func rights(_ context.Context, env Env) Result {
	info, err := os.Stat(env.Dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return cannotTell(asAdministrator, "this account may not look at %s", env.Dir)
	case err != nil:
		return fail("Enrol the device, which makes the directory, or name it with --dir.", "the agent's directory: %v", err)
	}
	if errors.Is(env.IDErr, identity.ErrNotEnrolled) {
		// It may be anybody's, /home for one, and is not to be changed for us.
		return cannotTell("See the certificate below, or name the agent's directory with --dir.", "%s holds no device's identity", env.Dir)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fail("As the administrator: chmod 700 "+env.Dir, "others may look into %s (mode %o)", env.Dir, info.Mode().Perm())
	}
	f, err := os.CreateTemp(env.Dir, "doctor-*")
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return cannotTell(asAdministrator, "this account may not write to %s", env.Dir)
	}
	if err != nil {
		return fail("Look at the disk that holds it: it may be full or read-only.", "nothing can be written to %s: %v", env.Dir, err)
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return fail("Check the file system of "+env.Dir+".", "a file cannot be removed again: %v", err)
	}
	if path, owner, account := strangeOwner(env.Dir); path != "" {
		return fail("As the administrator: chown -R "+account+" "+env.Dir, "%s belongs to another account (%s) than the service's (%s)", path, owner, account)
	}
	return pass("%s is ours alone and can be written to", env.Dir)
}
