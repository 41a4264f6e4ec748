package dial_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/dial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// echo is a server behind the proxy.
func echo(t *testing.T, address string) string {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	check(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return ln.Addr().String()
}

// proxy takes CONNECT with the given credentials ("" for none) and tunnels.
func proxy(t *testing.T, credentials string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go tunnel(c, credentials)
		}
	}()
	return ln.Addr().String()
}

func tunnel(c net.Conn, credentials string) {
	defer c.Close()
	br := bufio.NewReader(c)
	req, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	if req.Method != http.MethodConnect {
		_, _ = io.WriteString(c, "HTTP/1.1 405 No\r\n\r\n")
		return
	}
	if credentials != "" && req.Header.Get("Proxy-Authorization") != credentials {
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
		return
	}
	up, err := net.Dial("tcp", req.Host)
	if err != nil {
		_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer up.Close()
	_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(up, br); up.Close() }()
	_, _ = io.Copy(c, up)
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func talk(t *testing.T, d *dial.Dialer, address string) error {
	t.Helper()
	c, err := d.Dial(t.Context(), address)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, "peewit")
	check(t, err)
	b := make([]byte, 6)
	_, err = io.ReadFull(c, b)
	check(t, err)
	if string(b) != "peewit" {
		t.Errorf("got %q", b)
	}
	return nil
}

func TestProxyWithAndWithoutCredentials(t *testing.T) {
	server := echo(t, "127.0.0.1:0")
	open, guarded := proxy(t, ""), proxy(t, "Basic cHVwaWw6c2VzYW1l") // pupil:sesame
	for name, tc := range map[string]struct {
		file, own, https, no string
		want                 error
		via                  string
	}{
		"none":                  {via: ""},
		"file":                  {file: "http://" + open + "\n", via: "http://" + open},
		"file without a scheme": {file: open, via: "http://" + open},
		"file of Notepad":       {file: "\ufeffhttp://" + open + "\r\n", via: "http://" + open},
		"own variable":          {own: "http://" + open, via: "http://" + open},
		"credentials":           {file: "http://pupil:sesame@" + guarded, via: "http://" + guarded},
		"no credentials":        {file: "http://" + guarded, want: dial.ErrProxyAuth, via: "http://" + guarded},
		"wrong credentials":     {file: "http://pupil:open@" + guarded, want: dial.ErrProxyAuth, via: "http://" + guarded},
		"file before variables": {file: "direct", own: "http://192.0.2.1:1", via: ""},
		"nothing there":         {own: "http://127.0.0.1:1", want: dial.ErrProxyAway, via: "http://127.0.0.1:1"},
		"nonsense":              {own: "ftp://x:geheim@y", want: dial.ErrProxy},
		// Up to the sign that ends an address all would be taken for host and port.
		"slash in the password":    {file: "http://pupil:12/geheim@" + guarded, want: dial.ErrProxy},
		"number sign in it":        {file: "http://pupil:12#geheim@" + guarded, want: dial.ErrProxy},
		"question mark in it":      {file: "http://pupil:12?geheim@" + guarded, want: dial.ErrProxy},
		"slash behind the address": {file: "http://" + open + "/", via: "http://" + open},
		"as PAC files write it":    {file: "DIRECT", own: "http://192.0.2.1:1", via: ""},
		// Loopback is never sent through HTTPS_PROXY: other programs do the same.
		"everybody's variable": {https: "http://192.0.2.1:1", via: ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if tc.file != "" {
				check(t, os.WriteFile(filepath.Join(dir, dial.FileName), []byte(tc.file), 0o600))
			}
			d := dial.Open(dir, env("LAPWING_PROXY", tc.own, "HTTPS_PROXY", tc.https, "NO_PROXY", tc.no))
			err := talk(t, d, server)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "geheim")) {
				t.Errorf("the error holds a password: %v", err)
			}
			if via, err := d.Via(server); err == nil && via != tc.via {
				t.Errorf("via %q, want %q", via, tc.via)
			}
		})
	}
}

func TestEverybodysVariables(t *testing.T) {
	d := dial.Open(t.TempDir(), env("HTTPS_PROXY", "http://user:geheim@proxy.school.example:3128", "NO_PROXY", "inside.example"))
	for address, want := range map[string]string{
		"lapwing.school.example:9443": "http://proxy.school.example:3128", "lapwing.inside.example:9443": "",
	} {
		if via, err := d.Via(address); err != nil || via != want {
			t.Errorf("%s goes via %q, %v; want %q", address, via, err, want)
		}
	}
}

// Signs that an address cannot hold are written as %40 and the like.
func TestCredentialsWithSigns(t *testing.T) {
	server := echo(t, "127.0.0.1:0")
	guarded := proxy(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("SCHOOL\\u ser:p@ss:w/ö#d%?")))
	d := dial.Open(t.TempDir(), env("LAPWING_PROXY", "http://SCHOOL%5Cu%20ser:p%40ss%3Aw%2F%C3%B6%23d%25%3F@"+guarded))
	check(t, talk(t, d, server))
}

// HTTPS_PROXY may name no port, as for other programs, and nothing that we do
// not speak.
func TestEverybodysVariableIsChecked(t *testing.T) {
	for value, want := range map[string]string{
		"http://proxy.school.example": "http://proxy.school.example:80", "proxy.school.example": "http://proxy.school.example:80",
		"https://proxy.school.example": "https://proxy.school.example:443", "http://[2001:db8::1]": "http://[2001:db8::1]:80",
		"socks5://proxy.school.example:1080": "", "http://geheim:12/3@proxy.school.example": "",
	} {
		via, err := dial.Open(t.TempDir(), env("HTTPS_PROXY", value)).Via("lapwing.school.example:9443")
		if via != want || (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: via %q, %v; want %q", value, via, err, want)
		}
	}
}

// What only this process knows of, a service does not.
func TestBorrowed(t *testing.T) {
	dir := t.TempDir()
	d := dial.Open(dir, env("HTTPS_PROXY", "http://proxy.school.example:3128", "NO_PROXY", "inside.example"))
	if !d.Borrowed("lapwing.school.example:9443") || d.Borrowed("lapwing.inside.example:9443") {
		t.Error("a proxy of the environment is not told from none")
	}
	check(t, os.WriteFile(filepath.Join(dir, dial.FileName), []byte("http://proxy.school.example:3128"), 0o600))
	if d.Borrowed("lapwing.school.example:9443") {
		t.Error("a proxy of the file is said to be the environment's")
	}
}

func TestIPv6(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal("this machine has no IPv6 loopback:", err)
	}
	ln.Close()
	server := echo(t, "[::1]:0")
	check(t, talk(t, &dial.Dialer{}, server))
	check(t, talk(t, dial.Open(t.TempDir(), env("LAPWING_PROXY", proxy(t, ""))), server))
}

// A proxy that accepts and then says nothing must not hold the uplink.
func TestSilentProxy(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := ln.Accept(); err == nil {
			accepted <- c
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c := <-accepted
		defer c.Close()
		_, _ = c.Read(make([]byte, 1))
		cancel()
		<-t.Context().Done()
	}()
	d := dial.Open(t.TempDir(), env("LAPWING_PROXY", ln.Addr().String()))
	c, err := d.Dial(ctx, "lapwing.school.example:9443")
	if !errors.Is(err, dial.ErrProxyAway) || strings.Contains(err.Error(), "HTTP") {
		t.Errorf("got %v, want ErrProxyAway", err)
	}
	if c != nil {
		c.Close()
	}
}

// Each answer says who has to do something: the proxy's rules, our password,
// the way behind the proxy, or nobody who speaks HTTP.
func TestWhatAProxyAnswers(t *testing.T) {
	for answer, tc := range map[string]struct {
		want  error
		words string
	}{
		"HTTP/1.1 502 Bad Gateway\r\n\r\n":     {dial.ErrProxyNoWay, "502"},
		"HTTP/1.1 504 Gateway Timeout\r\n\r\n": {dial.ErrProxyNoWay, "504"},
		"HTTP/1.1 403 Forbidden\r\n\r\n":       {dial.ErrProxy, "403"},
		"HTTP/1.1 407 Who\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n":     {dial.ErrProxy, "Negotiate or NTLM"},
		"HTTP/1.1 407 Who\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: basic realm=x\r\n\r\n": {dial.ErrProxyAuth, ""},
		"HTTP/1.1 407 Who\r\n\r\n": {dial.ErrProxyAuth, ""},
		"":                         {dial.ErrProxy, "closed the connection"},
		"SSH-2.0-x\r\n":            {dial.ErrProxy, "not HTTP"},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		go func() {
			if c, err := ln.Accept(); err == nil {
				defer c.Close()
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, answer)
			}
		}()
		_, err = dial.Open(t.TempDir(), env("LAPWING_PROXY", ln.Addr().String())).Dial(t.Context(), "lapwing.school.example:9443")
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.words) {
			t.Errorf("%q: got %v, want %v with %q", answer, err, tc.want, tc.words)
		}
		ln.Close()
	}
}

func TestProxyThatIsNone(t *testing.T) {
	for _, answer := range []string{"220 mail.example ESMTP\r\n", "HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhello first"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		go func() {
			if c, err := ln.Accept(); err == nil {
				defer c.Close()
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, answer)
				_, _ = io.Copy(io.Discard, c)
			}
		}()
		d := dial.Open(t.TempDir(), env("LAPWING_PROXY", ln.Addr().String()))
		c, err := d.Dial(t.Context(), "lapwing.school.example:9443")
		if !errors.Is(err, dial.ErrProxy) {
			t.Errorf("%q: %v", answer, err)
		}
		if c != nil {
			c.Close()
		}
		ln.Close()
	}
}
