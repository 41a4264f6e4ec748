package casework

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// WordsState says why words are there or not.
type WordsState uint8

// States of sealed words.
const (
	WordsShown WordsState = iota + 1
	// WordsNone: there are none to show (a withdrawn capture has no excerpt).
	WordsNone
	// WordsErased: the person's data was erased, as it should be.
	WordsErased
	// WordsUnreadable: damaged, or sealed under a key file that is not here.
	WordsUnreadable
	// WordsWithheld: they are for somebody who may read no name, and names in
	// them cannot be found.
	WordsWithheld
)

// Words are what a capture showed. All of it was typed or set by somebody and
// may be hostile: show it as text, each piece isolated from its surroundings
// (bdi), never as markup. It is always valid UTF-8.
type Words struct {
	State   WordsState
	Excerpt string
	// Marks are where the hit stands in Excerpt: byte offsets on rune borders,
	// in order, not overlapping.
	Marks      []Span
	App, Title string
	// Ask is set for a request for help; Excerpt then has the person's own words,
	// at most 2,000 characters.
	Ask *Ask
}

// Span is a half-open range of bytes.
type Span struct{ Start, End int }

func (s *Service) words(ctx context.Context, t store.Tenant, r store.CaptureRecord) (Words, error) {
	if r.Capture == nil || len(r.Capture.Content) == 0 {
		return Words{State: WordsNone}, nil
	}
	plain, state, err := s.unseal(ctx, t, r.Person, vault.Capture, r.Capture.Content)
	if err != nil || state != WordsShown {
		return Words{State: state}, err
	}
	var c lapwingv1.Capture
	if err := proto.Unmarshal(plain, &c); err != nil {
		// The message is the ingest's own; only damage that the seal did not see
		// leads here, and one bad capture must not hide a case.
		return Words{State: WordsUnreadable}, nil
	}
	w := Words{State: WordsShown, Excerpt: c.GetExcerpt(), App: c.GetApp(), Title: c.GetTitle()}
	w.Marks = marks(w.Excerpt, c.GetMarks())
	if c.Help != nil {
		w = asked(w, c.Help)
	}
	if w.Excerpt == "" {
		w.State = WordsNone
	}
	return w, nil
}

// marks keeps the spans that can be shown: on rune borders, in order, not
// overlapping. The edge has checked them; a page that slices text checks again.
func marks(excerpt string, in []*lapwingv1.Span) []Span {
	var out []Span
	last := 0
	border := func(i int) bool { return i == len(excerpt) || utf8.RuneStart(excerpt[i]) }
	for _, m := range in {
		// As int64: a span of 2^32-1 must not turn negative where int has 32 bits.
		start, end := int64(m.GetStart()), int64(m.GetEnd())
		if start < int64(last) || start >= end || end > int64(len(excerpt)) {
			continue
		}
		if !border(int(start)) || !border(int(end)) {
			continue
		}
		out = append(out, Span{int(start), int(end)})
		last = int(end)
	}
	return out
}

// text unseals a note, a reason or a name.
func (s *Service) text(ctx context.Context, t store.Tenant, person caseflow.PersonKey, p vault.Purpose, sealed caseflow.Sealed) (string, WordsState, error) {
	if len(sealed) == 0 {
		return "", WordsNone, nil
	}
	plain, state, err := s.unseal(ctx, t, person, p, sealed)
	if err != nil || state != WordsShown {
		return "", state, err
	}
	if !utf8.Valid(plain) {
		return "", WordsUnreadable, nil
	}
	return string(plain), WordsShown, nil
}

// unseal turns the two expected ends of sealed content into states; an error
// is a store that does not answer.
func (s *Service) unseal(ctx context.Context, t store.Tenant, person caseflow.PersonKey, p vault.Purpose, sealed caseflow.Sealed) ([]byte, WordsState, error) {
	plain, err := s.cfg.Vault.Unseal(ctx, t, t.Info().ID, person, p, sealed)
	switch {
	case errors.Is(err, vault.ErrErased):
		return nil, WordsErased, nil
	case errors.Is(err, vault.ErrBroken):
		return nil, WordsUnreadable, nil
	case err != nil:
		return nil, 0, fmt.Errorf("unseal: %w", err)
	}
	return plain, WordsShown, nil
}
