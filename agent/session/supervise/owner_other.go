//go:build !unix

package supervise

import "github.com/lapwing-schools/lapwing/agent/sensor"

func owner(string) (uid, gid uint32, ok bool) { return 0, 0, false }

func accountOf(uint32) (string, error) { return "", sensor.Unsupported("session process") }
