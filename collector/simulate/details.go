package simulate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// detailDays are the four weeks that the compliance page counts.
const detailDays = 28

// details are events: media, breaches and minutes.
func details(ctx context.Context, t store.Tenant, o Options) error {
	return inParallel(ctx, o.Devices, func(ctx context.Context, i int) error {
		r := o.of(i, "details")
		var all []triage.Arrival
		add := func(at time.Time, a triage.Arrival) {
			sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %d", o.Seed, i, len(all)))
			a.Device, a.Event, a.Seq = idOf(i), ulid.ID(sum[:16]), uint64(len(all)+1)
			a.At, a.ReceivedAt, a.Audience = at, at, vocab.Unknown
			all = append(all, a)
		}
		days := detailDays
		if o.large() {
			days = 1
		}
		careless := r.IntN(6) == 0 // some devices are left open again and again
		for day := range days {
			at := schoolDay(o.Now.AddDate(0, 0, -day))
			if day > 0 && at.YearDay() == schoolDay(o.Now.AddDate(0, 0, -day+1)).YearDay() {
				continue // a weekend
			}
			open := uint32(0)
			if careless && r.IntN(4) == 0 || r.IntN(30) == 0 {
				open = uint32(1 + r.IntN(24))
				end := time.Date(at.Year(), at.Month(), at.Day(), 8, 20+r.IntN(20), 0, 0, at.Location())
				if later := end.Add(time.Duration(r.IntN(7*60)) * time.Minute); later.Before(o.Now) {
					end = later
				}
				add(end, triage.Arrival{Kind: triage.KindUnattended, Unattended: &triage.Unattended{Seconds: 300 + 60*open, Limit: 300}})
			}
			y, m, d := at.Date()
			add(at, triage.Arrival{Kind: triage.KindLockMinutes, Lock: &triage.LockMinutes{Day: uint32(y*10000 + int(m)*100 + d),
				InUse: uint32(60 + r.IntN(200)), Locked: uint32(r.IntN(90)), Unattended: open}})
		}
		for n := range r.IntN(8) / 6 * (1 + r.IntN(3)) {
			at := schoolDay(o.Now.Add(-time.Duration(1+r.IntN(detailDays*24)) * time.Hour))
			add(at, triage.Arrival{Kind: triage.KindMedia, Media: mediumOf(r, i, n)})
		}
		_, err := t.Ingest(ctx, all)
		return err
	})
}

var makers = []struct{ vendor, product, maker, name string }{
	{"0781", "5567", "SanDisk", "Cruzer Blade"}, {"0951", "1666", "Kingston", "DataTraveler"}, {"058f", "6387", "", "Flash Disk"},
}

func mediumOf(r *rand.Rand, i, n int) *triage.Media {
	make := makers[r.IntN(len(makers))]
	m := &triage.Media{Visit: [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16), byte(n)}, Step: triage.MediaRemoved, Kind: triage.KindStick, VendorID: make.vendor, ProductID: make.product,
		Vendor: make.maker, Product: make.name, FileSystem: "vfat", Size: 8 << 30 << r.IntN(3), Encryption: triage.NotEncrypted, Mounted: true,
		Permitted: true, Why: checks.USBPermit, Permit: "school-stick", Scan: triage.ScanClean, FilesScanned: uint32(4 + r.IntN(400)), BytesScanned: 1 << 30}
	switch r.IntN(24) {
	case 0:
		m.Scan, m.Threats = triage.ScanInfected, []string{"Win.Test.EICAR_HDB-1"}
	case 1, 2, 3:
		m.Permitted, m.Why, m.Permit = false, checks.USBNoPermit, ""
		m.Scan, m.ScanWhy = triage.ScanNotScanned, checks.ScanNoScanner
	case 4:
		m.Permitted, m.Why = false, checks.USBNotEncrypted
	case 5:
		m.Permitted, m.Why, m.Scan, m.ScanWhy = false, checks.USBExpired, triage.ScanNotScanned, checks.ScanGone
	case 6:
		m.Kind, m.Permitted, m.Why, m.Permit, m.Scan, m.Mounted = triage.KindPhone, false, checks.USBNoPermit, "", triage.ScanNotAsked, false
	case 7, 8:
		m.ReadOnly, m.Writable = true, true
	case 9, 10, 11, 12:
		m.FileSystem, m.Encryption = "crypto_LUKS", triage.LUKS
		m.Scan, m.ScanWhy, m.FilesScanned, m.BytesScanned = triage.ScanNotScanned, checks.ScanLocked, 0, 0
	}
	if m.Scan != triage.ScanClean && m.Scan != triage.ScanInfected {
		m.FilesScanned, m.BytesScanned = 0, 0
	}
	return m
}
