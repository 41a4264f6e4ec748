//go:build !linux

package ipc

import (
	"os"

	"github.com/lapwing-schools/lapwing/agent/sensor"
)

// Pair returns an error that wraps sensor.ErrUnsupported.
func Pair() (*ServiceConn, *os.File, error) {
	return nil, nil, sensor.Unsupported("session process")
}

// Inherited returns an error that wraps sensor.ErrUnsupported.
func Inherited() (*SessionConn, error) {
	return nil, sensor.Unsupported("session process")
}
