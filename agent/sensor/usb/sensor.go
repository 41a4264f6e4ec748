package usb

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Config of a Sensor.
type Config struct {
	// Root stands before every path that is read; empty for the system itself.
	Root string
	// Emit makes a step of a medium's stay durable.
	Emit func(*lapwingv1.Media) error
	// Case is told of a medium that is a case by the policy; once for each reason.
	Case func(m *lapwingv1.Media, infected bool)
	// Note has the person at the desktop told of a medium; nil for nobody. Few a minute.
	Note func(*lapwingv1.MediaNote)
	// Account is who is logged on; empty for nobody.
	Account func() string
	// Clamd is the scanner's address; empty means DefaultClamd.
	Clamd string
	Now   func() time.Time
	Log   *slog.Logger
}

// Bounds of the loop.
const (
	// gather is how long changes are gathered before a look, so that a storm of
	// messages costs ten looks a second at most.
	gather = 100 * time.Millisecond
	// unheard is how often a look is taken although nothing was heard: the
	// kernel may drop messages, and a look wakes the machine.
	unheard = time.Minute
	// lookPatience is how long a medium may take to give its first blocks.
	lookPatience = 10 * time.Second
)

// Sensor watches media. Its state belongs to the goroutine of Run.
type Sensor struct {
	cfg     Config
	sys     system
	changes chan struct{} // holds a value after a change
	done    chan func()   // what other goroutines hand to the loop
	visits  map[string]*visit
	notes   []time.Time // when the person was told, as far back as it counts
	scans   sync.Mutex  // held by the one scan that runs

	mu     sync.Mutex // guards policy
	policy *lapwingv1.UsbPolicy
}

// visit is one stay of a medium.
type visit struct {
	id       []byte
	medium   Medium
	stay     context.Context // ends when it is pulled out
	end      context.CancelFunc
	looking  bool
	scanning bool
	scanned  bool
	blocked  bool
	noted    bool // the person was told, or too many were
	scan     result
	told     [2]bool // cases: unpermitted, infected
}

// New returns a Sensor.
func New(cfg Config) *Sensor {
	if cfg.Clamd == "" {
		cfg.Clamd = DefaultClamd
	}
	return &Sensor{cfg: cfg, sys: system{cfg.Root}, changes: make(chan struct{}, 1), done: make(chan func(), 16),
		visits: map[string]*visit{}, policy: &lapwingv1.UsbPolicy{}}
}

// Name implements sensor.Sensor.
func (s *Sensor) Name() string { return sensor.USB }

// SetPolicy takes the policy in force; nil stands for one that records and permits all.
func (s *Sensor) SetPolicy(p *lapwingv1.UsbPolicy) {
	if p == nil {
		p = &lapwingv1.UsbPolicy{}
	}
	s.mu.Lock()
	s.policy = p
	s.mu.Unlock()
	s.poke()
}

func (s *Sensor) inForce() *lapwingv1.UsbPolicy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policy
}

func (s *Sensor) poke() {
	select {
	case s.changes <- struct{}{}:
	default:
	}
}

// Run watches until ctx ends.
func (s *Sensor) Run(ctx context.Context, report func(sensor.Status)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer stop()
	defer s.drop()
	report(sensor.Status{State: sensor.OK})
	slow := beat.Every(unheard)
	defer slow.Stop()
	settle := time.NewTimer(0)
	defer settle.Stop()
	waiting := true
	for {
		select {
		case <-s.changes:
			if !waiting {
				settle.Reset(gather)
				waiting = true
			}
		case <-settle.C:
			waiting = false
			s.look(ctx)
		case <-slow.C:
			s.look(ctx)
		case f := <-s.done:
			f()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drop ends every stay without a word: the agent stops, the medium may not.
func (s *Sensor) drop() {
	for _, v := range s.visits {
		v.end()
	}
}

// look compares what is there with what was.
func (s *Sensor) look(ctx context.Context) {
	now := s.sys.media()
	mounts := s.sys.mounts()
	there := make(map[string]bool, len(now))
	for _, m := range now {
		there[m.Key] = true
		v := s.visits[m.Key]
		if v == nil {
			v = s.arrived(ctx, m)
		}
		s.update(v, m, mounts)
	}
	for key, v := range s.visits {
		if !there[key] {
			s.removed(key, v)
		}
	}
}

func (s *Sensor) arrived(ctx context.Context, m Medium) *visit {
	v := &visit{id: make([]byte, 16), medium: m, scan: result{scan: lapwingv1.MediaScan_MEDIA_SCAN_NOT_ASKED}}
	_, _ = rand.Read(v.id) // never fails (crypto/rand)
	v.stay, v.end = context.WithCancel(ctx)
	s.visits[m.Key] = v
	s.block(v)
	s.emit(v, lapwingv1.MediaStep_MEDIA_STEP_ARRIVED)
	return v
}

// update takes what has become known since: the disk, where it is mounted.
func (s *Sensor) update(v *visit, m Medium, mounts map[string]mount) {
	old := v.medium
	m.Looked, m.FileSystem, m.Label, m.Encryption = old.Looked, old.FileSystem, old.Label, old.Encryption
	m.Mounted, m.Writable, m.Place = old.Mounted, old.Writable, ""
	if m.Disk == "" { // blocked, or not there yet: what was known stays
		m.Disk, m.Size, m.Numbers = old.Disk, old.Size, old.Numbers
	}
	if old.Disk != "" {
		m.Kind = old.Kind
	}
	for _, n := range m.Numbers {
		if at, ok := mounts[n]; ok {
			m.Place, m.Writable = at.place, m.Writable || at.writable
		}
	}
	first := m.Place != "" && !old.Mounted || m.Writable && !old.Writable
	m.Mounted = old.Mounted || m.Place != ""
	v.medium = m
	s.block(v)
	switch {
	case m.Disk != "" && m.Size > 0 && !m.Looked && !v.looking && !v.blocked:
		s.startLook(v)
	case first && m.Looked:
		s.emit(v, lapwingv1.MediaStep_MEDIA_STEP_READY)
	}
	s.note(v)
	if m.Place != "" && m.Looked && !v.scanning && !v.scanned && s.inForce().GetScan() {
		s.startScan(v)
	}
}

// startLook reads the first blocks beside the loop: a bad stick may hang.
func (s *Sensor) startLook(v *visit) {
	v.looking = true
	m := v.medium
	go func() {
		found := make(chan Medium, 1)
		go func() {
			if err := s.sys.lookAtDisk(&m); err != nil {
				m.Encryption = lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL
			}
			found <- m
		}()
		patience := time.NewTimer(lookPatience)
		defer patience.Stop()
		seen := Medium{Encryption: lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL}
		select {
		case seen = <-found:
		case <-patience.C:
		case <-v.stay.Done():
			return
		}
		s.hand(v, func() {
			v.medium.Looked, v.medium.FileSystem, v.medium.Label, v.medium.Encryption = true, seen.FileSystem, seen.Label, seen.Encryption
			s.block(v)
			s.note(v)
			s.emit(v, lapwingv1.MediaStep_MEDIA_STEP_READY)
			s.poke() // it may be mounted already, and wait for a scan
		})
	}()
}

// startScan scans beside the loop, one medium after the other.
func (s *Sensor) startScan(v *visit) {
	v.scanning = true
	place, policy := s.sys.path(v.medium.Place), s.inForce()
	go func() {
		s.scans.Lock()
		found := scanFolder(v.stay, s.cfg.Clamd, place, policy.ScanMegabytes, policy.ScanSeconds)
		s.scans.Unlock()
		s.hand(v, func() {
			v.scanning, v.scanned, v.scan = false, true, found
			s.emit(v, lapwingv1.MediaStep_MEDIA_STEP_SCANNED)
		})
	}()
}

// hand gives the loop something to do about a stay that has not ended.
func (s *Sensor) hand(v *visit, f func()) {
	select {
	case s.done <- func() {
		if v.stay.Err() == nil {
			f()
		}
	}:
	case <-v.stay.Done():
	}
}

func (s *Sensor) removed(key string, v *visit) {
	if s.inForce().GetScan() && !v.scanned {
		why := checks.ScanGone
		if !v.medium.Mounted {
			why = checks.ScanLocked
		}
		v.scan.scan, v.scan.why = lapwingv1.MediaScan_MEDIA_SCAN_NOT_SCANNED, why
	}
	v.end()
	delete(s.visits, key)
	s.emit(v, lapwingv1.MediaStep_MEDIA_STEP_REMOVED)
}

// block takes away what is not permitted where the policy says so, and gives
// it back when that has changed.
func (s *Sensor) block(v *visit) {
	p := s.inForce()
	allowed := Judge(p, v.medium, s.account(), s.cfg.Now()).Permitted
	want := p.GetBlock() && !allowed
	if want == v.blocked || v.medium.Control == "" {
		return
	}
	value := "1"
	if want {
		value = "0"
	}
	if err := writeControl(s.sys.path(v.medium.Control+"/authorized"), value); err != nil {
		s.cfg.Log.Warn("a medium could not be blocked or released", "error", err)
		return
	}
	v.blocked = want
}

func (s *Sensor) account() string {
	if s.cfg.Account == nil {
		return ""
	}
	return s.cfg.Account()
}

func (s *Sensor) emit(v *visit, step lapwingv1.MediaStep) {
	p, m := s.inForce(), v.medium
	verdict := Judge(p, m, s.account(), s.cfg.Now())
	e := &lapwingv1.Media{
		Visit: v.id, Step: step, Kind: m.Kind, VendorId: m.VendorID, ProductId: m.ProductID, Vendor: m.Vendor, Product: m.Product,
		Serial: SerialHash(p.GetSerialKey(), m), Label: m.Label, FileSystem: m.FileSystem, SizeBytes: m.Size,
		Encryption: max(m.Encryption, lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE), Mounted: m.Mounted,
		Permitted: verdict.Permitted, Why: verdict.Why, Permit: verdict.Permit,
		Scan: v.scan.scan, ScanWhy: v.scan.why, Threats: v.scan.threats, FilesScanned: v.scan.files, BytesScanned: v.scan.bytes,
		Blocked: v.blocked, ReadOnly: verdict.ReadOnly, Writable: m.Writable,
	}
	if !m.Looked {
		e.Encryption = lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL
	}
	if err := s.cfg.Emit(e); err != nil {
		s.cfg.Log.Error("a medium's step was not kept", "error", err)
	}
	if s.cfg.Case == nil {
		return
	}
	if infected := e.Scan == lapwingv1.MediaScan_MEDIA_SCAN_INFECTED; infected && p.GetCaseInfected() && !v.told[1] {
		v.told[1] = true
		s.cfg.Case(e, true)
	}
	// Not at arrival: whether it is encrypted is not known yet.
	if !e.Permitted && step > lapwingv1.MediaStep_MEDIA_STEP_ARRIVED && p.GetCaseUnpermitted() && !v.told[0] {
		v.told[0] = true
		s.cfg.Case(e, false)
	}
}
