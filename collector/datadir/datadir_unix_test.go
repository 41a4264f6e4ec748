//go:build unix

package datadir_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

const childDir = "LAPWING_DATADIR_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		crash(dir)
	}
	goleak.VerifyTestMain(m)
}

func openBadger(_ context.Context, dir string) (store.Store, error) {
	return badgerstore.Open(dir, badgerstore.Options{Reserve: 1 << 20, MemTable: 1 << 20})
}

func options() datadir.Options {
	return datadir.Options{
		School: "St Mary's School, Ashby", Console: "https://localhost:8443",
		Now: time.Now, OpenStore: openBadger,
	}
}

// installed makes an installation.
func installed(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new", "data")
	if _, err := datadir.Init(t.Context(), dir, options()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestInitMakesEverythingPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	got, err := datadir.Init(t.Context(), dir, options())
	if err != nil {
		t.Fatal(err)
	}
	if got.School.Slug != "st-marys-school-ashby" || got.School.Name != "St Mary's School, Ashby" {
		t.Errorf("school is %+v", got.School)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		inStore := strings.HasPrefix(path, datadir.StorePath(dir)+"/") // Badger's own; its directory is 0700
		if fi.Mode().Perm()&0o077 != 0 && !inStore {
			t.Errorf("%s has mode %04o", path, fi.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("the directory holds %v; want INSTALLATION, keys and store", entries)
	}
	d, err := datadir.Open(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, get := range map[string]func() (*x509.Certificate, error){
		"server": func() (*x509.Certificate, error) {
			c, err := d.ServerCertificate()
			return c.Leaf, err
		},
		"console": func() (*x509.Certificate, error) {
			c, err := d.ConsoleCertificate(nil)
			return c.Leaf, err
		},
	} {
		leaf, err := get()
		if err != nil {
			t.Fatal(err)
		}
		if err := leaf.CheckSignatureFrom(d.CA.Cert); err != nil {
			t.Errorf("%s certificate: %v", name, err)
		}
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []string{"localhost", "127.0.0.1", "::1", host} {
			if err := leaf.VerifyHostname(h); err != nil {
				t.Errorf("%s certificate: %v", name, err)
			}
		}
	}
	checkStore(t, dir, got)
}

// checkStore finds the school, its ledger and its administrator, whose link works.
func checkStore(t *testing.T, dir string, got datadir.Installed) {
	t.Helper()
	s, err := openBadger(t.Context(), datadir.StorePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	school, err := s.School(t.Context(), got.School.ID)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := school.Entries(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (audit.Head{}).Verify(entries); err != nil || len(entries) < 2 || entries[0].Action != audit.SchoolCreated {
		t.Errorf("ledger of %d entries: %v", len(entries), err)
	}
	users, err := school.Users(t.Context())
	if err != nil || len(users) != 1 || !slices.Equal(users[0].Roles, []caseflow.Role{caseflow.Administrator}) {
		t.Fatalf("users %+v, %v; want one administrator", users, err)
	}
	secret := got.Link[strings.LastIndex(got.Link, "/")+1:]
	if !strings.HasPrefix(got.Link, "https://localhost:8443/") {
		t.Errorf("link %q", got.Link)
	}
	svc, err := auth.New(auth.Config{Schools: s, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, u, err := svc.LookLink(t.Context(), secret); err != nil || u.ID != users[0].ID {
		t.Errorf("the link is of %q, %v", u.ID, err)
	}
}

func TestInitNeverOverwrites(t *testing.T) {
	dir := installed(t)
	before := snapshot(t, dir)
	_, err := datadir.Init(t.Context(), dir, options())
	if !errors.Is(err, datadir.ErrInstalled) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrInstalled with the path", err)
	}
	if after := snapshot(t, dir); !bytes.Equal(before, after) {
		t.Error("the installation was changed")
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "homework.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = datadir.Init(t.Context(), foreign, options())
	if !errors.Is(err, datadir.ErrNotEmpty) || !strings.Contains(err.Error(), "homework.txt") {
		t.Errorf("got %v, want ErrNotEmpty with the file", err)
	}
}

// snapshot is names and contents of all keys.
func snapshot(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	keys := filepath.Join(dir, "keys")
	entries, err := os.ReadDir(keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(keys, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(e.Name())
		b.Write(content)
	}
	return b.Bytes()
}

func TestInitLeavesNothingBehindWhenItFails(t *testing.T) {
	for name, spoil := range map[string]func(*datadir.Options){
		"disk too small": func(o *datadir.Options) {
			o.FreeSpace = func(string) (uint64, error) { return 40 << 20, nil }
		},
		"disk full in the middle": func(o *datadir.Options) {
			o.OpenStore = func(_ context.Context, dir string) (store.Store, error) {
				if err := os.WriteFile(filepath.Join(dir, "000001.vlog"), nil, 0o600); err != nil {
					return nil, err
				}
				return nil, &fs.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC}
			}
		},
		"no name":   func(o *datadir.Options) { o.School = "  " },
		"long name": func(o *datadir.Options) { o.School = strings.Repeat("x", 201) },
		"bad host":  func(o *datadir.Options) { o.Hosts = []string{"not a host"} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			o := options()
			spoil(&o)
			_, err := datadir.Init(t.Context(), dir, o)
			if err == nil {
				t.Fatal("it worked")
			}
			if strings.HasPrefix(name, "disk") && (!strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "free space on it or choose another --data")) {
				t.Errorf("%v: names no path, or not what to do", err)
			}
			if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
				t.Errorf("left behind: %v", entries)
			}
			if _, err := datadir.Init(t.Context(), dir, options()); err != nil {
				t.Errorf("second try: %v", err)
			}
		})
	}
}

func TestUnwritablePlaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(file, "data"), "/proc/lapwing-data"} {
		_, err := datadir.Init(t.Context(), dir, options())
		if err == nil || !strings.Contains(err.Error(), dir) && !strings.Contains(err.Error(), file) {
			t.Errorf("Init in %s: %v; want an error that names it", dir, err)
		}
	}
}

// crash is killed, as by kill -9, while the store is being filled.
func crash(dir string) {
	o := options()
	o.OpenStore = func(ctx context.Context, path string) (store.Store, error) {
		s, err := openBadger(ctx, path)
		if err == nil {
			_, err = s.AddSchool(ctx, "half", "Half a school", time.Now())
		}
		if err == nil {
			err = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return s, err
	}
	datadir.Init(context.Background(), dir, o)
	os.Exit(3)
}

func TestInitAfterACrashBeginsAfresh(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was to be killed: %v", err)
	}
	if _, err := datadir.Open(dir, time.Now()); !errors.Is(err, datadir.ErrUnfinished) {
		t.Errorf("Open: %v, want ErrUnfinished", err)
	}
	got, err := datadir.Init(t.Context(), dir, options())
	if err != nil {
		t.Fatalf("Init after the crash: %v", err)
	}
	checkStore(t, dir, got)
}

func TestOfTwoInitsOneWaits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	o := options()
	var second error
	o.OpenStore = func(ctx context.Context, path string) (store.Store, error) {
		_, second = datadir.Init(ctx, dir, options())
		return openBadger(ctx, path)
	}
	if _, err := datadir.Init(t.Context(), dir, o); err != nil {
		t.Errorf("the first: %v", err)
	}
	if second == nil || !strings.Contains(second.Error(), "another lapwing-collector") {
		t.Errorf("the second: %v, want it told to wait", second)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := datadir.Open(t.TempDir(), time.Now()); !errors.Is(err, datadir.ErrNotInstalled) || !strings.Contains(err.Error(), "lapwing-collector init") {
		t.Errorf("an empty directory: %v, want ErrNotInstalled and the command", err)
	}
	for name, tt := range map[string]struct {
		spoil func(dir string) error
		want  error
		word  string
	}{
		"directory open to the group": {func(dir string) error { return os.Chmod(dir, 0o750) }, datadir.ErrOpenToOthers, "chmod 700 "},
		"key open to all":             {func(dir string) error { return os.Chmod(key(dir, "ca.pem"), 0o644) }, datadir.ErrOpenToOthers, "chmod 600 "},
		"keys directory open":         {func(dir string) error { return os.Chmod(filepath.Join(dir, "keys"), 0o755) }, datadir.ErrOpenToOthers, "chmod 700 "},
		"later format": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "INSTALLATION"), []byte("format 2"), 0o600)
		}, datadir.ErrFormat, "later"},
		"key gone":   {func(dir string) error { return os.Remove(key(dir, "policy.pem")) }, fs.ErrNotExist, "policy.pem"},
		"CA key cut": {func(dir string) error { return os.Truncate(key(dir, "ca.pem"), 300) }, nil, "ca.pem"},
		"vault cut":  {func(dir string) error { return os.Truncate(key(dir, "vault.key"), 10) }, nil, "vault.key"},
		"policy swapped": {func(dir string) error {
			b, err := os.ReadFile(key(dir, "server.pem"))
			if err != nil {
				return err
			}
			return os.WriteFile(key(dir, "policy.pem"), b, 0o600)
		}, nil, "policy.pem"},
		"another user's": {func(dir string) error { return os.Chown(dir, 12345, -1) }, datadir.ErrOwner, "sudo -u '#12345'"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := installed(t)
			if err := tt.spoil(dir); errors.Is(err, fs.ErrPermission) {
				t.Logf("only root may give a file away; not tried: %v", err)
				return
			} else if err != nil {
				t.Fatal(err)
			}
			_, err := datadir.Open(dir, time.Now())
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.word) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.word)
			}
		})
	}
}

func key(dir, name string) string { return filepath.Join(dir, "keys", name) }

func TestServerCertificatesRenewThemselves(t *testing.T) {
	dir := installed(t)
	now := time.Now()
	serials := func(at time.Time) (all [2]string) {
		d, err := datadir.Open(dir, at)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.ServerCertificate()
		if err != nil {
			t.Fatal(err)
		}
		c, err := d.ConsoleCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Leaf.VerifyHostname("localhost"); err != nil {
			t.Error(err)
		}
		return [2]string{s.Leaf.SerialNumber.String(), c.Leaf.SerialNumber.String()}
	}
	first := serials(now)
	if soon := serials(now.Add(tlsx.ServerLifetime / 2)); soon != first {
		t.Error("renewed at half its life")
	}
	later := now.Add(tlsx.ServerLifetime * 3 / 4)
	second := serials(later)
	if second[0] == first[0] || second[1] == first[1] {
		t.Error("not renewed at three quarters of its life")
	}
	if again := serials(later); again != second {
		t.Error("the renewed certificate was not kept")
	}
	// The clock was ahead by nine months for a day, and is right again; between
	// the two it stood at the start of all time.
	if again := serials(time.Unix(0, 0)); again != second {
		t.Error("replaced by a clock from before the authority")
	}
	if third := serials(now); third[0] == second[0] || third[1] == second[1] {
		t.Error("certificates that have not begun were kept")
	}
	if left, err := filepath.Glob(key(dir, "server.pem?*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"Demo School":                     "demo-school",
		"  St Mary’s (C of E) Primary!! ": "st-marys-c-of-e-primary",
		"École Élémentaire":               "ecole-elementaire",
		"学校":                              "school",
		strings.Repeat("a", 63) + " b":    strings.Repeat("a", 63),
		strings.Repeat("long name ", 20):  "long-name-long-name-long-name-long-name-long-name-long-name-long",
	} {
		got := datadir.Slug(name)
		if got != want {
			t.Errorf("Slug(%q) = %q, want %q", name, got, want)
		}
		if err := store.CheckSchool(got, "x"); err != nil {
			t.Errorf("Slug(%q): %v", name, err)
		}
		if err := (tlsx.Device{School: got, ID: "x"}).Validate(); err != nil {
			t.Errorf("Slug(%q): %v", name, err)
		}
	}
}
