package usb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// listen pokes the loop when the kernel says that a device came or went, or a
// mount changed. stop returns when nothing listens any more.
func (s *Sensor) listen(ctx context.Context) (stop func(), err error) {
	sock, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("listen for devices: %w", err)
	}
	if err := unix.Bind(sock, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for devices: %w", err), unix.Close(sock))
	}
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for mounts: %w", err), unix.Close(sock))
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for devices: %w", err), unix.Close(sock), mounts.Close())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.hear(sock, int(mounts.Fd()), pipe[0])
	}()
	return func() {
		_ = unix.Close(pipe[1]) // wakes the poll
		<-ended
		_ = unix.Close(sock)
		_ = unix.Close(pipe[0])
		mounts.Close()
	}, nil
}

func (s *Sensor) hear(sock, mounts, end int) {
	buf := make([]byte, 16<<10)
	fds := []unix.PollFd{{Fd: int32(sock), Events: unix.POLLIN}, {Fd: int32(mounts), Events: unix.POLLPRI}, {Fd: int32(end), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[2].Revents != 0 {
			return
		}
		if fds[1].Revents != 0 { // POLLPRI, or POLLERR, which is how a change shows
			s.poke()
		}
		if fds[0].Revents != 0 {
			s.receive(sock, buf)
		}
	}
}

// receive takes what waits. Whoever may open a netlink socket can send to this
// one too: only what the kernel sent (sender 0) counts.
func (s *Sensor) receive(sock int, buf []byte) {
	for {
		n, from, err := unix.Recvfrom(sock, buf, 0)
		switch {
		case errors.Is(err, unix.ENOBUFS): // some were lost: look
			s.poke()
			continue
		case err != nil:
			return
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue
		}
		if concerns(buf[:n]) {
			s.poke()
		}
	}
}

// concerns reports whether a message is about a block or USB device.
func concerns(msg []byte) bool {
	for part := range bytes.SplitSeq(msg, []byte{0}) {
		if sub, ok := bytes.CutPrefix(part, []byte("SUBSYSTEM=")); ok {
			return string(sub) == "block" || string(sub) == "usb" || string(sub) == "mmc"
		}
	}
	return false
}

// writeControl writes a word to a file of sysfs.
func writeControl(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
