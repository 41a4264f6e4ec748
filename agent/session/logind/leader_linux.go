package logind

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// leaders tells when the leader of a session has ended: that is the log-out.
// logind itself says nothing until the last process of the session has gone,
// which with a program left behind may be never.
type leaders struct {
	left    chan struct{} // holds a value after one has ended
	mu      sync.Mutex    // guards files
	files   map[uint32]*os.File
	running sync.WaitGroup
}

func newLeaders() *leaders {
	return &leaders{left: make(chan struct{}, 1), files: map[uint32]*os.File{}}
}

// follow follows these processes from now on, and no others.
func (l *leaders) follow(ctx context.Context, pids []uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for pid, f := range l.files {
		if !slices.Contains(pids, pid) {
			f.Close()
			delete(l.files, pid)
		}
	}
	for _, pid := range pids {
		if l.files[pid] != nil {
			continue
		}
		f, err := openProcess(pid)
		if err != nil {
			continue // gone already, which look has seen
		}
		l.files[pid] = f
		l.running.Go(func() {
			if awaitEnd(f) != nil {
				return // not followed any more
			}
			select {
			case l.left <- struct{}{}:
			case <-ctx.Done():
			default:
			}
		})
	}
}

func (l *leaders) stop() {
	l.mu.Lock()
	for pid, f := range l.files {
		f.Close()
		delete(l.files, pid)
	}
	l.mu.Unlock()
	l.running.Wait()
}

func openProcess(pid uint32) (*os.File, error) {
	fd, err := unix.PidfdOpen(int(pid), unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open process: %w", err)
	}
	return os.NewFile(uintptr(fd), "process"), nil
}

// awaitEnd returns nil when the process has ended, which makes its descriptor
// readable (pidfd_open(2)), and an error when f was closed.
func awaitEnd(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(ended)
}

// ended reports whether the process behind a descriptor has ended.
func ended(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0
}

// alive reports whether a process runs; one that has ended and is not yet
// reaped does not.
func alive(pid uint32) bool {
	f, err := openProcess(pid)
	if err != nil {
		return false
	}
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	gone := true
	// An error leaves it gone.
	_ = raw.Control(func(fd uintptr) { gone = ended(fd) })
	return !gone
}
