package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Limits of the desk.
const (
	// maxRequest bounds one request in bytes: 2,000 characters of four bytes,
	// each as a JSON escape, fit.
	maxRequest = 64 << 10
	// callTimeout bounds one call, its writing to disk included.
	callTimeout = 5 * time.Second
	// maxCallers bounds the calls in progress, over all accounts.
	maxCallers = 8
	// helpBurst requests for help an account may send at once, and one more each
	// helpEvery: a child who presses the button again is heard, a script that
	// fills the disk is not.
	helpBurst = 10
	helpEvery = 2 * time.Minute
	// maxSent is how many forms the desk remembers, so that one sent twice is one.
	maxSent = 256
	// maxForm bounds the id of a form, in bytes.
	maxForm = 64
)

// Config of a Desk. Account, Info, Help and Answer are called by many goroutines.
type Config struct {
	// Path of the socket. Every account of the machine may connect.
	Path string
	// Account names a user id as events name it.
	Account func(uid uint32) (string, error)
	// Info tells what is on, as account should read it, in lang if there is that.
	Info func(account, lang string) Info
	// Help and Answer return when what they were given is durable.
	Help   func(account string, h *lapwingv1.HelpRequest) error
	Answer func(account string, n *lapwingv1.NoticeSeen) error
	Now    func() time.Time
	Log    *slog.Logger
}

// Desk answers on the socket. It is safe for concurrent use.
type Desk struct {
	cfg Config

	helping sync.Mutex // held from asking whether a form was sent to noting that it was

	mu    sync.Mutex // guards what follows
	sent  map[sentForm]bool
	order []sentForm
	last  map[uint32]bucket
}

type sentForm struct {
	uid  uint32
	form string
}

type bucket struct {
	left float64
	at   time.Time
}

// NewDesk returns a Desk.
func NewDesk(cfg Config) *Desk {
	return &Desk{cfg: cfg, sent: map[sentForm]bool{}, last: map[uint32]bucket{}}
}

// request and reply are one call, as JSON.
type request struct {
	Op      string `json:"op"` // look, help, answer
	Lang    string `json:"lang,omitempty"`
	Form    string `json:"form,omitempty"`
	Words   string `json:"words,omitempty"`
	Today   bool   `json:"today,omitempty"`
	About   bool   `json:"about_adult,omitempty"`
	Hide    bool   `json:"hide_name,omitempty"`
	TalkTo  string `json:"talk_to,omitempty"`
	Version string `json:"version,omitempty"`
	State   string `json:"state,omitempty"`
}

type reply struct {
	Info  *Info  `json:"info,omitempty"`
	Error string `json:"error,omitempty"`
}

// Serve answers until ctx is done. ready is called once it listens.
func (d *Desk) Serve(ctx context.Context, ready func()) error {
	ln, err := listen(ctx, d.cfg.Path)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", d.cfg.Path, err)
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	defer ln.Close()
	ready()
	var calls sync.WaitGroup
	defer calls.Wait()
	slots := make(chan struct{}, maxCallers)
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("accept on %s: %w", d.cfg.Path, err)
		}
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			d.call(conn)
		})
	}
}

// listen takes the place of a socket that nobody listens on any more.
func listen(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, "unix", path); err == nil {
		conn.Close()
		return nil, errors.New("another lapwing-agent answers there; stop it first")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// Any account may ask; the kernel says which one does.
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// call takes one request. A caller that goes away is no concern of ours.
func (d *Desk) call(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(callTimeout))
	var out reply
	uid, err := peer(conn)
	if err == nil {
		out.Info, err = d.take(uid, conn)
	}
	if err != nil {
		out.Error = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(out)
}

func (d *Desk) take(uid uint32, from io.Reader) (*Info, error) {
	req, err := readRequest(from)
	if err != nil {
		return nil, err
	}
	account, err := d.cfg.Account(uid)
	if err != nil {
		return nil, errors.New("this computer does not know whose account this is")
	}
	switch req.Op {
	case "help":
		err = d.help(uid, account, req)
	case "answer":
		err = d.answer(uid, account, req)
	}
	if err != nil {
		return nil, err
	}
	info := d.cfg.Info(account, req.Lang)
	return &info, nil
}

// readRequest reads and checks one request. Errors name fields, never what
// they hold.
func readRequest(from io.Reader) (request, error) {
	var req request
	dec := json.NewDecoder(io.LimitReader(from, maxRequest))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return request{}, fmt.Errorf("the request is not JSON of at most %d bytes with known fields", maxRequest)
	}
	if len(req.Form) > maxForm || len(req.Lang) > maxForm {
		return request{}, fmt.Errorf("form: over %d bytes", maxForm)
	}
	switch req.Op {
	case "look":
		return req, nil
	case "help":
		return req, req.help().Validate()
	case "answer":
		n, err := req.answer()
		if err != nil {
			return request{}, err
		}
		return req, n.Validate()
	}
	return request{}, errors.New("op: must be look, help or answer")
}

func (r request) help() *lapwingv1.HelpRequest {
	return &lapwingv1.HelpRequest{Words: r.Words, Today: r.Today, AboutAdult: r.About, HideName: r.Hide, TalkTo: r.TalkTo}
}

func (r request) answer() (*lapwingv1.NoticeSeen, error) {
	state, ok := stateOf(r.State)
	if !ok || r.State == Shown { // that is for whoever drew it to say
		return nil, errors.New("state: must be acknowledged or declined")
	}
	return &lapwingv1.NoticeSeen{Version: r.Version, State: state}, nil
}

// help keeps a request once for each form.
func (d *Desk) help(uid uint32, account string, req request) error {
	form := sentForm{uid, req.Form}
	// One at a time: the second of a double click waits for what the first comes to.
	d.helping.Lock()
	defer d.helping.Unlock()
	d.mu.Lock()
	if req.Form != "" && d.sent[form] {
		d.mu.Unlock()
		return nil
	}
	ok := d.admit(uid)
	d.mu.Unlock()
	if !ok {
		return ErrTooMany
	}
	if err := d.cfg.Help(account, req.help()); err != nil {
		d.cfg.Log.Error("request for help not kept", "error", err)
		return errors.New("this computer could not keep what you wrote: go to a grown-up you trust, or call Childline on 0800 1111")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remember(form)
	return nil
}

func (d *Desk) remember(form sentForm) {
	if form.form == "" || d.sent[form] {
		return
	}
	d.sent[form] = true
	d.order = append(d.order, form)
	if len(d.order) > maxSent {
		delete(d.sent, d.order[0])
		d.order = d.order[1:]
	}
}

// admit takes one from an account's bucket. The caller holds mu.
func (d *Desk) admit(uid uint32) bool {
	now := d.cfg.Now()
	b, known := d.last[uid]
	if !known {
		b = bucket{left: helpBurst, at: now}
	}
	b.left = min(helpBurst, b.left+max(0, now.Sub(b.at)).Seconds()/helpEvery.Seconds())
	b.at = now
	ok := b.left >= 1
	if ok {
		b.left--
	}
	d.last[uid] = b
	return ok
}

// answer keeps what a person says to the notice that is in force.
func (d *Desk) answer(uid uint32, account string, req request) error {
	n, err := req.answer()
	if err != nil {
		return err
	}
	if v := d.cfg.Info(account, "").Version; v == "" || v != req.Version {
		return errors.New("version: not that of the notice in force; open the page again")
	}
	d.mu.Lock()
	ok := d.admit(uid)
	d.mu.Unlock()
	if !ok {
		return ErrTooMany
	}
	if err := d.cfg.Answer(account, n); err != nil {
		d.cfg.Log.Error("answer to the notice not kept", "error", err)
		return errors.New("this computer could not keep your answer; try again later")
	}
	return nil
}
