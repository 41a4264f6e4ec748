// Package vault seals what people wrote and were called: excerpts, titles,
// notes and account names. Every person has a random data key; the store keeps
// it wrapped by an epoch key that lives in a file outside the store's data, so
// that a copy of the database alone opens nothing, and destroying a person's
// key erases everything sealed for that person, in backups too.
//
// It owns the key file and both sealed formats. It may import collector/store
// for its identifiers, collector/caseflow, internal/durable and x/crypto; it never imports a
// store's implementation and never logs.
package vault

import (
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Errors of Unseal, wrapped.
var (
	// ErrErased says that the key under which the content was sealed has been
	// destroyed: the content is gone for good, as it should be.
	ErrErased = errors.New("content erased: the person's key was destroyed")
	// ErrBroken says that content or a wrapped key was damaged, forged, moved
	// to another person or purpose, or sealed under another key file.
	ErrBroken = errors.New("sealed content cannot be opened with this key file")
)

// Purpose binds sealed content to the place it was made for, so that a note
// cannot be passed off as an excerpt.
type Purpose string

// Purposes.
const (
	PersonName Purpose = "person-name" // account name as the device saw it
	Capture    Purpose = "capture"     // lapwing.v1.Capture: excerpt, marks, app, title
	Note       Purpose = "note"        // a reviewer's note, also of a closing
	Reason     Purpose = "reason"      // why a case was reopened, handed up or transferred
	Told       Purpose = "told"        // who was told outside Lapwing, and the reference of it
	Waiting    Purpose = "waiting"     // on whom a case waits
	Draft      Purpose = "draft"       // what a reviewer has written and not sent
	MediaLabel Purpose = "media-label" // a medium's volume label
)

// Keys is the part of store.Keys that sealing needs; it is one school's.
type Keys interface {
	// Key returns store.ErrNotFound when the person has none.
	Key(ctx context.Context, person caseflow.PersonKey) ([]byte, error)
	// AddKey keeps wrapped unless there is one, and returns the one that stands.
	AddKey(ctx context.Context, person caseflow.PersonKey, wrapped []byte) ([]byte, error)
}

// Vault holds the unwrapped epoch key in memory. Safe for concurrent use. Data
// keys are not cached: unwrapping takes a microsecond, and a key that was
// destroyed in the store must stop working everywhere at that moment.
type Vault struct {
	epoch  uint32
	wrap   cipher.AEAD
	lookup [keySize]byte
}

const keySize = chacha20poly1305.KeySize

// PersonKey is the keyed hash under which a school knows an account. Accounts
// that differ only in case, Unicode form or space around them are one person;
// an empty account is nobody (the zero key). Without the key file it cannot be
// computed, so a copied database does not answer "is this pupil in it?".
func (v *Vault) PersonKey(school store.SchoolID, account string) caseflow.PersonKey {
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(account))))
	if folded == "" {
		return caseflow.PersonKey{}
	}
	mac := hmac.New(sha256.New, v.lookup[:])
	mac.Write([]byte("lapwing person v1\x00"))
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(school)))
	mac.Write([]byte(folded))
	return caseflow.PersonKey(mac.Sum(nil)[:16])
}

// Subkey is a key for another use of the collector's, named by label. It is the
// same as long as the key file is, and tells nothing about other keys.
func (v *Vault) Subkey(label string) [32]byte {
	mac := hmac.New(sha256.New, v.lookup[:])
	mac.Write([]byte("lapwing subkey v1\x00"))
	mac.Write([]byte(label))
	return [32]byte(mac.Sum(nil))
}

// Seal encrypts plain for one person and purpose, making the person's data key
// when there is none yet. Content of nobody (the zero key) has a key of its
// own. It fails only with the store, the system's randomness, or ErrBroken
// when the stored key does not open.
func (v *Vault) Seal(ctx context.Context, keys Keys, school store.SchoolID, person caseflow.PersonKey, purpose Purpose, plain []byte) (caseflow.Sealed, error) {
	key, err := v.keyOrNew(ctx, keys, school, person)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	out := make([]byte, contentHeader, contentHeader+len(plain)+aead.Overhead())
	out[0] = contentVersion
	copy(out[1:], keyID(key))
	nonce := out[1+keyIDSize : contentHeader]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	return aead.Seal(out, nonce, plain, contentAAD(school, person, purpose, out[:1+keyIDSize])), nil
}

// Unseal decrypts what Seal made for the same school, person and purpose. It
// returns ErrErased when that person's key was destroyed, also when a new one
// was made since, and ErrBroken for anything that is not as it was sealed.
func (v *Vault) Unseal(ctx context.Context, keys Keys, school store.SchoolID, person caseflow.PersonKey, purpose Purpose, sealed caseflow.Sealed) ([]byte, error) {
	if len(sealed) < contentHeader+chacha20poly1305.Overhead || sealed[0] != contentVersion {
		return nil, fmt.Errorf("unseal %s: %w", purpose, ErrBroken)
	}
	wrapped, err := keys.Key(ctx, person)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("unseal %s: %w", purpose, ErrErased)
	}
	if err != nil {
		return nil, fmt.Errorf("unseal %s: %w", purpose, err)
	}
	key, err := v.unwrap(school, person, wrapped)
	if err != nil {
		return nil, fmt.Errorf("unseal %s: %w", purpose, err)
	}
	if !hmac.Equal(keyID(key), sealed[1:1+keyIDSize]) {
		return nil, fmt.Errorf("unseal %s: %w", purpose, ErrErased)
	}
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, fmt.Errorf("unseal %s: %w", purpose, err)
	}
	plain, err := aead.Open(nil, sealed[1+keyIDSize:contentHeader], sealed[contentHeader:],
		contentAAD(school, person, purpose, sealed[:1+keyIDSize]))
	if err != nil {
		return nil, fmt.Errorf("unseal %s: %w", purpose, ErrBroken)
	}
	return plain, nil
}

func (v *Vault) keyOrNew(ctx context.Context, keys Keys, school store.SchoolID, person caseflow.PersonKey) ([keySize]byte, error) {
	wrapped, err := keys.Key(ctx, person)
	if errors.Is(err, store.ErrNotFound) {
		if wrapped, err = v.newKey(school, person); err == nil {
			wrapped, err = keys.AddKey(ctx, person, wrapped)
		}
	}
	if err != nil {
		return [keySize]byte{}, err
	}
	return v.unwrap(school, person, wrapped)
}

// Wrapped data key: version (1) | epoch (4) | nonce (24) | 32 bytes and tag.
const (
	wrapVersion = 1
	wrapHeader  = 1 + 4 + chacha20poly1305.NonceSizeX
	wrapSize    = wrapHeader + keySize + chacha20poly1305.Overhead
)

func (v *Vault) newKey(school store.SchoolID, person caseflow.PersonKey) ([]byte, error) {
	var key [keySize]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, fmt.Errorf("make data key: %w", err)
	}
	out := make([]byte, wrapHeader, wrapSize)
	out[0] = wrapVersion
	binary.BigEndian.PutUint32(out[1:], v.epoch)
	if _, err := rand.Read(out[5:]); err != nil {
		return nil, fmt.Errorf("make data key: %w", err)
	}
	return v.wrap.Seal(out, out[5:], key[:], wrapAAD(school, person, out[:5])), nil
}

func (v *Vault) unwrap(school store.SchoolID, person caseflow.PersonKey, wrapped []byte) (key [keySize]byte, err error) {
	if len(wrapped) != wrapSize || wrapped[0] != wrapVersion {
		return key, fmt.Errorf("unwrap data key: %w", ErrBroken)
	}
	if e := binary.BigEndian.Uint32(wrapped[1:]); e != v.epoch {
		return key, fmt.Errorf("unwrap data key: of key epoch %d, the key file holds %d: %w", e, v.epoch, ErrBroken)
	}
	plain, err := v.wrap.Open(key[:0], wrapped[5:wrapHeader], wrapped[wrapHeader:], wrapAAD(school, person, wrapped[:5]))
	if err != nil || len(plain) != keySize {
		return [keySize]byte{}, fmt.Errorf("unwrap data key: %w", ErrBroken)
	}
	return key, nil
}

// Sealed content: version (1) | key id (8) | nonce (24) | text and tag. The key
// id tells "erased, and a new key since" from "damaged".
const (
	contentVersion = 1
	keyIDSize      = 8
	contentHeader  = 1 + keyIDSize + chacha20poly1305.NonceSizeX
)

func keyID(key [keySize]byte) []byte {
	sum := sha256.Sum256(append([]byte("lapwing data key id v1\x00"), key[:]...))
	return sum[:keyIDSize]
}

func contentAAD(school store.SchoolID, person caseflow.PersonKey, purpose Purpose, header []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("lapwing content\x00"), uint32(school))
	b = append(b, person[:]...)
	b = append(b, header...)
	return append(b, purpose...)
}

func wrapAAD(school store.SchoolID, person caseflow.PersonKey, header []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("lapwing data key\x00"), uint32(school))
	b = append(b, person[:]...)
	return append(b, header...)
}
