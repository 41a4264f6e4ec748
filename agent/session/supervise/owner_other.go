//go:build !unix

package supervise

import "github.com/lapwing-schools/lapwing/agent/sensor"

func owner(string) (uid, gid uint32, ok bool) { return 0, 0, false }

// AccountOf is for systems whose accounts are numbers.
func AccountOf(uint32) (string, error) { return "", sensor.Unsupported("session process") }
