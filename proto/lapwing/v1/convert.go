package lapwingv1

import "github.com/lapwing-schools/lapwing/internal/vocab"

// FromSeverity returns the message value of s, UNSPECIFIED if s is not valid.
func FromSeverity(s vocab.Severity) Severity {
	if !s.Valid() {
		return Severity_SEVERITY_UNSPECIFIED
	}
	return Severity(s) // the same numbers; TestSeverity holds that
}

// Vocab returns the word of the vocabulary, the invalid zero if x is none.
func (x Severity) Vocab() vocab.Severity {
	if x < Severity_SEVERITY_LOW || x > Severity_SEVERITY_CRITICAL {
		return 0
	}
	return vocab.Severity(x)
}

// FromLevel returns the message value of l, UNSPECIFIED if l is not valid.
func FromLevel(l vocab.Level) Level {
	if !l.Valid() {
		return Level_LEVEL_UNSPECIFIED
	}
	return Level(l)
}

// Vocab returns the word of the vocabulary, the invalid zero if x is none.
func (x Level) Vocab() vocab.Level {
	if x < Level_LEVEL_LOG || x > Level_LEVEL_ALERT {
		return 0
	}
	return vocab.Level(x)
}

// FromCategories returns the wire words of cs.
func FromCategories(cs []vocab.Category) []string {
	words := make([]string, len(cs))
	for i, c := range cs {
		words[i] = string(c)
	}
	return words
}
