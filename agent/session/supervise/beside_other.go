//go:build !linux

package supervise

import (
	"os"

	"github.com/lapwing-schools/lapwing/agent/sensor"
)

// Beside is a program in a desktop; not built for this system yet.
type Beside struct{}

// StartBeside returns an error that wraps sensor.ErrUnsupported.
func StartBeside(Target, []string, []byte, *os.File) (*Beside, error) {
	return nil, sensor.Unsupported("notice")
}

// Lines is nil.
func (b *Beside) Lines() <-chan string { return nil }

// Stop does nothing.
func (b *Beside) Stop() {}
