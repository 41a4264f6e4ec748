package audit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
)

func drawEntry(t *rapid.T) audit.Entry {
	return audit.Entry{
		At: time.Unix(rapid.Int64Range(-1e9, 1e11).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")),
		Who: audit.Who{
			User: rapid.StringN(0, 8, -1).Draw(t, "user"), Name: rapid.StringN(0, 8, -1).Draw(t, "name"),
			Via: rapid.SampledFrom([]string{"console", "command", "system"}).Draw(t, "via"),
		},
		Action: rapid.SampledFrom(audit.Actions()).Draw(t, "action"),
		Object: rapid.SliceOfN(rapid.StringN(0, 8, -1), 0, 3).Draw(t, "object"),
		Reason: rapid.StringN(0, 20, -1).Draw(t, "reason"),
	}
}

func drawLedger(t *rapid.T, least int) ([]audit.Entry, audit.Head) {
	var head audit.Head
	entries := make([]audit.Entry, rapid.IntRange(least, 12).Draw(t, "entries"))
	for i := range entries {
		entries[i], head = head.Link(drawEntry(t))
	}
	return entries, head
}

func TestAnHonestLedgerVerifies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries, head := drawLedger(t, 0)
		if _, err := (audit.Head{}).Verify(entries); err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(0, len(entries)).Draw(t, "cut")
		mid, err := audit.Head{}.Verify(entries[:cut])
		if err != nil {
			t.Fatal(err)
		}
		if end, err := mid.Verify(entries[cut:]); err != nil || end != head {
			t.Fatalf("in two parts: %v, %v; want %v", end, err, head)
		}
	})
}

// Every way to falsify a ledger without recomputing all hashes after it.
func TestEveryFalsificationIsFound(t *testing.T) {
	change := map[string]func(*audit.Entry){
		"seq":    func(e *audit.Entry) { e.Seq++ },
		"second": func(e *audit.Entry) { e.At = e.At.Add(time.Second) },
		"nano":   func(e *audit.Entry) { e.At = e.At.Add(1) },
		"user":   func(e *audit.Entry) { e.Who.User += "x" },
		"name":   func(e *audit.Entry) { e.Who.Name += "x" },
		"via":    func(e *audit.Entry) { e.Who.Via += "x" },
		"action": func(e *audit.Entry) { e.Action += "x" },
		"reason": func(e *audit.Entry) { e.Reason += "x" },
		"object": func(e *audit.Entry) { e.Object = append(slices.Clone(e.Object), "") },
		"prev":   func(e *audit.Entry) { e.Prev[31]++ },
		"hash":   func(e *audit.Entry) { e.Hash[0]++ },
		"rehashed": func(e *audit.Entry) {
			e.Reason += "x"
			forged, _ := audit.Head{Seq: e.Seq - 1, Hash: e.Prev}.Link(*e)
			*e = forged
		},
	}
	names := make([]string, 0, len(change))
	for n := range change {
		names = append(names, n)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		entries, head := drawLedger(t, 2)
		bad := slices.Clone(entries)
		i := rapid.IntRange(0, len(bad)-1).Draw(t, "i")
		switch kind := rapid.SampledFrom(append(names, "remove", "swap", "repeat")).Draw(t, "kind"); kind {
		case "remove":
			bad = slices.Delete(bad, i, i+1)
		case "swap":
			j := rapid.IntRange(0, len(bad)-1).Filter(func(j int) bool { return j != i }).Draw(t, "j")
			bad[i], bad[j] = bad[j], bad[i]
		case "repeat":
			bad = slices.Insert(bad, i, bad[i])
		default:
			change[kind](&bad[i])
		}
		// A change of the last entry with its own hash made anew, or its removal,
		// shows against the head that somebody kept.
		end, err := audit.Head{}.Verify(bad)
		if err == nil && end == head {
			t.Fatal("the falsified ledger verifies")
		}
		var broken *audit.BrokenError
		if i < len(entries)-1 && !errors.As(err, &broken) {
			t.Fatalf("a change before the last entry: %v, want BrokenError", err)
		}
	})
}

func TestLinkKeepsTheFormThatComesBack(t *testing.T) {
	local := time.Now().In(time.FixedZone("BST", 3600))
	e, _ := audit.Head{}.Link(audit.Entry{At: local, Who: audit.System(), Action: audit.CaseOpened})
	if e.At != local.UTC().Round(0) {
		t.Errorf("time %v is not plain UTC", e.At)
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	good := audit.Entry{At: time.Unix(1, 0), Who: audit.System(), Action: audit.CaseRead, Object: []string{"ABCD1234"}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for word, spoil := range map[string]func(*audit.Entry){
		"registered": func(e *audit.Entry) { e.Action = "case.peek" },
		"time":       func(e *audit.Entry) { e.At = time.Time{} },
		"via":        func(e *audit.Entry) { e.Who.Via = "magic" },
		"name":       func(e *audit.Entry) { e.Who.Name = strings.Repeat("n", audit.MaxNameBytes+1) },
		"201":        func(e *audit.Entry) { e.Object = make([]string, 201) },
		"128":        func(e *audit.Entry) { e.Object = []string{strings.Repeat("o", 129)} },
		"500":        func(e *audit.Entry) { e.Reason = strings.Repeat("é", 501) },
	} {
		e := good
		spoil(&e)
		if err := e.Validate(); !errors.Is(err, audit.ErrEntry) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
	good.Reason = strings.Repeat("é", 500)
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestActionsAreDistinctWords(t *testing.T) {
	seen := map[audit.Action]bool{}
	for _, a := range audit.Actions() {
		if seen[a] || strings.Count(string(a), ".") != 1 {
			t.Errorf("action %q", a)
		}
		seen[a] = true
	}
}

// The same bytes, parted elsewhere, are another entry.
func TestEncodingKeepsFieldsApart(t *testing.T) {
	a, _ := audit.Head{}.Link(audit.Entry{At: time.Unix(1, 0), Who: audit.Who{User: "ab", Name: "c"}, Object: []string{"d", "e"}})
	for name, e := range map[string]audit.Entry{
		"user and name": {At: time.Unix(1, 0), Who: audit.Who{User: "a", Name: "bc"}, Object: []string{"d", "e"}},
		"objects":       {At: time.Unix(1, 0), Who: audit.Who{User: "ab", Name: "c"}, Object: []string{"de"}},
	} {
		if b, _ := (audit.Head{}).Link(e); b.Hash == a.Hash {
			t.Errorf("%s: two entries share a hash", name)
		}
	}
}
