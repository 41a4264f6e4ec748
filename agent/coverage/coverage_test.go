package coverage

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newClock() *clock { return &clock{t: time.UnixMilli(1_000)} }

func row1(name string, state lapwingv1.CoverageState, code string, since int64) *lapwingv1.Coverage {
	return &lapwingv1.Coverage{Sensor: name, State: state, Code: code, SinceMs: since}
}

const (
	ok      = lapwingv1.CoverageState_COVERAGE_STATE_OK
	limited = lapwingv1.CoverageState_COVERAGE_STATE_LIMITED
	off     = lapwingv1.CoverageState_COVERAGE_STATE_OFF
	unknown = lapwingv1.CoverageState_COVERAGE_STATE_UNKNOWN
)

func expect(t *testing.T, got []*lapwingv1.Coverage, want ...*lapwingv1.Coverage) {
	t.Helper()
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Errorf("want (-) and got (+):\n%s", d)
	}
	for _, r := range got {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func changed(b *Board) bool {
	select {
	case <-b.Changed():
		return true
	default:
		return false
	}
}

func TestBoard(t *testing.T) {
	c := newClock()
	b := NewBoard(c.now, sensor.Window, sensor.Text)
	expect(t, b.Rows(), row1("text", unknown, "", 1000), row1("window", unknown, "", 1000))
	if changed(b) {
		t.Error("a new board has changed")
	}

	c.t = time.UnixMilli(2000)
	b.Report(sensor.Text, sensor.Status{State: sensor.Limited, Code: conditions.RoleUnavailable})
	b.Report(sensor.Window, sensor.Status{State: sensor.OK, Code: "left over"})
	expect(t, b.Rows(), row1("text", limited, "role_unavailable", 2000), row1("window", ok, "", 2000))
	if !changed(b) || changed(b) {
		t.Error("two changes are one notice")
	}

	c.t = time.UnixMilli(3000)
	b.Report(sensor.Text, sensor.Status{State: sensor.Limited, Code: conditions.RoleUnavailable})
	b.Report(sensor.Window, sensor.Status{State: sensor.OK})
	expect(t, b.Rows(), row1("text", limited, "role_unavailable", 2000), row1("window", ok, "", 2000))
	if changed(b) {
		t.Error("the same again is a change")
	}

	b.Report(sensor.Text, sensor.Status{State: sensor.Off, Code: conditions.RoleUnavailable})
	expect(t, b.Rows(), row1("text", off, "role_unavailable", 3000), row1("window", ok, "", 2000))
	b.Report(sensor.Text, sensor.Status{State: sensor.Off, Code: conditions.Unsupported})
	expect(t, b.Rows(), row1("text", off, "unsupported", 3000), row1("window", ok, "", 2000))
	changed(b)

	b.Forget(sensor.Text)
	if !changed(b) {
		t.Error("a sensor that left is no change")
	}
	b.Forget(sensor.Text)
	if changed(b) {
		t.Error("a sensor that was not there left")
	}
	expect(t, b.Rows(), row1("window", ok, "", 2000))
}

func TestBoardIsBounded(t *testing.T) {
	b := NewBoard(newClock().now)
	for i := range 2 * lapwingv1.MaxCoverage {
		b.Report(string(rune('A'+i)), sensor.Status{State: sensor.OK})
	}
	if n := len(b.Rows()); n != lapwingv1.MaxCoverage {
		t.Errorf("%d rows, want %d", n, lapwingv1.MaxCoverage)
	}
	b.Report("A", sensor.Status{State: sensor.Off})
	if got := b.Rows()[0]; got.State != off {
		t.Errorf("a full board does not take changes: %v", got)
	}
}

func TestWorst(t *testing.T) {
	got := Worst(
		[]*lapwingv1.Coverage{row1("text", ok, "", 1), row1("window", limited, "a", 5), row1("lock", unknown, "", 1)},
		[]*lapwingv1.Coverage{row1("text", limited, "b", 9), row1("window", limited, "c", 4), row1("lock", limited, "d", 1)},
		nil,
		[]*lapwingv1.Coverage{row1("text", ok, "", 2), row1("usb", off, "unsupported", 3)},
		[]*lapwingv1.Coverage{row1("usb", unknown, "", 1)},
	)
	expect(t, got, row1("lock", unknown, "", 1), row1("text", limited, "b", 9), row1("usb", off, "unsupported", 3), row1("window", limited, "c", 4))
	if got := Worst(); len(got) != 0 {
		t.Errorf("the worst of nothing is %v", got)
	}
	var many []*lapwingv1.Coverage
	for i := range 2 * lapwingv1.MaxCoverage {
		many = append(many, row1(string(rune('A'+i)), ok, "", 1))
	}
	if n := len(Worst(many)); n != lapwingv1.MaxCoverage {
		t.Errorf("%d rows, want %d", n, lapwingv1.MaxCoverage)
	}
}

func TestStateWord(t *testing.T) {
	for s, want := range map[lapwingv1.CoverageState]string{ok: "ok", limited: "limited", off: "off", unknown: "unknown", 0: "unknown", 99: "unknown"} {
		if got := StateWord(s); got != want {
			t.Errorf("%v is %q, want %q", s, got, want)
		}
	}
}

// TestConcurrent is for the race detector; and the last change is never lost.
func TestConcurrent(t *testing.T) {
	b := NewBoard(newClock().now, sensor.Text)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				b.Report(sensor.Text, sensor.Status{State: sensor.State(i % 4)})
				b.Rows()
			}
		})
	}
	wg.Wait()
	if !changed(b) {
		t.Error("no notice of any change")
	}
}
