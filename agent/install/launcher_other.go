//go:build !linux

package install

// The menus of these systems come with their installers, in a later version.
func addLauncher(_, _, _ string) error { return nil }

func removeLauncher(string) error { return nil }
