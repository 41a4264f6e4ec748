// Package told remembers whom this device has shown the notice, and what they
// said: a small file of the service's own, in which no account's name stands.
// What the school's ledger knows comes from the events that the service sends;
// this is only so that nobody is shown the same notice at every log-on.
//
// It may import internal/durable and the messages of proto/lapwing/v1.
package told

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/internal/durable"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// maxPeople are remembered; of more, those who were told longest ago are
// forgotten, and shown the notice again.
const maxPeople = 4096

// maxFile bounds the file, in bytes: maxPeople rows of at most 200.
const maxFile = 1 << 20

// Word is the newest word on one person.
type Word struct {
	Version string                     `json:"version"`
	State   lapwingv1.NoticeSeen_State `json:"state"`
	// At is when it was shown first, since it was last new.
	At time.Time `json:"at"`
}

// Book is the file. It is safe for concurrent use.
type Book struct {
	path string

	mu   sync.Mutex // guards file
	file file
}

type file struct {
	// Key makes the accounts' names into hashes of this device alone.
	Key    []byte          `json:"key"`
	People map[string]Word `json:"people"`
}

const keyBytes = 32

// Open reads the book, or begins one. A file that cannot be understood is no
// reason to watch nobody: damage says so, and everybody is shown the notice anew.
func Open(path string) (b *Book, damage, err error) {
	b = &Book{path: path}
	durable.RemoveTemps(path)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read who was told: %w", err)
	}
	if err == nil {
		if damage = b.file.read(raw); damage == nil {
			return b, nil, nil
		}
	}
	b.file = file{Key: make([]byte, keyBytes), People: map[string]Word{}}
	if _, err := rand.Read(b.file.Key); err != nil {
		return nil, damage, fmt.Errorf("make a key: %w", err)
	}
	return b, damage, nil
}

// read never repeats what the file holds.
func (f *file) read(raw []byte) error {
	if len(raw) > maxFile || json.Unmarshal(raw, f) != nil || len(f.Key) != keyBytes || f.People == nil || len(f.People) > maxPeople {
		return errors.New("the file of who was told is damaged")
	}
	return nil
}

// Of returns the word on a person: of version, and not before since; else the
// zero Word.
func (b *Book) Of(account, version string, since time.Time) Word {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.file.People[b.file.hash(account)]
	if w.Version != version || w.At.Before(since) {
		return Word{}
	}
	return w
}

// News reports whether state is news of a person: having been shown the notice
// again takes back nothing that was said, a new answer replaces the old one.
func (b *Book) News(account, version string, since time.Time, state lapwingv1.NoticeSeen_State) bool {
	before := b.Of(account, version, since).State
	return state != before && (state != lapwingv1.NoticeSeen_STATE_SHOWN || before == 0)
}

// Put writes the word down, durably.
func (b *Book) Put(account string, w Word) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	who := b.file.hash(account)
	before, known := b.file.People[who]
	if !known && len(b.file.People) >= maxPeople {
		b.file.forgetOldest()
	}
	if known && before.Version == w.Version && w.State != lapwingv1.NoticeSeen_STATE_SHOWN {
		w.At = before.At // an answer does not show it anew
	}
	b.file.People[who] = w
	raw, err := json.Marshal(b.file)
	if err == nil {
		err = durable.WriteFile(b.path, raw)
	}
	if err != nil {
		if known {
			b.file.People[who] = before
		} else {
			delete(b.file.People, who)
		}
		return fmt.Errorf("write who was told: %w", err)
	}
	return nil
}

func (f *file) forgetOldest() {
	var oldest string
	for who, w := range f.People {
		if oldest == "" || w.At.Before(f.People[oldest].At) {
			oldest = who
		}
	}
	delete(f.People, oldest)
}

func (f *file) hash(account string) string {
	m := hmac.New(sha256.New, f.Key)
	m.Write([]byte(account))
	const half = 16 // of the hash is enough to tell a school's accounts apart
	return hex.EncodeToString(m.Sum(nil)[:half])
}
