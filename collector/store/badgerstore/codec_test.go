package badgerstore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

var update = flag.Bool("update", false, "write testdata/rows.golden anew; only for rows that were never released")

// fill sets every exported field, so that one the row functions forget shows.
// A value depends on its field's name alone, so that a new field leaves the
// golden bytes of the others as they are.
func fill(v reflect.Value, path string) {
	n := crc32.ChecksumIEEE([]byte(path))
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", n%1000))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(n%100_000) - 1)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(n%250 + 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), path+"[0]")
		fill(v.Index(1), path+"[1]")
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), fmt.Sprint(path, i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1_800_000_000+int64(n), int64(n%1e9)).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, path+".key")
		fill(value, path+".value")
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		panic("fill: " + v.Kind().String())
	}
}

func filled[T any]() T {
	var x T
	fill(reflect.ValueOf(&x).Elem(), "")
	return x
}

// row is one row type in all that the tests do with it.
type row struct {
	name  string
	bytes []byte
	trip  func(t *testing.T)
	read  func(value []byte) error // also checks that what was read can be written again
}

var testKey = []byte("\x00\x00\x00\x01zkey")

func rowOf[T any](name string, x T, fields func(*codec, *T)) row {
	value := encode(testKey, x, fields)
	return row{name, value,
		func(t *testing.T) {
			for what, want := range map[string]T{"full": x, "zero": *new(T)} {
				if _, event := any(want).(eventRow); event && what == "zero" {
					continue
				}
				got, err := decode(testKey, encode(testKey, want, fields), fields)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("%s: a field is lost or changed (-written +read):\n%s", what, d)
				}
			}
		},
		func(value []byte) error {
			got, err := decode(testKey, value, fields)
			if err != nil {
				return err
			}
			again, err := decode(testKey, encode(testKey, got, fields), fields)
			if err != nil {
				return fmt.Errorf("written again: %w", err)
			}
			if d := cmp.Diff(got, again, cmpopts.EquateEmpty()); d != "" {
				return fmt.Errorf("written again:\n%s", d)
			}
			return nil
		}}
}

func eventOf[T caseflow.Event]() row {
	e := filled[T]()
	return rowOf(strings.TrimPrefix(fmt.Sprintf("event %T", e), "caseflow."), eventRow{e}, eventFields)
}

func rows() []row {
	headOnly := filled[headRow]()
	headOnly.Case.Captures = nil
	countOnly := filled[store.RuleCount]()
	countOnly.Month = time.Time{}
	deviceOnly := filled[store.Device]()
	deviceOnly.Report = store.DeviceReport{}
	captureOnly := filled[store.CaptureRecord]()
	captureOnly.Media, captureOnly.Unattended, captureOnly.Lock, captureOnly.Canary = nil, nil, nil, nil // rows of their own
	weekOnly := filled[store.WeekRollup]()
	weekOnly.Media, weekOnly.ByGroup = store.MediaCount{}, nil // rows of their own
	return []row{
		rowOf("school", filled[store.School](), schoolFields),
		rowOf("head", headOnly, headFields),
		rowOf("capture", captureOnly, captureRecordFields),
		rowOf("person", filled[store.PersonRecord](), personFields),
		rowOf("token", filled[store.Token](), tokenFields),
		rowOf("device", deviceOnly, deviceFields),
		rowOf("report", filled[store.DeviceReport](), reportFields),
		rowOf("user", filled[store.User](), userFields),
		rowOf("link", filled[store.Link](), linkFields),
		rowOf("session", filled[store.Session](), sessionFields),
		rowOf("document", filled[store.Document](), documentFields),
		rowOf("entry", filled[audit.Entry](), entryFields),
		rowOf("done", filled[doneRow](), doneFields),
		rowOf("id", filled[idRow](), idFields),
		rowOf("bytes", filled[bytesRow](), bytesFields),
		rowOf("roster", filled[store.DirectoryState](), rosterFields),
		rowOf("entry of the directory", filled[store.DirectoryEntry](), entryOfFields),
		rowOf("flag", filled[store.Flag](), flagFields),
		rowOf("proposal", filled[store.Proposal](), proposalFields),
		rowOf("count of a rule", countOnly, ruleCountFields),
		rowOf("exemption", filled[exemption.Exemption](), exemptionFields),
		rowOf("cursor", filled[cursor](), cursorFields),
		rowOf("reoffer", filled[store.Reoffer](), reofferFields),
		rowOf("checks", filled[store.CheckReport](), checkReportFields),
		rowOf("change of a check", filled[store.CheckChange](), checkChangeFields),
		rowOf("media", filled[store.MediaVisit](), mediaVisitFields),
		rowOf("lock day", filled[store.LockDay](), lockDayFields),
		rowOf("canary", filled[store.Canary](), canaryFields),
		rowOf("canary state", filled[canaryState](), canaryStateFields),
		rowOf("breach", filled[store.Breach](), breachFields),
		rowOf("week", weekOnly, weekFields),
		rowOf("media of a week", filled[store.MediaCount](), mediaCountFields),
		rowOf("media of a group", filled[store.GroupMedia](), groupMediaFields),
		rowOf("weeks of a device", filled[deviceWeeks](), deviceWeeksFields),
		rowOf("check on monitoring", filled[store.MonitoringCheck](), monitoringCheckFields),
		eventOf[caseflow.Opened](), eventOf[caseflow.Joined](), eventOf[caseflow.Revised](), eventOf[caseflow.ReopenedFor](),
		eventOf[caseflow.Rerouted](), eventOf[caseflow.SeenFirst](), eventOf[caseflow.ClaimTaken](), eventOf[caseflow.ClaimReleased](),
		eventOf[caseflow.Noted](), eventOf[caseflow.CaseClosed](), eventOf[caseflow.Reopened](), eventOf[caseflow.Rematched](),
		eventOf[caseflow.Escalated](), eventOf[caseflow.Answered](), eventOf[caseflow.EscalationEnded](), eventOf[caseflow.WaitBegan](),
		eventOf[caseflow.WaitEnded](), eventOf[caseflow.Transferred](), eventOf[caseflow.StepMarked](), eventOf[caseflow.NameOpened](),
		rowOf("draft", filled[store.Draft](), draftFields),
		rowOf("notice", filled[store.NoticeRecord](), noticeFields),
		eventOf[caseflow.Tagged](),
		eventOf[caseflow.Suggested](), eventOf[caseflow.Consulted](), eventOf[caseflow.ConsultEnded](), eventOf[caseflow.PassedOn](),
	}
}

func TestEveryFieldIsKept(t *testing.T) {
	for _, r := range rows() {
		t.Run(r.name, r.trip)
	}
}

// Data directories outlive versions: what was written must be read for good.
func TestRowsAreWrittenAsEver(t *testing.T) {
	var out strings.Builder
	for _, r := range rows() {
		fmt.Fprintf(&out, "%s %s\n", r.name, hex.EncodeToString(r.bytes))
	}
	if *update {
		if err := os.WriteFile("testdata/rows.golden", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/rows.golden")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), out.String()); d != "" {
		t.Errorf("a row is written otherwise than before. A new field needs a new number at the end of its row;\nthen add to the golden file rather than change it:\n%s", d)
	}
}

func TestDamageIsFound(t *testing.T) {
	for _, r := range rows() {
		for i := range r.bytes {
			bad := bytes.Clone(r.bytes)
			bad[i] ^= 0x40
			if err := r.read(bad); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: byte %d flipped: %v", r.name, i, err)
			}
			if err := r.read(r.bytes[:i]); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: cut at %d: %v", r.name, i, err)
			}
		}
	}
	other := append(bytes.Clone(testKey), 'x')
	if _, err := decode(other, encode(testKey, idRow{"a"}, idFields), idFields); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a row under another's key: %v", err)
	}
}

func TestAnOlderVersionSkipsNewFields(t *testing.T) {
	type newer struct{ A, B, C, D string }
	write := func(c *codec, x *newer) { text(c, 1, &x.A); text(c, 2, &x.B); text(c, 3, &x.C); text(c, 9, &x.D) }
	read := func(c *codec, x *newer) { text(c, 1, &x.A); text(c, 3, &x.C) }
	got, err := decode(testKey, encode(testKey, newer{"a", "b", "c", "d"}, write), read)
	if err != nil || got != (newer{A: "a", C: "c"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnEventOfALaterVersionIsNotTakenForNothing(t *testing.T) {
	later := func(c *codec, x *eventRow) { n := uint64(1); number(c, 99, &n) }
	if _, err := decode(testKey, encode(testKey, eventRow{}, later), eventFields); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

// FuzzRows: any bytes under a right checksum are read or refused, and what is
// read can be written and read again.
func FuzzRows(f *testing.F) {
	all := rows()
	for i, r := range all {
		f.Add(uint8(i), r.bytes[valueHeader:])
	}
	f.Add(uint8(2), []byte{0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		r := all[int(which)%len(all)]
		value := append(encode(testKey, idRow{}, idFields)[:valueHeader], body...)
		sum := checksum(testKey, body)
		value[1], value[2], value[3], value[4] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		if err := r.read(value); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%s: %v", r.name, err)
		}
	})
}

func TestKeysOrderTimesAndKeepPartsApart(t *testing.T) {
	times := []time.Time{{}, time.Unix(-5, 3), time.Unix(0, 0), time.Unix(0, 1), time.Unix(1, 0), time.Unix(1<<33, 999_999_999)}
	for i, x := range times {
		if got := readTime(beTime(x)); !got.Equal(x) {
			t.Errorf("%v read as %v", x, got)
		}
		if i > 0 && bytes.Compare(beTime(times[i-1]), beTime(x)) >= 0 {
			t.Errorf("%v does not come before %v", times[i-1], x)
		}
	}
	if bytes.Equal(hashed("ab", "c"), hashed("a", "bc")) {
		t.Error("two lists of parts share a hash")
	}
	k := triage.Key{Device: "d", Category: "c", Audience: 1}
	for _, o := range []triage.Key{{Device: "e", Category: "c", Audience: 1}, {Device: "d", Category: "x", Audience: 1}, {Device: "d", Category: "c"}} {
		if bytes.Equal(keyEpisode(1, k), keyEpisode(1, o)) {
			t.Errorf("%+v shares its key with %+v", o, k)
		}
	}
}

// TestRowsOfEarlierVersionsAreRead: rows as they were written before the flow
// of a case had fields of its own.
func TestRowsOfEarlierVersionsAreRead(t *testing.T) {
	old, err := os.ReadFile("testdata/rows-before-flow.golden")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]row{}
	for _, r := range rows() {
		known[r.name] = r
	}
	n := 0
	for line := range strings.Lines(string(old)) {
		i := strings.LastIndexByte(line, ' ')
		value, err := hex.DecodeString(strings.TrimSpace(line[i+1:]))
		r, ok := known[line[:i]]
		if err != nil || !ok {
			t.Fatalf("%q: %v", line[:i], err)
		}
		if err := r.read(value); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		n++
	}
	if n < 30 {
		t.Errorf("%d rows only", n)
	}
}
