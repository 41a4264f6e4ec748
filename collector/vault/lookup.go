package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Purposes of the directory.
const (
	DirectoryEntry Purpose = "directory-entry" // name, aliases and accounts of a person (collector/roster)
	FlagReason     Purpose = "flag-reason"     // why a pupil is flagged as vulnerable
)

// EntryKey is the key of a person of the school's directory, by the id that
// the directory's source has for the person.
func (v *Vault) EntryKey(school store.SchoolID, source, id string) caseflow.PersonKey {
	return v.keyed("lapwing directory entry v1", school, source, id)
}

// NameKey is the keyed hash of a phrase that may name somebody
// (collector/directory, Phrases). It tells nothing to who has not the key file.
func (v *Vault) NameKey(school store.SchoolID, phrase string) caseflow.PersonKey {
	return v.NameKeys(school, []string{phrase})[0]
}

// TermKeys are the keyed hashes of words by which people are found
// (collector/directory, Terms).
func (v *Vault) TermKeys(school store.SchoolID, words []string) []caseflow.PersonKey {
	return v.keys("lapwing search v1", school, words)
}

// NameKeys is NameKey for many phrases: the key is set up once for all.
func (v *Vault) NameKeys(school store.SchoolID, phrases []string) []caseflow.PersonKey {
	return v.keys("lapwing name v1", school, phrases)
}

func (v *Vault) keys(label string, school store.SchoolID, phrases []string) []caseflow.PersonKey {
	mac := hmac.New(sha256.New, v.lookup[:])
	keys := make([]caseflow.PersonKey, len(phrases))
	var b, sum []byte
	for i, p := range phrases {
		mac.Reset()
		b = labelled(b[:0], label, school, p)
		mac.Write(b)
		sum = mac.Sum(sum[:0])
		keys[i] = caseflow.PersonKey(sum[:16])
	}
	return keys
}

// Digest is a keyed hash by which a record is known to have changed.
func (v *Vault) Digest(school store.SchoolID, fields ...string) caseflow.PersonKey {
	return v.keyed("lapwing directory digest v1", school, fields...)
}

// keyed hashes parts with their lengths, so that no two lists run into one.
func (v *Vault) keyed(label string, school store.SchoolID, parts ...string) caseflow.PersonKey {
	mac := hmac.New(sha256.New, v.lookup[:])
	mac.Write(labelled(nil, label, school, parts...))
	return caseflow.PersonKey(mac.Sum(nil)[:16])
}

func labelled(b []byte, label string, school store.SchoolID, parts ...string) []byte {
	b = append(append(b, label...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(school))
	for _, p := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}
