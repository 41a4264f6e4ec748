package usb

import (
	"io/fs"
	"os"
)

func openPlain(path string) (*os.File, error) { return os.Open(path) }

func sameDevice(fs.FileInfo, fs.FileInfo) bool { return true }
