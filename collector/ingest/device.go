package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// media keeps what a technician may know of a medium in the clear, and seals
// its label: a person chose it.
func (b *builder) media(ctx context.Context, who caseflow.PersonKey, m *lapwingv1.Media) (*triage.Media, error) {
	out := &triage.Media{
		Visit: [16]byte(m.Visit), Step: triage.MediaStep(m.Step), Kind: triage.MediaKind(m.Kind),
		VendorID: m.VendorId, ProductID: m.ProductId, Vendor: m.Vendor, Product: m.Product, Serial: m.Serial,
		FileSystem: m.FileSystem, Size: m.SizeBytes, Encryption: triage.Encryption(m.Encryption),
		Mounted: m.Mounted, Permitted: m.Permitted, Blocked: m.Blocked, Why: m.Why, Permit: m.Permit,
		ReadOnly: m.ReadOnly, Writable: m.Writable,
		Scan: triage.Scan(m.Scan), ScanWhy: m.ScanWhy, Threats: m.Threats, FilesScanned: m.FilesScanned, BytesScanned: m.BytesScanned,
	}
	if m.Label == "" {
		return out, nil
	}
	var err error
	if out.Label, err = b.core.vault.Seal(ctx, b.tenant, b.tenant.Info().ID, who, vault.MediaLabel, []byte(m.Label)); err != nil {
		return nil, fmt.Errorf("seal volume label: %w", err)
	}
	return out, nil
}

func lockMinutes(m *lapwingv1.LockMinutes) *triage.LockMinutes {
	return &triage.LockMinutes{Day: m.Day, InUse: m.InUse, Locked: m.Locked, Unattended: m.Unattended}
}

// checkReport is a device's word on its checks by the collector's clock.
func checkReport(id caseflow.DeviceID, p *lapwingv1.PostureReport, now time.Time) store.CheckReport {
	r := store.CheckReport{ID: id, At: now, Checks: make([]store.CheckState, 0, len(p.Checks))}
	for _, c := range p.Checks {
		s := store.CheckState{ID: c.Id, State: checks.Unknown, Detail: c.Detail, Since: now}
		switch c.State {
		case lapwingv1.CheckState_CHECK_STATE_PASS:
			s.State = checks.Pass
		case lapwingv1.CheckState_CHECK_STATE_FAIL:
			s.State = checks.Fail
		}
		// How long ago by the device's own clock, which may be wrong as a whole.
		if age := time.Duration(p.WallMs-c.SinceMs) * time.Millisecond; c.SinceMs > 0 && age > 0 && age < maxSince {
			s.Since = now.Add(-age)
		}
		r.Checks = append(r.Checks, s)
	}
	for _, f := range p.Facts {
		r.Facts = append(r.Facts, store.Fact{ID: f.Id, Value: f.Value})
	}
	return r
}

// maxSince bounds how far back a device may say that a check stands as it does.
const maxSince = 5 * 365 * 24 * time.Hour
