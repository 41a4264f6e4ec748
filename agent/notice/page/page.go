// Package page owns the local page on which a person reads what Lapwing does on
// this computer, answers the notice and asks for help. It runs in a process of
// its own, as that person, for as long as the page is wanted, and knows nothing
// but what the service's desk (agent/notice) tells it.
//
// The page is on the loopback interface only, under an address that has a
// secret in it; other accounts of the machine and pages of other sites cannot
// use it. Nothing is asked of the network and nothing is written to disk.
//
// It may import agent/notice, internal/ulid and the messages.
package page

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/agent/notice"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

//go:embed assets
var assets embed.FS

// Idle is how long the page stays when nobody asks for it.
const Idle = 30 * time.Minute

// maxForm bounds a posted form, in bytes: every character of the words may take
// twelve in its encoding.
const maxForm = 64 << 10

// Desk is what the page needs of the service.
type Desk interface {
	Look(ctx context.Context) (notice.Info, error)
	Help(ctx context.Context, form string, h *lapwingv1.HelpRequest) (notice.Info, error)
	Answer(ctx context.Context, version, answer string) (notice.Info, error)
}

// Page serves the page. It is safe for concurrent use.
type Page struct {
	desk     Desk
	secret   string
	host     string
	used     chan struct{}
	shown    func()
	template *template.Template
}

// Listen opens the page on a free port of the loopback interface.
func Listen(ctx context.Context, desk Desk) (*Page, net.Listener, error) {
	t, err := template.New("").Funcs(template.FuncMap{"upper": upperFirst}).ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, nil, fmt.Errorf("read the page's templates: %w", err)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("open the page: %w", err)
	}
	return &Page{desk: desk, secret: rand.Text() + rand.Text(), host: ln.Addr().String(), used: make(chan struct{}, 1), template: t}, own{ln, os.Geteuid()}, nil
}

// URL is the page's address. Whoever has it may act as this person here.
func (p *Page) URL() string { return "http://" + p.host + "/" + p.secret + "/" }

// NoticeURL is where the notice stands first, as at log-on.
func (p *Page) NoticeURL() string { return p.URL() + "notice" }

// OnShown calls shown whenever a browser was given the notice at NoticeURL. It
// is called before Serve.
func (p *Page) OnShown(shown func()) { p.shown = shown }

// Serve answers on ln until ctx is done or nobody asked for anything during Idle.
func (p *Page) Serve(ctx context.Context, ln net.Listener, idle time.Duration) error {
	srv := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 15 * time.Second, MaxHeaderBytes: 16 << 10}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case <-p.used:
			timer.Reset(idle)
			continue
		case err := <-served:
			return fmt.Errorf("serve the page: %w", err)
		case <-timer.C:
		case <-ctx.Done():
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err := srv.Shutdown(bounded)
		if served := <-served; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
}

// Handler is the page's addresses, all under its secret.
func (p *Page) Handler() http.Handler {
	m := http.NewServeMux()
	at := "/" + p.secret + "/"
	m.HandleFunc("GET "+at+"{$}", p.show)
	m.HandleFunc("GET "+at+"notice", p.notice)
	m.HandleFunc("POST "+at+"help", p.help)
	m.HandleFunc("POST "+at+"answer", p.answer)
	m.Handle("GET "+at+"assets/", http.StripPrefix(at, http.FileServerFS(assets)))
	return p.guard(m)
}

// guard refuses what comes from elsewhere: another host name that leads here
// (DNS rebinding), or a form on another site's page.
func (p *Page) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if r.Host != p.host {
			http.Error(w, "not here", http.StatusMisdirectedRequest)
			return
		}
		if err := cross.Check(r); err != nil {
			http.Error(w, "this form belongs to another page", http.StatusForbidden)
			return
		}
		select {
		case p.used <- struct{}{}:
		default:
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// view is what the page shows.
type view struct {
	notice.Info
	Down   string // why the desk does not answer
	Form   form
	Errors []fieldError
	Sent   bool
}

type form struct {
	ID, Words, When, About, Hide, TalkTo string
}

type fieldError struct{ Field, Message string }

// FieldError returns the message for a field, or "".
func (v view) FieldError(field string) string {
	for _, e := range v.Errors {
		if e.Field == field {
			return e.Message
		}
	}
	return ""
}

func (p *Page) show(w http.ResponseWriter, r *http.Request) {
	info, err := p.desk.Look(r.Context())
	v := view{Info: info, Form: form{ID: rand.Text()}}
	if err != nil {
		v.Down = upperFirst(err.Error())
	}
	p.write(w, http.StatusOK, "page", v)
}

func (p *Page) notice(w http.ResponseWriter, r *http.Request) {
	info, err := p.desk.Look(r.Context())
	v := view{Info: info}
	if err != nil {
		v.Down = upperFirst(err.Error())
	}
	p.write(w, http.StatusOK, "told", v)
	if err == nil && info.Version != "" && p.shown != nil {
		p.shown()
	}
}

func (p *Page) help(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "that is too long to send", http.StatusRequestEntityTooLarge)
		return
	}
	get := r.PostForm.Get
	v := view{Form: form{ID: get("form"), Words: newlines(get("words")), When: get("when"), About: get("about"), Hide: get("hide"), TalkTo: get("talk_to")}}
	v.Errors = v.Form.check()
	if len(v.Errors) == 0 {
		_, err := p.desk.Help(r.Context(), v.Form.ID, v.Form.request())
		if err == nil {
			info, _ := p.desk.Look(r.Context()) // without it the answer only says less
			p.write(w, http.StatusOK, "sent", view{Info: info, Form: v.Form})
			return
		}
		v.Errors = []fieldError{{"words", upperFirst(err.Error()) + ". What you wrote is still here."}}
	}
	var err error
	if v.Info, err = p.desk.Look(r.Context()); err != nil {
		v.Down = upperFirst(err.Error())
	}
	p.write(w, http.StatusUnprocessableEntity, "page", v)
}

// check says what is missing, in words for a child. The words themselves may
// stay empty: asking is enough.
func (f form) check() []fieldError {
	var errs []fieldError
	if f.When != "today" && f.When != "week" {
		errs = append(errs, fieldError{"when", "Choose how soon you need someone"})
	}
	if !utf8.ValidString(f.Words) || !utf8.ValidString(f.TalkTo) {
		errs = append(errs, fieldError{"words", "Some letters could not be read. Type them again"})
	}
	if n := utf8.RuneCountInString(f.Words); n > lapwingv1.MaxHelpWords {
		errs = append(errs, fieldError{"words", fmt.Sprintf("Please make it shorter: 2,000 letters at most, this is %d", n)})
	}
	if f.About != "yes" && f.About != "no" {
		errs = append(errs, fieldError{"about", "Say if it is about an adult who works at this school. If you are not sure, choose yes"})
	}
	if utf8.RuneCountInString(f.TalkTo) > lapwingv1.MaxHelpTalk {
		errs = append(errs, fieldError{"talk_to", "Please write just a name: 100 letters at most"})
	}
	return errs
}

func (f form) request() *lapwingv1.HelpRequest {
	return &lapwingv1.HelpRequest{Words: strings.TrimSpace(f.Words), Today: f.When == "today",
		AboutAdult: f.About == "yes", HideName: f.Hide == "yes", TalkTo: strings.TrimSpace(f.TalkTo)}
}

func (p *Page) answer(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "not a form of this page", http.StatusBadRequest)
		return
	}
	if _, err := p.desk.Answer(r.Context(), r.PostForm.Get("version"), r.PostForm.Get("answer")); err != nil {
		v := view{Form: form{ID: rand.Text()}, Errors: []fieldError{{"answer", upperFirst(err.Error())}}}
		var down error
		if v.Info, down = p.desk.Look(r.Context()); down != nil {
			v.Down = upperFirst(down.Error())
		}
		p.write(w, http.StatusUnprocessableEntity, "page", v)
		return
	}
	http.Redirect(w, r, "/"+p.secret+"/#notice", http.StatusSeeOther)
}

func (p *Page) write(w http.ResponseWriter, status int, name string, v view) {
	var out strings.Builder
	if err := p.template.ExecuteTemplate(&out, name, v); err != nil {
		http.Error(w, "this page could not be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(out.String())) // whoever went away needs no answer
}

// newlines are counted as browsers count them.
func newlines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}
