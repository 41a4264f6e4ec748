// Package capture is the privacy gate of the agent: everything that was typed
// or shown passes through it, and only a hit with its excerpt comes out. It
// owns fragments, the password and lock gates, excerpts, revisions and limits.
//
//	Input ─► gate ─► fragment ─► match ─► excerpt ─► limits ─► Report
//	          │         └ wiped when it closes
//	          └ nobody told yet, password, prompt, locked, no role: dropped here, before any text is kept
//
// # Fragments
//
// A fragment is the text of one field since the focus came, Enter, a move of
// the caret, or a pause (5 s). A gap, which is text that a gate dropped, ends
// it too, so that what stands on either side never reads as one.
//
// # Revisions
//
// There is one capture per fragment and category. A hit of high or critical
// severity makes revision 0 at its key. Two seconds after its first hit, every
// capture is reported as it then stands: a lesser one for the first time, one
// that was told if it changed, and one that no longer hits is withdrawn, so
// that nobody is called for words that were deleted or denied at once. When
// the fragment closes the final revision is made from the whole text. Text
// that comes after a withdrawal may begin another capture.
//
// # Memory
//
// Text is kept in two buffers of fixed size that are overwritten when they are
// done with. The copies that matching makes are left to the garbage collector;
// that is why the process is not dumpable. What a password gate drops is in
// neither: only keys that wait for their field's role are held, and wiped.
//
// The package is pure: no clock, no network, no file, no goroutine. Time comes
// with each Input. It may import internal/detect, internal/vocab and the
// messages of proto/lapwing/v1; a test holds that.
package capture
