// Package policy keeps the last good policy of this device: in memory, but for
// its rules, for everybody who asks, and on disk so that a device without a network starts
// with the rules it had. A policy that is not signed by the school's
// collector, is older than the one in force, or whose rules do not load is
// refused, and the last good one stays.
//
// It may import internal/policydoc, internal/durable and the messages of proto/lapwing/v1.
package policy

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/internal/durable"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Reasons why Apply refuses a policy, beside policydoc.ErrSignature.
var (
	// ErrOlder: the version is below the highest that was ever in force here,
	// or is the one in force with other content. Versions only go up.
	ErrOlder = errors.New("policy is not newer than the one in force")
	// ErrSchool: the policy is for another school than this device's.
	ErrSchool = errors.New("policy is for another school")
	// ErrRules: the rules inside do not load.
	ErrRules = errors.New("policy rules do not load")
	// ErrGone: a newer policy stands in its place, or the file was changed.
	ErrGone = errors.New("the file does not hold this policy any more")
)

// maxFile bounds what is read from disk, in bytes: the largest document, its
// signature and the framing around both.
const maxFile = lapwingv1.MaxPolicy + 1024

// Config of a Keeper.
type Config struct {
	// Path of the file that holds the last good policy; Path + ".floor" keeps
	// its version. Their folder must exist.
	Path string
	// School is the short name of the device's school, from its certificate.
	School string
	// Key is the school's policy key, learnt at enrolment.
	Key ed25519.PublicKey
	// CheckRules says whether compiled rules load. It gets Policy.rules and
	// must not keep the slice.
	CheckRules func(rules []byte) error
}

// InForce is a policy that was verified. It is shared: nobody changes it.
type InForce struct {
	// Policy is without its rules: only sessions match, and rules are most of
	// what a policy weighs.
	Policy *lapwingv1.Policy

	keeper *Keeper
	digest [sha256.Size]byte // of the document
}

// Signed reads what the policy came in from disk, to be passed on to a
// session. The error wraps ErrGone when the file is not this policy's any more.
func (f *InForce) Signed() (*lapwingv1.SignedPolicy, error) {
	s, err := f.signed()
	if (err != nil) != f.keeper.lost.Load() {
		f.keeper.look(f)
	}
	return s, err
}

func (f *InForce) signed() (*lapwingv1.SignedPolicy, error) {
	b, err := read(f.keeper.cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("read policy %d: %w", f.Policy.Version, err)
	}
	s := new(lapwingv1.SignedPolicy)
	if err := proto.Unmarshal(b, s); err != nil || sha256.Sum256(s.Document) != f.digest {
		return nil, fmt.Errorf("read policy %d: %w", f.Policy.Version, ErrGone)
	}
	return s, nil
}

// Keeper holds the policy in force. It is safe for concurrent use.
type Keeper struct {
	cfg     Config
	current atomic.Pointer[InForce]
	// lost: the policy in force is not on disk any more, so that no session can
	// be given it. It is asked for anew.
	lost atomic.Bool
	// damaged is set before the Keeper is shared and never changes.
	damaged error

	mu          sync.Mutex // guards all below and serialises Apply
	floor       uint64     // highest version that was in force
	subscribers map[chan *InForce]struct{}
}

// Open reads the last good policy. A device without one, or with one that
// does not verify, starts without a policy (Current is nil); the second case
// is told by Damaged, and the file is kept beside as Path + ".bad". An error
// means that the file cannot be read or put aside at all.
func Open(cfg Config) (*Keeper, error) {
	k := &Keeper{cfg: cfg, floor: readFloor(cfg), subscribers: make(map[chan *InForce]struct{})}
	durable.RemoveTemps(cfg.Path)
	durable.RemoveTemps(cfg.floorPath())
	b, err := read(cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open policy: %w", err)
	}
	s := new(lapwingv1.SignedPolicy)
	if err := proto.Unmarshal(b, s); err != nil {
		k.damaged = errors.New("open policy: not a policy file")
	} else if f, err := k.verify(s); err != nil {
		k.damaged = err
	} else if f.Policy.Version < k.floor {
		k.damaged = fmt.Errorf("open policy %d: %w (%d)", f.Policy.Version, ErrOlder, k.floor)
	} else {
		k.floor = f.Policy.Version
		k.current.Store(f)
	}
	if k.damaged != nil {
		if err := os.Rename(cfg.Path, cfg.Path+".bad"); err != nil {
			return nil, fmt.Errorf("put damaged policy aside: %w", err)
		}
	}
	return k, nil
}

// Damaged says why the policy found on disk was put aside; nil if it was not.
func (k *Keeper) Damaged() error { return k.damaged }

// Current returns the policy in force, nil if there is none yet.
func (k *Keeper) Current() *InForce { return k.current.Load() }

// Version returns the version in force, 0 for none, and while its file is lost:
// the collector then sends it again.
func (k *Keeper) Version() uint64 {
	if f := k.Current(); f != nil && !k.lost.Load() {
		return f.Policy.Version
	}
	return 0
}

// look notes whether f, if it is the policy in force, is on disk.
func (k *Keeper) look(f *InForce) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.current.Load() == f {
		_, err := f.signed()
		k.lost.Store(err != nil)
	}
}

// Apply verifies s, makes it durable, and only then puts it in force and
// tells the subscribers. The same policy again is no error and changes nothing,
// unless its file was lost.
// On any error the last good policy stays in force and on disk, but for one of
// the floor's file: then s is in force, and the error says so.
func (k *Keeper) Apply(s *lapwingv1.SignedPolicy) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	f, err := k.verify(s)
	if err != nil {
		return err
	}
	if old := k.current.Load(); old != nil {
		same := f.Policy.Version == old.Policy.Version && f.digest == old.digest
		switch {
		case same && k.lost.Load(): // it is written anew
		case same:
			return nil
		case f.Policy.Version <= old.Policy.Version:
			return fmt.Errorf("apply policy %d: %w (%d)", f.Policy.Version, ErrOlder, old.Policy.Version)
		}
	}
	if f.Policy.Version < k.floor {
		return fmt.Errorf("apply policy %d: %w (%d)", f.Policy.Version, ErrOlder, k.floor)
	}
	b, err := proto.Marshal(s)
	if err != nil {
		return fmt.Errorf("apply policy %d: %w", f.Policy.Version, err)
	}
	if err := durable.WriteFile(k.cfg.Path, b); err != nil {
		return fmt.Errorf("apply policy %d: %w", f.Policy.Version, err)
	}
	k.floor = f.Policy.Version
	k.current.Store(f)
	k.lost.Store(false)
	for ch := range k.subscribers {
		offer(ch, f)
	}
	// Last: a floor above the policy on disk would put that aside.
	if err := writeFloor(k.cfg, k.floor); err != nil {
		return fmt.Errorf("policy %d is in force, but its version was not kept apart: %w", k.floor, err)
	}
	return nil
}

// Subscribe returns a channel that yields the policy in force, at once if
// there is one, and again after each change; a slow receiver gets the latest
// only. stop ends the subscription and closes the channel.
func (k *Keeper) Subscribe() (policies <-chan *InForce, stop func()) {
	ch := make(chan *InForce, 1)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.subscribers[ch] = struct{}{}
	if f := k.current.Load(); f != nil {
		ch <- f
	}
	return ch, sync.OnceFunc(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.subscribers, ch)
		close(ch)
	})
}

// offer replaces what waits in ch by f. Only holders of Keeper.mu send, so
// there is room after the drain.
func offer(ch chan *InForce, f *InForce) {
	select {
	case <-ch:
	default:
	}
	ch <- f
}

func (k *Keeper) verify(s *lapwingv1.SignedPolicy) (*InForce, error) {
	p, err := policydoc.Open(s, k.cfg.Key)
	if err != nil {
		return nil, err
	}
	if p.School != k.cfg.School {
		return nil, fmt.Errorf("check policy %d: %w", p.Version, ErrSchool)
	}
	if err := k.cfg.CheckRules(p.Rules); err != nil {
		return nil, fmt.Errorf("check policy %d: %w: %w", p.Version, ErrRules, err)
	}
	p.Rules = nil
	return &InForce{Policy: p, keeper: k, digest: sha256.Sum256(s.Document)}, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return b[:0], nil // verifies as damaged, which it is
	}
	return b, nil
}
