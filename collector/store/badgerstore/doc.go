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
// It owns the keys, the row formats and Badger's tuning. It may import
// collector/store, caseflow, triage, audit and Badger; only main.go and tests
// import it.
package badgerstore
