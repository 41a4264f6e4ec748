package main

import (
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// view is what this device can see: its session's last word, and the service's
// own sensors. It is safe for concurrent use.
type view struct {
	own     *coverage.Board // sensors of the service, and of sessions while none runs
	changed chan struct{}   // holds a value after a change

	mu      sync.Mutex // guards session
	session *lapwingv1.SessionStatus
}

// sessionSensors are the sensors that only a session process has.
var sessionSensors = [...]string{sensor.Text, sensor.Window, sensor.Lock}

func newView(now func() time.Time) *view {
	v := &view{own: coverage.NewBoard(now, sensor.USB, sensor.Posture), changed: make(chan struct{}, 1)}
	for _, name := range []string{sensor.USB, sensor.Posture} {
		v.own.Report(name, sensor.Status{State: sensor.Off, Code: conditions.Unsupported})
	}
	v.noSession(conditions.NoSession)
	return v
}

// noSession says why nobody's desktop is being watched.
func (v *view) noSession(code string) {
	for _, name := range sessionSensors {
		v.own.Report(name, sensor.Status{State: sensor.Off, Code: code})
	}
	v.set(nil)
}

// watched takes a session's word about itself.
func (v *view) watched(st *lapwingv1.SessionStatus) {
	for _, name := range sessionSensors {
		v.own.Forget(name)
	}
	v.set(st)
}

func (v *view) set(st *lapwingv1.SessionStatus) {
	v.mu.Lock()
	v.session = st
	v.mu.Unlock()
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// rows are the coverage of the whole device.
func (v *view) rows() []*lapwingv1.Coverage {
	v.mu.Lock()
	defer v.mu.Unlock()
	return coverage.Worst(v.own.Rows(), v.session.GetCoverage())
}

// sessions is how many desktops are being watched.
func (v *view) sessions() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.session == nil {
		return 0
	}
	return 1
}
