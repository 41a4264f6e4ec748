// Package roster brings a school's list of people into its store: it reads the
// file, says beforehand what would change, seals what it keeps, and watches
// the folder where a nightly export is put. What a file means and whom an
// account is, is for collector/directory.
//
// It may import collector/{audit,caseflow,directory,store,tenants,vault}, the
// generated messages and internal/*; never a store's implementation. It logs
// and returns no name and no account, but for what Preview and Person show.
package roster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// MaxUpload is the largest file that Read takes, in bytes: a zip of a large
// trust's export has some ten megabytes.
const MaxUpload = 32 << 20

// Service imports directories. Safe for concurrent use.
type Service struct {
	vault *vault.Vault
	now   func() time.Time
	log   *slog.Logger
}

// New returns a Service.
func New(v *vault.Vault, now func() time.Time, log *slog.Logger) *Service {
	return &Service{vault: v, now: now, log: log}
}

// Read reads a file by its content: a zip is OneRoster 1.1, a text the simple
// CSV. The error is a *directory.Error.
func Read(name string, data []byte) (directory.Roster, error) {
	if len(data) > MaxUpload {
		return directory.Roster{}, problem(name, "the file has over %d MB. Export one school at a time.", MaxUpload>>20)
	}
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return directory.ParseZip(name, bytes.NewReader(data), int64(len(data)))
	}
	return directory.ParseSimple(name, data)
}

// ReadPath reads a file, or a folder with a OneRoster 1.1 export. The error is
// a *directory.Error for what the file has wrong.
func ReadPath(path string) (directory.Roster, error) {
	name := filepath.Base(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return directory.Roster{}, problem(name, "there is no such file.")
	case err != nil:
		return directory.Roster{}, fmt.Errorf("read directory file: %w", err)
	case info.IsDir():
		return directory.ParseFolder(name, os.DirFS(path))
	case !info.Mode().IsRegular():
		return directory.Roster{}, problem(name, "this is neither a file nor a folder.")
	}
	f, err := os.Open(path)
	if err != nil {
		return directory.Roster{}, fmt.Errorf("read directory file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxUpload+1))
	if err != nil {
		return directory.Roster{}, fmt.Errorf("read directory file: %w", err)
	}
	return Read(name, data)
}

func problem(file, format string, args ...any) error {
	return &directory.Error{Problems: []directory.Problem{{File: file, What: fmt.Sprintf(format, args...)}}}
}

// Person is somebody of the directory, for people who may see names.
type Person struct {
	Key      caseflow.PersonKey
	Name     string // empty when it was erased or cannot be read
	Audience vocab.Audience
	Year     string
	Accounts []string
	Aliases  []string
	Gone     bool
}

// Person unseals an entry. An entry whose key was destroyed has no name.
func (s *Service) Person(ctx context.Context, t store.Tenant, e store.DirectoryEntry) (Person, error) {
	p := Person{Key: e.Key, Audience: e.Audience, Year: e.Year, Gone: e.Gone}
	plain, err := s.vault.Unseal(ctx, t, t.Info().ID, e.Key, vault.DirectoryEntry, e.Content)
	if errors.Is(err, vault.ErrErased) || errors.Is(err, vault.ErrBroken) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("unseal directory entry: %w", err)
	}
	c, err := directory.UnmarshalContent(plain)
	if err != nil {
		return p, nil // as for ErrBroken
	}
	p.Name, p.Accounts, p.Aliases = c.Name, c.Accounts, c.Aliases
	return p, nil
}

// Find returns the one person whom an account is; store.ErrNotFound when there
// is none, or could be two.
func (s *Service) Find(ctx context.Context, t store.Tenant, account string) (store.DirectoryEntry, error) {
	return t.MatchAccount(ctx, directory.AccountOf(account, s.hash(t)))
}

// Persons are the keys that a console user has by an account: the account
// itself, and the directory entry that it matches. Known is false when it
// matches nobody. The account of a pupil is a *caseflow.InvalidError.
func (s *Service) Persons(ctx context.Context, t store.Tenant, account string) (keys []caseflow.PersonKey, known bool, err error) {
	own := s.hash(t)(account)
	if own.IsZero() {
		return nil, false, nil
	}
	e, err := s.Find(ctx, t, account)
	if errors.Is(err, store.ErrNotFound) {
		return []caseflow.PersonKey{own}, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if e.Audience != vocab.Staff {
		return nil, false, notStaff()
	}
	return append([]caseflow.PersonKey{own, e.Key}, e.Accounts...), true, nil
}

// Unmatched lists accounts that devices have sent and that are nobody in the
// directory, by name, at most limit; total counts all.
func (s *Service) Unmatched(ctx context.Context, t store.Tenant, limit int) (names []string, total int, err error) {
	err = s.accounts(ctx, t, func(p store.PersonRecord) error {
		if !p.Entry.IsZero() {
			return nil
		}
		total++
		if len(names) == limit {
			return nil
		}
		name, err := s.account(ctx, t, p)
		if name != "" {
			names = append(names, name)
		}
		return err
	})
	return names, total, err
}

// account is the name of an account as the device sent it; empty when it was erased.
func (s *Service) account(ctx context.Context, t store.Tenant, p store.PersonRecord) (string, error) {
	if len(p.Name) == 0 {
		return "", nil
	}
	plain, err := s.vault.Unseal(ctx, t, t.Info().ID, p.Key, vault.PersonName, p.Name)
	if errors.Is(err, vault.ErrErased) || errors.Is(err, vault.ErrBroken) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("unseal account: %w", err)
	}
	return strings.ToValidUTF8(string(plain), "�"), nil
}

// pageSize is how many rows are read at once.
const pageSize = 1000

// accounts calls fn with every account that devices have sent.
func (s *Service) accounts(ctx context.Context, t store.Tenant, fn func(store.PersonRecord) error) error {
	var after caseflow.PersonKey
	for {
		part, err := t.Accounts(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read accounts: %w", err)
		}
		if len(part) == 0 {
			return nil
		}
		for _, p := range part {
			if err := fn(p); err != nil {
				return err
			}
		}
		after = part[len(part)-1].Key
	}
}

// Entries calls fn with every entry of the directory, by key.
func (s *Service) Entries(ctx context.Context, t store.Tenant, fn func(store.DirectoryEntry) error) error {
	var after caseflow.PersonKey
	for {
		part, err := t.DirectoryEntries(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read directory: %w", err)
		}
		if len(part) == 0 {
			return nil
		}
		for _, e := range part {
			if err := fn(e); err != nil {
				return err
			}
		}
		after = part[len(part)-1].Key
	}
}

// hash is the school's keyed hash of accounts.
func (s *Service) hash(t store.Tenant) directory.Hash {
	id := t.Info().ID
	return func(text string) caseflow.PersonKey { return s.vault.PersonKey(id, text) }
}
