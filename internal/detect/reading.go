package detect

// Reading is one way of reading a text.
type Reading uint8

// Readings, the plainest first.
const (
	Plain    Reading = iota // as typed: NFKC, case folded
	Folded                  // confusable letters, invisible characters and diacritics folded
	Repeats                 // repeated letters collapsed
	Leet                    // digits and signs read as letters
	Spaced                  // single characters joined
	Masked                  // one or two letters hidden behind signs
	Joined                  // words written without spaces
	Misspelt                // two neighbouring letters exchanged, or one left out
)

var readingNames = [...]string{"plain", "folded", "repeats", "leet", "spaced", "masked", "joined", "misspelt"}

// String returns the word that hits carry.
func (r Reading) String() string {
	if int(r) < len(readingNames) {
		return readingNames[r]
	}
	return "unknown"
}
