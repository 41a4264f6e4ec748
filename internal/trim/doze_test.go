package trim_test

import (
	"runtime/debug"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/trim"
)

func TestDoze(t *testing.T) {
	const ratio, limit = 37, 1 << 40
	oldRatio, oldLimit := debug.SetGCPercent(ratio), debug.SetMemoryLimit(limit)
	defer func() { debug.SetGCPercent(oldRatio); debug.SetMemoryLimit(oldLimit) }()
	begin := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	at := func(times float64) time.Time { return begin.Add(time.Duration(times * float64(trim.DozeAfter))) }
	expect := func(what string, asleep bool) {
		t.Helper()
		r, l := debug.SetGCPercent(ratio), debug.SetMemoryLimit(-1)
		debug.SetGCPercent(r)
		if asleep != (r == -1) || !asleep && r != ratio || asleep == (l == limit) {
			t.Fatalf("%s: the collector has the ratio %d and the limit %d", what, r, l)
		}
	}
	var d trim.Doze
	d.Happened(at(0))
	d.Look(at(0.9))
	expect("before its time", false)
	d.Look(at(1))
	expect("nothing happened", true)
	d.Look(at(1.5))
	expect("still nothing", true)
	d.Happened(at(1.5))
	expect("a key", false)
	d.Look(at(2.4))
	expect("too soon after the key", false)
	d.Look(at(2.5))
	expect("nothing again", true)

	var rubbish [][]byte
	for range 3 {
		rubbish = append(rubbish, make([]byte, trim.DozeGarbage/2))
	}
	d.Look(at(3))
	expect("garbage", false)
	clear(rubbish)
	d.Look(at(4))
	expect("it is collected", true)
	d.Happened(at(4))
	large := make([]byte, 17<<20)
	d.Look(at(5))
	expect("with much in use", false)
	clear(large)
}
