package trim

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// DozeAfter is how long nothing must have happened before a process dozes.
	DozeAfter = 2 * time.Minute
	// DozeGarbage is how much garbage, in bytes, wakes it.
	DozeGarbage = 2 << 20
	// dozeLimit is where a process that dozes collects after all, in bytes of all
	// that Go holds: something large came between two looks. A process that needs
	// half of it does not doze, or it would collect all the time.
	dozeLimit = 32 << 20
)

// Doze rests a process that has nothing to do most of the day. The runtime
// collects garbage every two minutes also where there is hardly any, which wakes
// the processor, and maps a megabyte or two of the program that only collecting
// needs. A process that dozes has given that back, and collects nothing until
// something happens or garbage has gathered. Use one a process, from one
// goroutine; the zero value is awake since always.
type Doze struct {
	since  time.Time // when something last happened
	asleep bool
	floor  uint64 // what the heap held when it fell asleep, in bytes
	ratio  int    // of the collector that is awake, in percent
	limit  int64  // likewise, in bytes
}

// Happened wakes the process and counts from now.
func (d *Doze) Happened(now time.Time) {
	d.since = now
	if d.asleep {
		d.asleep = false
		debug.SetMemoryLimit(d.limit)
		debug.SetGCPercent(d.ratio)
	}
}

// Look falls asleep, or wakes for garbage. Call it about once a minute.
func (d *Doze) Look(now time.Time) {
	switch {
	case d.asleep && heap() > d.floor+DozeGarbage:
		d.Happened(now)
	case !d.asleep && now.Sub(d.since) >= DozeAfter:
		Self()
		d.since = now
		if d.floor = heap(); d.floor > dozeLimit/2 {
			return
		}
		d.asleep = true
		d.ratio, d.limit = debug.SetGCPercent(-1), debug.SetMemoryLimit(-1)
		debug.SetMemoryLimit(min(d.limit, dozeLimit))
	}
}

// heap is what is in use on the heap and what is garbage there, in bytes.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
