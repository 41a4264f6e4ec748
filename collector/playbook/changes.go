package playbook

import (
	"slices"
	"strconv"
	"strings"
)

// Change is one thing that is different in another version. Was and Now are
// empty where there was nothing, or is nothing any more.
type Change struct{ What, Was, Now string }

// Changes lists what is different in next, what not to do first: whoever approves
// a version must see at a glance that a warning was taken out.
func Changes(was, next Playbook) (all []Change) {
	lines := func(what string, a, b []string) {
		for _, l := range a {
			if !slices.Contains(b, l) {
				all = append(all, Change{what, l, ""})
			}
		}
		for _, l := range b {
			if !slices.Contains(a, l) {
				all = append(all, Change{what, "", l})
			}
		}
	}
	lines("Please do not", was.DoNot, next.DoNot)
	all = append(all, stepChanges(was.Do, next.Do)...)
	if was.Title != next.Title {
		all = append(all, Change{"Title", was.Title, next.Title})
	}
	lines("Rests on", was.Sources, next.Sources)
	return all
}

func stepChanges(was, next []Step) (all []Change) {
	find := func(steps []Step, id string) int {
		return slices.IndexFunc(steps, func(s Step) bool { return s.ID == id })
	}
	var kept, order []string // ids that both have, in the order of each
	for i, s := range was {
		at := find(next, s.ID)
		switch {
		case at < 0:
			all = append(all, Change{number(i), s.words(), ""})
			continue
		case next[at].words() != s.words():
			all = append(all, Change{number(at), s.words(), next[at].words()})
		}
		kept = append(kept, s.ID)
	}
	for i, s := range next {
		if find(was, s.ID) < 0 {
			all = append(all, Change{number(i), "", s.words()})
			continue
		}
		order = append(order, s.ID)
	}
	if !slices.Equal(kept, order) {
		all = append(all, Change{"Order of the steps", "As it was", "Another"})
	}
	return all
}

func number(i int) string { return "Step " + strconv.Itoa(i+1) }

// words are the step as it is read.
func (s Step) words() string { return strings.TrimSpace(s.Text + " " + s.Why) }
