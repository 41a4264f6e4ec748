package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/auth"
)

//go:embed templates
var templateFiles embed.FS

// pages are the parsed templates by page name: each is layout.html, every
// file in templates/parts and its own.
type pages map[string]*template.Template

func loadPages(a *assets) (pages, error) {
	funcs := template.FuncMap{"asset": a.url, "dict": dict, "upperFirst": upper}
	base, err := template.New("layout").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/parts/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	ps := pages{}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "layout" {
			continue
		}
		t, err := base.Clone()
		if err != nil {
			return nil, fmt.Errorf("copy layout: %w", err)
		}
		if ps[page], err = t.ParseFS(templateFiles, name); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", page, err)
		}
	}
	file, err := base.Clone()
	if err != nil {
		return nil, fmt.Errorf("copy layout: %w", err)
	}
	if ps["case-file"], err = file.ParseFS(templateFiles, "templates/files/case-file.html"); err != nil {
		return nil, fmt.Errorf("parse case file: %w", err)
	}
	return ps, nil
}

// dict makes the argument of a part that needs more than one value.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict needs pairs, got %d values", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict key %d is not a word", i)
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// view is what the layout draws.
type view struct {
	chrome
	Title   string
	Bare    bool // without header and footer: sign-in
	Content any
}

// chrome is what stands around a page of a signed-in person. It is zero when
// nobody is.
type chrome struct {
	School  string
	Account string // "H. Marlow, DSL"
	Nav     []navItem
	More    []navItem // of the footer
	Live    bool      // the page has a live stream
	Keys    bool      // single keys work
}

type navItem struct {
	Label, Href string
	Current     bool
	Count       string
	What        string // the page is for
}

func (c *Console) chrome(id auth.Identity, current string) chrome {
	ch := chrome{School: id.Tenant.Info().Name, Account: id.User.Name, Keys: !id.User.NoShortcuts}
	if w := roleWords(id.Actor.Roles); w != "" {
		ch.Account += ", " + w
	}
	ch.Nav, ch.More = c.led(id, navigation, current), c.led(id, elsewhere, current)
	return ch
}

// led are those places that there are, and that admit the person.
func (c *Console) led(id auth.Identity, all []place, current string) (out []navItem) {
	for _, p := range all {
		absent := c.oversight == nil && (strings.HasPrefix(p.href, "/rules") || p.href == "/exemptions") || c.directory == nil && p.href == "/acknowledgements" || c.policies == nil && p.href == "/policy"
		if !absent && p.allow(id.Actor) {
			out = append(out, navItem{Label: p.label, Href: p.href, Current: p.href == current, What: p.what})
		}
	}
	return out
}

// write renders into memory first, so that a failing template never leaves
// half a page.
func (ps pages) write(w http.ResponseWriter, r *http.Request, status int, page string, v view) error {
	t, ok := ps[page]
	if !ok {
		return fmt.Errorf("no page %q", page)
	}
	var buf bytes.Buffer
	if err := t.ExecuteTemplate(&buf, "layout", v); err != nil {
		return fmt.Errorf("render page %s: %w", page, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(buf.Bytes()) // the client is gone: nobody to tell
	}
	return nil
}

// show renders a page of a signed-in person.
func (c *Console) show(w http.ResponseWriter, r *http.Request, id auth.Identity, page, current, title string, content any) error {
	return c.pages.write(w, r, http.StatusOK, page, view{chrome: c.chrome(id, current), Title: title, Content: content})
}
