package doctor

import (
	"context"
	"errors"
	"io/fs"
)

// diskWanted is what the spool leaves to others, and what it may use.
const diskWanted = 96 << 20

func disk(_ context.Context, env Env) Result {
	free, err := freeBytes(env.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return cannotTell("See the rights above.", "there is no directory yet")
	}
	if err != nil {
		return cannotTell(asAdministrator, "how much is free is not known: %v", err)
	}
	if free < diskWanted {
		return fail("Make room on the disk: below 32 MB free, routine events are dropped.", "%d MB free", free>>20)
	}
	return pass("%d MB free", free>>20)
}
