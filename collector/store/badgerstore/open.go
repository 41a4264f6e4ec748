package badgerstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// Options tune a store. The zero value is right for a collector.
type Options struct {
	// Reserve is the free space, in bytes, below which nothing more is written
	// (store.ErrFull). It must hold what Badger writes by itself after the last
	// commit: two memtables and a compaction. 0 means 256 MiB.
	Reserve uint64
	// Ballast is the size, in bytes, of a file that is given up when others have
	// filled the disk, so that the store can still close and open. 0 means 96
	// MiB, negative none.
	Ballast int64
	// MemTable is the size of Badger's in-memory table, in bytes, from 1 MiB; a
	// transaction takes at most 15 % of it. 0 means 16 MiB.
	MemTable int64
	// metrics turns Badger's counters on, for tests.
	metrics bool
	// Log gets Badger's warnings and errors; nil for none.
	Log *slog.Logger
}

const (
	defaultReserve  = 256 << 20
	defaultBallast  = 96 << 20
	defaultMemTable = 16 << 20
)

// Store is a store.Store in one directory.
type Store struct {
	db     *badger.DB
	space  space
	log    *slog.Logger // nil for none
	secret [32]byte     // makes positions that cannot be counted with, new at each start

	gate     sync.RWMutex  // held to read or to send; Close takes it whole
	closed   chan struct{} // closed under gate
	ops      chan *op      // closed after closed
	finished chan struct{} // closed when the writer has ended

	mu      sync.RWMutex // guards schools and failed
	schools map[store.SchoolID]*school
	failed  error // set once, when it is unknown what a commit left on disk

	// commitTxn is (*badger.Txn).Commit, but for tests of what may happen around it.
	commitTxn func(*badger.Txn) error
}

var _ store.Store = (*Store)(nil)

// Open opens the store in dir and creates it when there is none. One process
// may have it open. On a disk below the reserve it opens for reading, writes
// fail with store.ErrFull; where even opening would run out of space, Open does.
func Open(dir string, o Options) (*Store, error) {
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.Ballast == 0 {
		o.Ballast = defaultBallast
	}
	if o.MemTable == 0 {
		o.MemTable = defaultMemTable
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{
		log: o.Log, commitTxn: (*badger.Txn).Commit,
		// Four memtables: two that wait to be written out, their tables, and a new one.
		space: space{dir: dir, reserve: o.Reserve, ballast: uint64(max(o.Ballast, 0)), least: 4 * uint64(o.MemTable)},
		ops:   make(chan *op, maxGroupOps), closed: make(chan struct{}), finished: make(chan struct{}),
		schools: map[store.SchoolID]*school{},
	}
	if _, err := rand.Read(s.secret[:]); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.space.makeRoom(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := badger.Open(tuned(dir, o))
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s.db = db
	if err := errors.Join(s.load(), s.space.load()); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), db.Close())
	}
	go s.run()
	if err := s.finishDirectories(context.Background()); err != nil && !errors.Is(err, store.ErrFull) {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.Close())
	}
	if err := s.finishExemptions(context.Background()); err != nil && !errors.Is(err, store.ErrFull) {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.Close())
	}
	return s, nil
}

// tuned is Badger for a collector: durable, small in memory, and with all
// values in the tree, because an fsync that fails in the value log is only
// logged by Badger, not returned.
func tuned(dir string, o Options) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(true).       // one fsync for a transaction, and ours are whole groups
		WithDetectConflicts(false). // one writer
		WithMemTableSize(o.MemTable).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithValueThreshold(min(1<<20, o.MemTable*15/100)).
		WithValueLogFileSize(max(1<<20, min(16<<20, o.MemTable))).
		WithBlockCacheSize(16 << 20).
		WithIndexCacheSize(16 << 20).
		WithCompression(options.Snappy).
		// Turned on, this panics in a library goroutine at the first bad block
		// (table.go of v4.9.6); codec.go has checksums of its own.
		WithChecksumVerificationMode(options.NoVerification).
		WithCompactL0OnClose(true).
		WithMetricsEnabled(o.metrics).
		WithLogger(logger{o.Log})
}

// Close lets reads and writes that have begun finish, then closes the
// database. Whatever comes later fails with store.ErrClosed, but for Close
// itself, which does nothing.
func (s *Store) Close() error {
	s.gate.Lock()
	if s.isClosed() {
		s.gate.Unlock()
		return nil
	}
	close(s.closed)
	close(s.ops)
	s.gate.Unlock()
	<-s.finished
	if err := s.space.makeRoom(); err != nil {
		// Badger would die writing out its tables. All that was answered for is
		// in its log, and is read from there at the next start.
		return fmt.Errorf("close store, left as it stands: %w", err)
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// view reads one snapshot. Badger must not be closed under a reader: its
// tables are memory maps.
func (s *Store) view(ctx context.Context, fn func(reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.isClosed() {
		return store.ErrClosed
	}
	return s.db.View(func(txn *badger.Txn) error { return fn(reader{txn}) })
}

// Health returns nil when a commit would succeed now, and store.ErrFull,
// store.ErrClosed or the failure that stopped writing otherwise.
func (s *Store) Health(context.Context) error {
	if s.isClosed() {
		return store.ErrClosed
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.failed != nil {
		return s.failed
	}
	return s.space.check()
}

// School returns a school's data, or store.ErrNotFound.
func (s *Store) School(_ context.Context, id store.SchoolID) (store.Tenant, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if sc, ok := s.schools[id]; ok {
		return &tenant{s: s, school: sc}, nil
	}
	return nil, fmt.Errorf("school %d: %w", id, store.ErrNotFound)
}

// warn says that a row could not be read where the rest still can be shown.
func (s *Store) warn(msg string, err error) {
	if s.log != nil {
		s.log.Warn(msg, "error", err)
	}
}

// logger passes Badger's warnings on; its information is noise here.
type logger struct{ log *slog.Logger }

func (l logger) Errorf(format string, args ...any) {
	if l.log != nil {
		l.log.Error("badger reports an error", "detail", fmt.Sprintf(format, args...))
	}
}

func (l logger) Warningf(format string, args ...any) {
	if l.log != nil {
		l.log.Warn("badger warns", "detail", fmt.Sprintf(format, args...))
	}
}

func (logger) Infof(string, ...any)  {}
func (logger) Debugf(string, ...any) {}

// tenant is one school's view of the store.
type tenant struct {
	s *Store
	*school
}

var _ store.Tenant = (*tenant)(nil)

func (t *tenant) Info() store.School { return t.info }

// utc is the form in which times come back from a row.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}
