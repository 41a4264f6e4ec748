package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/lapwing-schools/lapwing/internal/durable"
)

// Errors of Open, wrapped with the path.
var (
	// ErrPermissions says that others than the owner may read the key file.
	ErrPermissions = errors.New("key file can be read by others: run chmod 600 on it, and consider its keys known to them")
	// ErrFile says that the file is not a key file, or was cut or changed.
	ErrFile = errors.New("not a Lapwing key file, or damaged: restore it from its own backup")
)

// The key file: magic (8) | epoch (4) | epoch key (32) | lookup key (32) |
// CRC-32C of all before it (4). The lookup key never changes, or nobody would
// be found again; the epoch key changes with each erasure.
const fileSize = 8 + 4 + keySize + keySize + 4

var (
	magic      = []byte("LWVAULT1")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Create makes a new key file, owner-only and durable, and opens it. It fails
// with fs.ErrExist rather than replace one: without the old file everything
// sealed with it would be lost.
func Create(path string) (*Vault, error) {
	file := make([]byte, fileSize)
	copy(file, magic)
	binary.BigEndian.PutUint32(file[8:], 1)
	if _, err := rand.Read(file[12 : fileSize-4]); err != nil {
		return nil, fmt.Errorf("create vault key: %w", err)
	}
	binary.BigEndian.PutUint32(file[fileSize-4:], crc32.Checksum(file[:fileSize-4], castagnoli))
	if err := durable.WriteNew(path, file); err != nil {
		return nil, fmt.Errorf("create vault key: %w", err)
	}
	return parse(file)
}

// Open reads a key file. It fails with fs.ErrNotExist, ErrPermissions (where
// the system has them) or ErrFile.
func Open(path string) (*Vault, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open vault key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open vault key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open vault key %s: not a file: %w", path, ErrFile)
	}
	if !ownerOnly(info) {
		return nil, fmt.Errorf("open vault key %s: mode %04o: %w", path, info.Mode().Perm(), ErrPermissions)
	}
	file, err := io.ReadAll(io.LimitReader(f, fileSize+1))
	if err != nil {
		return nil, fmt.Errorf("open vault key: %w", err)
	}
	v, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("open vault key %s: %w", path, err)
	}
	return v, nil
}

func parse(file []byte) (*Vault, error) {
	if len(file) != fileSize {
		return nil, fmt.Errorf("size is not %d bytes: %w", fileSize, ErrFile)
	}
	body, sum := file[:fileSize-4], binary.BigEndian.Uint32(file[fileSize-4:])
	if !bytes.HasPrefix(body, magic) || crc32.Checksum(body, castagnoli) != sum {
		return nil, ErrFile
	}
	wrap, err := chacha20poly1305.NewX(body[12 : 12+keySize])
	if err != nil {
		return nil, err
	}
	return &Vault{
		epoch:  binary.BigEndian.Uint32(body[8:]),
		wrap:   wrap,
		lookup: [keySize]byte(body[12+keySize:]),
	}, nil
}
