package policy

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/policydoc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBadRules = errors.New("bad magic")

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func config(dir string) Config {
	return Config{
		Path:   filepath.Join(dir, "policy"),
		School: "st-anne",
		Key:    testKey("school").Public().(ed25519.PublicKey),
		CheckRules: func(rules []byte) error {
			if strings.HasPrefix(string(rules), "bad") {
				return errBadRules
			}
			return nil
		},
	}
}

type fatal interface {
	Helper()
	Fatal(args ...any)
}

func sign(t fatal, version uint64, rules string) *lapwingv1.SignedPolicy {
	t.Helper()
	return signBy(t, "school", &lapwingv1.Policy{Version: version, School: "st-anne", IssuedMs: 1, Rules: []byte(rules)})
}

func signBy(t fatal, key string, p *lapwingv1.Policy) *lapwingv1.SignedPolicy {
	t.Helper()
	s, err := policydoc.Sign(p, testKey(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t fatal, cfg Config) *Keeper {
	t.Helper()
	k, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNoPolicyYet(t *testing.T) {
	k := open(t, config(t.TempDir()))
	if k.Current() != nil || k.Version() != 0 || k.Damaged() != nil {
		t.Errorf("a new device has %v, %d, %v", k.Current(), k.Version(), k.Damaged())
	}
}

// What is passed on to sessions is what was verified, or nothing.
func TestSignedIsTheOneInForce(t *testing.T) {
	cfg := config(t.TempDir())
	k := open(t, cfg)
	if err := k.Apply(sign(t, 3, "three")); err != nil {
		t.Fatal(err)
	}
	old := k.Current()
	if err := k.Apply(sign(t, 4, "four")); err != nil {
		t.Fatal(err)
	}
	if s, err := old.Signed(); !errors.Is(err, ErrGone) {
		t.Errorf("version 3 after 4 came: %v, %v", s, err)
	}
	if s, err := k.Current().Signed(); err != nil || !proto.Equal(s, sign(t, 4, "four")) {
		t.Errorf("version 4: %v, %v", s, err)
	}
	forged, err := proto.Marshal(signBy(t, "pupil", &lapwingv1.Policy{Version: 4, School: "st-anne", IssuedMs: 1, Rules: []byte("x")}))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"forged": forged, "damaged": []byte("x"), "empty": nil} {
		if err := os.WriteFile(cfg.Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := k.Current().Signed(); !errors.Is(err, ErrGone) {
			t.Errorf("%s file: %v, %v", name, s, err)
		}
	}
	if err := os.Remove(cfg.Path); err != nil {
		t.Fatal(err)
	}
	if s, err := k.Current().Signed(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed file: %v, %v", s, err)
	}
	// The collector is asked for it anew, and the sessions get it.
	if got := k.Version(); got != 0 {
		t.Errorf("version %d in force, though no session can have it", got)
	}
	policies, stop := k.Subscribe()
	defer stop()
	<-policies
	if err := k.Apply(sign(t, 4, "four")); err != nil {
		t.Fatal(err)
	}
	if s, err := (<-policies).Signed(); err != nil || !proto.Equal(s, sign(t, 4, "four")) || k.Version() != 4 {
		t.Errorf("given again: %v, %v, version %d", s, err, k.Version())
	}
	// A file that is back is as good as one that was never away.
	if err := os.Rename(cfg.Path, cfg.Path+".away"); err != nil {
		t.Fatal(err)
	}
	_, gone := k.Current().Signed()
	if err := os.Rename(cfg.Path+".away", cfg.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Current().Signed(); gone == nil || err != nil || k.Version() != 4 {
		t.Errorf("away: %v, then back: %v, version %d", gone, err, k.Version())
	}
}

func TestApplySurvivesRestart(t *testing.T) {
	cfg := config(t.TempDir())
	k := open(t, cfg)
	s := sign(t, 3, "three")
	if err := k.Apply(s); err != nil {
		t.Fatal(err)
	}
	s.Document[0] ^= 1 // the caller's copy is the caller's
	for what, k := range map[string]*Keeper{"running": k, "restarted": open(t, cfg)} {
		f := k.Current()
		if f == nil || k.Version() != 3 || f.Policy.Rules != nil { // nil: only f.Signed has them
			t.Fatalf("%s: in force is %v", what, f)
		}
		whole, err := f.Signed()
		if err != nil {
			t.Fatal(err)
		}
		if p, err := policydoc.Open(whole, cfg.Key); err != nil || string(p.Rules) != "three" {
			t.Errorf("%s: what goes on to sessions: %v, %v", what, p, err)
		}
	}
	info, err := os.Stat(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 { // Windows has no such bits
		t.Errorf("file is %v, want 0600", mode)
	}
	mustBeAlone(t, cfg)
}

// mustBeAlone: no temporary file stays behind.
func mustBeAlone(t *testing.T, cfg Config) {
	t.Helper()
	es, err := os.ReadDir(filepath.Dir(cfg.Path))
	es = slices.DeleteFunc(es, func(e os.DirEntry) bool { return e.Name() == "policy.floor" })
	if err != nil || len(es) != 1 || es[0].Name() != "policy" {
		t.Errorf("folder holds %v, %v; want the policy and its floor alone", es, err)
	}
}

func TestRefusedKeepsTheLastGood(t *testing.T) {
	cfg := config(t.TempDir())
	k := open(t, cfg)
	if err := k.Apply(sign(t, 5, "five")); err != nil {
		t.Fatal(err)
	}
	forged := signBy(t, "pupil", &lapwingv1.Policy{Version: 6, School: "st-anne", IssuedMs: 1, Rules: []byte("x")})
	var fe *lapwingv1.FieldError
	for name, c := range map[string]struct {
		s    *lapwingv1.SignedPolicy
		want func(error) bool
	}{
		"forged":          {forged, func(err error) bool { return errors.Is(err, policydoc.ErrSignature) }},
		"older":           {sign(t, 4, "four"), func(err error) bool { return errors.Is(err, ErrOlder) }},
		"same, different": {sign(t, 5, "other"), func(err error) bool { return errors.Is(err, ErrOlder) }},
		"rules":           {sign(t, 6, "bad"), func(err error) bool { return errors.Is(err, ErrRules) && errors.Is(err, errBadRules) }},
		"school": {signBy(t, "school", &lapwingv1.Policy{Version: 6, School: "other", IssuedMs: 1, Rules: []byte("x")}),
			func(err error) bool { return errors.Is(err, ErrSchool) }},
		"nil":   {nil, func(err error) bool { return errors.As(err, &fe) }},
		"empty": {&lapwingv1.SignedPolicy{}, func(err error) bool { return errors.As(err, &fe) }},
	} {
		if err := k.Apply(c.s); !c.want(err) {
			t.Errorf("%s: error %v", name, err)
		}
		if k.Version() != 5 || open(t, cfg).Version() != 5 {
			t.Errorf("%s: in force %d, on disk %d; want 5", name, k.Version(), open(t, cfg).Version())
		}
	}
	if err := k.Apply(sign(t, 5, "five")); err != nil {
		t.Errorf("the same policy again: %v", err)
	}
}

// TestDiskRefuses: what cannot be made durable does not come into force.
func TestDiskRefuses(t *testing.T) {
	dir := t.TempDir()
	cfg := config(filepath.Join(dir, "sub"))
	if err := os.Mkdir(filepath.Dir(cfg.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	k := open(t, cfg)
	if err := k.Apply(sign(t, 1, "one")); err != nil {
		t.Fatal(err)
	}
	// A folder that is gone stands for a disk that refuses; root ignores modes.
	if err := os.Rename(filepath.Dir(cfg.Path), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	if err := k.Apply(sign(t, 2, "two")); err == nil || k.Version() != 1 {
		t.Errorf("error %v, version %d; want an error and 1", err, k.Version())
	}
	if err := os.Rename(filepath.Join(dir, "moved"), filepath.Dir(cfg.Path)); err != nil {
		t.Fatal(err)
	}
	if err := k.Apply(sign(t, 2, "two")); err != nil || k.Version() != 2 {
		t.Errorf("after the disk is back: %v, version %d", err, k.Version())
	}
	mustBeAlone(t, cfg)
}

// TestRenameRefused: where the file cannot be replaced, nothing is left beside it.
func TestRenameRefused(t *testing.T) {
	cfg := config(t.TempDir())
	k := open(t, cfg)
	if err := os.MkdirAll(filepath.Join(cfg.Path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := k.Apply(sign(t, 1, "one")); err == nil || k.Current() != nil {
		t.Errorf("error %v, in force %v; want an error and nothing", err, k.Current())
	}
	mustBeAlone(t, cfg)
}

func TestDamagedFileIsPutAside(t *testing.T) {
	good, err := proto.Marshal(sign(t, 3, "three"))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := proto.Marshal(signBy(t, "pupil", &lapwingv1.Policy{Version: 9, School: "st-anne", IssuedMs: 1, Rules: []byte("x")}))
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/2] ^= 0x40
	for name, b := range map[string][]byte{
		"empty": {}, "garbage": []byte("\xff\xff"), "torn": good[:len(good)/2], "flipped": flipped, "forged": forged,
		"huge": make([]byte, maxFile+1),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			if err := os.WriteFile(cfg.Path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			k := open(t, cfg)
			if k.Current() != nil || k.Damaged() == nil {
				t.Fatalf("in force %v, damaged %v", k.Current(), k.Damaged())
			}
			if _, err := os.Stat(cfg.Path + ".bad"); err != nil {
				t.Errorf("not put aside: %v", err)
			}
			if err := k.Apply(sign(t, 1, "one")); err != nil || k.Version() != 1 {
				t.Errorf("a good policy afterwards: %v", err)
			}
		})
	}
}

// TestAnotherSchoolsPolicy: its collector may hold several, under one key, and
// a device without a policy has nothing else to compare with.
func TestAnotherSchoolsPolicy(t *testing.T) {
	cfg := config(t.TempDir())
	other := signBy(t, "school", &lapwingv1.Policy{Version: 1, School: "other", IssuedMs: 1, Rules: []byte("x")})
	if err := open(t, cfg).Apply(other); !errors.Is(err, ErrSchool) {
		t.Errorf("the first policy: %v, want ErrSchool", err)
	}
	b, err := proto.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg.Path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if k := open(t, cfg); k.Current() != nil || !errors.Is(k.Damaged(), ErrSchool) {
		t.Errorf("on disk: in force %v, %v; want ErrSchool", k.Current(), k.Damaged())
	}
}

// TestTheFloorOutlivesThePolicyFile: nobody gets a device back to older rules
// by spoiling or swapping its file.
func TestTheFloorOutlivesThePolicyFile(t *testing.T) {
	for name, spoil := range map[string]func(older []byte) []byte{
		"damaged":              func([]byte) []byte { return []byte("\xff\xff") },
		"swapped for an older": func(older []byte) []byte { return older },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			k := open(t, cfg)
			if err := k.Apply(sign(t, 3, "three")); err != nil {
				t.Fatal(err)
			}
			older, err := os.ReadFile(cfg.Path)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Apply(sign(t, 5, "five")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(cfg.Path, spoil(older), 0o600); err != nil {
				t.Fatal(err)
			}
			k = open(t, cfg)
			if k.Current() != nil || k.Damaged() == nil {
				t.Fatalf("in force %v, damaged %v", k.Current(), k.Damaged())
			}
			if err := k.Apply(sign(t, 4, "four")); !errors.Is(err, ErrOlder) {
				t.Errorf("an older policy: %v, want ErrOlder", err)
			}
			if err := k.Apply(sign(t, 5, "five")); err != nil || k.Version() != 5 {
				t.Errorf("the one that was in force: %v", err)
			}
			// Enrolled with another collector, whose versions begin at 1.
			moved := cfg
			moved.Key, moved.School = testKey("other collector").Public().(ed25519.PublicKey), "st-mark"
			k = open(t, moved)
			s := signBy(t, "other collector", &lapwingv1.Policy{Version: 1, School: "st-mark", IssuedMs: 1, Rules: []byte("x")})
			if err := k.Apply(s); err != nil || k.Version() != 1 {
				t.Errorf("another collector's first policy: %v", err)
			}
		})
	}
}

func TestUnreadableFileIsAnError(t *testing.T) {
	cfg := config(t.TempDir())
	if err := os.Mkdir(cfg.Path, 0o700); err != nil { // reading a folder fails for root too
		t.Fatal(err)
	}
	if _, err := Open(cfg); err == nil {
		t.Error("opened a folder")
	}
}

func TestCrashedWriteIsCleanedUp(t *testing.T) {
	cfg := config(t.TempDir())
	if err := open(t, cfg).Apply(sign(t, 1, "one")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg.Path+".tmp-123", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if k := open(t, cfg); k.Version() != 1 {
		t.Errorf("version %d", k.Version())
	}
	mustBeAlone(t, cfg)
}

func TestSubscribe(t *testing.T) {
	k := open(t, config(t.TempDir()))
	early, stopEarly := k.Subscribe()
	for v := uint64(1); v <= 3; v++ {
		if err := k.Apply(sign(t, v, "x")); err != nil {
			t.Fatal(err)
		}
	}
	late, stopLate := k.Subscribe()
	for name, ch := range map[string]<-chan *InForce{"early": early, "late": late} {
		if f := <-ch; f.Policy.Version != 3 {
			t.Errorf("%s: got version %d, want the latest", name, f.Policy.Version)
		}
		select {
		case f := <-ch:
			t.Errorf("%s: got version %d as well", name, f.Policy.Version)
		default:
		}
	}
	if err := k.Apply(sign(t, 2, "x")); err == nil {
		t.Fatal("older policy applied")
	}
	stopEarly()
	stopEarly()
	if _, ok := <-early; ok {
		t.Error("a refused policy, or one after stop, was told")
	}
	if err := k.Apply(sign(t, 4, "x")); err != nil {
		t.Fatal(err)
	}
	if f := <-late; f.Policy.Version != 4 {
		t.Errorf("late: got version %d", f.Policy.Version)
	}
	stopLate()
}

// TestModel applies policies in any order, with restarts between; the highest
// good version so far is always in force, here and after a restart.
func TestModel(t *testing.T) {
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		dir := filepath.Join(base, string(rune('a'+n%26))+strings.Repeat("x", n/26))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		k := open(t, config(dir))
		var want uint64
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			version := rapid.Uint64Range(1, 6).Draw(t, "version")
			rules := rapid.SampledFrom([]string{"good", "bad"}).Draw(t, "rules")
			err := k.Apply(sign(t, version, rules))
			if ok := rules == "good" && version >= want; ok != (err == nil) {
				t.Fatalf("version %d with %s rules over %d: %v", version, rules, want, err)
			}
			if err == nil {
				want = version
			}
			if rapid.Bool().Draw(t, "restart") {
				k = open(t, config(dir))
			}
			if k.Version() != want {
				t.Fatalf("in force %d, want %d", k.Version(), want)
			}
		}
	})
}

// TestConcurrent is for the race detector; at the end the highest version stands.
func TestConcurrent(t *testing.T) {
	k := open(t, config(t.TempDir()))
	var wg sync.WaitGroup
	for v := uint64(1); v <= 8; v++ {
		s := sign(t, v, "x")
		wg.Go(func() { _ = k.Apply(s) }) // older ones may be refused
		wg.Go(func() {
			ch, stop := k.Subscribe()
			defer stop()
			select {
			case <-ch:
			default:
			}
			_ = k.Version()
		})
	}
	wg.Wait()
	if k.Version() != 8 {
		t.Errorf("version %d, want 8", k.Version())
	}
}
