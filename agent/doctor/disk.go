package doctor

import "context"

// diskWanted is what the spool leaves to others, and what it may use.
const diskWanted = 96 << 20

func disk(_ context.Context, env Env) Result {
	free, err := freeBytes(env.Dir)
	if err != nil {
		return cannotTell("Run doctor as the administrator (root).", "how much is free is not known: %v", err)
	}
	if free < diskWanted {
		return fail("Make room on the disk: below 32 MB free, routine events are dropped.", "%d MB free", free>>20)
	}
	return pass("%d MB free", free>>20)
}
