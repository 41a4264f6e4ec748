package console

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// importPath takes a file, and so more than other forms.
const importPath = "/people/directory/preview"

// unmatchedShown is how many unmatched accounts the page names.
const unmatchedShown = 200

// directoryKeeper says who imports the directory and links users to it. It
// shows accounts and names, and nothing that anybody typed.
func directoryKeeper(a caseflow.Actor) bool { return caseflow.Allows(a, caseflow.KeepDirectory) }

// directoryView is the list of people as it stands, and the forms to change it.
type directoryView struct {
	Tabs           []tab
	Sentence, Rest string
	Done           string // what was just done
	Pickup         string // trouble with the nightly file
	Errors         []fieldError
	Problems       []string // lines of a file that could not be taken
	MoreProblems   int
	Preview        *previewView
	Unmatched      []string
	UnmatchedTotal string
	MoreUnmatched  int
	Users          []linkRow
}

// FieldError is the message for one field, or "".
func (v directoryView) FieldError(field string) string { return messageFor(v.Errors, field) }

type linkRow struct {
	ID      caseflow.UserID
	Name    string
	Roles   string
	Linked  string // who the user is in the directory, or why nobody is known
	Known   bool
	Account string // as it was typed, after an error
	Error   string
}

// previewView is what an import would change.
type previewView struct {
	Key                   string
	Sentence              string
	Counts                []countRow
	Lists                 []personList
	Shared                []string
	Accounts              []string
	Matched, AccountsLeft string
	Nothing               bool
}

type countRow struct {
	Label string
	Count string
	Means string
}

type personList struct {
	Title string
	Rows  []personLine
	More  int
}

type personLine struct{ Name, What, Accounts string }

func (c *Console) directoryTabs(id auth.Identity, current string) []tab {
	tabs := []tab{{Label: "Accounts", Href: "/people", Current: current == "/people"}}
	if directoryKeeper(id.Actor) {
		tabs = append(tabs, tab{Label: "Directory", Href: "/people/directory", Current: current == "/people/directory"})
	}
	if roster.MaySetFlags(id.Actor) {
		tabs = append(tabs, tab{Label: "Vulnerable pupils", Href: "/people/flags", Current: current == "/people/flags"})
	}
	return tabs
}

func (c *Console) directoryPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	v := directoryView{}
	switch r.URL.Query().Get("done") {
	case "import":
		v.Done = "The directory was imported. Cases of accounts that now have an owner have moved to where they belong."
	case "kept":
		v.Done = "The account was kept, though nobody in the directory has it, or two people have: check how it is written. Its person no longer sees cases about it."
	case "link":
		v.Done = "The account was linked. That person no longer sees cases about themselves."
	}
	return c.showDirectory(w, r, id, http.StatusOK, v)
}

// showDirectory completes a view with what stands and shows it.
func (c *Console) showDirectory(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v directoryView) error {
	ctx := r.Context()
	state, err := id.Tenant.DirectoryState(ctx)
	if err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	now := c.now().In(c.zone)
	v.Tabs = c.directoryTabs(id, "/people/directory")
	v.Sentence, v.Rest = "No directory has been imported.", "Every account is unmatched until one is, and Lapwing cannot tell pupils from staff."
	if state.Version > 0 {
		v.Sentence = fmt.Sprintf("%s and %s staff, imported %s.", plural(state.Pupils, "pupil", "pupils"), thousands(state.Staff), moment(state.At.In(c.zone), now))
		v.Rest = "An account belongs to somebody when its name is their user name, the first part of their e-mail address, or an alias. If it could be two people’s, it is left unmatched."
	}
	if c.pickups != nil {
		if p := c.pickups.Last(id.Tenant.Info().ID); p.Problem != "" {
			v.Pickup = fmt.Sprintf("The nightly file of %s was not taken: %s The directory before it still stands.", moment(p.At.In(c.zone), now), clipText(p.Problem, 500))
		}
	}
	names, total, err := c.directory.Unmatched(ctx, id.Tenant, unmatchedShown)
	if err != nil {
		return fmt.Errorf("list unmatched accounts: %w", err)
	}
	if total > 0 {
		if err := c.directory.RecordUnmatched(ctx, id.Tenant, id.Actor, len(names)); err != nil {
			return fmt.Errorf("list unmatched accounts: %w", err)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
	})
	v.Unmatched, v.MoreUnmatched, v.UnmatchedTotal = names, total-len(names), plural(total, "account is", "accounts are")
	if v.Users, err = c.linkRows(r, id, v.Users); err != nil {
		return err
	}
	return c.pages.write(w, r, status, "directory", view{chrome: c.chrome(id, "/people"), Title: "Directory", Content: v})
}

// linkRows lists console users with whom they are; tried carries what was typed for one of them.
func (c *Console) linkRows(r *http.Request, id auth.Identity, tried []linkRow) ([]linkRow, error) {
	ctx := r.Context()
	users, err := id.Tenant.Users(ctx)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	slices.SortFunc(users, func(a, b store.User) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	var rows []linkRow
	for _, u := range users {
		if u.Disabled {
			continue
		}
		row := linkRow{ID: u.ID, Name: u.Name, Roles: roleWords(append(inForce(u), u.Pending...)), Linked: "Not linked"}
		if len(u.Persons) > 0 {
			row.Linked = "An account that the directory does not have yet"
		}
		for _, k := range u.Persons {
			e, err := id.Tenant.DirectoryEntry(ctx, k)
			if errors.Is(err, store.ErrNotFound) {
				continue // the key of an account
			}
			if err != nil {
				return nil, fmt.Errorf("read directory: %w", err)
			}
			p, err := c.directory.Person(ctx, id.Tenant, e)
			if err != nil {
				return nil, fmt.Errorf("read directory: %w", err)
			}
			row.Known, row.Linked = true, cmp.Or(p.Name, "Somebody whose name was erased")
			break
		}
		for _, t := range tried {
			if t.ID == u.ID {
				row.Account, row.Error = t.Account, t.Error
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// previewImport reads an uploaded file and shows what it would change.
func (c *Console) previewImport(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	// In memory whole: no list of children in a temporary file.
	err := r.ParseMultipartForm(roster.MaxUpload + maxForm)
	var file multipart.File
	var header *multipart.FileHeader
	if err == nil {
		file, header, err = r.FormFile("file")
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return c.refuseFile(w, r, id, fmt.Sprintf("The file has over %d MB. Export one school at a time.", roster.MaxUpload>>20))
	case err != nil || header.Filename == "":
		return c.refuseFile(w, r, id, "Choose a file.")
	case header.Size == 0:
		return c.refuseFile(w, r, id, "The file is empty. Export it again.")
	}
	defer func() {
		_ = file.Close() // only read
		_ = r.MultipartForm.RemoveAll()
	}()
	data, err := io.ReadAll(io.LimitReader(file, roster.MaxUpload+1))
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	people, err := roster.Read(clipText(filepath.Base(header.Filename), 100), data)
	var wrong *directory.Error
	if errors.As(err, &wrong) {
		v := directoryView{Errors: []fieldError{{Field: "file", Message: "The file cannot be taken as it is. Nothing was changed."}}, MoreProblems: wrong.More}
		for _, p := range wrong.Problems {
			v.Problems = append(v.Problems, p.String())
		}
		return c.showDirectory(w, r, id, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	plan, err := c.directory.Plan(r.Context(), id.Tenant, people)
	if err != nil {
		return fmt.Errorf("compare directory: %w", err)
	}
	p := newPreview(plan)
	p.Key = c.plans.keep(planOf{id.Tenant.Info().ID, id.User.ID}, plan, c.now())
	return c.showDirectory(w, r, id, http.StatusOK, directoryView{Preview: p})
}

func (c *Console) refuseFile(w http.ResponseWriter, r *http.Request, id auth.Identity, message string) error {
	return c.showDirectory(w, r, id, http.StatusUnprocessableEntity, directoryView{Errors: []fieldError{{Field: "file", Message: message}}})
}

func newPreview(plan *roster.Plan) *previewView {
	v := plan.Preview
	p := &previewView{Nothing: !plan.Changes(), Shared: v.Shared, Accounts: v.UnmatchedAccounts,
		Sentence: fmt.Sprintf("The file has %s and %s staff.", plural(v.Pupils, "pupil", "pupils"), thousands(v.Staff))}
	p.Counts = []countRow{
		{"Added", thousands(v.Added), "not in the directory so far"},
		{"Changed", thousands(v.Changed), "another name, year, role or account than so far"},
		{"Gone", thousands(v.Gone), "no longer in the file; their cases stay"},
		{"As they are", thousands(v.Same), ""},
		{"Left out", thousands(v.Skipped), "parents and others without an account, and deleted ones"},
	}
	p.Matched = plural(v.Matched, "account seen on devices would be matched", "accounts seen on devices would be matched")
	p.AccountsLeft = plural(v.Unmatched, "would stay unmatched", "would stay unmatched")
	for _, l := range []struct {
		title string
		rows  []roster.Person
		total int
	}{{"Added", v.AddedPeople, v.Added}, {"Changed", v.ChangedPeople, v.Changed}, {"Gone", v.GonePeople, v.Gone}} {
		if len(l.rows) == 0 {
			continue
		}
		list := personList{Title: l.title, More: l.total - len(l.rows)}
		for _, person := range l.rows {
			what := "Staff"
			if person.Audience == vocab.Pupil {
				what = cmp.Or(person.Year, "Pupil")
			}
			list.Rows = append(list.Rows, personLine{cmp.Or(person.Name, "Name erased"), what, strings.Join(person.Accounts, ", ")})
		}
		p.Lists = append(p.Lists, list)
	}
	return p
}

// applyImport does what was previewed.
func (c *Console) applyImport(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	plan := c.plans.take(planOf{id.Tenant.Info().ID, id.User.ID}, r.PostForm.Get("key"), c.now())
	if plan == nil {
		return c.refuseFile(w, r, id, "This preview has been used or is over 15 minutes old. Choose the file again.")
	}
	_, err := c.directory.Apply(r.Context(), id.Tenant, plan, id.Who())
	if errors.Is(err, store.ErrExists) {
		return c.refuseFile(w, r, id, "Somebody imported a directory after this preview was made. Choose the file again to see what it would change now.")
	}
	if err != nil {
		return fmt.Errorf("import directory: %w", err)
	}
	http.Redirect(w, r, "/people/directory?done=import", http.StatusSeeOther)
	return nil
}

// linkUser says who a console user is in the directory, by an account.
func (c *Console) linkUser(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	user, account := caseflow.UserID(r.PostForm.Get("user")), strings.TrimSpace(r.PostForm.Get("account"))
	refuse := func(message string) error {
		return c.showDirectory(w, r, id, http.StatusUnprocessableEntity, directoryView{
			Errors: []fieldError{{Field: "account-" + string(user), Message: message}},
			Users:  []linkRow{{ID: user, Account: clipText(account, directory.MaxFieldChars), Error: message}}})
	}
	if _, err := id.Tenant.User(r.Context(), user); err != nil {
		return fmt.Errorf("link user: %w", err)
	}
	if account == "" {
		return refuse("Enter the account that the person logs on with.")
	}
	if utf8.RuneCountInString(account) > directory.MaxFieldChars {
		return refuse(fmt.Sprintf("Enter an account of at most %d characters.", directory.MaxFieldChars))
	}
	known, err := c.directory.LinkAccount(r.Context(), id.Tenant, user, account, id.Who())
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return refuse(invalid.Message)
	}
	if err != nil {
		return fmt.Errorf("link user: %w", err)
	}
	done := "link"
	if !known {
		done = "kept"
	}
	http.Redirect(w, r, "/people/directory?done="+done, http.StatusSeeOther)
	return nil
}

// clipText cuts a text at n characters.
func clipText(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
