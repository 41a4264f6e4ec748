//go:build !unix

package policy

// syncDir does nothing: NTFS journals a rename itself, and Windows offers no
// fsync of a folder.
func syncDir(string) error { return nil }
