package policy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/lapwing-schools/lapwing/internal/policydoc/form"
)

const (
	// quiet is how long the folder must be left alone before it is read.
	quiet = 150 * time.Millisecond
	// poll is the net under the file system's notices, which network drives do not send.
	poll = 30 * time.Second
	// maxFolder bounds all files together, in bytes; a policy has 16 MiB at most.
	maxFolder = 32 << 20
)

// errEdited says that files changed while they were read.
var errEdited = errors.New("the folder is being changed")

// Folder is where a collector's owner edits policies: policy.yaml of the only
// school, SCHOOL/policy.yaml of one of several, and rules/*.yaml, which replace
// the shipped packs of the same file name or stand beside them.
type Folder struct {
	dir     string
	shipped fs.FS
	to      *Publisher
	log     *slog.Logger
	now     func() time.Time

	mu   sync.Mutex // guards all below
	sum  [32]byte
	last Edit
}

// Edit is what became of the last change of the folder.
type Edit struct {
	At time.Time
	// Problem says why it was not taken, for its owner; empty when it was. What
	// was in force before still is.
	Problem string
}

// NewFolder watches dir for to. shipped are the packs that come with the program.
func NewFolder(dir string, shipped fs.FS, to *Publisher) *Folder {
	return &Folder{dir: dir, shipped: shipped, to: to, log: to.cfg.Log, now: to.cfg.Now}
}

// Last is what became of the last change.
func (f *Folder) Last() Edit {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// Run makes the folder, takes what is in it, and follows its changes until ctx
// ends.
func (f *Folder) Run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(f.dir, "rules"), 0o700); err != nil {
		return fmt.Errorf("make policy folder: %w", err)
	}
	var events chan fsnotify.Event
	var failures chan error
	w, err := fsnotify.NewWatcher()
	if err != nil {
		f.log.WarnContext(ctx, "no notices from the file system; the policy folder is looked at every half minute", "error", err)
	} else {
		defer w.Close()
		events, failures = w.Events, w.Errors
	}
	every := time.NewTicker(poll)
	defer every.Stop()
	soon := time.NewTimer(0)
	defer soon.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-failures: // an overflow: the next look sees what there is
			soon.Reset(quiet)
		case <-events:
			soon.Reset(quiet)
		case <-every.C:
			soon.Reset(0)
		case <-soon.C:
			if w != nil {
				f.follow(ctx, w)
			}
			if errors.Is(f.Look(ctx), errEdited) {
				soon.Reset(quiet)
			}
		}
	}
}

// follow watches the folder and those in it; watching one again is no error.
func (f *Folder) follow(ctx context.Context, w *fsnotify.Watcher) {
	err := w.Add(f.dir)
	entries, rerr := os.ReadDir(f.dir)
	err = errors.Join(err, rerr)
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, w.Add(filepath.Join(f.dir, e.Name())))
		}
	}
	if err != nil {
		f.log.WarnContext(ctx, "a policy folder is not watched; it is looked at every half minute", "error", err)
	}
}

// Look takes what is in the folder, if it changed. The error is that of Last.
func (f *Folder) Look(ctx context.Context) error {
	files, sum, err := snapshot(f.dir)
	f.mu.Lock()
	tried := err == nil && sum == f.sum
	f.mu.Unlock()
	switch {
	case tried:
		return nil
	case errors.Is(err, errEdited):
		return err
	}
	if err == nil {
		err = f.take(files)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sum, f.last = sum, Edit{At: f.now()}
	if err != nil {
		f.last.Problem = err.Error()
		f.log.WarnContext(ctx, "policy folder not taken; the last good policy stands", "error", err)
		return err
	}
	f.log.InfoContext(ctx, "policy folder taken", "files", len(files))
	return nil
}

// take puts the files in force, all or nothing.
func (f *Folder) take(files map[string][]byte) error {
	s, err := ReadSource(files, f.shipped)
	if err != nil {
		return err
	}
	return f.to.Set(s)
}

// ReadSource reads what a policy folder holds, by path with slashes.
func ReadSource(files map[string][]byte, shipped fs.FS) (Source, error) {
	s := Source{Forms: map[string]*form.Form{}}
	own := folder{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir, base, nested := strings.Cut(name, "/")
		switch {
		case nested && dir == "rules":
			own[base] = files[name]
		case name == "policy.yaml", nested && base == "policy.yaml":
			parsed, problems := form.Parse(name, files[name])
			for _, p := range problems {
				errs = append(errs, errors.New(p.String()))
			}
			if nested {
				s.Forms[dir] = parsed
			} else {
				s.Default = parsed
			}
		}
	}
	if len(errs) > 0 {
		return Source{}, errors.Join(errs...)
	}
	if err := beside(own, shipped); err != nil {
		return Source{}, err
	}
	s.Rules = own
	return s, nil
}

// beside adds the shipped packs that no file of the school's replaces.
func beside(own folder, shipped fs.FS) error {
	entries, err := fs.ReadDir(shipped, ".")
	if err != nil {
		return fmt.Errorf("read shipped packs: %w", err)
	}
	for _, e := range entries {
		if own[e.Name()] != nil || e.IsDir() {
			continue
		}
		b, err := fs.ReadFile(shipped, e.Name())
		if err != nil {
			return fmt.Errorf("read shipped packs: %w", err)
		}
		own[e.Name()] = b
	}
	return nil
}

// ReadFolder reads the files of a policy folder, by path with slashes.
func ReadFolder(dir string) (map[string][]byte, error) {
	files, _, err := snapshot(dir)
	return files, err
}

// Check says what would be wrong with the files of a folder.
func Check(files map[string][]byte, shipped fs.FS, standard *form.Form) error {
	s, err := ReadSource(files, shipped)
	if err != nil {
		return err
	}
	if s.Default == nil {
		s.Default = standard
	}
	_, err = compile(s, nil)
	return err
}

// snapshot reads all files of dir as they stood at one moment: a list before
// and after must be the same.
func snapshot(dir string) (files map[string][]byte, sum [32]byte, err error) {
	before, err := list(dir)
	if err != nil {
		return nil, sum, err
	}
	files = map[string][]byte{}
	total := int64(0)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		b, err := readFile(filepath.Join(dir, filepath.FromSlash(name)), maxFolder-total)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, sum, errEdited
		}
		if err != nil {
			return nil, sha256.Sum256([]byte(err.Error())), fmt.Errorf("read policy folder: %w", err)
		}
		files[name] = b
		total += int64(len(b))
	}
	after, err := list(dir)
	if err != nil {
		return nil, sum, err
	}
	if !maps.Equal(before, after) {
		return nil, sum, errEdited
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(files[name]))
		h.Write(files[name])
	}
	h.Sum(sum[:0])
	return files, sum, nil
}

func readFile(path string, left int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(f, left+1))
	if err == nil && n > left {
		err = fmt.Errorf("more than %d bytes in all", maxFolder)
	}
	return b.Bytes(), err
}

// stamp is what tells a file from itself after an edit.
type stamp struct {
	size int64
	at   time.Time
}

// list names the files of dir and of the folders in it. Hidden and temporary
// names, as editors make them, are left alone.
func list(dir string) (map[string]stamp, error) {
	files := map[string]stamp{}
	var read func(under string, deeper bool) error
	read = func(under string, deeper bool) error {
		entries, err := os.ReadDir(filepath.Join(dir, under))
		if under == "" && errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was written yet
		}
		if err != nil {
			return fmt.Errorf("read policy folder: %w", err)
		}
		for _, e := range entries {
			name := e.Name()
			if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".tmp") {
				continue
			}
			if e.IsDir() {
				if deeper {
					if err := read(name, false); err != nil {
						return err
					}
				}
				continue
			}
			info, err := e.Info()
			if err != nil {
				return errEdited
			}
			files[filepath.ToSlash(filepath.Join(under, name))] = stamp{info.Size(), info.ModTime()}
		}
		return nil
	}
	if err := read("", true); err != nil {
		return nil, err
	}
	return files, nil
}
