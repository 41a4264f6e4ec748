//go:build !linux

package session

import (
	"context"

	"github.com/lapwing-schools/lapwing/agent/canary"
	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// watch says that there is nothing to watch with, and waits.
func watch(ctx context.Context, _ Config, _ *attendance, board *coverage.Board, _ chan<- capture.Input, typings <-chan typing) {
	for _, name := range []string{sensor.Text, sensor.Window, sensor.Lock} {
		board.Report(name, sensor.Status{State: sensor.Off, Code: conditions.Unsupported})
	}
	for {
		select {
		case t := <-typings:
			t.typed <- canary.ErrUnable
		case <-ctx.Done():
			return
		}
	}
}
