// Package identity owns who this device is: its key, its certificate, the
// collector it belongs to, and the time by which certificates are judged.
//
//	DIR/identity/  device.key     private key, PKCS#8 PEM, made here, never sent
//	               device.crt     certificate, renewed at two thirds of its life
//	               ca.crt         the collector's authority
//	               collector.json address, school, device, policy key
//	               trusted-time   the latest time that the collector told
//
// All are mode 0600 in a directory of mode 0700. The directory appears whole
// or not at all. The package may import internal/tlsx, internal/durable and
// the messages of proto/lapwing/v1.
package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lapwing-schools/lapwing/internal/durable"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// Errors that callers can tell apart.
var (
	// ErrNotEnrolled says that the directory holds no identity.
	ErrNotEnrolled = errors.New("this device is not enrolled; run: lapwing-agent enrol STRING")
	// ErrUnsaved says that a certificate was renewed and is in use, but could not
	// be stored: it is tried again at the next connection.
	ErrUnsaved = errors.New("the renewed certificate is in use, and could not be stored")
	// ErrEnrolled refuses to replace an identity without being told to.
	ErrEnrolled = errors.New("this device is enrolled already; use --force to give it a new identity")
)

const (
	dirName      = "identity"
	newName      = "identity.new"
	replacedName = "identity.replaced"

	keyFile       = "device.key"
	certFile      = "device.crt"
	caFile        = "ca.crt"
	collectorFile = "collector.json"
	timeFile      = "trusted-time"
)

// Collector is what a device knows of its collector; the content of collector.json.
type Collector struct {
	Address    string            `json:"address"` // host:port
	School     string            `json:"school"`  // slug
	SchoolName string            `json:"school_name"`
	Device     string            `json:"device"` // id
	PolicyKey  ed25519.PublicKey `json:"policy_public_key"`
}

// Identity is a device's identity as it stands on disk. Renew replaces its
// certificate; everything else stays.
type Identity struct {
	Collector Collector
	Device    tlsx.Device
	Key       *ecdsa.PrivateKey
	Cert      *x509.Certificate
	CA        *x509.Certificate

	dir     string // DIR/identity
	unsaved bool   // device.crt holds an older certificate
}

// TLS returns the certificate as the agent door wants to see it.
func (id *Identity) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{id.Cert.Raw}, PrivateKey: id.Key, Leaf: id.Cert}
}

// RenewAt returns when to ask for a new certificate: after two thirds of this
// one's life, give or take a twentieth that jitter (0 to 1) decides, so that a
// school enrolled in one morning does not renew in one minute.
func (id *Identity) RenewAt(jitter float64) time.Time {
	begin, end := id.Cert.NotBefore, id.Cert.NotAfter
	life := end.Sub(begin)
	at := begin.Add(life / 3 * 2)
	return at.Add(time.Duration((jitter*2 - 1) * float64(life) / 20))
}

// Load reads the identity of DIR. It returns ErrNotEnrolled, wrapped, if there
// is none, and otherwise names the file that is missing or wrong.
func Load(dir string) (*Identity, error) {
	id, err := load(filepath.Join(dir, dirName))
	if errors.Is(err, fs.ErrNotExist) {
		// The machine stopped while enrolling again: the old identity is whole.
		if old, oldErr := load(filepath.Join(dir, replacedName)); oldErr == nil {
			return old, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	return id, nil
}

func load(dir string) (*Identity, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrNotEnrolled, err)
	}
	id := &Identity{dir: dir}
	if err := id.loadCollector(); err != nil {
		return nil, fmt.Errorf("%s: %w", collectorFile, err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", certFile, keyFile, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: %w", keyFile, tlsx.ErrNotP256)
	}
	id.Key, id.Cert = key, pair.Leaf
	if id.CA, err = loadCertificate(filepath.Join(dir, caFile)); err != nil {
		return nil, fmt.Errorf("%s: %w", caFile, err)
	}
	if id.Device, err = tlsx.ParseDevice(id.Cert); err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	return id, nil
}

func (id *Identity) loadCollector() error {
	b, err := os.ReadFile(filepath.Join(id.dir, collectorFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &id.Collector); err != nil {
		return err
	}
	if len(id.Collector.PolicyKey) != ed25519.PublicKeySize {
		return fmt.Errorf("policy_public_key has %d bytes, must have %d", len(id.Collector.PolicyKey), ed25519.PublicKeySize)
	}
	return nil
}

func loadCertificate(name string) (*x509.Certificate, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("holds no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

// save writes id as the identity of dir, in place of another one if there is
// one. At every moment Load finds the old identity or the new one.
func (id *Identity) save(dir string) error {
	collector, err := json.MarshalIndent(id.Collector, "", "  ")
	if err != nil {
		return err
	}
	key, err := tlsx.MarshalKey(id.Key)
	if err != nil {
		return err
	}
	fresh, final, old := filepath.Join(dir, newName), filepath.Join(dir, dirName), filepath.Join(dir, replacedName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		keyFile: key, certFile: tlsx.MarshalCertificate(id.Cert.Raw), caFile: tlsx.MarshalCertificate(id.CA.Raw),
		collectorFile: collector,
	} {
		if err := durable.WriteNew(filepath.Join(fresh, name), data); err != nil {
			return err
		}
	}
	if _, err := os.Stat(final); err == nil {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
		if err := os.Rename(final, old); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, final); err != nil {
		return err
	}
	if err := durable.SyncDir(dir); err != nil {
		return err
	}
	id.dir = final
	return os.RemoveAll(old)
}

// saveCertificate replaces device.crt, whole or not at all.
func (id *Identity) saveCertificate(cert *x509.Certificate) error {
	name := filepath.Join(id.dir, certFile)
	durable.RemoveTemps(name)
	return durable.WriteFile(name, tlsx.MarshalCertificate(cert.Raw))
}
