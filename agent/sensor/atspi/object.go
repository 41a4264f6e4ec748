package atspi

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/godbus/dbus/v5"
)

const (
	accessible = "org.a11y.atspi.Accessible."
	rootPath   = "/org/a11y/atspi/accessible/root"
)

// maxDepth bounds the walk from a field up to its document; deep pages were
// seen with about 60 levels.
const maxDepth = 128

// ErrNoFocus says that an application names no focused object.
var ErrNoFocus = errors.New("no focused object")

func (c *Client) object(r Ref) dbus.BusObject {
	return c.conn.Object(r.Sender, dbus.ObjectPath(r.Path))
}

// start sends a call without waiting, so that several share one wait.
func (c *Client) start(ctx context.Context, r Ref, method string, args ...any) *dbus.Call {
	return c.object(r).GoWithContext(ctx, method, 0, make(chan *dbus.Call, 1), args...)
}

func wait(ctx context.Context, call *dbus.Call, to ...any) error {
	select {
	case <-call.Done:
		return call.Store(to...)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Describe asks an object for its role and states.
func (c *Client) Describe(ctx context.Context, r Ref) (Object, error) {
	o := Object{Ref: r}
	role := c.start(ctx, r, accessible+"GetRole")
	states := c.start(ctx, r, accessible+"GetState")
	attributes := c.start(ctx, r, accessible+"GetAttributes")
	if err := wait(ctx, role, &o.Role); err != nil {
		return Object{}, fmt.Errorf("get role: %w", err)
	}
	if err := wait(ctx, states, &o.states); err != nil {
		return Object{}, fmt.Errorf("get state: %w", err)
	}
	var named map[string]string
	if err := wait(ctx, attributes, &named); err != nil {
		return Object{}, fmt.Errorf("get attributes: %w", err)
	}
	o.Password = o.Role == RolePasswordText || named["text-input-type"] == "password"
	return o, nil
}

// Identify asks for an object's name and place. What the object does not say
// stays empty.
func (c *Client) Identify(ctx context.Context, o *Object) {
	const onScreen = uint32(0)
	name := c.start(ctx, o.Ref, "org.freedesktop.DBus.Properties.Get", "org.a11y.atspi.Accessible", "Name")
	place := c.start(ctx, o.Ref, "org.a11y.atspi.Component.GetExtents", onScreen)
	var v dbus.Variant
	if wait(ctx, name, &v) == nil {
		o.Name, _ = v.Value().(string)
	}
	var p Place
	if wait(ctx, place, &p) == nil {
		o.Place = p
	}
}

// Address asks for the address of the document that an object stands in; empty
// when it stands in none.
func (c *Client) Address(ctx context.Context, r Ref) (string, error) {
	for range maxDepth {
		role := c.start(ctx, r, accessible+"GetRole")
		parent := c.start(ctx, r, "org.freedesktop.DBus.Properties.Get", "org.a11y.atspi.Accessible", "Parent")
		var n Role
		if err := wait(ctx, role, &n); err != nil {
			return "", fmt.Errorf("get role: %w", err)
		}
		if n == roleDocumentWeb {
			if found, err := c.documentAddress(ctx, r); err != nil || found != "" {
				return found, err
			}
		}
		var v dbus.Variant
		if err := wait(ctx, parent, &v); err != nil {
			return "", fmt.Errorf("get parent: %w", err)
		}
		up, ok := refOf(v.Value())
		if !ok || up.Path == rootPath || up == r {
			return "", nil
		}
		r = up
	}
	return "", fmt.Errorf("more than %d levels up", maxDepth)
}

// documentAddress asks a document; Chromium and Firefox name the same thing
// differently.
func (c *Client) documentAddress(ctx context.Context, r Ref) (string, error) {
	for _, name := range []string{"URI", "DocURL"} {
		var found string
		call := c.start(ctx, r, "org.a11y.atspi.Document.GetAttributeValue", name)
		if err := wait(ctx, call, &found); err != nil {
			return "", fmt.Errorf("get document address: %w", err)
		}
		if found != "" {
			return found, nil
		}
	}
	return "", nil
}

// refOf reads an object reference, the D-Bus structure (so).
func refOf(v any) (Ref, bool) {
	parts, ok := v.([]any)
	if !ok || len(parts) != 2 {
		return Ref{}, false
	}
	sender, ok1 := parts[0].(string)
	path, ok2 := parts[1].(dbus.ObjectPath)
	return Ref{Sender: sender, Path: string(path)}, ok1 && ok2 && sender != "" && path != "/org/a11y/atspi/null"
}

// FindFocus looks for the focused object in a process's active window, for an
// application that got its focus before anyone listened. It returns ErrNoFocus
// when there is none. Of several objects that say they have the focus it takes
// a password field, else one that people type into.
//
// The application first searches its own tree (Collection), which is one call.
// Chromium builds its tree, and sends events, only once somebody has asked for
// properties of its objects; so, when nothing is found, the tree is walked.
func (c *Client) FindFocus(ctx context.Context, pid uint32) (Ref, error) {
	for _, sender := range c.senders(pid) {
		frames, err := c.children(ctx, Ref{Sender: sender, Path: rootPath})
		if err != nil {
			continue // on the bus, but without windows
		}
		for _, frame := range frames {
			o, err := c.Describe(ctx, frame)
			if err != nil || !o.Has(StateActive) {
				continue
			}
			if ref, err := c.search(ctx, frame); err == nil {
				return ref, nil
			}
			w := walker{client: c, left: maxWalk}
			if w.walk(ctx, frame); w.found != (Ref{}) {
				return w.found, nil
			}
		}
	}
	return Ref{}, ErrNoFocus
}

// Front is an active window of a process, with its title.
type Front struct {
	PID   uint32
	Title string
}

// Fronts finds the active windows. There should be one; a program may forget
// that it is not in front any more.
func (c *Client) Fronts(ctx context.Context) []Front {
	c.mu.Lock()
	pids := maps.Clone(c.pids)
	c.mu.Unlock()
	var found []Front
	for sender, pid := range pids {
		frames, err := c.children(ctx, Ref{Sender: sender, Path: rootPath})
		if err != nil {
			continue // on the bus, but without windows
		}
		for _, frame := range frames {
			o, err := c.Describe(ctx, frame)
			if err != nil || !o.Has(StateActive) {
				continue
			}
			c.Identify(ctx, &o)
			found = append(found, Front{pid, o.Name})
		}
	}
	return found
}

// maxWalk bounds the objects that a walk asks; Chromium's own frame has about
// 250 outside its page.
const maxWalk = 600

// walker walks a tree of objects.
type walker struct {
	client *Client
	left   int
	// found has the focus; the zero Ref: nothing has so far.
	found Ref
}

// walk searches below r, deepest focused object first, and asks each object
// for its properties. It ends at one that people type into: in Qt, tabs and
// buttons say that they have the focus when the text beside them has it.
func (w *walker) walk(ctx context.Context, r Ref) (done bool) {
	if w.left--; w.left < 0 {
		return true
	}
	o, err := w.client.Describe(ctx, r)
	if err != nil {
		return ctx.Err() != nil
	}
	below, err := w.client.children(ctx, r)
	if err != nil {
		return ctx.Err() != nil
	}
	for _, child := range below {
		if w.walk(ctx, child) {
			return true
		}
	}
	switch {
	case !o.Has(StateFocused):
		return false
	case o.takesKeys():
		w.found = r
		return true
	case w.found == (Ref{}):
		w.found = r
	}
	// What has the focus in a page is in the page.
	return o.Role == roleDocumentWeb
}

func (c *Client) senders(pid uint32) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name, p := range c.pids {
		if p == pid {
			names = append(names, name)
		}
	}
	return names
}

type wireRef struct {
	Sender string
	Path   dbus.ObjectPath
}

func (c *Client) children(ctx context.Context, r Ref) ([]Ref, error) {
	var raw []wireRef
	if err := wait(ctx, c.start(ctx, r, accessible+"GetChildren"), &raw); err != nil {
		return nil, fmt.Errorf("get children: %w", err)
	}
	refs := make([]Ref, 0, len(raw))
	for _, w := range raw {
		refs = append(refs, Ref{Sender: w.Sender, Path: string(w.Path)})
	}
	return refs, nil
}

// matchRule is the structure that Collection.GetMatches takes (Collection.xml).
type matchRule struct {
	States         []int32
	StateMatch     int32
	Attributes     map[string]string
	AttributeMatch int32
	Roles          []int32
	RoleMatch      int32
	Interfaces     []string
	InterfaceMatch int32
	Invert         bool
}

// maxFocused bounds the objects of one window that say they have the focus.
const maxFocused = 32

// search lets the application look for what has the focus in one of its windows.
func (c *Client) search(ctx context.Context, frame Ref) (Ref, error) {
	const matchAll, canonical = 1, uint32(1)
	rule := matchRule{
		States: []int32{1 << StateFocused, 0}, StateMatch: matchAll,
		Attributes: map[string]string{}, AttributeMatch: matchAll,
		Roles: []int32{0, 0, 0, 0}, RoleMatch: matchAll,
		Interfaces: []string{}, InterfaceMatch: matchAll,
	}
	var found []wireRef
	call := c.start(ctx, frame, "org.a11y.atspi.Collection.GetMatches", rule, canonical, int32(maxFocused), true)
	if err := wait(ctx, call, &found); err != nil {
		return Ref{}, fmt.Errorf("search focus: %w", err)
	}
	best, typed := Ref{}, false
	for _, w := range found {
		ref := Ref{Sender: w.Sender, Path: string(w.Path)}
		if len(found) == 1 {
			return ref, nil
		}
		o, err := c.Describe(ctx, ref)
		switch {
		case err != nil:
		case o.Password:
			return ref, nil
		case o.takesKeys() || !typed:
			// The later stands in the earlier, or beside it.
			best, typed = ref, o.takesKeys()
		}
	}
	if best == (Ref{}) {
		return Ref{}, ErrNoFocus
	}
	return best, nil
}
