// Package dial owns how this device reaches its collector's port: directly, or
// through the school's web proxy by HTTP CONNECT.
//
// The proxy comes from the file DIR/proxy (one line: http://host:port, with
// user:password@ where the proxy asks for it; mode 0600), or else from
// LAPWING_PROXY, or else from HTTPS_PROXY and NO_PROXY as other programs take
// them; "direct" in the first two means none. What goes through the proxy is
// TLS from this device to the collector: the proxy sees a host name and bytes.
//
// It imports the standard library, x/net/http/httpproxy and x/sys.
package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Unanswered is how long what was sent may stay without an answer before a
// direct connection counts as dead; SlowProbe and QuickProbe are how often
// one without a sound is asked whether it lives, where the system notices by
// itself as soon as something is sent (each minute a heartbeat is), and where not.
const (
	Unanswered = 20 * time.Second
	SlowProbe  = 5 * time.Minute
	QuickProbe = time.Minute
)

// FileName is the proxy's file in the agent's directory.
const FileName = "proxy"

const (
	envOwn = "LAPWING_PROXY"
	direct = "direct"
	// maxFile bounds the file, in bytes.
	maxFile = 4096
	// maxAnswer bounds the proxy's answer to CONNECT, in bytes.
	maxAnswer = 16 << 10
	// connectTimeout bounds the talk with the proxy; the dial has its own.
	connectTimeout = 20 * time.Second
)

// Errors of a proxy; all are wrapped with its address and answer.
var (
	// ErrProxyAuth says that the proxy wants other credentials, or any.
	ErrProxyAuth = errors.New("the proxy refuses our user name and password, or wants one")
	// ErrProxy says that the proxy does not let us through, or is none.
	ErrProxy = errors.New("the proxy does not let us through")
	// ErrProxyAway says that no proxy answers at its address.
	ErrProxyAway = errors.New("the proxy does not answer")
	// ErrProxyNoWay says that the proxy tried, and did not reach the collector.
	ErrProxyNoWay = errors.New("the proxy does not reach the collector")
)

// Dialer opens plain connections. Its zero value dials directly.
type Dialer struct {
	dir  string
	find func(address string) (*url.URL, error)
	// Plain replaces the system's dialer in tests; nil means TCP.
	Plain func(ctx context.Context, network, address string) (net.Conn, error)
}

// Open reads the settings of DIR and the environment (getenv is os.Getenv).
// The file is read at each connection: a new proxy needs no restart.
func Open(dir string, getenv func(string) string) *Dialer {
	return &Dialer{dir: dir, find: func(address string) (*url.URL, error) { return lookUp(dir, getenv, address) }}
}

// Via returns the proxy for address without its credentials, or "" for none.
func (d *Dialer) Via(address string) (string, error) {
	u, err := d.proxy(address)
	if err != nil || u == nil {
		return "", err
	}
	return u.Scheme + "://" + u.Host, nil
}

// Borrowed reports whether the proxy comes from this process's environment,
// which a service of the same directory does not share.
func (d *Dialer) Borrowed(address string) bool {
	via, err := d.Via(address)
	if err != nil || via == "" {
		return false
	}
	text, err := readFile(filepath.Join(d.dir, FileName))
	return err == nil && text == ""
}

func (d *Dialer) proxy(address string) (*url.URL, error) {
	if d == nil || d.find == nil {
		return nil, nil
	}
	return d.find(address)
}

func lookUp(dir string, getenv func(string) string, address string) (*url.URL, error) {
	text, err := readFile(filepath.Join(dir, FileName))
	if err != nil {
		return nil, err
	}
	if text == "" {
		text = strings.TrimSpace(getenv(envOwn))
	}
	switch strings.ToLower(text) { // DIRECT is how PAC files write it
	case direct:
		return nil, nil
	case "":
		env := httpproxy.Config{HTTPSProxy: first(getenv("HTTPS_PROXY"), getenv("https_proxy")),
			NoProxy: first(getenv("NO_PROXY"), getenv("no_proxy"))}
		u, err := env.ProxyFunc()(&url.URL{Scheme: "https", Host: address})
		if err != nil {
			return nil, errors.New("HTTPS_PROXY holds no address of a proxy") // its own error repeats the password
		}
		if u == nil {
			return nil, nil // NO_PROXY
		}
		return usable(u)
	}
	return Parse(text)
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func readFile(name string) (string, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the proxy: %w", err)
	}
	defer f.Close()
	b := make([]byte, maxFile)
	n, err := f.Read(b)
	if err != nil && n == 0 {
		return "", nil // an empty file names none
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(string(b[:n]), "\ufeff"), "\n") // Notepad begins a file with it
	return strings.TrimSpace(line), nil
}

// Parse reads a proxy's address. Its errors do not repeat the text, which may
// hold a password.
func Parse(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errForm
	}
	return usable(u)
}

var errForm = errors.New("the proxy must be written as http://host:port or https://host:port, " +
	"with user:password@ before the host where it asks for them; write signs other than letters and digits there as %20 and the like")

// usable checks u and adds the port where it names none. What follows the host
// is refused: in user:12/34@proxy all that follows the slash would, and user
// and 12 be taken, and shown, for host and port.
func usable(u *url.URL) (*url.URL, error) {
	if u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errForm
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return u, nil
}

// Dial connects to address (host:port); TLS with the collector comes after it.
func (d *Dialer) Dial(ctx context.Context, address string) (net.Conn, error) {
	u, err := d.proxy(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProxy, err)
	}
	if u == nil {
		return d.plain(ctx, address)
	}
	raw, err := d.plain(ctx, u.Host)
	if err != nil {
		return nil, fmt.Errorf("%w: reach %s: %w", ErrProxyAway, u.Host, err)
	}
	conn, err := connect(ctx, raw, u, address)
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("%w (%s)", err, u.Host)
	}
	return conn, nil
}

func (d *Dialer) plain(ctx context.Context, address string) (net.Conn, error) {
	if d != nil && d.Plain != nil {
		return d.Plain(ctx, "tcp", address)
	}
	return (&net.Dialer{Control: control}).DialContext(ctx, "tcp", address)
}

// Probe is how often a silent connection to address is to be asked: asking
// wakes the processor. A proxy answers for itself only.
func (d *Dialer) Probe(address string) time.Duration {
	if via, err := d.Via(address); endsDead && via == "" && err == nil {
		return SlowProbe
	}
	return QuickProbe
}

// connect asks the proxy on raw for a tunnel to address.
func connect(ctx context.Context, raw net.Conn, u *url.URL, address string) (net.Conn, error) {
	deadline := time.Now().Add(connectTimeout)
	if at, ok := ctx.Deadline(); ok && at.Before(deadline) {
		deadline = at
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, err
	}
	conn := raw
	if u.Scheme == "https" {
		secure := tls.Client(raw, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("%w: TLS with the proxy itself: %w", unheard(err, ErrProxy), err)
		}
		conn = secure
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if u.User != nil {
		password, _ := u.User.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProxyAway, err)
	}
	br := bufio.NewReaderSize(conn, maxAnswer)
	resp, err := http.ReadResponse(br, req)
	if err != nil {
		return nil, unanswered(err)
	}
	if err := refused(resp); err != nil {
		return nil, err
	}
	if br.Buffered() > 0 {
		return nil, fmt.Errorf("%w: it speaks before the collector does", ErrProxy) // TLS servers wait for us
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return conn, raw.SetDeadline(time.Time{})
}
