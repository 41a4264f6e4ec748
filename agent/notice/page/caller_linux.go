package page

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
)

// own accepts only connections of the account uid, which is this process's. The secret in
// the address stands on a browser's command line for a moment, where every
// account of the machine could read it; the kernel still knows who connects.
type own struct {
	net.Listener
	uid int
}

func (l own) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := callerOf(conn)
		if err == nil && int64(uid) == int64(l.uid) {
			return conn, nil
		}
		conn.Close()
	}
}

// callerOf finds the socket at the other end in /proc/net/tcp (proc(5)), which
// has its owner.
func callerOf(conn net.Conn) (uint32, error) {
	there, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return 0, fmt.Errorf("read the caller's address: %w", err)
	}
	here, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return 0, fmt.Errorf("read the page's address: %w", err)
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0, fmt.Errorf("read who is connected: %w", err)
	}
	return ownerIn(table, there, here)
}

// ownerIn returns whose socket is at local and connected to remote.
func ownerIn(table []byte, local, remote netip.AddrPort) (uint32, error) {
	for line := range bytes.Lines(table) {
		f := bytes.Fields(line)
		const localAt, remoteAt, uidAt = 1, 2, 7
		if len(f) <= uidAt {
			continue
		}
		l, okL := tableAddr(f[localAt])
		r, okR := tableAddr(f[remoteAt])
		if !okL || !okR || l != local || r != remote {
			continue
		}
		uid, err := strconv.ParseUint(string(f[uidAt]), 10, 32)
		if err != nil {
			return 0, errors.New("the table of connections has no owner where one should be")
		}
		return uint32(uid), nil
	}
	return 0, errors.New("the caller's socket is not in the table of connections")
}

// tableAddr reads "0100007F:1F90": the address's bytes as a number of this
// machine's order, the port in hexadecimal.
func tableAddr(b []byte) (netip.AddrPort, bool) {
	host, port, ok := bytes.Cut(b, []byte(":"))
	if !ok || len(host) != 8 {
		return netip.AddrPort{}, false
	}
	n, err := strconv.ParseUint(string(host), 16, 32)
	if err != nil {
		return netip.AddrPort{}, false
	}
	p, err := strconv.ParseUint(string(port), 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	var a [4]byte
	binary.NativeEndian.PutUint32(a[:], uint32(n))
	return netip.AddrPortFrom(netip.AddrFrom4(a), uint16(p)), true
}
