package datadir

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/durable"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// readKeys reads every key file, after checking that only the owner can.
func (d *Data) readKeys() error {
	if err := checkPrivate(filepath.Join(d.Dir, keysDir), "700"); err != nil {
		return err
	}
	var err error
	read := func(name string) []byte {
		var b []byte
		if err == nil {
			b, err = readPrivate(d.key(name))
		}
		return b
	}
	ca, server, console := read(caFile), read(serverFile), read(consoleFile)
	policy := read(policyFile)
	if err != nil {
		return err
	}
	if d.CA, err = tlsx.ParseCA(ca, ca); err != nil {
		return broken(d.key(caFile), err)
	}
	if d.server, err = parseChain(server); err != nil {
		return broken(d.key(serverFile), err)
	}
	if d.console, err = parseChain(console); err != nil {
		return broken(d.key(consoleFile), err)
	}
	if d.Policy, err = parsePolicyKey(policy); err != nil {
		return broken(d.key(policyFile), err)
	}
	if d.Vault, err = vault.Open(d.key(vaultFile)); err != nil {
		return broken(d.key(vaultFile), err)
	}
	return nil
}

func broken(path string, err error) error {
	return fmt.Errorf("key file %s cannot be used (%w): restore it from the key backup", path, err)
}

func parseChain(b []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

func marshalChain(c *tls.Certificate) ([]byte, error) {
	key, ok := c.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, tlsx.ErrNotP256
	}
	keyPEM, err := tlsx.MarshalKey(key)
	if err != nil {
		return nil, fmt.Errorf("marshal server key: %w", err)
	}
	var out []byte
	for _, der := range c.Certificate {
		out = append(out, tlsx.MarshalCertificate(der)...)
	}
	return append(out, keyPEM...), nil
}

func replaceChain(path string, c *tls.Certificate) error {
	b, err := marshalChain(c)
	if err != nil {
		return err
	}
	return replacePrivate(path, b)
}

// hostsOf returns the names a server certificate was made for.
func hostsOf(leaf *x509.Certificate) []string {
	hosts := slices.DeleteFunc(slices.Clone(leaf.DNSNames), func(n string) bool { return n == tlsx.ServerName })
	for _, ip := range leaf.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

func marshalPolicyKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("marshal policy key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func parsePolicyKey(b []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signing, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("not an Ed25519 key")
	}
	return signing, nil
}

// readPrivate reads a file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, explain("read key file", path, err)
	}
	return b, checkPrivate(path, "600")
}

// writePrivate makes a file of mode 0600 that does not exist yet, and returns
// when its content is on the disk.
func writePrivate(path string, b []byte) error {
	if err := durable.WriteNew(path, b); err != nil {
		return explain("make file", path, err)
	}
	return nil
}

// replacePrivate puts a new content in place of an old one: after a crash one
// of the two is there, whole.
func replacePrivate(path string, b []byte) error {
	durable.RemoveTemps(path)
	if err := durable.WriteFile(path, b); err != nil {
		return explain("replace file", path, err)
	}
	return nil
}

// syncDir makes a rename or a new file in dir durable.
func syncDir(dir string) error {
	if err := durable.SyncDir(dir); err != nil {
		return explain("sync", dir, err)
	}
	return nil
}

// explain adds to an operating system's error what a person can do about it.
func explain(verb, path string, err error) error {
	var do string
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		do = ": the disk is full; free space on it or choose another --data"
	case errors.Is(err, syscall.EROFS):
		do = ": the disk is mounted read-only; remount it or choose another --data"
	case errors.Is(err, fs.ErrPermission):
		do = ": run this as the user the collector runs as, or choose another --data"
	}
	return fmt.Errorf("%s %s: %w%s", verb, path, err, do)
}
