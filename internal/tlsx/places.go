package tlsx

import (
	"net"
	"net/netip"
	"sync"
)

// places are connections that may be there at once, in all and from one
// source. It is safe for concurrent use.
type places struct {
	all, each int

	mu    sync.Mutex // guards all below
	taken int
	by    map[netip.Prefix]int
}

func newPlaces(all, each int) *places {
	return &places{all: all, each: each, by: make(map[netip.Prefix]int)}
}

// quarter is the share of one source.
func quarter(n int) int { return max(1, n/4) }

// take takes a place, which leave gives back, if there is one for this source.
func (p *places) take(from netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.all || p.by[from] >= p.each {
		return false
	}
	p.taken++
	p.by[from]++
	return true
}

func (p *places) leave(from netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.by[from]--; p.by[from] == 0 {
		delete(p.by, from)
	}
}

// source is whom an address counts for: itself, or its /64 in IPv6, which is
// what one host can have addresses of at will. Addresses that are not the
// internet's are one source.
func source(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	if err != nil { // no address at all
		return netip.Prefix{}
	}
	return p
}

// held gives its place back when it is closed; leave is set before anybody
// else has the connection.
type held struct {
	net.Conn
	once  sync.Once
	leave func()
}

func (h *held) Close() error {
	if h.leave != nil {
		h.once.Do(h.leave)
	}
	return h.Conn.Close()
}
