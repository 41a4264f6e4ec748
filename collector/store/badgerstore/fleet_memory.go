package badgerstore

import (
	"math/bits"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// fleet is a school's devices in memory: entries, and beside them what filters
// and counts look at, dense, so that one pass over 100,000 takes milliseconds.
// Whether a device is silent depends on the clock, so it is told in that pass.
type fleet struct {
	places                    map[caseflow.DeviceID]int
	entries                   []*fleetEntry
	dense                     []denseEntry
	hosts                     []string // in lower case, for search
	groups, systems, versions names
	audiences                 []vocab.GroupAudience // by group
}

func newFleet() fleet { return fleet{places: map[caseflow.DeviceID]int{}} }

// names gives words small numbers.
type names struct {
	words  []string
	places map[string]uint16
}

func (n *names) place(word string) uint16 {
	if i, ok := n.places[word]; ok {
		return i
	}
	if n.places == nil {
		n.places = map[string]uint16{}
	}
	if len(n.words) > 0xfff0 {
		word = "" // more versions than anybody can choose from
	}
	i := uint16(len(n.words))
	n.words = append(n.words, word)
	n.places[word] = i
	return i
}

// find is the place of a word; the second value is false when nothing has it.
func (n *names) find(word string) (uint16, bool) { i, ok := n.places[word]; return i, ok }

// denseEntry is what a pass looks at.
type denseEntry struct {
	silentAt            int64 // Unix seconds after which the device is silent
	badMedia            int64 // Unix seconds, 0 for never
	seen                int64 // Unix seconds, 0 for never
	proved              int64 // Unix seconds of the last full canary, 0 for never
	told, passes, fails uint32
	group, version      uint16
	system              uint16
	happened            happened
	flags               denseFlags
	text                checks.State
	sensors             sensorWord
}

type denseFlags uint8

const (
	flagConnected denseFlags = 1 << iota
	flagGone
	flagHidden
	flagRight
	flagBroken // the last telling canary failed
	flagUninstalled
)

// put takes in an entry as it now stands. Callers hold the school's mu.
func (f *fleet) put(e *fleetEntry) {
	i, ok := f.places[e.id]
	if !ok {
		i = len(f.entries)
		f.places[e.id] = i
		f.entries, f.dense, f.hosts = append(f.entries, e), append(f.dense, denseEntry{}), append(f.hosts, "")
	}
	if !ok || f.entries[i].host != e.host {
		f.hosts[i] = strings.ToLower(e.host)
	}
	f.entries[i] = e
	d := denseEntry{told: e.told, passes: e.passes, fails: e.fails, happened: e.happened, text: e.text, sensors: e.sensors,
		group: f.groups.place(e.group), version: f.versions.place(e.version), system: f.systems.place(e.os)}
	for len(f.audiences) < len(f.groups.words) {
		f.audiences = append(f.audiences, "")
	}
	f.audiences[d.group] = e.audience
	for _, set := range []struct {
		yes  bool
		flag denseFlags
	}{{e.connected, flagConnected}, {e.gone, flagGone}, {e.hidden, flagHidden}, {e.right, flagRight}, {!e.canary.Failed.IsZero(), flagBroken}, {e.uninstalled, flagUninstalled}} {
		if set.yes {
			d.flags |= set.flag
		}
	}
	if !e.seen.IsZero() {
		d.seen = e.seen.Unix()
		d.silentAt = e.seen.Add(quietFor(e)).Unix()
	}
	if !e.badMedia.IsZero() {
		d.badMedia = e.badMedia.Unix()
	}
	if !e.canary.Proved.IsZero() {
		d.proved = e.canary.Proved.Unix()
	}
	f.dense[i] = d
}

// quietFor is how long the device may say nothing, as store.DeviceReport.Silent has it.
func quietFor(e *fleetEntry) time.Duration {
	switch {
	case e.connected:
		return store.ConnectedFor
	case e.goodbye:
		return store.OffFor
	}
	return store.SilentAfter
}

func (f *fleet) of(id caseflow.DeviceID) *fleetEntry {
	if i, ok := f.places[id]; ok {
		return f.entries[i]
	}
	return nil
}

func (d *denseEntry) has(flag denseFlags) bool { return d.flags&flag != 0 }

func (d *denseEntry) silent(now int64) bool { return d.seen == 0 || now > d.silentAt }

// standard is the worst of what the device said of its checks. One that has
// said nothing cannot tell.
func (d *denseEntry) standard() checks.State {
	switch {
	case d.fails != 0:
		return checks.Fail
	case d.told == 0 || d.told != d.passes:
		return checks.Unknown
	}
	return checks.Pass
}

// state is the state of the i-th check of the registry.
func (d *denseEntry) state(i int) checks.State {
	switch {
	case i < 0:
	case d.fails&(1<<i) != 0:
		return checks.Fail
	case d.passes&(1<<i) != 0:
		return checks.Pass
	}
	return checks.Unknown
}

// proof is what canaries say at now.
func (d *denseEntry) proof(now int64) checks.State {
	switch {
	case d.has(flagBroken):
		return checks.Fail
	case d.proved != 0 && now-d.proved < int64(store.ProvedFor/time.Second):
		return checks.Pass
	}
	return checks.Unknown
}

func (d *denseEntry) failing() int { return bits.OnesCount32(d.fails) }

func (d *denseEntry) badMediaAt(now int64) bool {
	return d.badMedia != 0 && now-d.badMedia < int64(store.MediaRecent/time.Second)
}

// standing is at now, for a group that is away since then; 0: it is expected on.
func (d *denseEntry) standing(now, away int64) store.Standing {
	switch {
	case d.has(flagGone):
		return store.StandsOff
	case d.seen == 0:
		return store.StandsNever
	case d.silent(now) && away != 0 && d.seen >= away:
		return store.StandsAway
	case d.silent(now):
		return store.StandsSilent
	}
	standard := d.standard()
	switch {
	case d.sensors == sensorsFailing, standard == checks.Fail, d.badMediaAt(now), d.has(flagBroken), d.has(flagUninstalled):
		return store.StandsFailing
	case d.sensors == sensorsUnknown:
		return store.StandsUnknown
	case !d.has(flagConnected):
		return store.StandsOff
	case d.sensors == sensorsLacking, standard == checks.Unknown:
		return store.StandsLacking
	}
	return store.StandsFine
}
