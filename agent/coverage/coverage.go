// Package coverage keeps what each sensor of this device can and cannot see
// right now, for the heartbeat, the status command and the session's reports.
// The codes and their words are in internal/conditions, because the console
// needs them too.
//
// It may import agent/sensor, internal/conditions and the messages of
// proto/lapwing/v1.
package coverage

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Board holds the latest status of each sensor and since when it is so. It is
// safe for concurrent use.
type Board struct {
	now     func() time.Time
	changed chan struct{}

	mu   sync.Mutex // guards rows
	rows map[string]row
}

type row struct {
	status sensor.Status
	since  time.Time
}

// NewBoard returns a board on which each of the named sensors stands as
// unknown from now on: a sensor that never reports is seen as such.
func NewBoard(now func() time.Time, sensors ...string) *Board {
	b := &Board{now: now, changed: make(chan struct{}, 1), rows: make(map[string]row)}
	for _, name := range sensors {
		b.rows[name] = row{since: now()}
	}
	return b
}

// Report records a sensor's own word about itself. Only a change of state or
// code counts: since keeps its time otherwise. Beyond lapwingv1.MaxCoverage
// sensors, new names are ignored, so that a faulty caller cannot grow the board.
func (b *Board) Report(name string, s sensor.Status) {
	if s.State == sensor.OK {
		s.Code = ""
	}
	b.mu.Lock()
	old, known := b.rows[name]
	change := !known || old.status != s
	if !known && len(b.rows) >= lapwingv1.MaxCoverage {
		change = false
	}
	if change {
		b.rows[name] = row{status: s, since: b.now()}
	}
	b.mu.Unlock()
	if change {
		b.wake()
	}
}

// Forget takes a sensor off the board.
func (b *Board) Forget(name string) {
	b.mu.Lock()
	_, known := b.rows[name]
	delete(b.rows, name)
	b.mu.Unlock()
	if known {
		b.wake()
	}
}

// Changed returns a channel that holds one value while there is a change
// nobody has taken notice of. It is meant for one receiver.
func (b *Board) Changed() <-chan struct{} { return b.changed }

func (b *Board) wake() {
	select {
	case b.changed <- struct{}{}:
	default: // one is waiting already
	}
}

// Rows returns the board as messages, ordered by the sensors' names.
func (b *Board) Rows() []*lapwingv1.Coverage {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := make([]*lapwingv1.Coverage, 0, len(b.rows))
	for name, r := range b.rows {
		rows = append(rows, &lapwingv1.Coverage{
			Sensor:  name,
			State:   wireState(r.status.State),
			Code:    r.status.Code,
			SinceMs: r.since.UnixMilli(),
		})
	}
	slices.SortFunc(rows, bySensor)
	return rows
}

func bySensor(a, b *lapwingv1.Coverage) int { return cmp.Compare(a.Sensor, b.Sensor) }

func wireState(s sensor.State) lapwingv1.CoverageState {
	switch s {
	case sensor.OK:
		return lapwingv1.CoverageState_COVERAGE_STATE_OK
	case sensor.Limited:
		return lapwingv1.CoverageState_COVERAGE_STATE_LIMITED
	case sensor.Off:
		return lapwingv1.CoverageState_COVERAGE_STATE_OFF
	}
	return lapwingv1.CoverageState_COVERAGE_STATE_UNKNOWN
}

// Worst merges the boards of several processes of one device, for example two
// desktop sessions: for each sensor the worst row wins, of equal ones that
// which has lasted longest. The answer is ordered by sensor, and cut to
// lapwingv1.MaxCoverage rows.
func Worst(boards ...[]*lapwingv1.Coverage) []*lapwingv1.Coverage {
	worst := make(map[string]*lapwingv1.Coverage)
	for _, rows := range boards {
		for _, r := range rows {
			old, known := worst[r.Sensor]
			if !known || badness(r.State) > badness(old.State) ||
				r.State == old.State && r.SinceMs < old.SinceMs {
				worst[r.Sensor] = r
			}
		}
	}
	rows := make([]*lapwingv1.Coverage, 0, len(worst))
	for _, r := range worst {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, bySensor)
	return rows[:min(len(rows), lapwingv1.MaxCoverage)]
}

// badness orders states for Worst: a sensor known to be limited is better
// than one nobody can tell about.
func badness(s lapwingv1.CoverageState) int {
	switch s {
	case lapwingv1.CoverageState_COVERAGE_STATE_OK:
		return 0
	case lapwingv1.CoverageState_COVERAGE_STATE_LIMITED:
		return 1
	case lapwingv1.CoverageState_COVERAGE_STATE_OFF:
		return 3
	}
	return 2
}

// StateWord returns the word of contracts.md for a state: ok, limited, off or
// unknown.
func StateWord(s lapwingv1.CoverageState) string {
	switch s {
	case lapwingv1.CoverageState_COVERAGE_STATE_OK:
		return "ok"
	case lapwingv1.CoverageState_COVERAGE_STATE_LIMITED:
		return "limited"
	case lapwingv1.CoverageState_COVERAGE_STATE_OFF:
		return "off"
	}
	return "unknown"
}
