package casework

import (
	"context"
	"errors"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// masker takes the names of a school's directory out of the texts of one case.
type masker struct {
	s     *Service
	ctx   context.Context // of the one call that made it
	t     store.Tenant
	year  string
	own   map[string]bool // words of the pupil's own account, as the device sent it
	seen  map[string]bool
	most  int  // a word that more people have than this names nobody
	ready bool // the directory has the words of its names
	err   error
}

// A word of accounts that many share, such as the school's own domain, is no
// name: one that more than a quarter of the people have, and more than twenty.
const (
	commonShare = 4
	commonAbove = 20
)

func (s *Service) masker(ctx context.Context, t store.Tenant, c caseflow.Case, p store.PersonRecord) (*masker, error) {
	m := &masker{s: s, ctx: ctx, t: t, own: map[string]bool{}, seen: map[string]bool{}}
	e, err := t.DirectoryEntry(ctx, c.Person)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read directory: %w", err)
	}
	// A directory from before names were kept as words can hide none.
	m.year, m.ready = e.Year, len(e.Terms) > 0
	state, err := t.DirectoryState(ctx)
	if err != nil {
		return nil, fmt.Errorf("read directory: %w", err)
	}
	m.most = min(max((state.Pupils+state.Staff)/commonShare, commonAbove), store.MaxEntries-1)
	account, _, err := s.text(ctx, t, p.Key, vault.PersonName, p.Name)
	if err != nil {
		return nil, err
	}
	login, _ := directory.SplitAccount(account)
	for _, w := range directory.SearchWords(login) {
		m.own[w] = true
	}
	return m, nil
}

// known reports whether a word names anybody; when that cannot be told, it does.
func (m *masker) known(word string) bool {
	if m.own[word] {
		return true
	}
	is, ok := m.seen[word]
	if !ok {
		found, err := m.t.FindPeople(m.ctx, m.s.cfg.Vault.TermKeys(m.t.Info().ID, []string{word}), m.most+1)
		if err != nil {
			m.err = fmt.Errorf("look for names: %w", err)
		}
		is = err != nil || len(found) > 0 && len(found) <= m.most
		m.seen[word] = is
	}
	return is
}

// words masks what a capture showed, and drops where it was.
func (m *masker) words(w Words) (Words, error) {
	out := Words{State: w.State}
	if w.Ask != nil {
		out.Ask = &Ask{Today: w.Ask.Today} // whom they would like to talk to is a name
	}
	if w.State != WordsShown {
		return out, nil
	}
	if !m.ready {
		return Words{State: WordsWithheld, Ask: out.Ask}, nil
	}
	var moved func(int) int
	out.Excerpt, moved = directory.Mask(w.Excerpt, m.known)
	for _, x := range w.Marks {
		// A mark that ends within a masked word ends before the mask.
		if start, end := moved(x.Start), moved(x.End); start < end {
			out.Marks = append(out.Marks, Span{start, end})
		}
	}
	return out, m.err
}

// text masks what a colleague wrote for the reviewer.
func (m *masker) text(s string) (string, error) {
	if !m.ready {
		return "", nil
	}
	masked, _ := directory.Mask(s, m.known)
	return masked, m.err
}
