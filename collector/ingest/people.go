package ingest

import (
	"context"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// staffNamed finds the staff whom a text names, before it is sealed. Names are
// looked up by keyed hash, phrase by phrase; the text goes nowhere.
func (b *builder) staffNamed(ctx context.Context, texts ...string) ([]caseflow.PersonKey, error) {
	state, err := b.tenant.DirectoryState(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for staff: %w", err)
	}
	if state.Version == 0 {
		return nil, nil
	}
	school := b.tenant.Info().ID
	var phrases []string
	for _, text := range texts {
		phrases = append(phrases, directory.Phrases(text)...)
	}
	named, err := b.tenant.NamedStaff(ctx, b.core.vault.NameKeys(school, phrases))
	if err != nil {
		return nil, fmt.Errorf("look for staff: %w", err)
	}
	return named[:min(len(named), store.MaxSubjects)], nil
}
