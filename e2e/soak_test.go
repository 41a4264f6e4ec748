//go:build linux

package e2e

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	"github.com/lapwing-schools/lapwing/internal/testkit/stack"
)

var (
	soakFor  = flag.Duration("soak", 0, "how long TestSoak types; make test-soak gives 10m")
	soakSeed = flag.Uint64("soak-seed", 1, "what TestSoak's chances come from")
)

// cable is the network between agent and collector: a proxy that tunnels, and
// that somebody unplugs now and then.
type cable struct {
	ln net.Listener

	mu    sync.Mutex // guards all below
	out   bool
	conns map[net.Conn]bool
	cuts  int
}

func newCable(t *testing.T) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{ln: ln, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.tunnel(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); c.pull(true); wg.Wait() })
	return c
}

func (c *cable) tunnel(conn net.Conn) {
	defer conn.Close()
	if !c.keep(conn) {
		return
	}
	br := bufio.NewReader(conn)
	req, err := http.ReadRequest(br)
	if err != nil || req.Method != http.MethodConnect {
		return
	}
	up, err := net.Dial("tcp", req.Host)
	if err != nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer up.Close()
	if !c.keep(up) {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(up, br); up.Close() }()
	_, _ = io.Copy(conn, up)
	conn.Close()
	<-done
}

func (c *cable) keep(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = true
	return !c.out
}

// pull unplugs the cable, which breaks what is open, or plugs it in.
func (c *cable) pull(out bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = out
	if out {
		c.cuts++
		for conn := range c.conns {
			conn.Close()
			delete(c.conns, conn)
		}
	}
}

// TestSoak types at 60 words a minute in a real editor while the collector is
// killed and the network unplugged at random. Every phrase arrives exactly
// once, and the agent's memory does not grow.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("make test-soak runs it")
	}
	c := newCable(t)
	f := takeOffThrough(t, c)
	keys := newKeyboard(t, f.desktop)
	f.focus(t, "mousepad")
	random := rand.New(rand.NewPCG(*soakSeed, 3))
	stop := make(chan struct{})
	var trouble sync.WaitGroup
	kills := 0
	trouble.Go(func() { kills = f.makeTrouble(t, c, random, stop) })

	const wordPace = 200 * time.Millisecond // a key: 60 words of five letters a minute
	filler := []string{"the causes of the first world war are still argued about by historians\n", "please bring your book and a pencil to the lesson\n"}
	typed := 0
	var early, late float64
	for begin := time.Now(); time.Since(begin) < *soakFor; {
		typed++
		keys.press(t, fmt.Sprintf("number %d i want to kill myself\n", typed), wordPace)
		keys.press(t, filler[typed%len(filler)], wordPace)
		if m := f.memory(t); early == 0 && time.Since(begin) > *soakFor/4 {
			early = m
		} else {
			late = m
		}
	}
	close(stop)
	trouble.Wait()
	f.waitForSpool(t, 0)
	f.waitForCaptures(t, typed)
	t.Logf("%d phrases typed in %v, each arrived once; collector killed %d times, network cut %d times; agent %.1f MB after a quarter, %.1f MB at the end",
		typed, *soakFor, kills, c.cuts, early, late)
	if late > early*1.15+1 {
		t.Errorf("the agent grew from %.1f to %.1f MB", early, late)
	}
}

// takeOffThrough is takeOff with the cable between the two programs.
func takeOffThrough(t *testing.T, c *cable) *flight {
	t.Helper()
	dir := t.TempDir()
	d, err := desktop.Start(t.Context(), desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	f := &flight{desktop: d, dir: dir}
	f.openEditor(t)
	env := append(d.Env(), "LAPWING_PROXY=http://"+c.ln.Addr().String())
	if f.Stack, err = stack.Start(t.Context(), stack.Options{Bin: bin, Dir: dir, Env: env, Out: t.Output()}); err != nil {
		f.printLogs(t)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	})
	f.readNotice(t)
	f.waitForSensors(t)
	return f
}

// makeTrouble kills the collector or cuts the network every 10 to 40 seconds,
// for 2 to 15, until stop, and leaves both working.
func (f *flight) makeTrouble(t *testing.T, c *cable, random *rand.Rand, stop <-chan struct{}) (kills int) {
	wait := func(least, spread int) bool {
		select {
		case <-time.After(time.Duration(least+random.IntN(spread)) * time.Second):
			return true
		case <-stop:
			return false
		}
	}
	for wait(10, 30) {
		if random.IntN(2) == 0 {
			c.pull(true)
			wait(2, 13)
			c.pull(false)
			continue
		}
		kills++
		if err := f.KillCollector(); err != nil {
			t.Error(err)
		}
		wait(2, 13)
		if err := f.StartCollector(t.Context()); err != nil {
			t.Error(err)
			return kills
		}
	}
	return kills
}

// memory is the PSS of the agent's processes together.
func (f *flight) memory(t *testing.T) (sum float64) {
	t.Helper()
	for _, pid := range append([]int{f.AgentPID()}, children(t, f.AgentPID())...) {
		sum += pss(t, pid)
	}
	return sum
}
