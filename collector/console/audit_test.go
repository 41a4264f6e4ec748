package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// auditRows are the rows of a page of the log, as text, and the page before it.
func auditRows(p page) (rows []string, next string) {
	for _, m := range regexp.MustCompile(`(?s)<tr class="govuk-table__row"><td.*?</tr>`).FindAllString(p.body, -1) {
		rows = append(rows, strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m, " ")), " "))
	}
	if m := regexp.MustCompile(`href="(/audit\?before=\d+)"`).FindStringSubmatch(p.body); m != nil {
		next = m[1]
	}
	return rows, next
}

// A data protection officer's own case stands in the log like any other that
// Lapwing wrote: neither the case, nor its device, nor who worked on it shows.
func TestAuditLogCoversTheReadersOwnCase(t *testing.T) {
	f := newFixture(t)
	_, token := f.user("D. Pole", []caseflow.PersonKey{f.person("d.pole")}, caseflow.DPO)
	dpo := f.enter(token)
	head := f.signIn("R. Teasel", caseflow.Head)
	staff := typed{audience: vocab.Staff, group: vocab.GroupStaff, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you here"}
	own, other := staff, staff
	own.account, own.device = "d.pole", "d-own"
	other.account, other.device = "s.else", "d-other"
	ownRef, otherRef := string(f.typeText(own)), string(f.typeText(other))
	named := other
	named.account, named.device, named.subjects = "s.third", "d-third", []caseflow.PersonKey{f.person("d.pole")}
	namedRef := string(f.typeText(named))
	head.get("/cases")
	for _, ref := range []string{ownRef, otherRef, namedRef} {
		head.get("/cases/" + ref)
		if p := head.post("/cases/"+ref+"/claim", nil); p.status != http.StatusOK {
			t.Fatalf("claim: status %d", p.status)
		}
	}
	p := dpo.get("/audit")
	rows, _ := auditRows(p)
	for _, word := range []string{ownRef, namedRef, "d-own", "d-third", "d-other"} {
		if strings.Contains(p.body, word) {
			t.Errorf("the log shows %s:\n%s", word, strings.Join(rows, "\n"))
		}
	}
	if n := strings.Count(p.body, otherRef); n < 3 {
		t.Errorf("another's case is named %d times, want its queue, reading and claim:\n%s", n, strings.Join(rows, "\n"))
	}
	// Every row of a case is either that of the other case or the one form of all covered ones.
	plain := regexp.MustCompile(`^\d+ \d+:\d\dam Lapwing system case\.\*$`)
	var covered int
	for _, row := range rows {
		switch {
		case plain.MatchString(row):
			covered++
		case strings.Contains(row, " case.") && !strings.HasSuffix(row, otherRef):
			t.Errorf("a row of its own kind: %s", row)
		}
	}
	if want := 3 + 2*3; covered < want {
		t.Errorf("%d covered rows, want the openings, and reading, first look and claim of two cases:\n%s", covered, strings.Join(rows, "\n"))
	}

	// Whom no case concerns reads who worked on each.
	rows, _ = auditRows(f.signIn("E. Pole", caseflow.DPO).get("/audit"))
	for _, ref := range []string{ownRef, otherRef, namedRef} {
		if !slices.ContainsFunc(rows, func(r string) bool { return strings.Contains(r, "R. Teasel console case.claim "+ref) }) {
			t.Errorf("the claim of %s is not in another officer's log", ref)
		}
	}
}

func TestAuditLogIsNewestFirst(t *testing.T) {
	f := newFixture(t)
	dpo := f.signIn("D. Pole", caseflow.DPO)
	for range 240 {
		if err := f.tenant.Append(t.Context(), audit.Entry{At: f.clock(), Who: audit.System(), Action: audit.DeviceDigest}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := f.tenant.Entries(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	want := len(entries)
	path := "/audit"
	for pages := 0; path != ""; pages++ {
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
		rows, next := auditRows(dpo.get(path))
		for _, row := range rows {
			if !strings.HasPrefix(row, fmt.Sprintf("%d ", want)) {
				t.Fatalf("%s: row %q, want number %d", path, row, want)
			}
			want--
		}
		path = next
	}
	if want != 0 {
		t.Errorf("the last page ends before number %d", want)
	}
	for _, bad := range []string{"x", "-1", "99999999999999999999"} {
		if p := dpo.get("/audit?before=" + bad); p.status != http.StatusNotFound {
			t.Errorf("before=%s: status %d", bad, p.status)
		}
	}
	if p := dpo.get("/audit?before=1"); !strings.Contains(p.body, "There is no entry before this") {
		t.Error("before the first entry")
	}
}
