package main

import (
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// view is what this device can see: the last word of each session process, and
// the service's own sensors. It is safe for concurrent use.
type view struct {
	now     func() time.Time
	own     *coverage.Board // sensors of the service, and of sessions while none runs
	changed chan struct{}   // holds a value after a change

	mu       sync.Mutex // guards what follows
	sessions map[string]*seen
	nobody   string               // why there are no desktops to watch
	past     places               // of session processes that are gone
	unseen   map[string]time.Time // desktops whose person has not been told, since when
	scope    lapwingv1.Outside
	since    time.Time // of scope
}

// places are seconds in safe harbours and in exempt places.
type places struct{ harbour, exempt uint64 }

// seen is a desktop that is to be watched.
type seen struct {
	harbour, exempt uint64                   // seconds that its last process counted
	status          *lapwingv1.SessionStatus // nil: its process is down
	down            *coverage.Board
}

// sessionSensors are the sensors that only a session process has.
var sessionSensors = [...]string{sensor.Text, sensor.Window, sensor.Lock}

func newView(now func() time.Time) *view {
	v := &view{
		now: now, own: coverage.NewBoard(now, sensor.USB, sensor.Posture), changed: make(chan struct{}, 1),
		sessions: map[string]*seen{}, nobody: conditions.NoSession,
	}
	v.settle()
	return v
}

// noDesktop says why there is no desktop to watch, if there is none.
func (v *view) noDesktop(code string) {
	v.mu.Lock()
	v.nobody = code
	v.mu.Unlock()
	v.settle()
}

// desktops says which desktops are to be watched from now on.
func (v *view) desktops(ids []string) {
	v.mu.Lock()
	kept := make(map[string]*seen, len(ids))
	for _, id := range ids {
		if kept[id] = v.sessions[id]; kept[id] == nil {
			// Unknown until its process has spoken, or has ended.
			kept[id] = &seen{down: coverage.NewBoard(v.now, sessionSensors[:]...)}
		}
	}
	for id, s := range v.sessions {
		if kept[id] == nil {
			v.past.add(s)
		}
	}
	news := len(kept) != len(v.sessions)
	for id := range kept {
		news = news || v.sessions[id] == nil
	}
	v.sessions = kept
	v.mu.Unlock()
	if news || len(kept) == 0 { // the first word that there is none counts too
		v.settle()
	}
}

// downBoard says of every sensor of a session that its process is not running.
func (v *view) downBoard() *coverage.Board {
	b := coverage.NewBoard(v.now)
	for _, name := range sessionSensors {
		b.Report(name, sensor.Status{State: sensor.Off, Code: conditions.SessionDown})
	}
	return b
}

// watched takes a session's word about itself; nil when its process is down.
// What comes of a desktop that is no longer watched is ignored.
func (v *view) watched(id string, st *lapwingv1.SessionStatus) {
	v.mu.Lock()
	news := true
	if s := v.sessions[id]; s != nil {
		news = st == nil || s.status == nil || !slices.EqualFunc(s.status.Coverage, st.Coverage, sameCoverage)
		s.status = st
		s.down = nil
		if h, e := st.GetHarbourSeconds(), st.GetExemptSeconds(); st != nil {
			if h < s.harbour || e < s.exempt { // another process, which counts anew
				v.past.add(s)
			}
			s.harbour, s.exempt = h, e
		}
		if st == nil {
			s.down = v.downBoard()
		}
	}
	v.mu.Unlock()
	if news { // else it would be a heartbeat of its own each minute
		v.settle()
	}
}

func sameCoverage(a, b *lapwingv1.Coverage) bool { return proto.Equal(a, b) }

// settle lets the own board speak for the sessions' sensors while there are none.
func (v *view) settle() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, name := range sessionSensors {
		if len(v.sessions) > 0 {
			v.own.Forget(name)
		} else {
			v.own.Report(name, sensor.Status{State: sensor.Off, Code: v.nobody})
		}
	}
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// rows are the coverage of the whole device: of each sensor the worst.
func (v *view) rows() []*lapwingv1.Coverage {
	v.mu.Lock()
	defer v.mu.Unlock()
	boards := [][]*lapwingv1.Coverage{v.own.Rows()}
	for id, s := range v.sessions {
		if since, untold := v.unseen[id]; s.status != nil && untold {
			boards = append(boards, unseenRows(s.status.GetCoverage(), since))
		} else if s.status != nil {
			boards = append(boards, s.status.GetCoverage())
		} else {
			boards = append(boards, s.down.Rows())
		}
	}
	rows := coverage.Worst(boards...)
	for i, r := range rows {
		rows[i] = v.outOfHours(r)
	}
	return rows
}

// untold says on which desktops nobody was shown the notice yet.
func (v *view) untold(ids map[string]bool) {
	v.mu.Lock()
	next := make(map[string]time.Time, len(ids))
	for id := range ids {
		if since, known := v.unseen[id]; known {
			next[id] = since
		} else {
			next[id] = v.now()
		}
	}
	same := len(next) == len(v.unseen)
	for id := range next {
		_, known := v.unseen[id]
		same = same && known
	}
	v.unseen = next
	v.mu.Unlock()
	if !same {
		v.settle()
	}
}

// unseenRows are a session's as the missing notice leaves them: what works may not look.
func unseenRows(rows []*lapwingv1.Coverage, since time.Time) []*lapwingv1.Coverage {
	out := make([]*lapwingv1.Coverage, len(rows))
	for i, r := range rows {
		out[i] = r
		if r.Sensor == sensor.Text || r.Sensor == sensor.Window {
			out[i] = &lapwingv1.Coverage{Sensor: r.Sensor, State: lapwingv1.CoverageState_COVERAGE_STATE_OFF, Code: conditions.NoticeUnseen, SinceMs: since.UnixMilli()}
		}
	}
	return out
}

// scheduled says what the school's timetable lets sessions look at.
func (v *view) scheduled(scope lapwingv1.Outside) {
	v.mu.Lock()
	v.scope, v.since = scope, v.now()
	v.mu.Unlock()
	v.settle()
}

// outOfHours is a row as the timetable leaves it: a sensor that works and may
// not look sees nothing.
func (v *view) outOfHours(r *lapwingv1.Coverage) *lapwingv1.Coverage {
	state := lapwingv1.CoverageState_COVERAGE_STATE_OFF
	switch {
	case r.Sensor != sensor.Text && r.Sensor != sensor.Window, v.scope <= lapwingv1.Outside_OUTSIDE_ALL:
		return r
	case v.scope == lapwingv1.Outside_OUTSIDE_URGENT:
		state = lapwingv1.CoverageState_COVERAGE_STATE_LIMITED
		if r.State != lapwingv1.CoverageState_COVERAGE_STATE_OK {
			return r
		}
	case r.State == lapwingv1.CoverageState_COVERAGE_STATE_OFF:
		return r
	}
	return &lapwingv1.Coverage{Sensor: r.Sensor, State: state, Code: conditions.OutsideSchedule, SinceMs: v.since.UnixMilli()}
}

func (p *places) add(s *seen) {
	p.harbour, p.exempt = p.harbour+s.harbour, p.exempt+s.exempt
}

// unlooked is how long the focus was where nothing is captured, on all desktops
// since the service started.
func (v *view) unlooked() (harbour, exempt uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	sum := v.past
	for _, s := range v.sessions {
		sum.add(s)
	}
	return sum.harbour, sum.exempt
}

// watching is how many desktops are being watched.
func (v *view) watching() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, s := range v.sessions {
		if s.status != nil {
			n++
		}
	}
	return n
}
