package roster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
)

const (
	// settle is how long a file must stay as it is before it is read: an export
	// that is still being copied is no broken one.
	settle = 2 * time.Second
	// poll is the net under the file system's notices, which network drives do not send.
	poll = 5 * time.Minute
	// A file that would take more than a fifth of the people away is taken for a
	// broken export, unless they are few. A person may import it by hand.
	maxGoneShare, fewGone = 5, 10
)

// errShrunk says why a nightly file was not taken.
var errShrunk = errors.New("more than a fifth of the people would be gone, so this may be half an export; if it is right, import it by hand")

// Pickup is what became of the newest file in a school's inbox.
type Pickup struct {
	File string // base name; empty when there was none yet
	At   time.Time
	// Problem says why it was not taken, for its owner; empty when it was. The
	// directory that stood before still stands.
	Problem string
}

// Inbox takes the newest file of a folder whenever it changes: the simple CSV,
// a OneRoster zip, or a folder of OneRoster files. Safe for concurrent use.
type Inbox struct {
	service *Service
	dir     string
	schools store.Store

	mu   sync.Mutex // guards all below
	last map[store.SchoolID]Pickup
	sums map[store.SchoolID][32]byte // of what was tried last, to try it once
}

// NewInbox returns the inbox of dir. With one school its files lie in dir; with
// several, each has a folder in it with its short name.
func NewInbox(s *Service, dir string, schools store.Store) *Inbox {
	return &Inbox{service: s, dir: dir, schools: schools, last: map[store.SchoolID]Pickup{}, sums: map[store.SchoolID][32]byte{}}
}

// Last is what became of the newest file.
func (in *Inbox) Last(school store.SchoolID) Pickup {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.last[school]
}

// Run makes the folder and watches it until ctx ends. Without notices from the
// file system it looks every five minutes.
func (in *Inbox) Run(ctx context.Context) error {
	if err := os.MkdirAll(in.dir, 0o700); err != nil {
		return fmt.Errorf("make directory inbox: %w", err)
	}
	var events chan fsnotify.Event
	var failures chan error
	if w, err := fsnotify.NewWatcher(); err != nil {
		in.service.log.WarnContext(ctx, "no notices from the file system; the directory inbox is looked at every five minutes", "error", err)
	} else {
		defer w.Close()
		in.watch(ctx, w)
		events, failures = w.Events, w.Errors
	}
	every := time.NewTicker(poll)
	defer every.Stop()
	soon := time.NewTimer(settle)
	defer soon.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-failures: // an overflow: the next look sees what there is
			soon.Reset(settle)
		case <-events:
			soon.Reset(settle)
		case <-every.C:
			in.Look(ctx)
		case <-soon.C:
			in.Look(ctx)
		}
	}
}

func (in *Inbox) watch(ctx context.Context, w *fsnotify.Watcher) {
	dirs := []string{in.dir}
	entries, err := os.ReadDir(in.dir)
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(in.dir, e.Name()))
		}
	}
	for _, d := range dirs {
		err = errors.Join(err, w.Add(d))
	}
	if err != nil {
		in.service.log.WarnContext(ctx, "a folder of the directory inbox is not watched; it is looked at every five minutes", "error", err)
	}
}

// Look takes in what is new, of every school.
func (in *Inbox) Look(ctx context.Context) {
	schools, err := in.schools.Schools(ctx)
	if err != nil {
		in.service.log.ErrorContext(ctx, "look into the directory inbox", "error", err)
		return
	}
	for _, school := range schools {
		dir := in.dir
		if len(schools) > 1 {
			dir = filepath.Join(in.dir, school.Slug)
		}
		if err := in.look(ctx, school, dir); err != nil && ctx.Err() == nil {
			in.service.log.ErrorContext(ctx, "look into the directory inbox", "school", school.Slug, "error", err)
		}
	}
}

func (in *Inbox) look(ctx context.Context, school store.School, dir string) error {
	t, err := in.schools.School(ctx, school.ID)
	if err != nil {
		return err
	}
	if err := in.service.Finish(ctx, t); err != nil {
		return err
	}
	file, sum, err := newest(dir)
	if err != nil || file == "" {
		return err
	}
	in.mu.Lock()
	tried := in.sums[school.ID] == sum
	in.mu.Unlock()
	if tried {
		return nil
	}
	p := Pickup{File: filepath.Base(file), At: in.service.now()}
	err = in.take(ctx, t, file)
	var refused *directory.Error
	switch {
	case errors.As(err, &refused):
		p.Problem = refused.Error()
	case errors.Is(err, errShrunk):
		p.Problem = p.File + ": " + err.Error()
	case err != nil:
		return err // ours: tried again at the next look
	}
	in.mu.Lock()
	in.last[school.ID], in.sums[school.ID] = p, sum
	in.mu.Unlock()
	if p.Problem == "" {
		in.service.log.InfoContext(ctx, "directory taken from the inbox", "school", school.Slug)
		return nil
	}
	in.service.log.WarnContext(ctx, "directory in the inbox not taken; the last good one stands", "school", school.Slug)
	return t.Append(ctx, audit.Entry{At: p.At, Who: audit.System(), Action: audit.DirectoryRefused, Object: []string{"version " + short(sum)}})
}

func short(sum [32]byte) string { return fmt.Sprintf("%x", sum[:6]) }

func (in *Inbox) take(ctx context.Context, t store.Tenant, file string) error {
	r, err := ReadPath(file)
	if err != nil {
		return err
	}
	plan, err := in.service.Plan(ctx, t, r)
	if err != nil {
		return err
	}
	if v := plan.Preview; v.Gone > fewGone && v.Gone*maxGoneShare > v.Gone+v.Changed+v.Same {
		return errShrunk
	}
	_, err = in.service.Apply(ctx, t, plan, audit.System())
	return err
}

// newest is the file of dir that was changed last, and a sum of its content; a
// folder counts where it holds OneRoster's users. Hidden and temporary names are left alone.
func newest(dir string) (file string, sum [32]byte, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", sum, nil
	}
	if err != nil {
		return "", sum, fmt.Errorf("read directory inbox: %w", err)
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "users.csv" }) {
		return contentOf(dir)
	}
	var at time.Time
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if e.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "users.csv")); err != nil {
				continue
			}
		} else if ext != ".csv" && ext != ".zip" {
			continue
		}
		info, err := e.Info()
		if err != nil || strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "~") {
			continue // it went away meanwhile, or is being written
		}
		if info.ModTime().After(at) {
			file, at = path, info.ModTime()
		}
	}
	if file == "" {
		return "", sum, nil
	}
	return contentOf(file)
}

// contentOf hashes a file, or the CSV files of a folder.
func contentOf(path string) (file string, sum [32]byte, err error) {
	h := sha256.New()
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.csv")); err != nil {
			return "", sum, fmt.Errorf("read directory inbox: %w", err)
		}
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return "", sum, fmt.Errorf("read directory inbox: %w", err)
		}
		// Size and time stand for the content: an export is written anew each night.
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00", f, info.Size(), info.ModTime().UnixNano())
	}
	h.Sum(sum[:0])
	return path, sum, nil
}
