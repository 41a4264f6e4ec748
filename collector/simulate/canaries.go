package simulate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// canaries are one week's test phrases: most devices are asked once, on one of
// the last school days before at, and answer as they are. Weeks ago fewer were asked.
func canaries(ctx context.Context, t store.Tenant, o Options, at time.Time, weeksAgo int) error {
	return inParallel(ctx, o.Devices, func(ctx context.Context, i int) error {
		r := o.of(i, fmt.Sprint("canary", store.MondayOf(at).Unix()))
		report, heard := reportOf(o, i, at, weeksAgo)
		if !heard || at.Sub(report.Seen) > 7*24*time.Hour || r.IntN(1000) >= 950-40*weeksAgo {
			return nil // silent, or nobody asked it that week
		}
		last, err := t.Canaries(ctx, idOf(i), 1)
		if err != nil || len(last) > 0 && at.Sub(last[0].Asked) < 6*24*time.Hour {
			return err // from a run before
		}
		asked := schoolDay(at.Add(-time.Duration(r.IntN(4*24*60)) * time.Minute))
		c := store.Canary{Device: idOf(i), Nonce: o.sum(i, "nonce", asked), Asked: asked, By: audit.System()}
		if err := t.AskCanary(ctx, c); err != nil {
			return err
		}
		said, ok := answerOf(r, report)
		if !ok {
			return nil // and no answer came
		}
		said.Nonce = c.Nonce
		answered := asked.Add(time.Duration(said.TookMillis)*time.Millisecond + 900*time.Millisecond)
		_, err = t.Ingest(ctx, []triage.Arrival{{Kind: triage.KindCanary, Device: c.Device, Event: ulid.ID(o.sum(i, "answer", asked)), Seq: uint64(asked.Unix()),
			At: answered, ReceivedAt: answered, Audience: vocab.Unknown, Canary: &said}})
		return err
	})
}

// sum is an id that is the same in every run.
func (o Options) sum(i int, what string, at time.Time) [16]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s %d", o.Seed, i, what, at.UnixNano()))
	return [16]byte(sum[:16])
}

// schoolDay is a time between 8 and 16 o'clock of a weekday, that day or before.
func schoolDay(at time.Time) time.Time {
	y, m, d := at.Date()
	into := time.Duration(at.Hour()*60+at.Minute()) % (8 * 60) * time.Minute
	for back := 0; ; back++ {
		day := time.Date(y, m, d-back, 8, 0, at.Second(), 0, at.Location()).Add(into)
		if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && !day.After(at) {
			return day
		}
	}
}

// answerOf is what a device answers, by what its sensor of typed text says; false
// when nothing comes back.
func answerOf(r *rand.Rand, report store.DeviceReport) (triage.Canary, bool) {
	c := triage.Canary{Result: triage.CanaryFull, TookMillis: uint32(1800 + r.IntN(9000))}
	switch n := r.IntN(1000); {
	case report.Coverage[0].Code == conditions.RightMissing:
		c.Result, c.Code = triage.CanaryFailed, conditions.CanaryUnheard
	case report.Coverage[0].Code == conditions.NoDisplay:
		c.Result, c.Code = triage.CanaryNoSession, conditions.NoSession
	case n < 5:
		c.Result, c.Code = triage.CanaryFailed, conditions.CanaryUnheard
	case n < 25:
		c.Result, c.Code = triage.CanaryPartial, conditions.CanaryUntyped
	case n < 35:
		c.Result, c.Code = triage.CanaryAborted, conditions.CanaryInUse
	case n < 45:
		c.Result, c.Code = triage.CanaryLocked, conditions.ScreenLocked
	case n < 55:
		c.Result, c.Code = triage.CanaryNoSession, conditions.NoSession
	case n < 60:
		return c, false
	}
	return c, true
}

// byHand are the checks on monitoring that people did in the last year.
func byHand(ctx context.Context, t store.Tenant, o Options) error {
	known, err := t.MonitoringChecks(ctx, o.Now.AddDate(-1, 0, 0))
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	for _, k := range known {
		if !k.Automatic {
			return nil // from a run before
		}
	}
	who := audit.Who{Name: "S. Brack", Via: audit.ViaCommand}
	for i, k := range []store.MonitoringCheck{
		{What: "The agreed phrase was typed at a library laptop, and looked for in the queue", Device: "Windows laptop", Place: "Library", Users: "Year 8",
			Result: checks.Pass, Note: "In the queue after 3 seconds."},
		{What: "The agreed phrase was typed at home", Device: "Loan laptop", Place: "At home", Users: "Year 10", Result: checks.Pass,
			Note: "Arrived when the laptop was back on a network."},
		{What: "The filter’s test address was opened", Device: "Chromebook", Place: "Art room", Users: "Year 9", Result: checks.Unknown,
			Note: "The page did not load at all. To be tried again."},
		{What: "The agreed phrase was typed on a staff laptop", Device: "MacBook", Place: "Staff room", Users: "Staff", Result: checks.Fail,
			Note: "The accessibility permission was missing; given, and tried again with success."},
	} {
		k.By, k.At = who, schoolDay(o.Now.AddDate(0, 0, -24-75*i))
		k.ID = ulid.ID(o.sum(i, "by hand", k.At))
		if err := t.PutMonitoringCheck(ctx, k); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
	}
	return nil
}
