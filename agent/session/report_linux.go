package session

import (
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// textSettles is how long a change of the text sensor's status must last to be
// told: going from window to window is no news.
const textSettles = 2 * time.Second

// textReport is the text sensor's word about itself.
type textReport struct {
	busUp, busSeen, busKnown bool
	wanted, told             sensor.Status
	since                    time.Time
}

// accessibility acts on what the accessibility bus says. What the X server has
// said before has been acted on.
func (d *desktop) accessibility(ev busEvent) {
	now := d.cfg.Now()
	switch {
	case ev.up:
		d.report.busUp, d.report.busSeen, d.report.busKnown = true, true, true
		d.fields.Bus(now, true)
	case ev.down:
		d.report.busUp, d.report.busKnown = false, true
		d.fields.Bus(now, false)
	case ev.answer != nil:
		d.fields.Answer(now, ev.answer.query, ev.answer.object, ev.answer.took, ev.answer.err)
	}
	switch ev := ev.event.(type) {
	case atspi.Focused:
		d.fields.Focused(now, ev.Ref, ev.PID)
	case atspi.Blurred:
		d.fields.Blurred(now, ev.Ref, ev.PID)
	case atspi.Joined:
		d.fields.Joined(now, ev.PID)
	case atspi.Changed:
		if !d.lock.Locked() && d.fields.Takes(ev.Ref, ev.PID) {
			d.merge.Changed(now, ev)
		}
	}
}

// reportText tells the board how the text sensor does, and when it wants to be
// called again because a change has not settled.
func (d *desktop) reportText(now time.Time) (again time.Time, waiting bool) {
	r := &d.report
	s, known := d.textStatus()
	if !known || s == r.told {
		r.wanted = r.told
		return time.Time{}, false
	}
	if s != r.wanted {
		r.wanted, r.since = s, now
	}
	due := r.since.Add(textSettles)
	// What concerns the whole sensor does not wait.
	if now.Before(due) && r.told.State != sensor.Unknown && s.Code != conditions.A11yBusLost && s.Code != conditions.A11yBusMissing {
		return due, true
	}
	r.told = s
	d.board.Report(sensor.Text, s)
	return time.Time{}, false
}

func (d *desktop) textStatus() (s sensor.Status, known bool) {
	r := &d.report
	switch {
	case !r.busKnown:
		return sensor.Status{}, false
	case !r.busUp && r.busSeen:
		return sensor.Status{State: sensor.Limited, Code: conditions.A11yBusLost}, true
	case !r.busUp:
		return sensor.Status{State: sensor.Limited, Code: conditions.A11yBusMissing}, true
	case d.fields.Unseen():
		return sensor.Status{State: sensor.Limited, Code: conditions.RoleUnavailable}, true
	case d.fields.Role() == capture.RolePending:
		return sensor.Status{}, false
	}
	return sensor.Status{State: sensor.OK}, true
}
