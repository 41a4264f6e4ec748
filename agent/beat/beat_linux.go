package beat

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func kernel(period time.Duration) (*Ticker, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make timer: %w", err)
	}
	file := os.NewFile(uintptr(fd), "timer")
	var now unix.Timespec
	if err = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
		first := (now.Nano()/int64(period) + 1) * int64(period)
		err = unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &unix.ItimerSpec{
			Interval: unix.NsecToTimespec(int64(period)), Value: unix.NsecToTimespec(first)}, nil)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("set timer: %w", err)
	}
	// Fails for a file that the runtime cannot wait for: its beats would be silent.
	err = file.SetReadDeadline(time.Time{})
	var raw syscall.RawConn
	if err == nil {
		raw, err = file.SyscallConn()
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("wait for timer: %w", err)
	}
	c, done := make(chan time.Time, 1), make(chan struct{})
	go func() {
		defer close(done)
		for beaten(raw) {
			select {
			case c <- time.Now():
			default:
			}
		}
	}()
	return &Ticker{c, func() { file.Close(); <-done }}, nil
}

// beaten waits for the next beat; false: the ticker was stopped.
func beaten(raw syscall.RawConn) bool {
	var beats uint64
	return raw.Read(func(fd uintptr) bool {
		// Past the runtime's account of system calls, for which it wakes a thread:
		// this one does not wait.
		_, _, errno := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&beats)), unsafe.Sizeof(beats))
		return errno == 0
	}) == nil
}
