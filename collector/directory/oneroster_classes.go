package directory

import (
	"cmp"
	"slices"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// maxOrgs bounds the list of a user's orgs in users.csv, in characters.
const maxOrgs = MaxSites * (MaxIDBytes + 1)

// sites makes names of the ids of a user's orgs: those that are schools. An
// export of one school has one, and then nobody has a site: it would tell nothing.
func (o *oneRoster) sites(people []Record) {
	names := map[string]string{}
	if raw, ok := o.open(orgsFile); ok {
		t, ok := newTable(orgsFile, raw, &o.bad, "sourcedId", "name")
		if !ok {
			return
		}
		for t.next() {
			id, name, kind := t.get("sourcedId", MaxIDBytes), t.get("name", MaxFieldChars), Fold(t.get("type", MaxFieldChars))
			if id != "" && name != "" && (kind == "" || kind == "school") && Fold(t.get("status", MaxFieldChars)) != "tobedeleted" {
				names[id] = name
			}
		}
	}
	for i := range people {
		var sites []string
		for _, id := range people[i].Sites {
			if name := names[id]; name != "" && len(names) > 1 {
				sites = append(sites, name)
			}
		}
		slices.Sort(sites)
		people[i].Sites = slices.Compact(sites)
	}
}

// classes fills in who is in which class, and the years of pupils who have
// none of their own, where all their classes that have a grade have the same.
func (o *oneRoster) classes(people []Record) {
	classes, ok := o.open(classesFile)
	if !ok {
		return
	}
	enrollments, ok := o.open(enrollmentsFile)
	if !ok {
		return
	}
	type class struct {
		Class
		year string
	}
	known := map[string]class{}
	t, ok := newTable(classesFile, classes, &o.bad, "sourcedId")
	if !ok {
		return
	}
	for t.next() {
		id := t.get("sourcedId", MaxIDBytes)
		if id != "" && Fold(t.get("status", MaxFieldChars)) != "tobedeleted" {
			known[id] = class{Class{id, cmp.Or(t.get("title", MaxFieldChars), id)}, yearOf(t.get("grades", MaxFieldChars))}
		}
	}
	if t, ok = newTable(enrollmentsFile, enrollments, &o.bad, "classSourcedId", "userSourcedId"); !ok {
		return
	}
	of := map[string][]class{} // of a user
	for t.next() {
		c, ok := known[t.get("classSourcedId", MaxIDBytes)]
		user := t.get("userSourcedId", MaxIDBytes)
		if ok && len(of[user]) < MaxClasses && Fold(t.get("status", MaxFieldChars)) != "tobedeleted" {
			of[user] = append(of[user], c)
		}
	}
	for i := range people {
		r := &people[i]
		years := map[string]bool{}
		for _, c := range of[r.ID] {
			r.Classes = append(r.Classes, c.Class)
			if c.year != "" {
				years[c.year] = true
			}
		}
		slices.SortFunc(r.Classes, func(a, b Class) int { return cmp.Compare(a.ID, b.ID) })
		r.Classes = slices.Compact(r.Classes)
		if r.Audience == vocab.Pupil && r.Year == "" && len(years) == 1 {
			for y := range years {
				r.Year = y
			}
		}
	}
}
