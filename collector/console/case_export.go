package console

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

// exportView asks why a case must leave Lapwing.
type exportView struct {
	Ref    caseflow.Ref
	Reason string
	Errors []fieldError
}

// FieldError returns the message for a field, or "".
func (v exportView) FieldError(field string) string { return messageFor(v.Errors, field) }

// caseFile is the file: everything of the case, for paper or another record.
type caseFile struct {
	Ref              caseflow.Ref
	School, Made, By string
	Reason           string
	V                caseView
	Captures         []*captureView
}

// forOthers is a case for people who read it elsewhere and later: whoever made
// the file stands in it by name and not as "you", and no word is covered.
func forOthers(k casework.CaseView, id auth.Identity) (casework.CaseView, auth.Identity) {
	k.History, k.Reads, k.Now = slices.Clone(k.History), slices.Clone(k.Reads), time.Time{}
	for i := range k.History {
		k.History[i].You = false
	}
	for i := range k.Reads {
		k.Reads[i].You = false
	}
	id.User.CoverWords, id.Actor.User = false, ""
	return k, id
}

// exportPage opens the case, so that who may not see it is not asked either.
func (c *Console) exportPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	if _, err := c.cases.Open(r.Context(), id.Tenant, id.Actor, ref); err != nil {
		return fmt.Errorf("open case: %w", err)
	}
	return c.showExport(w, r, id, http.StatusOK, exportView{Ref: ref})
}

func (c *Console) showExport(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v exportView) error {
	title := "Export case " + string(v.Ref)
	if len(v.Errors) > 0 {
		title = "Error: " + title
	}
	return c.pages.write(w, r, status, "export", view{chrome: c.chrome(id, "/cases"), Title: title, Content: v})
}

// exportCase makes the file. casework has recorded who takes it and why before
// it gives anything.
func (c *Console) exportCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	reason := r.PostForm.Get("reason")
	k, err := c.cases.Export(r.Context(), id.Tenant, id.Actor, ref, reason)
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return c.showExport(w, r, id, http.StatusUnprocessableEntity, exportView{Ref: ref, Reason: reason, Errors: []fieldError{{"reason", invalid.Message}}})
	}
	if err != nil {
		return fmt.Errorf("export case: %w", err)
	}
	now := c.now().In(c.zone)
	k, id = forOthers(k, id)
	f := caseFile{Ref: ref, School: id.Tenant.Info().Name, Made: now.Format("2 January 2006, 3:04pm"), By: id.User.Name, Reason: reason, V: c.caseView(k, id, "", time.Time{})}
	for _, cp := range k.Captures {
		f.Captures = append(f.Captures, c.captureView(cp, time.Time{}, false))
	}
	var buf bytes.Buffer
	if err := c.pages["case-file"].ExecuteTemplate(&buf, "case-file", f); err != nil {
		return fmt.Errorf("render case file: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="lapwing-case-`+string(ref)+`.html"`)
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	_, _ = w.Write(buf.Bytes()) // the client is gone: nobody to tell
	return nil
}
