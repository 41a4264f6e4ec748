package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// socketName is the socket in the agent's directory. Only the directory's
// owner can reach it: nothing is asked or authorised on it.
const socketName = "control.sock"

const (
	// answerTimeout bounds one answer, so that a reader that hangs holds nothing.
	answerTimeout = 5 * time.Second
	// maxAnswer bounds what Read takes, in bytes.
	maxAnswer = 1 << 20
	// maxReaders bounds the answers in progress.
	maxReaders = 8
)

// Errors of Read, in words for people.
var (
	ErrNotRunning = errors.New("the service is not running; start it with: lapwing-agent service start")
	ErrNotAllowed = errors.New("only the account that runs the service (root or Administrator) may ask it")
	// ErrNoAnswer says that it runs, and is stuck or very slow.
	ErrNoAnswer = errors.New("the service is there and does not answer; if that stays so: lapwing-agent service restart")
)

// ErrInUse says that another service of the same directory is running.
var ErrInUse = errors.New("another lapwing-agent is running in this directory; stop it first")

// Serve answers on the socket of DIR with report() until ctx is done. ready is
// called once it listens.
func Serve(ctx context.Context, dir string, report func() Report, ready func()) error {
	path := filepath.Join(dir, socketName)
	ln, err := listen(ctx, path)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	defer ln.Close()
	ready()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxReaders)
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("accept on %s: %w", path, err)
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			answer(conn, report())
		})
	}
}

// listen takes the place of a socket that nobody listens on any more.
func listen(ctx context.Context, path string) (net.Listener, error) {
	if conn, err := dial(ctx, path); err == nil {
		conn.Close()
		return nil, ErrInUse
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// Between the two calls the directory's own mode, 0700, keeps others out.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// answer writes one report. A reader that goes away is no concern of ours.
func answer(conn net.Conn, r Report) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(answerTimeout))
	_ = json.NewEncoder(conn).Encode(r)
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	return (&net.Dialer{Timeout: answerTimeout}).DialContext(ctx, "unix", path)
}

// Read asks the service of DIR. When that is not running, or does not let us,
// the report says so in Problem and still holds who the device is, as far as
// its files may be read; version is this program's own then.
func Read(ctx context.Context, dir, version string) Report {
	r, err := ask(ctx, filepath.Join(dir, socketName))
	if err != nil {
		return stopped(dir, version, err)
	}
	return r
}

func ask(ctx context.Context, path string) (Report, error) {
	conn, err := dial(ctx, path)
	if errors.Is(err, fs.ErrPermission) {
		return Report{}, ErrNotAllowed
	}
	if err != nil && ctx.Err() == nil && busy(err) {
		return Report{}, ErrNoAnswer
	}
	if err != nil {
		return Report{}, ErrNotRunning
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return Report{}, err
	}
	var r Report
	if err := json.NewDecoder(io.LimitReader(conn, maxAnswer)).Decode(&r); err != nil {
		if busy(err) {
			return Report{}, ErrNoAnswer
		}
		return Report{}, fmt.Errorf("the service did not answer as expected: %w", err)
	}
	return r, nil
}

// busy reports whether err is of somebody who listens and does nothing else.
func busy(err error) bool {
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout() // EAGAIN, when too many wait for it already, counts as one
}
