package badgerstore

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// Keys are school (4) | table (1) | the table's own order. Parts of free
// length are hashed or stand last, so that no key is another's prefix by
// accident. School 0 is the collector itself.
type table byte

const (
	tSchool   table = 's' // of school 0: id
	tCapture  table = 'a' // hash of device | event: newest revision; also what dedupes
	tEvent    table = 'e' // ref | version
	tHead     table = 'h' // ref
	tOpen     table = 'o' // ref: cases that are not closed, read at start
	tClosed   table = 'c' // closed at | ref
	tEpisode  table = 'b' // hash of the triage key | closed at | last capture at | ref: closed cases of one key
	tTypist   table = 'q' // person | opened at | ref
	tPerson   table = 'p' // person
	tDone     table = 'i' // hash of user and idempotency key
	tDevice   table = 'd' // id
	tReport   table = 'r' // id
	tToken    table = 't' // hash
	tUser     table = 'u' // id
	tLogin    table = 'n' // folded name or address
	tLink     table = 'l' // hash
	tSession  table = 'x' // hash
	tSessions table = 'y' // hash of user | session hash
	tKey      table = 'k' // person
	tDocument table = 'v' // hash of kind | version
	tPart     table = 'X' // hash of kind | hash of the body | number: a long document's body
	tLedger   table = 'g' // sequence
	tRoster   table = 'm' // which directory stands
	tEntry    table = 'w' // version of the directory | person
	tFlag     table = 'f' // person | id
	tDraft    table = 'j' // ref | hash of user
	tReads    table = 'z' // ref | sequence of a ledger entry that says who was shown its content
	tExempt   table = 'E' // id: exemptions, read at start
	tReoffer  table = 'J' // one row: what devices are asked to send again
	tNotice   table = 'A' // person | hash of the notice's version

	// Device facts.
	tPosture    table = 'P' // id: last word on checks
	tHistory    table = 'H' // hash of device | time | hash of check
	tMedia      table = 'M' // hash of device | arrived | visit
	tVisit      table = 'V' // hash of device | visit: when it arrived
	tBadMedia   table = 'B' // id: when a bad medium was last seen
	tBreach     table = 'U' // hash of device | time | event
	tLockDay    table = 'D' // hash of device | day
	tWeek       table = 'W' // monday
	tWeekCount  table = 'N' // monday
	tGroupWeek  table = 'S' // monday | hash of group
	tDeviceWeek table = 'R' // id: counts of its last weeks
	tMonitoring table = 'C' // time | id

	tCanary    table = 'G' // hash of device | asked at | nonce
	tNonce     table = 'I' // hash of device | nonce: when it was asked
	tProof     table = 'K' // id: what stands of its canaries
	tCanaryDay table = 'L' // hash of group | day | result: the record has one

	tProposal table = 'Q' // hash of kind | id
	// Rows that are written with every capture stand after the captures, which
	// are most of the data and never change: a compaction rewrites all that lies
	// between the first and the last key of what is new.
	tCounts table = '~' // queue | month | hash of rule
)

// tableName is for errors: it names no row.
func tableName(key []byte) string {
	if len(key) < 5 {
		return "unknown"
	}
	return string(key[4:5])
}

func prefix(school store.SchoolID, t table, parts ...[]byte) []byte {
	n := 5
	for _, p := range parts {
		n += len(p)
	}
	k := binary.BigEndian.AppendUint32(make([]byte, 0, n), uint32(school))
	k = append(k, byte(t))
	for _, p := range parts {
		k = append(k, p...)
	}
	return k
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// beTime orders times as bytes, to the nanosecond. Times before 1970 come first.
func beTime(t time.Time) []byte {
	b := be64(uint64(t.Unix()) ^ 1<<63)
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func readTime(b []byte) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(b)^1<<63), int64(binary.BigEndian.Uint32(b[8:]))).UTC()
}

const timeSize = 12

// hashed gives parts of free length a fixed one; with their lengths, so that
// no two lists of parts run into one.
func hashed(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(be64(uint64(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum(nil)[:16]
}

func keyCapture(s store.SchoolID, id captureID) []byte {
	return prefix(s, tCapture, hashed(string(id.Device)), id.Event[:])
}

func keyEvent(s store.SchoolID, ref caseflow.Ref, version uint64) []byte {
	return prefix(s, tEvent, []byte(ref), be64(version))
}

func keyHead(s store.SchoolID, ref caseflow.Ref) []byte { return prefix(s, tHead, []byte(ref)) }

func keyEpisode(s store.SchoolID, k triage.Key) []byte {
	return prefix(s, tEpisode, hashed(string(k.Typist[:]), string(k.Device), string(k.Category), string(rune(k.Audience))))
}

func keyDone(s store.SchoolID, user caseflow.UserID, key string) []byte {
	return prefix(s, tDone, hashed(string(user), key))
}

func keyLogin(s store.SchoolID, login string) []byte {
	return prefix(s, tLogin, []byte(foldLogin(login)))
}

// foldLogin makes one of what people type in different ways.
func foldLogin(login string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(login))))
}

func keyDocument(s store.SchoolID, kind string, version ...[]byte) []byte {
	return prefix(s, tDocument, append([][]byte{hashed(kind)}, version...)...)
}

func keySessions(s store.SchoolID, user caseflow.UserID, hash ...[]byte) []byte {
	return prefix(s, tSessions, append([][]byte{hashed(string(user))}, hash...)...)
}

// caseIndexes lists the index rows that point to a case as it stands.
func caseIndexes(s store.SchoolID, c caseflow.Case) [][]byte {
	if c.Version == 0 {
		return nil
	}
	ref := []byte(c.Ref)
	var keys [][]byte
	if c.State == caseflow.Closed {
		closed := beTime(c.ClosedAt)
		keys = append(keys, prefix(s, tClosed, closed, ref),
			slices.Concat(keyEpisode(s, triage.KeyOfCase(c)), closed, beTime(c.LastAt), ref))
	} else {
		keys = append(keys, prefix(s, tOpen, ref))
	}
	if !c.Typist.IsZero() {
		keys = append(keys, prefix(s, tTypist, c.Typist[:], beTime(c.OpenedAt), ref))
	}
	return keys
}

const refSize = 8

// refAtEnd is the reference that an index key ends in.
func refAtEnd(key []byte) caseflow.Ref { return caseflow.Ref(key[len(key)-refSize:]) }
