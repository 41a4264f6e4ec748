package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/lapwing-schools/lapwing/agent/doctor"
)

// Log files: at most 4 of 4 MB, so that three years of trouble fill no disk.
const (
	logMegabytes = 4
	logBackups   = 3
)

// openLog returns a writer to DIR/log/agent.log, mode 0600, which rotates by size.
func openLog(dir string) (io.WriteCloser, error) {
	folder := filepath.Join(dir, doctor.LogDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the log's folder: %w", err)
	}
	return &lumberjack.Logger{Filename: filepath.Join(folder, "agent.log"), MaxSize: logMegabytes, MaxBackups: logBackups}, nil
}
