package posture

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// machine is the device as the readers see it.
type machine struct {
	root                   string
	policy                 *lapwingv1.PosturePolicy
	now                    time.Time
	health                 func() Reading
	patience, slowPatience time.Duration
	// run runs a program that asks the system something, at the lowest priority,
	// and returns what it said.
	run func(ctx context.Context, name string, args ...string) (string, error)
	// get fetches an address without following where it points.
	get func(ctx context.Context, url string) (status int, body string, err error)
}

func newMachine(cfg Config, p *lapwingv1.PosturePolicy) *machine {
	return &machine{root: cfg.Root, policy: p, now: cfg.Now(), health: cfg.Health,
		patience: quickPatience, slowPatience: slowPatience, run: runProgram, get: fetch}
}

// maxFile bounds what is read of one file; a package list is the largest.
const maxFile = 32 << 20

func (m *machine) path(p string) string { return filepath.Join("/", m.root, p) }

// read returns a file's content; the error is fs.ErrNotExist when there is none.
func (m *machine) read(p string) (string, error) {
	f, err := os.Open(m.path(p))
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(b), err
}

// text is a file's first line without space; empty when it cannot be read.
func (m *machine) text(p string) string {
	s, _ := m.read(p)
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSpace(strings.ToValidUTF8(s, ""))
}

func (m *machine) exists(p string) bool {
	_, err := os.Stat(m.path(p))
	return err == nil
}

// glob lists the files that match, as paths for read.
func (m *machine) glob(pattern string) []string {
	found, _ := filepath.Glob(m.path(pattern))
	for i, f := range found {
		if m.root != "" {
			f = strings.TrimPrefix(f, filepath.Join("/", m.root))
		}
		found[i] = f
	}
	return found
}

// names lists a folder; none when it cannot be read.
func (m *machine) names(dir string) (all []string) {
	entries, _ := os.ReadDir(m.path(dir))
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// lines calls fn with each line of the files that can be read, without space
// around it, until fn says to stop.
func (m *machine) lines(fn func(line string) bool, paths ...string) {
	for _, p := range paths {
		text, err := m.read(p)
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if !fn(strings.TrimSpace(line)) {
				return
			}
		}
	}
}

// settings reads key=value lines of some files; later ones win. Lines of
// sections are told apart as "section/key", all in lower case.
func (m *machine) settings(paths ...string) map[string]string {
	all := map[string]string{}
	for _, p := range paths {
		section := ""
		m.lines(func(line string) bool {
			if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
				return true
			}
			if s, ok := strings.CutPrefix(line, "["); ok {
				section = strings.ToLower(strings.TrimSuffix(s, "]")) + "/"
				return true
			}
			if key, value, ok := strings.Cut(line, "="); ok {
				all[section+strings.ToLower(strings.TrimSpace(key))] = strings.Trim(strings.TrimSpace(value), `"'`)
			}
			return true
		}, p)
	}
	return all
}

// running reports whether a program of one of these names runs.
func (m *machine) running(names ...string) string {
	for _, pid := range m.names("/proc") {
		if pid[0] < '0' || pid[0] > '9' {
			continue
		}
		comm := m.text("/proc/" + pid + "/comm")
		for _, n := range names {
			if comm == n {
				return n
			}
		}
	}
	return ""
}

func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound)
}

// runProgram runs a program with a plain environment and bounded output.
func runProgram(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/"}
	if path := os.Getenv("SystemRoot"); path != "" {
		cmd.Env = append(os.Environ(), "LC_ALL=C")
	}
	cmd.WaitDelay = 2 * time.Second
	var out bytes.Buffer
	cmd.Stdout = &bounded{w: &out, left: maxFile}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	lowerPriority(cmd.Process.Pid)
	err := cmd.Wait()
	return out.String(), err
}

type bounded struct {
	w    io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left -= n
	if _, err := b.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil // the rest is read and left
}

// fetch is one request, as a browser on this device would make it.
func fetch(ctx context.Context, url string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(bufio.NewReader(io.LimitReader(res.Body, 256<<10)))
	return res.StatusCode, string(body), err
}
