package ulid

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestVectorFromTheSpecification(t *testing.T) {
	// The example of https://github.com/ulid/spec.
	id, err := Parse("01ARZ3NDEKTSV4RRFFQ69G5FAV")
	if err != nil {
		t.Fatal(err)
	}
	if got := id.String(); got != "01ARZ3NDEKTSV4RRFFQ69G5FAV" {
		t.Errorf("String() = %s", got)
	}
	if got := id.Time().UnixMilli(); got != 1469922850259 {
		t.Errorf("Time() = %d", got)
	}
}

func TestIdsRiseWhenTheClockStepsBack(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	m := NewMaker(func() time.Time { now = now.Add(-time.Millisecond); return now })
	var last ID
	for range 1000 {
		id, err := m.Make()
		if err != nil {
			t.Fatal(err)
		}
		if string(id[:]) <= string(last[:]) {
			t.Fatalf("%s does not follow %s", id, last)
		}
		last = id
	}
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		back, err := Parse(id.String())
		if err != nil || back != id {
			t.Fatalf("%x became %x, %v", id, back, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("01ARZ3NDEKTSV4RRFFQ69G5FAV")
	f.Add("")
	f.Add("81ARZ3NDEKTSV4RRFFQ69G5FAV")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := Parse(s); err == nil {
			if back, err := Parse(id.String()); err != nil || back != id {
				t.Fatalf("%q: %v", s, err)
			}
		}
	})
}
