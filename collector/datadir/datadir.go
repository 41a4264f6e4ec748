// Package datadir owns the collector's data directory: its layout, its key
// files, its making and its opening.
//
//	DATA/                  0700
//	  INSTALLATION         format of the directory; written last by Init
//	  keys/ca.pem          device authority: certificate and key (ECDSA P-256)
//	  keys/server.pem      agent port: chain and key, renewed by itself
//	  keys/console.pem     console: chain and key, renewed by itself
//	  keys/policy.pem      policy signing key (Ed25519)
//	  keys/vault.key       collector/vault's own file
//	  store/               the embedded database
//	  control.sock         while a server runs (collector/control)
//	  policy/              the school's policy.yaml and rules/*.yaml (collector/policy)
//	  directory-inbox/     lists of people, taken from here every night (collector/roster)
//
// Every file is 0600. A backup of DATA without keys/vault.key cannot be read,
// which is why keys have their own place in the backup plan
// (docs/data-protection.md).
//
// It may import collector/store and what crosses it, collector/auth,
// collector/vault, collector/token, internal/durable and internal/tlsx; the database's driver is
// handed in.
package datadir

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// Errors that callers may want to tell apart; messages name the directory and
// what to do.
var (
	ErrInstalled    = errors.New("holds an installation already")
	ErrNotEmpty     = errors.New("is not empty")
	ErrNotInstalled = errors.New("holds no installation")
	ErrUnfinished   = errors.New("holds an initialisation that was interrupted")
	ErrOpenToOthers = errors.New("may be read by other users")
	ErrOwner        = errors.New("belongs to another user")
	ErrFormat       = errors.New("has a format that this version does not know")
)

// Names within the directory.
const (
	marker     = "INSTALLATION"
	unfinished = "INITIALISING"
	keysDir    = "keys"
	storeDir   = "store"
	socket     = "control.sock"
	inboxDir   = "directory-inbox"
	policyDir  = "policy"

	caFile      = "ca.pem"
	serverFile  = "server.pem"
	consoleFile = "console.pem"
	policyFile  = "policy.pem"
	vaultFile   = "vault.key"
)

// format is the whole content of the marker.
const format = "lapwing-collector data directory, format 1\n"

// renewBefore is when a server certificate is replaced: a third of its life
// before its end, as smallstep does for its own.
const renewBefore = tlsx.ServerLifetime / 3

// Data is an opened directory. It is safe for concurrent use.
type Data struct {
	Dir    string
	CA     *tlsx.CA
	Policy ed25519.PrivateKey
	Vault  *vault.Vault

	mu      sync.Mutex // guards server and console
	server  *tls.Certificate
	console *tls.Certificate
}

// StorePath is where the embedded database of dir lives.
func StorePath(dir string) string { return filepath.Join(dir, storeDir) }

// SocketPath is the owner-only socket of the server on dir.
func SocketPath(dir string) string { return filepath.Join(dir, socket) }

// InboxPath is where an export of the school's people is put every night.
func InboxPath(dir string) string { return filepath.Join(dir, inboxDir) }

// PolicyPath is where a school edits its policy and rule packs of its own.
func PolicyPath(dir string) string { return filepath.Join(dir, policyDir) }

// Open reads the keys of dir, after checking that nobody else can. It renews
// server certificates that end within four months. It does not open the store.
func Open(dir string, now time.Time) (*Data, error) {
	if err := checkInstalled(dir); err != nil {
		return nil, err
	}
	if err := checkPrivate(dir, "700"); err != nil {
		return nil, err
	}
	d := &Data{Dir: dir}
	if err := d.readKeys(); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if _, err := d.Renew(now); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	return d, nil
}

// ServerCertificate returns the agent port's current certificate.
func (d *Data) ServerCertificate() (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.server, nil
}

// ConsoleCertificate returns the console's current certificate; it has the
// form of tls.Config.GetCertificate.
func (d *Data) ConsoleCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.console, nil
}

// Renew replaces server certificates that end within four months, or have not
// begun, and reports whether it replaced any. Call it at start and often: a look
// costs two comparisons.
func (d *Data) Renew(now time.Time) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	renewed := false
	for _, c := range []struct {
		cert **tls.Certificate
		file string
	}{{&d.server, serverFile}, {&d.console, consoleFile}} {
		// One that has not begun was made while this machine's clock was ahead;
		// devices that know the time refuse it until then. A clock from before
		// the authority itself is wrong now, and replaces nothing for that.
		leaf := (*c.cert).Leaf
		early := now.Before(leaf.NotBefore) && !now.Before(d.CA.Cert.NotBefore)
		if !early && now.Add(renewBefore).Before(leaf.NotAfter) {
			continue
		}
		next, err := d.CA.IssueServer(hostsOf(leaf), now)
		if err != nil {
			return renewed, fmt.Errorf("renew %s: %w", c.file, err)
		}
		if err := replaceChain(d.key(c.file), next); err != nil {
			return renewed, fmt.Errorf("renew %s: %w", c.file, err)
		}
		*c.cert, renewed = next, true
	}
	return renewed, nil
}

func (d *Data) key(name string) string { return filepath.Join(d.Dir, keysDir, name) }

// checkInstalled tells an installation from an unfinished one, from nothing
// and from a later version's.
func checkInstalled(dir string) error {
	got, err := os.ReadFile(filepath.Join(dir, marker))
	switch {
	case err == nil && string(got) == format:
		return nil
	case err == nil:
		return fmt.Errorf("data directory %s %w: run the version of lapwing-collector that made it, or a later one", dir, ErrFormat)
	case !errors.Is(err, fs.ErrNotExist):
		return explain("open data directory", dir, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, unfinished)); err == nil {
		return fmt.Errorf("data directory %s %w: run lapwing-collector init again, it begins afresh", dir, ErrUnfinished)
	}
	return fmt.Errorf("data directory %s %w: run lapwing-collector init --data %s --school NAME", dir, ErrNotInstalled, dir)
}
