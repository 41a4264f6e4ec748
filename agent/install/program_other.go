//go:build !unix

package install

// checkProgram: the installer puts the program below Program Files, where only
// administrators write.
func checkProgram(string) error { return nil }
