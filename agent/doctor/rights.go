package doctor

import (
	"context"
	"os"
	"runtime"
)

// rights: the directory belongs to the service's account and to nobody else.
func rights(_ context.Context, env Env) Result {
	info, err := os.Stat(env.Dir)
	if err != nil {
		return fail("Enrol the device, which makes the directory, or name it with --dir.", "the agent's directory: %v", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fail("As the administrator: chmod 700 "+env.Dir, "others may look into %s (mode %o)", env.Dir, info.Mode().Perm())
	}
	f, err := os.CreateTemp(env.Dir, "doctor-*")
	if err != nil {
		return cannotTell("Run doctor as the administrator (root).", "this account may not write to %s", env.Dir)
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return fail("Check the file system of "+env.Dir+".", "a file cannot be removed again: %v", err)
	}
	return pass("%s is ours alone and can be written to", env.Dir)
}
