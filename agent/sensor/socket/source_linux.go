package socket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newSource takes conn's socket away from the runtime, whose poller is woken by
// each word that arrives, and puts it into an epoll set of its own, which can be
// told to be silent after one. The runtime waits for that set.
func newSource(conn net.Conn) (source, error) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return newBlocking(conn), nil
	}
	s, err := newPolled(c)
	if err != nil {
		return nil, fmt.Errorf("listen on socket: %w", err)
	}
	// The socket lives on under its other number.
	if err := conn.Close(); err != nil {
		return nil, fmt.Errorf("listen on socket: %w", errors.Join(err, s.close()))
	}
	return s, nil
}

func newPolled(conn syscall.Conn) (*polled, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &polled{fd: -1, timer: -1}
	if s.set, err = newSet(); err != nil {
		return nil, err
	}
	if err := s.fill(raw); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func newSet() (*os.File, error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// Without this os.NewFile takes it for something that cannot be waited for.
	if err := unix.SetNonblock(set, true); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(set))
	}
	return os.NewFile(uintptr(set), "epoll"), nil
}

// fill puts a second descriptor of the socket, and a timer, into the set.
func (s *polled) fill(raw syscall.RawConn) (err error) {
	if s.rawSet, err = s.set.SyscallConn(); err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { s.fd, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, os.NewSyscallError("fcntl", failed)); err != nil {
		s.fd = -1
		return err
	}
	if s.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		s.timer = -1
		return os.NewSyscallError("timerfd_create", err)
	}
	err = s.rawSet.Control(func(set uintptr) {
		failed = errors.Join(
			unix.EpollCtl(int(set), unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{}),
			// Told once for each time that it is set.
			unix.EpollCtl(int(set), unix.EPOLL_CTL_ADD, s.timer, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}))
	})
	return errors.Join(err, os.NewSyscallError("epoll_ctl", failed))
}

// polled is a non-blocking socket, read and written past the runtime. Its rests
// are timed by the kernel, since a timer of the runtime wakes two threads.
type polled struct {
	set    *os.File // an epoll set that holds fd and timer
	rawSet syscall.RawConn

	mu        sync.Mutex // guards what follows; the calls do not wait
	fd, timer int        // -1 when closed
	closed    bool
	hurried   bool // no rest before something was looked for again
}

// call does a system call on the socket, unless it is closed.
func (s *polled) call(name string, do func(fd uintptr) syscall.Errno) (errno syscall.Errno, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.fd >= 0 {
		switch errno = do(uintptr(s.fd)); errno {
		case syscall.EINTR:
		case 0, syscall.EAGAIN:
			return errno, nil
		default:
			return errno, os.NewSyscallError(name, errno)
		}
	}
	return 0, net.ErrClosed
}

func (s *polled) wait() error {
	// Told once, and of what is there already too.
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT}
	_, err := s.call("epoll_ctl", func(fd uintptr) (errno syscall.Errno) {
		closed := s.rawSet.Control(func(set uintptr) {
			_, _, errno = syscall.RawSyscall6(unix.SYS_EPOLL_CTL, set, unix.EPOLL_CTL_MOD, fd, uintptr(unsafe.Pointer(&event)), 0, 0)
		})
		if closed != nil {
			return syscall.EBADF
		}
		return errno
	})
	if err != nil {
		return err
	}
	return s.told()
}

// told waits until the set tells something.
func (s *polled) told() error {
	var events [2]unix.EpollEvent
	err := s.rawSet.Read(func(set uintptr) bool {
		for {
			n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, set, uintptr(unsafe.Pointer(&events)), uintptr(len(events)), 0, 0, 0)
			if errno != syscall.EINTR {
				return errno != 0 || n > 0 // after an error, reading tells
			}
		}
	})
	if err != nil {
		return net.ErrClosed // the set has no deadline: there is no other error
	}
	return nil
}

func (s *polled) rest() error {
	s.mu.Lock()
	switch {
	case s.timer < 0:
		s.mu.Unlock()
		return net.ErrClosed
	case s.hurried:
		s.hurried = false
		s.mu.Unlock()
		return nil
	}
	// The same for every process of this machine.
	err := s.setTimer(unix.TFD_TIMER_ABSTIME, (monotonic()/int64(Step)+1)*int64(Step))
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = s.told()
	s.mu.Lock()
	s.hurried = false
	s.mu.Unlock()
	return err
}

func (s *polled) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried = true
	if s.timer >= 0 {
		_ = s.setTimer(0, 1) // it fails for no value that is given here
	}
}

// monotonic is CLOCK_MONOTONIC in nanoseconds, by which timers are set.
func monotonic() int64 {
	var now unix.Timespec
	// It cannot fail; without it a rest would end at once.
	_, _, _ = syscall.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// setTimer has the set told at a time, in nanoseconds. The caller holds mu.
func (s *polled) setTimer(flags int, when int64) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(when)}
	_, _, errno := syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(s.timer), uintptr(flags), uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("timerfd_settime", errno)
	}
	return nil
}

func (s *polled) take(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	again, err := s.call("read", func(fd uintptr) syscall.Errno {
		got, _, errno := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		n = int(got)
		return errno
	})
	switch {
	case again != 0 || err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *polled) write(p []byte) (n int, err error) {
	for begin := time.Now(); n < len(p); {
		again, err := s.call("write", func(fd uintptr) syscall.Errno {
			put, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[n])), uintptr(len(p)-n), unix.MSG_NOSIGNAL, 0, 0)
			if errno == 0 {
				n += int(put)
			}
			return errno
		})
		if err != nil {
			return n, err
		}
		if again != 0 {
			// Only a peer that reads nothing lets it come to that.
			if time.Since(begin) > writeBound {
				return n, os.ErrDeadlineExceeded
			}
			time.Sleep(fullPause)
		}
	}
	return n, nil
}

// fullPause is the pause before a socket that was full is tried again.
const fullPause = 10 * time.Millisecond

func (s *polled) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, fd := range []*int{&s.fd, &s.timer} {
		if *fd >= 0 {
			errs = append(errs, os.NewSyscallError("close", unix.Close(*fd)))
			*fd = -1
		}
	}
	if !s.closed {
		s.closed = true
		errs = append(errs, s.set.Close())
	}
	return errors.Join(errs...)
}
