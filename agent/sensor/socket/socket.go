// Package socket reads the local sockets that sensors listen on, the display's
// and the accessibility bus's, in the way that costs a laptop least.
//
// A key press is a few dozen bytes on each of them, ten times a second. Read
// through package net each is a system call that Go's runtime has to watch: it
// wakes a thread of its own (sysmon), which looks every 20 µs until the process
// is idle again, and this is more than the reading and the matching together.
// These sockets do not block, so that nothing needs to be watched.
//
// It imports the standard library.
package socket

import (
	"bufio"
	"io"
	"net"
)

// bufferBytes holds what one key press brings, and what a busy window does.
const bufferBytes = 4096

// Reader returns a buffered reader of conn. Like conn itself it is for one
// goroutine; closing conn ends a read that waits.
func Reader(conn net.Conn) *bufio.Reader {
	return bufio.NewReaderSize(source(conn), bufferBytes)
}

// Buffered is conn, read through Reader. Reads are for one goroutine, writes
// for one other.
func Buffered(conn net.Conn) io.ReadWriteCloser {
	return struct {
		io.Reader
		io.Writer
		io.Closer
	}{Reader(conn), conn, conn}
}
