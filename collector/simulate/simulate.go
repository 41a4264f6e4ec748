// Package simulate fills a school with devices that were never there, for
// demonstrations and measurements: a fleet with believable posture and faults.
// It names no person. The same seed gives the same fleet.
//
// It may import collector/audit, collector/store, collector/triage, internal/checks and
// internal/conditions; never a store's implementation.
package simulate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Options of a fleet.
type Options struct {
	Devices int // 1 to 100,000
	Groups  int // 1 to 1,000; 0: one for each 30 devices, at most 30
	Now     time.Time
	Seed    uint64
	// Weeks is how many weeks of roll-ups are kept before now.
	Weeks int
	// Details gives devices test phrases, media, breaches and lock minutes too, and
	// the school a record of checks by hand. Of more than 5,000 devices it is what
	// one day brought, so that a trust is filled in minutes.
	Details bool
}

// large fleets have one day of details.
func (o Options) large() bool { return o.Devices > 5000 }

// workers share the store's commits.
const workers = 128

// Fill adds the fleet to a school. Running it again with the same seed adds
// nothing, and makes every device heard of again.
func Fill(ctx context.Context, t store.Tenant, o Options) error {
	if o.Devices < 1 || o.Devices > 100_000 || o.Groups < 0 || o.Groups > 1000 {
		return fmt.Errorf("simulate: %d devices in %d groups: must be 1 to 100,000 in up to 1,000", o.Devices, o.Groups)
	}
	if o.Groups == 0 {
		o.Groups = min(max(o.Devices/30, 1), 30)
	}
	if err := enrol(ctx, t, o); err != nil {
		return err
	}
	// Weeks first, each as that week might have looked; then today.
	for week := o.Weeks; week >= 0; week-- {
		at := o.Now.AddDate(0, 0, -7*week)
		if err := say(ctx, t, o, at, week); err != nil {
			return err
		}
		if o.Details && (week == 0 || !o.large()) {
			if err := canaries(ctx, t, o, at, week); err != nil {
				return err
			}
		}
		if err := t.KeepWeek(ctx, at); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
	}
	if !o.Details {
		return nil
	}
	if err := byHand(ctx, t, o); err != nil {
		return err
	}
	return details(ctx, t, o)
}

// group is a place, and whether what is there leaves the building.
type group struct {
	name     string
	audience vocab.GroupAudience
}

var places = []group{
	{"Year 7 trolley A", vocab.GroupPupil}, {"Staff", vocab.GroupStaff}, {"Year 8 trolley A", vocab.GroupPupil}, {"Library", vocab.GroupMixed},
	{"Art room", vocab.GroupPupil}, {"Loan", vocab.GroupPupil}, {"Year 7 trolley B", vocab.GroupPupil}, {"Science", vocab.GroupPupil},
	{"Office", vocab.GroupStaff}, {"Year 9 trolley A", vocab.GroupPupil},
}

func groupOf(i int) group {
	g := places[i%len(places)]
	if i >= len(places) {
		g.name = fmt.Sprintf("%s %d", g.name, i/len(places)+1)
	}
	return g
}

func idOf(i int) caseflow.DeviceID { return caseflow.DeviceID(fmt.Sprintf("sim-%06d", i)) }

// of is the randomness of one device: the same in every run and week.
func (o Options) of(i int, what string) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", o.Seed, i, what))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
}

func enrol(ctx context.Context, t store.Tenant, o Options) error {
	tokens := make([][32]byte, o.Groups)
	for g := range tokens {
		tokens[g] = sha256.Sum256(fmt.Appendf(nil, "simulated %d %d %d", o.Seed, g, o.Devices))
		where := groupOf(g)
		err := t.CreateToken(ctx, store.Token{Hash: tokens[g], Group: where.name, Audience: where.audience, Uses: o.Devices,
			Expires: o.Now.Add(time.Hour), Created: o.Now})
		if err != nil && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("simulate: %w", err)
		}
	}
	return inParallel(ctx, o.Devices, func(ctx context.Context, i int) error {
		kind := kindOf(o, i)
		d := store.Device{ID: idOf(i), Host: hostOf(o, i), OS: kind.os, OSText: kind.text, Arch: "amd64",
			CertSerial: fmt.Sprintf("%08x", i), CertExpires: o.Now.AddDate(0, 0, 20)}
		_, err := t.Enrol(ctx, tokens[i%o.Groups], d, o.Now.AddDate(0, -3, 0))
		if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrTokenUsed) || errors.Is(err, store.ErrTokenExpired) {
			return nil // from a run before
		}
		return err
	})
}

type system struct{ os, text string }

func kindOf(o Options, i int) system {
	switch n := o.of(i, "system").IntN(100); {
	case n < 62:
		return system{"windows", "Windows 11"}
	case n < 72:
		return system{"windows", "Windows 10"}
	case n < 92:
		return system{"linux", "Ubuntu 24.04"}
	}
	return system{"darwin", "macOS 15"}
}

func hostOf(o Options, i int) string {
	if kindOf(o, i).os == "darwin" {
		return fmt.Sprintf("PGS-MB-%05d", i)
	}
	return fmt.Sprintf("PGS-LT-%05d", i)
}

// inParallel runs fn for 0 to n-1, and stops at the first error.
func inParallel(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				if err := fn(ctx, i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return nil
}

// say is every device's word at one time; weeks ago things were a little worse.
func say(ctx context.Context, t store.Tenant, o Options, at time.Time, weeksAgo int) error {
	reports := make([]store.DeviceReport, 0, o.Devices)
	said := make([]store.CheckReport, 0, o.Devices)
	for i := range o.Devices {
		if r, ok := reportOf(o, i, at, weeksAgo); ok {
			reports = append(reports, r)
			said = append(said, checksOf(o, i, at, weeksAgo))
		}
	}
	for from := 0; from < len(reports); from += 1000 {
		to := min(from+1000, len(reports))
		if err := t.Report(ctx, reports[from:to]); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		if err := t.ReportChecks(ctx, said[from:to]); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
	}
	return nil
}

// reportOf is a device's heartbeat; false when it was never heard of.
func reportOf(o Options, i int, at time.Time, weeksAgo int) (store.DeviceReport, bool) {
	r := o.of(i, "report")
	report := store.DeviceReport{ID: idOf(i), Seen: at, Host: hostOf(o, i), OSText: kindOf(o, i).text, AgentVersion: "1.4.2",
		Connected: true, Sessions: uint32(r.IntN(2)), PolicyVersion: 3}
	if r.IntN(20) == 0 {
		report.AgentVersion = "1.3.0"
	}
	switch n := r.IntN(1000); {
	case n < 2:
		return report, false
	case n < 20: // lost in the summer
		report.Connected, report.Seen = false, o.Now.AddDate(0, 0, -118)
	case n < 300: // shut down over night
		report.Connected, report.Goodbye, report.Seen = false, "shutdown", at.Add(-time.Duration(r.IntN(900))*time.Minute)
	}
	since := o.Now.AddDate(0, 0, -3-r.IntN(60))
	for _, s := range []string{"text", "window", "usb", "lock", "posture"} {
		report.Coverage = append(report.Coverage, store.SensorState{Sensor: s, State: "ok", Since: since})
	}
	late := weeksAgo * 3 // more devices had this before
	switch n := r.IntN(1000); {
	case n < 12+late:
		report.Coverage[0] = store.SensorState{Sensor: "text", State: "off", Code: conditions.NoDisplay, Since: since}
	case n < 22+late:
		report.Coverage[0] = store.SensorState{Sensor: "text", State: "off", Code: conditions.RightMissing, Since: since}
		report.Coverage[1] = store.SensorState{Sensor: "window", State: "off", Code: conditions.RightMissing, Since: since}
	case n < 40:
		report.Coverage[3] = store.SensorState{Sensor: "lock", State: "limited", Code: conditions.LockSourceMissing, Since: since}
	}
	return report, true
}

// odds are how many of a thousand devices fail a check, and cannot tell.
var odds = map[string]struct{ fail, unknown int }{
	checks.DiskEncryption: {50, 15}, checks.OSUpdated: {40, 10}, checks.UpdatesPending: {55, 12}, checks.RebootNeeded: {30, 0},
	checks.AntiMalware: {12, 7}, checks.LockPolicy: {10, 36}, checks.FilterOn: {0, 24}, checks.Firewall: {4, 5},
	checks.LocalAdmins: {15, 4}, checks.TPM: {8, 20}, checks.SecureBoot: {14, 12}, checks.AITools: {9, 0}, checks.Software: {7, 2},
	checks.GuestAccount: {2, 0}, checks.AutoLogin: {3, 0}, checks.PasswordPolicy: {6, 10}, checks.Autorun: {3, 5}, checks.AgentHealth: {4, 0},
}

// found is what a failing check says.
var found = map[string]string{
	checks.DiskEncryption: "the system's volume is not encrypted", checks.OSSupported: "Windows 10 has had no updates since 14 October 2025",
	checks.OSUpdated: "last updated 31 days ago", checks.UpdatesPending: "4 security updates wait", checks.RebootNeeded: "a restart has waited for 9 days",
	checks.AntiMalware: "signatures are 11 days old", checks.LockPolicy: "the screen locks after 30 minutes", checks.Firewall: "off for the public profile",
	checks.LocalAdmins: "3 administrators", checks.TPM: "turned off in the firmware", checks.SecureBoot: "off", checks.AITools: "a new one: ollama",
	checks.Software: "not on the list: qbittorrent", checks.GuestAccount: "the guest account is on", checks.AutoLogin: "somebody is logged in without a password",
	checks.PasswordPolicy: "6 characters are enough", checks.Autorun: "on for all users", checks.AgentHealth: "its policy is 9 days old",
}

func checksOf(o Options, i int, at time.Time, weeksAgo int) store.CheckReport {
	out := store.CheckReport{ID: idOf(i), At: at, Facts: []store.Fact{
		{ID: "model", Value: "ThinkPad L14"}, {ID: "serial", Value: fmt.Sprintf("5CG%05d", i)}, {ID: "memory", Value: "8 GB"},
	}}
	for _, c := range checks.All() {
		r := o.of(i, c.ID)
		since := o.Now.AddDate(0, 0, -2-r.IntN(80))
		s := store.CheckState{ID: c.ID, State: checks.Pass, Since: since}
		odd := odds[c.ID]
		fail := odd.fail + odd.fail*weeksAgo/8
		if c.ID == checks.OSSupported && kindOf(o, i).text == "Windows 10" {
			fail = 1000
		}
		switch n := r.IntN(1000); {
		case n < fail:
			s.State, s.Detail = checks.Fail, cmp.Or(found[c.ID], "found so")
		case n >= 1000-odd.unknown:
			s.State, s.Detail = checks.Unknown, "the reading timed out"
		}
		out.Checks = append(out.Checks, s)
	}
	return out
}
