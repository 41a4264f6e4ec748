package datadir

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/token"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// MinFree is the free space without which Init does not begin, in bytes: twice
// the reserve below which the embedded store takes nothing more.
const MinFree = 512 << 20

// LinkLifetime is how long the first administrator's sign-in link is good for.
const LinkLifetime = 7 * 24 * time.Hour

var errBusy = errors.New("another lapwing-collector is initialising it: wait until it is done")

// Options of Init.
type Options struct {
	School string   // name for people, 1 to 200 characters
	Slug   string   // empty: made from School
	Hosts  []string // names and addresses of this collector besides its own host name and localhost
	// Console is where the console will be, for the sign-in link: "https://host:8443".
	Console string
	Now     func() time.Time
	// OpenStore makes or opens the embedded database in a directory.
	OpenStore func(ctx context.Context, dir string) (store.Store, error)
	// FreeSpace tells the free bytes of a path's disk; nil asks the system.
	FreeSpace func(path string) (uint64, error)
}

// Installed is what Init made that somebody needs to see, once.
type Installed struct {
	School store.School
	// Link is the first administrator's one-time sign-in address.
	Link        string
	LinkExpires time.Time
}

// Init makes dir, which must be missing or empty, into an installation: keys,
// store, first school, start of its audit chain, first administrator. When it
// fails it leaves nothing behind; when it is killed, the next Init begins
// afresh. Two at once exclude each other.
func Init(ctx context.Context, dir string, o Options) (Installed, error) {
	if o.FreeSpace == nil {
		o.FreeSpace = freeSpace
	}
	if o.Slug == "" {
		o.Slug = Slug(o.School)
	}
	if n := utf8.RuneCountInString(strings.TrimSpace(o.School)); n < 1 || n > 200 {
		return Installed{}, fmt.Errorf("school name has %d characters: give 1 to 200", n)
	}
	begin, err := prepare(dir, o)
	if err != nil {
		return Installed{}, err
	}
	done, err := build(ctx, dir, o)
	if err == nil {
		err = finish(dir)
	}
	if err != nil {
		err = errors.Join(err, undo(dir))
	}
	begin.Close()
	if err != nil {
		return Installed{}, fmt.Errorf("initialise %s: %w", dir, err)
	}
	return done, nil
}

// prepare leaves dir empty but for the locked mark of an unfinished
// initialisation, which it returns open.
func prepare(dir string, o Options) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explain("make data directory", dir, err)
	}
	if err := vacant(dir); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, explain("make private the directory", dir, err)
	}
	free, err := o.FreeSpace(dir)
	if err != nil {
		return nil, explain("ask for free space of", dir, err)
	}
	if free < MinFree {
		return nil, fmt.Errorf("data directory %s: %d MiB free on its disk, %d MiB needed: free space on it or choose another --data",
			dir, free>>20, uint64(MinFree)>>20)
	}
	path := filepath.Join(dir, unfinished)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain("write in data directory", dir, err)
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	if err := removeParts(dir); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// vacant refuses a directory that holds anything but what an interrupted
// initialisation left.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return explain("read data directory", dir, err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	switch {
	case slices.Contains(names, marker):
		return fmt.Errorf("data directory %s %w: Lapwing never overwrites one; choose another --data", dir, ErrInstalled)
	case slices.Contains(names, unfinished):
		names = slices.DeleteFunc(names, func(n string) bool {
			return n == unfinished || n == keysDir || n == storeDir
		})
	}
	// A file system's own root is never quite empty.
	names = slices.DeleteFunc(names, func(n string) bool { return n == "lost+found" })
	if len(names) > 0 {
		return fmt.Errorf("data directory %s %w (%q): choose an empty --data", dir, ErrNotEmpty, names[0])
	}
	return nil
}

func removeParts(dir string) error {
	for _, part := range []string{keysDir, storeDir} {
		if err := os.RemoveAll(filepath.Join(dir, part)); err != nil {
			return explain("remove half-made", filepath.Join(dir, part), err)
		}
	}
	return nil
}

// undo clears up after a failed initialisation.
func undo(dir string) error {
	if err := removeParts(dir); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, unfinished)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("remove", filepath.Join(dir, unfinished), err)
	}
	return nil
}

// finish turns the mark of an unfinished initialisation into that of a
// finished one, in one step.
func finish(dir string) error {
	from, to := filepath.Join(dir, unfinished), filepath.Join(dir, marker)
	if err := os.WriteFile(from, []byte(format), 0o600); err != nil {
		return explain("write", from, err)
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return explain("write", to, err)
	}
	return syncDir(dir)
}

func build(ctx context.Context, dir string, o Options) (Installed, error) {
	if err := makeKeys(dir, o); err != nil {
		return Installed{}, err
	}
	if err := os.Mkdir(StorePath(dir), 0o700); err != nil {
		return Installed{}, explain("make", StorePath(dir), err)
	}
	s, err := o.OpenStore(ctx, StorePath(dir))
	if err != nil {
		return Installed{}, explain("make store", StorePath(dir), err)
	}
	done, err := fillStore(ctx, s, o)
	if err := errors.Join(err, s.Close()); err != nil {
		return Installed{}, explain("fill store", StorePath(dir), err)
	}
	return done, nil
}

func makeKeys(dir string, o Options) error {
	keys := filepath.Join(dir, keysDir)
	if err := os.Mkdir(keys, 0o700); err != nil {
		return explain("make", keys, err)
	}
	ca, err := tlsx.NewCA(o.School, o.Now())
	if err != nil {
		return err
	}
	caCert, caKey, err := ca.Marshal()
	if err != nil {
		return err
	}
	files := map[string][]byte{caFile: append(caCert, caKey...)}
	for _, name := range []string{serverFile, consoleFile} {
		cert, err := ca.IssueServer(hosts(o.Hosts), o.Now())
		if err != nil {
			return err
		}
		if files[name], err = marshalChain(cert); err != nil {
			return err
		}
	}
	_, policy, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make policy key: %w", err)
	}
	if files[policyFile], err = marshalPolicyKey(policy); err != nil {
		return err
	}
	for name, b := range files {
		if err := writePrivate(filepath.Join(keys, name), b); err != nil {
			return err
		}
	}
	if _, err := vault.Create(filepath.Join(keys, vaultFile)); err != nil {
		return explain("make", keys, err)
	}
	return syncDir(keys)
}

// hosts are the names a browser on this machine or in this network would use.
func hosts(more []string) []string {
	all := append([]string{"localhost", "127.0.0.1", "::1"}, more...)
	if name, err := os.Hostname(); err == nil && name != "" {
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func fillStore(ctx context.Context, s store.Store, o Options) (Installed, error) {
	now := o.Now()
	school, err := s.AddSchool(ctx, o.Slug, strings.TrimSpace(o.School), now)
	if err != nil {
		return Installed{}, fmt.Errorf("add school: %w", err)
	}
	t, err := s.School(ctx, school.ID)
	if err != nil {
		return Installed{}, fmt.Errorf("open school: %w", err)
	}
	who := audit.Who{Name: "lapwing-collector init", Via: audit.ViaCommand}
	admin := store.User{
		ID: caseflow.UserID(token.New()), Name: "Administrator",
		Roles: []caseflow.Role{caseflow.Administrator}, Created: now,
	}
	if err := t.PutUser(ctx, admin, who, now); err != nil {
		return Installed{}, fmt.Errorf("add first administrator: %w", err)
	}
	entry := audit.Entry{At: now, Who: who, Action: audit.LinkCreated, Object: []string{string(admin.ID)}}
	if err := t.Append(ctx, entry); err != nil {
		return Installed{}, fmt.Errorf("record sign-in link: %w", err)
	}
	secret, err := auth.NewLink(ctx, t, admin.ID, now, LinkLifetime)
	if err != nil {
		return Installed{}, err
	}
	done := Installed{School: school, LinkExpires: now.Add(LinkLifetime)}
	done.Link, err = auth.LinkURL(o.Console, secret)
	return done, err
}

// Slug makes the short name of a school that stands in certificates and
// commands: at most 64 of a-z, 0-9 and inner hyphens. A name without any such
// letter gives "school".
func Slug(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '\'', r == '’', unicode.Is(unicode.Mn, r):
			// "St Mary's" is st-marys, and "École" is ecole.
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := b.String()
	if len(s) > 64 {
		s = s[:64]
	}
	if s = strings.Trim(s, "-"); s == "" {
		return "school"
	}
	return s
}
