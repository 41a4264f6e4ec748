package main

import (
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/lapwing-schools/lapwing/agent/doctor"
)

// Log files: at most 4 of 4 MB, so that three years of trouble fill no disk.
const (
	logMegabytes = 4
	logBackups   = 3
)

// logFile is DIR/log/agent.log, mode 0600, which rotates by size.
type logFile struct {
	lumberjack.Logger
	err error // of the last write; used by the goroutine that holds the handler's lock
}

// openLog makes the folder. A device whose log cannot be written is watched all
// the same: the service manager keeps what goes to standard error.
func openLog(dir string) *logFile {
	folder := filepath.Join(dir, doctor.LogDir)
	f := &logFile{Logger: lumberjack.Logger{Filename: filepath.Join(folder, "agent.log"), MaxSize: logMegabytes, MaxBackups: logBackups}}
	f.err = os.MkdirAll(folder, 0o700)
	return f
}

// Err returns why the last line did not reach the file.
func (f *logFile) Err() error { return f.err }

func (f *logFile) Write(line []byte) (int, error) {
	var n int
	n, f.err = f.Logger.Write(line)
	return n, f.err
}

// outliveReaders keeps this process from being ended by a log line that nobody
// reads any more: Go ends a program that writes to a broken standard error,
// unless it asks for the signal. A signal that is ignored instead would be so
// in the programs that this one starts, too.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// logTo writes each line to all, whatever becomes of the others.
type logTo []io.Writer

func (l logTo) Write(line []byte) (int, error) {
	for _, w := range l {
		_, _ = w.Write(line)
	}
	return len(line), nil
}
