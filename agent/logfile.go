package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/lapwing-schools/lapwing/agent/doctor"
)

// Log files: at most 4 of 4 MB, so that three years of trouble fill no disk.
const (
	logBytes   = 4 << 20
	logBackups = 3
	logName    = "agent.log"
)

// logFile is DIR/log/agent.log, mode 0600, which rotates by size: agent.log
// becomes agent.1.log, that agent.2.log, and the last goes. Numbers and not
// times are in the names: a device whose clock stood in the wrong year for a
// day would keep that day's files as the newest for ever, and drop new ones.
// One goroutine at a time uses it: the one that holds the handler's lock.
type logFile struct {
	dir  string
	f    *os.File // nil until the first line, and after a failed rotation
	size int64
	err  error // of the last write
}

// openLog makes the folder. A device whose log cannot be written is watched all
// the same: the service manager keeps what goes to standard error.
func openLog(dir string) *logFile {
	l := &logFile{dir: filepath.Join(dir, doctor.LogDir)}
	if l.err = os.MkdirAll(l.dir, 0o700); l.err == nil {
		l.tidy()
	}
	return l
}

// Err returns why the last line did not reach the file.
func (l *logFile) Err() error { return l.err }

func (l *logFile) Write(line []byte) (n int, err error) {
	defer func() { l.err = err }()
	if l.f != nil && !l.there() {
		err = l.Close()
	}
	if l.f != nil && l.size+int64(len(line)) > logBytes {
		err = l.rotate()
	}
	if l.f == nil {
		if oerr := l.open(int64(len(line))); oerr != nil {
			return 0, errors.Join(err, oerr)
		}
	}
	n, werr := l.f.Write(line)
	l.size += int64(n)
	return n, errors.Join(err, werr)
}

// there reports whether agent.log is still the file that is written to: somebody
// may have cleared the folder away, and wants to see what comes next.
func (l *logFile) there() bool {
	named, err := os.Stat(l.path(0))
	if err != nil {
		return false
	}
	ours, err := l.f.Stat()
	return err == nil && os.SameFile(named, ours)
}

// open goes on with agent.log, or with a new one if it has no room for n bytes.
func (l *logFile) open(n int64) error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	for {
		f, err := os.OpenFile(l.path(0), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		l.f, l.size = f, info.Size()
		if l.size == 0 || l.size+n <= logBytes {
			return nil
		}
		if err := l.rotate(); err != nil {
			return err
		}
	}
}

// rotate closes agent.log and makes room for the next. A file that cannot be
// renamed is emptied: the cap holds whatever happens.
func (l *logFile) rotate() error {
	err := l.f.Close()
	l.f = nil
	for i := logBackups - 1; i >= 0 && err == nil; i-- {
		if rerr := os.Rename(l.path(i), l.path(i+1)); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = rerr
		}
	}
	if err != nil {
		err = errors.Join(err, ignoreNotExist(os.Truncate(l.path(0), 0)))
	}
	return err
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (l *logFile) path(i int) string {
	if i == 0 {
		return filepath.Join(l.dir, logName)
	}
	return filepath.Join(l.dir, fmt.Sprintf("agent.%d.log", i))
}

// tidy removes the files of earlier versions, which had times in their names
// (agent-2026-11-28T16-04-32.123.log) and count towards no cap any more.
func (l *logFile) tidy() {
	old, _ := filepath.Glob(filepath.Join(l.dir, strings.TrimSuffix(logName, ".log")+"-*.log"))
	for _, name := range old {
		_ = os.Remove(name)
	}
}

// Close closes the file; a later line opens it again.
func (l *logFile) Close() error {
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
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
