package ingest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func routine(events ...*lapwingv1.Event) *lapwingv1.Batch {
	b := batch()
	b.Lane = lapwingv1.Lane_LANE_ROUTINE
	for i, e := range events {
		base := event(uint64(i + 1))
		base.Lane, base.Body = b.Lane, e.Body
		b.Events = append(b.Events, base)
	}
	return b
}

// TestWhatDevicesSayOfThemselves: media, breaches and minutes arrive as such,
// and a volume label, which a person chose, is sealed for that person.
func TestWhatDevicesSayOfThemselves(t *testing.T) {
	f, s := newFixture(t), newSchool()
	media := &lapwingv1.Media{
		Visit: []byte("0123456789abcdef"), Step: lapwingv1.MediaStep_MEDIA_STEP_SCANNED, Kind: lapwingv1.MediaKind_MEDIA_KIND_DISK,
		VendorId: "46f4", ProductId: "0001", Vendor: "QEMU", Product: "HARDDRIVE", Serial: make([]byte, 32), Label: "planted label",
		FileSystem: "vfat", SizeBytes: 5, Encryption: lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_LUKS, Mounted: true, Permitted: true,
		Why: "usb_permit", Permit: "p", Scan: lapwingv1.MediaScan_MEDIA_SCAN_INFECTED, ScanWhy: "w", Threats: []string{"Eicar"},
		FilesScanned: 2, BytesScanned: 3, Blocked: true,
	}
	b := routine(
		&lapwingv1.Event{Body: &lapwingv1.Event_Media{Media: media}},
		&lapwingv1.Event{Body: &lapwingv1.Event_Unattended{Unattended: &lapwingv1.Unattended{Seconds: 400, LimitSeconds: 300}}},
		&lapwingv1.Event{Body: &lapwingv1.Event_LockMinutes{LockMinutes: &lapwingv1.LockMinutes{Day: 20261121, InUse: 1, Locked: 2, Unattended: 3}}},
	)
	ack, err := f.core.Accept(t.Context(), s, laptop, b)
	if err != nil || ack.Upto != 3 || ack.Refused != 0 {
		t.Fatalf("%v, %v", ack, err)
	}
	m := *s.kept[0].Media
	label, err := f.vault.Unseal(t.Context(), s, 7, s.kept[0].Person, vault.MediaLabel, m.Label)
	if err != nil || string(label) != "planted label" || strings.Contains(string(m.Label), "planted") {
		t.Errorf("label %q, %v", label, err)
	}
	m.Label = nil
	want := triage.Media{
		Visit: [16]byte([]byte("0123456789abcdef")), Step: triage.MediaScanned, Kind: triage.KindDisk, VendorID: "46f4", ProductID: "0001",
		Vendor: "QEMU", Product: "HARDDRIVE", Serial: make([]byte, 32), FileSystem: "vfat", Size: 5, Encryption: triage.LUKS,
		Mounted: true, Permitted: true, Blocked: true, Why: "usb_permit", Permit: "p", Scan: triage.ScanInfected, ScanWhy: "w",
		Threats: []string{"Eicar"}, FilesScanned: 2, BytesScanned: 3,
	}
	if d := cmp.Diff(want, m); d != "" {
		t.Errorf("medium (-want +got):\n%s", d)
	}
	if got := s.kept[1]; got.Kind != triage.KindUnattended || *got.Unattended != (triage.Unattended{Seconds: 400, Limit: 300}) {
		t.Errorf("breach %+v", got)
	}
	if got := s.kept[2]; got.Kind != triage.KindLockMinutes || *got.Lock != (triage.LockMinutes{Day: 20261121, InUse: 1, Locked: 2, Unattended: 3}) {
		t.Errorf("minutes %+v", got)
	}
	if strings.Contains(f.log.String(), "planted") {
		t.Errorf("the log holds content: %s", f.log)
	}
}
