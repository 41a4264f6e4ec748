package ingest

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

var (
	bootA = []byte("boot-a-16-bytes!")
	bootB = []byte("boot-b-16-bytes!")
)

func TestCorrect(t *testing.T) {
	received := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	wall := received.UnixMilli()
	const day = 24 * 60 * 60 * 1000
	for _, tt := range []struct {
		name    string
		boot    []byte
		e       [2]int64 // wall, mono of the event
		now     [2]int64 // wall, mono of the device as it sends
		ago     time.Duration
		suspect bool
	}{
		{"just now", bootA, [2]int64{wall, 5000}, [2]int64{wall, 5000}, 0, false},
		{"a minute ago by the monotonic clock", bootA, [2]int64{wall - 60_000, 10_000}, [2]int64{wall, 70_000}, time.Minute, false},
		{"the wall clock was set in between", bootA, [2]int64{12_345, 10_000}, [2]int64{wall, 70_000}, time.Minute, false},
		{"the wall clock is three hours wrong", bootA, [2]int64{wall - 3*3_600_000, 10_000}, [2]int64{wall - 3*3_600_000 + 60_000, 70_000}, time.Minute, false},
		{"an earlier boot", bootB, [2]int64{wall - 3_600_000, 99_999_999}, [2]int64{wall, 1000}, time.Hour, false},
		{"an earlier boot, both clocks a day ahead", bootB, [2]int64{wall + day - 3_600_000, 9}, [2]int64{wall + day, 1000}, time.Hour, false},
		{"a second ahead is now", bootA, [2]int64{wall, 6000}, [2]int64{wall, 5000}, 0, false},
		{"from the future", bootA, [2]int64{wall, 5_000_000}, [2]int64{wall, 5000}, 0, true},
		{"from the future, other boot", bootB, [2]int64{wall + 10*60_000, 5}, [2]int64{wall, 5000}, 0, true},
		{"399 days ago", bootB, [2]int64{wall - 399*day, 5}, [2]int64{wall, 5000}, 399 * 24 * time.Hour, false},
		{"401 days ago", bootB, [2]int64{wall - 401*day, 5}, [2]int64{wall, 5000}, 0, true},
		{"the beginning of time", bootB, [2]int64{math.MinInt64, 5}, [2]int64{wall, 5000}, 0, true},
		{"the end of time", bootB, [2]int64{math.MaxInt64, 5}, [2]int64{math.MinInt64, 5000}, 0, true},
		{"overflow in the other direction", bootA, [2]int64{wall, math.MinInt64}, [2]int64{wall, math.MaxInt64}, 0, true},
	} {
		e := &lapwingv1.Event{Boot: tt.boot, WallMs: tt.e[0], MonoMs: tt.e[1]}
		now := &lapwingv1.DeviceTime{Boot: bootA, WallMs: tt.now[0], MonoMs: tt.now[1]}
		at, suspect := correct(e, now, received)
		if suspect != tt.suspect || !at.Equal(received.Add(-tt.ago)) {
			t.Errorf("%s: %v ago, suspect %v; want %v, %v", tt.name, received.Sub(at), suspect, tt.ago, tt.suspect)
		}
	}
}

// Whatever a device claims, a corrected time lies within 400 days before the
// time of receipt, and two events of one boot keep their order.
func TestCorrectStaysSaneAndInOrder(t *testing.T) {
	received := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	clock := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1_000_000_000_000))
	rapid.Check(t, func(t *rapid.T) {
		now := &lapwingv1.DeviceTime{Boot: bootA, WallMs: clock.Draw(t, "wall"), MonoMs: clock.Draw(t, "mono")}
		draw := func(label string) *lapwingv1.Event {
			boot := rapid.SampledFrom([][]byte{bootA, bootB}).Draw(t, label+" boot")
			return &lapwingv1.Event{Boot: boot, WallMs: clock.Draw(t, label+" wall"), MonoMs: clock.Draw(t, label+" mono")}
		}
		a, b := draw("a"), draw("b")
		b.Boot = a.Boot
		atA, badA := correct(a, now, received)
		atB, badB := correct(b, now, received)
		for _, at := range []time.Time{atA, atB} {
			if at.After(received) || received.Sub(at) > maxAge {
				t.Fatalf("corrected to %v before receipt", received.Sub(at))
			}
		}
		if badA || badB || string(a.Boot) != string(bootA) {
			return
		}
		if a.MonoMs < b.MonoMs && atA.After(atB) || a.MonoMs > b.MonoMs && atA.Before(atB) {
			t.Fatalf("order lost: %d, %d became %v, %v", a.MonoMs, b.MonoMs, atA, atB)
		}
	})
}

func TestSkewMillis(t *testing.T) {
	received := time.UnixMilli(1_000_000)
	for wall, want := range map[int64]int64{
		1_000_000: 0, 1_060_000: 60_000, 0: -1_000_000,
		math.MinInt64: math.MinInt64, math.MaxInt64: math.MaxInt64 - 1_000_000,
	} {
		if got := skewMillis(&lapwingv1.DeviceTime{WallMs: wall}, received); got != want {
			t.Errorf("skewMillis(%d) = %d, want %d", wall, got, want)
		}
	}
}

// The conversion of severities and levels is a cast.
func TestWireWordsMatchVocab(t *testing.T) {
	for wire, word := range map[lapwingv1.Severity]vocab.Severity{
		lapwingv1.Severity_SEVERITY_LOW: vocab.Low, lapwingv1.Severity_SEVERITY_MEDIUM: vocab.Medium,
		lapwingv1.Severity_SEVERITY_HIGH: vocab.High, lapwingv1.Severity_SEVERITY_CRITICAL: vocab.Critical,
	} {
		if severity(wire) != word {
			t.Errorf("severity(%v) = %v, want %v", wire, severity(wire), word)
		}
	}
	for wire, word := range map[lapwingv1.Level]vocab.Level{
		lapwingv1.Level_LEVEL_LOG: vocab.Log, lapwingv1.Level_LEVEL_ALERT: vocab.Alert,
	} {
		if level(wire) != word {
			t.Errorf("level(%v) = %v, want %v", wire, level(wire), word)
		}
	}
}
