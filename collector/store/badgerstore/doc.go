// Package badgerstore is the collector's embedded database: store.Store over
// Badger v4, for one collector process and its data directory.
//
// How it works. One goroutine writes. It collects the writes that wait
// (Ingest, Act, ledger entries, heartbeats, …), applies each to its own staged
// write-set, so that one that fails leaves nothing, commits all of them in one
// Badger transaction with one fsync, and answers them after it. Reads use
// Badger's snapshots. Cases are kept as their events, which are the truth; a
// head row (the case without its captures) and index rows are their fold. The
// cases that are not closed also stand in memory, folded, for triage and the
// queue: they are as many as people have open, and few.
//
// What it survives, each with a test: kill -9 at any moment (nothing that was
// answered for is lost, nothing is doubled when it is sent again), a log torn
// or damaged at its end, damaged rows, its own filling of the disk, and a disk
// that others fill. The limit: when others take the whole reserve and the
// ballast within the seconds in which Badger rewrites tables, the process dies
// of SIGBUS, as after kill -9, and starts again once there is space. Memory
// mapped files leave no way to refuse there.
//
// It owns the keys, the row formats and Badger's tuning. It may import
// collector/store, caseflow, triage, audit and Badger; only main.go and tests
// import it.
package badgerstore
