// Package sdnotify tells systemd how the service does (sd_notify(3)): that it
// is up, that it still answers, that it stops. Where there is no systemd, or it
// does not want to know, every call does nothing.
//
// It imports the standard library only.
package sdnotify

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Words for systemd.
const (
	Ready    = "READY=1"
	Alive    = "WATCHDOG=1"
	Stopping = "STOPPING=1"
)

// Manager is the service manager's socket and its wishes.
type Manager struct {
	address string
	// Every is how often Alive is expected at least; 0 means never.
	Every time.Duration
}

// Find reads what systemd left in the environment for the process pid.
func Find(getenv func(string) string, pid int) Manager {
	m := Manager{address: getenv("NOTIFY_SOCKET")}
	if of := getenv("WATCHDOG_PID"); of != "" && of != strconv.Itoa(pid) {
		return m
	}
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		m.Every = time.Duration(us) * time.Microsecond
	}
	return m
}

// FindOwn is Find for this process.
func FindOwn() Manager { return Find(os.Getenv, os.Getpid()) }

// Say sends one word.
func (m Manager) Say(word string) error {
	if m.address == "" {
		return nil
	}
	address := m.address
	if name, abstract := strings.CutPrefix(address, "@"); abstract {
		address = "\x00" + name
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("reach the service manager: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(word)); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// Watch says Ready, then Alive at half the interval that is expected, each time
// after answers has returned: a service that hangs in it is restarted. It ends
// with ctx, and says Stopping.
func (m Manager) Watch(ctx context.Context, answers func()) error {
	answers()
	if err := m.Say(Ready); err != nil {
		return err
	}
	// The service stops either way; not saying so costs a line in the journal.
	defer func() { _ = m.Say(Stopping) }()
	if m.Every <= 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	tick := time.NewTicker(m.Every / 2)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			answers()
			if err := m.Say(Alive); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
