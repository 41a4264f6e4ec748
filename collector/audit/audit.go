// Package audit owns the ledger's entries and their hash chain: who did or
// read what, when and why, in a form that a governor can verify. It is pure;
// stores keep the entries. It imports the standard library only.
//
// An entry never holds captured text or a person's name: objects are case
// references, device ids and user ids.
package audit

import "time"

// Who acted: a console user, a command on the server, or the system.
type Who struct {
	User string // user id; empty for the system
	Name string // as shown at the time
	Via  string // "console", "command", "system"
}

// Entry is one link of the chain. Seq, Prev and Hash are set by the store.
type Entry struct {
	Seq    uint64
	At     time.Time
	Who    Who
	Action string   // registered word, for example "case.read"
	Object []string // ids: case references, device ids, user ids
	Reason string   // typed by the actor, at most 500 characters; no content
	Prev   [32]byte
	Hash   [32]byte
}
