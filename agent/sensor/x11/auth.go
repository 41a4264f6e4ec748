package x11

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// address is a parsed display name.
type address struct {
	network, socket string
	host            string
	number          string
}

// maxDisplay bounds the display's number; TCP displays are port 6000 + number.
const maxDisplay = 59535

// parseDisplay understands ":0", ":0.1", "unix:0", "/path/to/socket:0" and
// "host:0" as Xlib does.
func parseDisplay(display string) (address, error) {
	colon := strings.LastIndexByte(display, ':')
	if colon < 0 {
		return address{}, fmt.Errorf("display %q has no colon; it looks like :0", display)
	}
	host, rest := display[:colon], display[colon+1:]
	number, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > maxDisplay {
		return address{}, fmt.Errorf("display %q has no number after the colon; it looks like :0", display)
	}
	number = strconv.Itoa(n)
	switch {
	case strings.HasPrefix(host, "/"):
		return address{network: "unix", socket: host, number: number}, nil
	case host == "" || host == "unix":
		return address{network: "unix", socket: "/tmp/.X11-unix/X" + number, number: number}, nil
	}
	return address{network: "tcp", socket: host + ":" + strconv.Itoa(6000+n), host: host, number: number}, nil
}

// Families of Xauthority entries (Xau.h).
const (
	familyLocal = 256
	familyWild  = 65535
)

const cookieName = "MIT-MAGIC-COOKIE-1"

// cookie finds the cookie for a display. No file, or no entry, is no error:
// the server may admit this user without one, and says so if not.
func cookie(path, hostname string, a address) ([]byte, error) {
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil
		}
		path = filepath.Join(home, ".Xauthority")
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		// Without the path, which goes to a log and names the person.
		if p, ok := errors.AsType[*os.PathError](err); ok {
			err = p.Err
		}
		return nil, fmt.Errorf("open X authority: %w", err)
	}
	defer f.Close()
	return findCookie(bufio.NewReader(f), hostname, a)
}

// findCookie reads entries of family, address, number, name and data until
// one fits. It stops quietly at a torn end, as Xlib does.
func findCookie(r io.Reader, hostname string, a address) ([]byte, error) {
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, nil
		}
		var fields [4][]byte
		for i := range fields {
			var length [2]byte
			if _, err := io.ReadFull(r, length[:]); err != nil {
				return nil, nil
			}
			fields[i] = make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(r, fields[i]); err != nil {
				return nil, nil
			}
		}
		if string(fields[2]) != cookieName || len(fields[3]) != 16 {
			continue
		}
		if number := string(fields[1]); number != "" && number != a.number {
			continue
		}
		switch family := binary.BigEndian.Uint16(head[:]); {
		case family == familyWild,
			family == familyLocal && (a.host == "" && string(fields[0]) == hostname || a.host != "" && string(fields[0]) == a.host):
			return fields[3], nil
		}
	}
}
