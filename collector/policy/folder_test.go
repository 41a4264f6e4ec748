package policy_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// edited is a policy folder and what watches it.
type edited struct {
	t    *testing.T
	dir  string
	key  ed25519.PrivateKey
	s    *school
	to   *policy.Publisher
	seen *policy.Folder
}

func newEdited(t *testing.T) *edited { return newEditedOf(t, collectortest.Rules("one")) }

func newEditedOf(t *testing.T, shipped fs.FS) *edited {
	e := &edited{t: t, dir: t.TempDir(), key: newKey(t), s: newSchool()}
	var err error
	e.to, err = policy.New(policy.Config{Rules: shipped, Form: collectortest.Form(), Key: e.key, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	e.seen = policy.NewFolder(e.dir, shipped, e.to)
	return e
}

func (e *edited) write(name, text string) {
	e.t.Helper()
	path := filepath.Join(e.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

func (e *edited) get(g policy.Group) *lapwingv1.Policy {
	e.t.Helper()
	signed, _, err := e.to.Current(e.t.Context(), e.s, g)
	if err != nil {
		e.t.Fatal(err)
	}
	p, err := policydoc.Open(signed, e.key.Public().(ed25519.PublicKey))
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

// ours is the shipped policy with some words replaced, proposed and approved by
// two people of a school.
func ours(replace ...string) string {
	all := append([]string{"proposed_by: Lapwing, as shipped", "proposed_by: J. Okafor",
		"approved_by: the school, by using it unchanged", "approved_by: M. Hale"}, replace...)
	return strings.NewReplacer(all...).Replace(string(configs.Policy))
}

func TestASchoolsOwnPolicy(t *testing.T) {
	e := newEdited(t)
	laptops := policy.Group{Name: "laptops", Audience: vocab.GroupPupil}
	if p := e.get(laptops); p.ProposedBy != "Lapwing, as shipped" || p.Schedule.Outside != lapwingv1.Outside_OUTSIDE_URGENT {
		t.Fatalf("before: %q, %v", p.ProposedBy, p.Schedule.Outside)
	}
	e.write("policy.yaml", ours("outside: urgent", "outside: nothing", "excerpt_chars: 200", ""))
	if err := e.seen.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := e.get(laptops)
	if p.Version != 2 || p.ProposedBy != "J. Okafor" || p.ApprovedBy != "M. Hale" || p.Schedule.Outside != lapwingv1.Outside_OUTSIDE_NOTHING {
		t.Errorf("after: version %d, %q, %q, %v", p.Version, p.ProposedBy, p.ApprovedBy, p.Schedule.Outside)
	}
	if staff := e.get(policy.Group{Name: "office", Audience: vocab.GroupStaff}); len(staff.Schedule.Categories) != 3 {
		t.Errorf("staff are watched for %v", staff.Schedule.Categories)
	}
	// The school of several that has a file of its own.
	e.write("demo/policy.yaml", ours("approved_by: the school, by using it unchanged", "approved_by: somebody else", "shipped-1", "autumn"))
	if err := e.seen.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := e.get(laptops); p.Version != 3 || p.Notice.Version != "autumn" {
		t.Errorf("own file: version %d, notice %q", p.Version, p.Notice.Version)
	}
	if err := os.RemoveAll(filepath.Join(e.dir, "demo")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(e.dir, "policy.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := e.seen.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := e.get(laptops); p.Version != 4 || p.ProposedBy != "Lapwing, as shipped" {
		t.Errorf("with the files gone: version %d by %q", p.Version, p.ProposedBy)
	}
}

func TestABrokenEditKeepsTheLastGood(t *testing.T) {
	e := newEdited(t)
	laptops := policy.Group{Name: "laptops"}
	e.write("policy.yaml", ours())
	if err := e.seen.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := e.get(laptops)
	big := "pack: big\nversion: 1\nrules:\n" + strings.Repeat("  - {id: x}\n", 1_000_000)
	for name, c := range map[string]struct{ file, text, want string }{
		"unknown field":   {"policy.yaml", ours("zone:", "sone:"), "policy.yaml:"},
		"floor lowered":   {"policy.yaml", ours("heartbeat_seconds: 60", "excerpt_chars: 4000"), "excerpt_chars: 4000, must be 1 to 200"},
		"no pack of help": {"policy.yaml", ours("    limits:\n      heartbeat_seconds: 60", "    packs: {without: [weather]}"), "groups.pupil.packs: names a pack"},
		"broken pack":     {"rules/own.yaml", "pack: own\nversion: 1\nrules: [{id: 7}]", "own.yaml"},
		"10 MB of a pack": {"rules/big.yaml", big, "big.yaml: is larger than"},
		"folders too big": {"rules/huge.bin", strings.Repeat("x", 33<<20), "bytes in all"},
	} {
		t.Run(name, func(t *testing.T) {
			e.t = t
			e.write(c.file, c.text)
			if err := e.seen.Look(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || e.seen.Last().Problem == "" {
				t.Errorf("look: %.200v, want %q", err, c.want)
			}
			if p := e.get(laptops); p.Version != good.Version {
				t.Errorf("version %d is in force, want %d", p.Version, good.Version)
			}
			if c.file != "policy.yaml" {
				if err := os.Remove(filepath.Join(e.dir, c.file)); err != nil {
					t.Fatal(err)
				}
			}
			e.write("policy.yaml", ours())
			if err := e.seen.Look(t.Context()); err != nil || e.seen.Last().Problem != "" {
				t.Errorf("mended: %v, %q", err, e.seen.Last().Problem)
			}
		})
	}
}

// TestTenMegabytesOfPacks: many good packs, more than a policy may have.
func TestTenMegabytesOfPacks(t *testing.T) {
	e := newEdited(t)
	before := e.get(policy.Group{Name: "laptops"}).Version
	var pack strings.Builder
	for n := range 20 {
		pack.Reset()
		fmt.Fprintf(&pack, "pack: own-%d\nversion: 1\ntitle: Own\nlanguage: en\nreview: reviewed\nrules:\n", n)
		for r := 0; pack.Len() < 512<<10; r++ {
			fmt.Fprintf(&pack, "  - {id: own-%d-%d, version: 1, title: Own, category: drugs, four_c: content, severity: low, level: log, phrases: [word%d thing%d other%d]}\n", n, r, r*7+n, r*13+n, r)
		}
		e.write(fmt.Sprintf("rules/own-%d.yaml", n), pack.String())
	}
	err := e.seen.Look(t.Context())
	t.Logf("answer: %.200v", err)
	signed, version, cerr := e.to.Current(t.Context(), e.s, policy.Group{Name: "laptops"})
	switch {
	case err != nil && version == before: // refused as a whole
	case err == nil && cerr != nil: // too large to keep: devices go on with what they have
	case err == nil && len(signed.Document) <= lapwingv1.MaxPolicy: // it fits
	default:
		t.Errorf("version %d, look %v, current %v", version, err, cerr)
	}
}

// TestPacksOnOffAndDown: a group without a pack has none of its rules, and one
// that only logs has them at level log.
func TestPacksOnOffAndDown(t *testing.T) {
	e := newEditedOf(t, configs.Rules())
	full := e.get(policy.Group{Name: "laptops"})
	e.write("policy.yaml", ours("    limits:\n      heartbeat_seconds: 60", "    packs: {without: [gambling], log_only: [drugs]}"))
	if err := e.seen.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	part := e.get(policy.Group{Name: "laptops"})
	hits := func(p *lapwingv1.Policy, c vocab.Category) (n, alerts int) {
		engine, err := detect.Load(p.Rules)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range e.to.Rules() {
			for _, line := range r.Hit {
				if h := engine.Match(line, detect.Options{}); r.Categories[0] == c {
					n += len(h)
					for _, hit := range h {
						if hit.Rule == r.ID && hit.Level == vocab.Alert {
							alerts++
						}
					}
				}
			}
		}
		return n, alerts
	}
	before, _ := hits(full, vocab.Gambling)
	after, _ := hits(part, vocab.Gambling)
	drugs, alerts := hits(part, vocab.Drugs)
	if _, was := hits(full, vocab.Drugs); before == 0 || after >= before || drugs == 0 || was == 0 || alerts != 0 {
		t.Errorf("gambling hits %d, then %d; drugs %d with %d alerts of %d", before, after, drugs, alerts, was)
	}
	staff := e.get(policy.Group{Name: "x", Audience: vocab.GroupStaff})
	if n, _ := hits(staff, vocab.Gambling); n != before {
		t.Error("another group lost the pack too")
	}
}

// TestEditedWhileRead writes on while the folder is looked at: what is in force
// is always one of the whole edits, never a mixture.
func TestEditedWhileRead(t *testing.T) {
	e := newEdited(t)
	edit := func(n int) string {
		return ours("shipped-1", fmt.Sprintf("n%d", n), "proposed_by: J. Okafor", fmt.Sprintf("proposed_by: P%d", n), "proposed_by: Lapwing, as shipped", fmt.Sprintf("proposed_by: P%d", n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			e.write("policy.yaml", edit(n))
		}
	})
	for range 20 {
		_ = e.seen.Look(t.Context()) // half a file is an edit that is not taken
		if p := e.get(policy.Group{Name: "laptops"}); strings.HasPrefix(p.ProposedBy, "P") && "n"+p.ProposedBy[1:] != p.Notice.Version {
			t.Fatalf("a mixture: %q with notice %q", p.ProposedBy, p.Notice.Version)
		}
	}
	cancel()
	wg.Wait()
	e.write("policy.yaml", edit(0))
	if err := e.seen.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := e.get(policy.Group{Name: "laptops"}); p.Notice.Version != "n0" {
		t.Errorf("at the end: %q", p.Notice.Version)
	}
}

// TestRunFollowsEdits is the way of the program: whoever waits for a change is
// told of it.
func TestRunFollowsEdits(t *testing.T) {
	e := newEditedOf(t, configs.Rules())
	laptops := policy.Group{Name: "laptops"}
	e.get(laptops)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.seen.Run(ctx) }()
	for _, name := range []string{"policy.yaml", "demo/policy.yaml"} {
		changed := e.to.Changed(1, laptops)
		start := time.Now()
		e.write(name, ours("shipped-1", strings.ReplaceAll(name, "/", "-")))
		<-changed
		t.Logf("%s in force after %v", name, time.Since(start))
	}
	if p := e.get(laptops); p.Notice.Version != "demo-policy.yaml" {
		t.Errorf("in force: %q", p.Notice.Version)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestOutrun: a device that moves takes the policy of its new group.
func TestOutrun(t *testing.T) {
	e := newEdited(t)
	from, to := policy.Group{Name: "laptops"}, policy.Group{Name: "lab"}
	for n := range 3 {
		e.write("policy.yaml", ours("shipped-1", fmt.Sprintf("v%d", n)))
		if err := e.seen.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.get(from)
	}
	e.get(to)
	if err := e.to.Outrun(t.Context(), e.s, from, to); err != nil {
		t.Fatal(err)
	}
	if a, b := e.get(from), e.get(to); b.Version <= a.Version || b.Group != "lab" {
		t.Errorf("from %d to %d of %q", a.Version, b.Version, b.Group)
	}
}

// TestNoPolicyTurnsSuicideOff: what no school may do in the console, no file does.
func TestNoPolicyTurnsSuicideOff(t *testing.T) {
	e := newEditedOf(t, configs.Rules())
	for _, packs := range []string{"{without: [suicide]}", "{log_only: [self-harm]}", "{only: [drugs]}"} {
		e.write("policy.yaml", ours("    limits:\n      heartbeat_seconds: 60", "    packs: "+packs))
		if err := e.seen.Look(t.Context()); err == nil || !strings.Contains(err.Error(), "suicide and self-harm stay on") {
			t.Errorf("%s: %v", packs, err)
		}
	}
}
