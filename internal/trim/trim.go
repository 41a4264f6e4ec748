// Package trim gives back what only a program's start needed: the heap that
// loading rules took, and, on Linux, the pages of the program's own file that
// are mapped because starting touched them. They are clean copies of the file;
// what is needed again is mapped again from the page cache.
//
// A process that has nothing to do can doze besides (Doze).
//
// It imports the standard library and x/sys.
package trim

import "runtime/debug"

// Self trims this process. It costs a garbage collection, so call it after
// something large was loaded, not regularly.
func Self() {
	debug.FreeOSMemory()
	program()
}
