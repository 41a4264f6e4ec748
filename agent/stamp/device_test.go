package stamp

import (
	"strings"
	"testing"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestEventsOfTheDevice: each is valid once the spool has numbered it, and a
// medium's case says what was seen, in its limits.
func TestEventsOfTheDevice(t *testing.T) {
	var kept []*lapwingv1.Event
	s := New(func(e *lapwingv1.Event) error { kept = append(kept, e); return nil },
		func() *lapwingv1.DeviceTime {
			return &lapwingv1.DeviceTime{WallMs: 1, MonoMs: 1, Boot: make([]byte, 16)}
		})
	m := &lapwingv1.Media{Visit: make([]byte, 16), Step: lapwingv1.MediaStep_MEDIA_STEP_SCANNED, Kind: lapwingv1.MediaKind_MEDIA_KIND_STICK,
		Vendor: strings.Repeat("v", 64), Product: strings.Repeat("p", 64), Label: "L", SizeBytes: 16 << 30,
		Encryption: lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE, Scan: lapwingv1.MediaScan_MEDIA_SCAN_INFECTED, Threats: []string{strings.Repeat("t", 128), "u"}}
	for _, err := range []error{
		s.Media("pupil", m), s.Unattended(&lapwingv1.Unattended{Seconds: 400, LimitSeconds: 300}), s.LockMinutes(&lapwingv1.LockMinutes{Day: 20261123}),
		s.MediaCase("pupil", m, true), s.MediaCase("", m, false),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range kept {
		e.Seq = uint64(i + 1)
		if err := e.Validate(); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
	if kept[0].Account != "pupil" || kept[1].Account != "" || kept[3].Lane != lapwingv1.Lane_LANE_URGENT || kept[4].Lane != lapwingv1.Lane_LANE_ROUTINE {
		t.Errorf("accounts or lanes: %v", kept)
	}
}
