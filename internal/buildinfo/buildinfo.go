// Package buildinfo says which build a program is, from what the Go toolchain
// stamps into it. It imports the standard library only.
package buildinfo

import (
	"fmt"
	"runtime/debug"
	"time"
)

// Version is the version people quote; releases raise it.
const Version = "0.1.0"

// Build is one build of a program.
type Build struct {
	Version string
	// Commit is 12 characters of the revision, "unknown" outside a checkout,
	// with "+changes" when the tree was not clean.
	Commit string
	// Time is the commit's time; the zero time when unknown. It is the floor
	// of trusted time on a device that has not heard from a collector yet.
	Time time.Time
}

// Read returns the running program's build.
func Read() Build {
	b := Build{Version: Version, Commit: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value[:min(12, len(s.Value))]
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, s.Value)
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed && b.Commit != "unknown" {
		b.Commit += "+changes"
	}
	return b
}

// String is what --version prints.
func (b Build) String() string { return fmt.Sprintf("%s (%s)", b.Version, b.Commit) }
