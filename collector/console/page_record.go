package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/ulid"
)

// recorder says who enters checks by hand: those who do them.
func recorder(a caseflow.Actor) bool {
	return caseflow.Allows(a, caseflow.KeepMonitoringRecord)
}

// recordView is the record that the DfE's standard asks for, and its form.
type recordView struct {
	recordSummary
	May    bool
	Key    string
	Saved  bool
	Errors []fieldError
	Fields []recordField
	Result string
	Wrong  string // what is wrong with Result
}

type recordField struct{ Name, Label, Hint, Value, Error string }

// recordFields are the form's, each with its limit in characters.
var recordFields = []struct {
	name, label, hint string
	most              int
	needed            bool
}{
	{"what", "What was tested", "For example: typed the agreed test phrase and looked for it in the queue", 200, true},
	{"device", "Type of device", "For example: Windows laptop, Chromebook", 100, true},
	{"place", "Place", "For example: library, at home", 100, true},
	{"users", "User group", "For example: Year 7, staff. No person's name.", 100, true},
	{"note", "Note", "What was found and done. No person's name.", 500, false},
}

func (c *Console) record(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	v := recordView{Saved: r.URL.Query().Get("saved") == "1"}
	for _, f := range recordFields {
		v.Fields = append(v.Fields, recordField{Name: f.name, Label: f.label, Hint: f.hint})
	}
	return c.showRecord(w, r, id, http.StatusOK, v)
}

func (c *Console) showRecord(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v recordView) error {
	var err error
	if v.recordSummary, err = c.recordSummary(r, id); err != nil {
		return err
	}
	v.May = recorder(id.Actor)
	if v.Key == "" {
		v.Key = rand.Text()
	}
	return c.pages.write(w, r, status, "record", view{chrome: c.chrome(id, "/compliance"), Title: "Checks on monitoring", Content: v})
}

// checkDue reminds those who do checks by hand when none has been done for a term;
// empty while one has.
func (c *Console) checkDue(r *http.Request, id auth.Identity) (string, error) {
	if !recorder(id.Actor) {
		return "", nil
	}
	term, err := id.Tenant.MonitoringChecks(r.Context(), c.now().AddDate(0, -termMonths, 0))
	if err != nil {
		return "", fmt.Errorf("read record: %w", err)
	}
	for _, k := range term {
		if !k.Automatic {
			return "", nil
		}
	}
	return "A check on monitoring by hand is due: none has been recorded for a term.", nil
}

// recordCSV is the whole record of the last year.
func (c *Console) recordCSV(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	all, err := id.Tenant.MonitoringChecks(r.Context(), c.now().AddDate(-1, 0, 0))
	if err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="monitoring-checks.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write([]string{"when", "what was tested", "type of device", "place", "user group", "by", "result", "note"})
	for _, k := range all {
		by := k.By.Name
		if k.Automatic {
			k.Device, by = systemWord(k.Device), "automatic"
		}
		_ = out.Write([]string{k.At.In(c.zone).Format("2006-01-02 15:04"), plain(k.What), plain(k.Device), plain(k.Place), plain(k.Users), plain(by), k.Result.String(), plain(k.Note)})
	}
	out.Flush()
	return nil
}

func (c *Console) putRecord(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	v := recordView{Key: r.PostForm.Get("key"), Result: r.PostForm.Get("result")}
	k := store.MonitoringCheck{At: c.now(), By: id.Who(), Result: checks.ParseState(v.Result)}
	for i, f := range recordFields {
		field := recordField{Name: f.name, Label: f.label, Hint: f.hint, Value: strings.TrimSpace(r.PostForm.Get(f.name))}
		switch n := utf8.RuneCountInString(field.Value); {
		case f.needed && n == 0:
			field.Error = "Enter " + strings.ToLower(f.label[:1]) + f.label[1:]
		case n > f.most || !utf8.ValidString(field.Value):
			field.Error = fmt.Sprintf("%s must be %d characters or fewer; it has %d", f.label, f.most, n)
		}
		if field.Error != "" {
			v.Errors = append(v.Errors, fieldError{Field: f.name, Message: field.Error})
		}
		*[]*string{&k.What, &k.Device, &k.Place, &k.Users, &k.Note}[i] = field.Value
		v.Fields = append(v.Fields, field)
	}
	if v.Result != "pass" && v.Result != "fail" && v.Result != "unknown" {
		v.Wrong = "Choose what the check showed"
		v.Errors = append(v.Errors, fieldError{Field: "result-pass", Message: v.Wrong})
	}
	if len(v.Errors) > 0 {
		return c.showRecord(w, r, id, http.StatusUnprocessableEntity, v)
	}
	// The form's key is the entry's id, so that a form sent twice is one entry.
	sum := sha256.Sum256([]byte(string(id.User.ID) + "\x00" + v.Key))
	k.ID = ulid.ID(sum[:16])
	if err := c.putOnce(r, id, k); err != nil {
		return err
	}
	http.Redirect(w, r, "/compliance/record?saved=1", http.StatusSeeOther)
	return nil
}

// putOnce keeps a check unless the same form has been kept before.
func (c *Console) putOnce(r *http.Request, id auth.Identity, k store.MonitoringCheck) error {
	all, err := id.Tenant.MonitoringChecks(r.Context(), k.At.AddDate(0, 0, -2))
	if err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	for _, have := range all {
		if have.ID == k.ID {
			return nil
		}
	}
	if err := id.Tenant.PutMonitoringCheck(r.Context(), k); err != nil {
		return fmt.Errorf("keep check on monitoring: %w", err)
	}
	return nil
}
