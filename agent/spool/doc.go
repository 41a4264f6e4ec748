// Package spool owns the agent's durable, encrypted queue on disk (design
// decision 2): what the service has promised to deliver and the collector has
// not yet acknowledged.
//
//	Append ──► group commit ──► segment files, one row a lane ──► Lease ──► Ack
//	               │              urgent-….seg  routine-….seg      ▲         │
//	               │                                               └─Rollback┘
//	               └──► state (two slots, rewritten in place): what is gone,
//	                    next numbers, counters, the digest of a full spool
//
// Promises:
//
//   - Append returns after the record is durable; concurrent Appends share one
//     fsync. No goroutine runs and nothing is written while nothing happens.
//   - Sequence numbers rise by lane and are never used twice, also across
//     restarts and after everything was acknowledged. Gaps are allowed.
//   - Records are leased in order, again after Rollback or a restart until
//     they are acknowledged: delivery is at least once.
//   - At the byte cap, or when the disk is nearly full, the oldest routine
//     segment goes first, counted. Then new urgent events are merged into one
//     counted digest, for which the room is reserved from the start.
//   - A record that cannot be read is passed over and its segment counted;
//     everything else is delivered.
//
// docs/spool-format.md has every byte of the files. The package knows nothing
// of what a record means; it imports the standard library,
// internal/durable, x/crypto and x/sys.
package spool

import (
	"errors"
	"time"
)

// Lane is a delivery lane; the numbers are those of lapwing.v1.Lane.
type Lane uint8

// The lanes. Order is promised within a lane only.
const (
	Urgent  Lane = 1
	Routine Lane = 2
)

// Lanes lists both lanes, the more important first.
func Lanes() [2]Lane { return [2]Lane{Urgent, Routine} }

// String returns the word that file names use.
func (l Lane) String() string {
	switch l {
	case Urgent:
		return "urgent"
	case Routine:
		return "routine"
	}
	return "lane?"
}

func (l Lane) valid() bool { return l == Urgent || l == Routine }

// MaxPayload is the longest payload of one record, in bytes.
const MaxPayload = 64 << 10

// Errors that callers can tell apart.
var (
	// ErrFull says that there is no room: the event is not stored, but counted
	// in Stats.DroppedRoutine. The spool recovers by itself when room returns.
	ErrFull = errors.New("spool full")
	// ErrTooLarge refuses a payload longer than MaxPayload, or an empty one.
	ErrTooLarge = errors.New("spool record must be 1 to 65,536 bytes")
	// ErrClosed says that Close was called.
	ErrClosed = errors.New("spool closed")
	// ErrLocked says that another process has the spool open.
	ErrLocked = errors.New("spool is in use by another process; stop that agent first")
	// ErrNotLeased refuses an acknowledgement of something never handed out.
	ErrNotLeased = errors.New("acknowledgement of a record that was not leased")
)

// Event is what Append stores.
type Event struct {
	Lane    Lane
	Payload []byte // 1 to MaxPayload bytes; not kept after Append returns
	// Category and Wall are used only if the event must be merged into the
	// digest. Category is 1 to 32 of a-z 0-9 -; anything else counts as "other".
	Category string
	Wall     time.Time
}

// Receipt says what became of an event.
type Receipt struct {
	Seq uint64 // 0 when merged
	// Merged: there was no room; the event is durably counted in the digest,
	// its payload is not kept.
	Merged bool
}

// Entry is one leased record: a payload, or a digest.
type Entry struct {
	Seq     uint64
	Payload []byte
	Digest  *Digest
}

// Digest stands for urgent events that found no room.
type Digest struct {
	ByCategory map[string]uint32 // at most 32 keys; the rest is under "other"
	First      time.Time
	Last       time.Time
}

// LaneStats counts what a lane holds that is not acknowledged.
type LaneStats struct {
	Records uint64
	Bytes   uint64 // payloads and their frames
}

// Stats is a spool's account of itself. The totals run since the spool was
// made and survive restarts.
type Stats struct {
	Urgent, Routine LaneStats
	DiskBytes       uint64 // size of all segments
	// DroppedRoutine counts routine events that gave way or found no room. One
	// that was in flight when it gave way is counted though it may arrive.
	DroppedRoutine uint64
	MergedUrgent   uint64
	// DamagedSegments counts segments in which something could not be read.
	DamagedSegments uint64
	LastDamage      time.Time // when that last rose, by Config.Now; zero: never
	// Full: something was dropped, merged or refused, and there is no room yet
	// to do better.
	Full bool
}
