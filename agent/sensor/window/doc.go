// Package window knows which window is in front: the program that owns it and
// its title. It is told of changes and asks only then; nothing is polled.
//
// It may import agent/sensor/x11 and agent/sensor/text for the window's type.
package window
