//go:build !linux

package usb

import (
	"context"

	"github.com/lapwing-schools/lapwing/agent/sensor"
)

func (s *Sensor) listen(context.Context) (func(), error) { return nil, sensor.Unsupported(sensor.USB) }

func writeControl(string, string) error { return sensor.Unsupported(sensor.USB) }
