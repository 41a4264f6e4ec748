package ingest_test

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// What looking for staff adds to an event: an excerpt of 200 characters and a title.
func BenchmarkAcceptLooksForStaff(b *testing.B) {
	for _, bc := range []struct {
		name  string
		staff bool
	}{{"no directory", false}, {"directory", true}} {
		b.Run(bc.name, func(b *testing.B) {
			f, s := newFixture(b), newSchool()
			if bc.staff {
				s.staff = map[caseflow.PersonKey]caseflow.PersonKey{}
				for _, p := range directory.NamePhrases(directory.Record{Name: "Jane Porter", Audience: vocab.Staff}) {
					s.staff[f.vault.NameKey(7, p)] = caseflow.PersonKey{9}
				}
			}
			in := batch(1)
			c := in.Events[0].GetCapture()
			c.Excerpt, c.Title = strings.Repeat("and then mr porter said no ", 7), "8R project group – Class chat – Chromium"
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.core.Accept(b.Context(), s, laptop, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
