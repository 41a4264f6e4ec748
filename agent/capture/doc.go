// Package capture is the privacy gate of the agent: everything that was typed
// or shown passes through it, and only a hit with its excerpt comes out. It
// owns fragments, the password and lock gates, excerpts, revisions and limits.
//
//	Input ─► gate ─► fragment ─► match ─► excerpt ─► limits ─► Report
//	          │         └ wiped when it closes
//	          └ password, prompt, locked, no role: dropped here, before any text is kept
//
// It is pure: no clock, no network, no file, no goroutine. Time comes with
// each Input. It may import internal/detect, internal/vocab and the messages
// of proto/lapwing/v1; a test holds that.
package capture
