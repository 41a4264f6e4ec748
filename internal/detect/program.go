package detect

import "github.com/lapwing-schools/lapwing/internal/vocab"

// Program is a set of rule packs in the form the engine runs. The compiler in
// internal/detect/rulepack builds it; Encode and decode carry it to a device.
// Indexes refer to the slices of the same Program.
type Program struct {
	Words    []Word
	Literals []Literal
	// Classes is the number of slot classes; class ids are 0 to Classes-1.
	Classes uint32
	// Signals is the number of signals; a pattern raises one.
	Signals  uint32
	Patterns []Pattern
	Packs    []PackInfo
	Rules    []Rule
	// Guard is 1 + the signal of names of places: a hit inside one is none.
	// 0 when there are no such names.
	Guard uint32
	Known KnownWords
	Lists []HashList
}

// Word is one entry of the vocabulary: NFKC, lower case, without apostrophes,
// 1 to 64 bytes. Its id is its index.
type Word struct {
	Text  string
	Flags WordFlags
	// Same is the id that the word is matched as: its own, or that of the
	// word it is a spelling of ("u" is matched as "you").
	Same uint32
}

// WordFlags says how a word may be used.
type WordFlags uint8

// Flags of a word.
const (
	// WordGapStop: a gap never runs over this word ("not", "never").
	WordGapStop WordFlags = 1 << iota
	// WordCommon: too ordinary to be what a disguised spelling stands for.
	WordCommon
	// WordName: also a person's or a place's name; see the names guard.
	WordName
	// WordKey: stands in a rule's own phrases as a word that carries it, so
	// that it may be looked for behind hidden letters.
	WordKey
	wordFlagsEnd
)

// Literal is a sequence of 1 to 16 words that stands for a member of each of
// its classes.
type Literal struct {
	Words   []uint32
	Classes []uint32
}

// Pattern is a sequence of slots. When it matches, Signal is raised over the
// tokens from its first to its last slot.
type Pattern struct {
	Signal uint32
	Slots  []Slot
}

// Slot is one place of a pattern: any literal of Class, after MinGap to MaxGap
// words that do not matter (0 to 16). The first slot has no gap. The first and
// the last slot are never optional.
type Slot struct {
	Class          uint32
	MinGap, MaxGap uint8
	Optional       bool
}

// PackInfo names a pack.
type PackInfo struct {
	Name    string
	Version uint32
}

// Audiences is a set of audiences.
type Audiences uint8

// Members of Audiences.
const (
	ForPupils Audiences = 1 << iota
	ForStaff
)

// Rule is what a pack says about one kind of find.
type Rule struct {
	ID, Title  string
	Pack       uint32
	Version    uint32
	Categories []vocab.Category
	FourC      vocab.FourC
	Severity   vocab.Severity
	Level      vocab.Level
	Audiences  Audiences
	// WordEnds: a hit is not complete while its last word may still grow.
	WordEnds bool
	// YearMin and YearMax bound the school years (0 to 14) a rule is for;
	// both 0 means all years.
	YearMin, YearMax uint8
	// Signal is raised by the rule's own phrases.
	Signal     uint32
	Conditions []Condition
}

// Effect is what a condition does to a hit.
type Effect uint8

// Effects of a condition that holds.
const (
	// Need: at least one condition of this effect must hold, or there is no hit.
	Need Effect = iota + 1
	// Exclude: a condition that overlaps the hit itself removes it.
	Exclude
	// Silence: a condition near the hit removes it.
	Silence
	// Lower: one step of severity down and level log.
	Lower
	// Raise: one step of severity up and level alert.
	Raise
	effectEnd
)

// Side says where a condition's words may stand.
type Side uint8

// Sides.
const (
	Either Side = iota
	Before
	After
	sideEnd
)

// Condition looks for a signal near a hit.
type Condition struct {
	Name   string
	Effect Effect
	Side   Side
	Signal uint32
	// Within is the distance in words, 1 to 64, inside one sentence; 0 means
	// anywhere in the text.
	Within uint8
}

// KnownWords is a Bloom filter of ordinary words and names, so that disguised
// spellings are only looked for in words that are none of these. Empty is
// allowed and means that nothing is known.
type KnownWords struct {
	Bits   []byte // a power of two of bytes
	Hashes uint8  // 1 to 16
}

// HashList is a list of keyed hashes: domains (gambling, VPN), addresses or
// words of a licensed list. An entry is a host without "www." ("bet.example"),
// which stands for every host under it, a host and a path without query
// ("site.example/a/b"), which stands for all under it, or up to five words as
// WordsOf gives them, joined with spaces.
type HashList struct {
	Signal uint32
	Words  bool      // entries are words, not addresses
	Key    [2]uint64 // of Hash64
	Hashes []uint64  // of Hash64, ascending
}
