package stack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// process is one running program. A nil process is one that never started.
type process struct {
	cmd    *exec.Cmd
	stdout io.Reader
	log    string // its standard error
	file   *os.File
	ended  chan struct{} // closed when it has ended
	err    error         // how; read after ended
}

func start(program, log string, env []string, args ...string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open its log: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	cmd := exec.Command(program, args...)
	cmd.Env = env
	cmd.Stdout = w
	cmd.Stderr = file
	ownGroup(cmd)
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, errors.Join(err, file.Close(), r.Close())
	}
	p := &process{cmd: cmd, stdout: r, log: log, file: file, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		p.file.Close()
		close(p.ended)
	}()
	return p, nil
}

// stop asks the program to end, and ends it when it does not.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	select {
	case <-p.ended:
		return p.verdict()
	default:
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
		return p.verdict()
	case <-time.After(stopBound):
		return errors.Join(fmt.Errorf("%s did not stop within %v and was killed", p.cmd.Path, stopBound), p.kill())
	}
}

func (p *process) verdict() error {
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w; its log is %s", p.cmd.Path, p.err, p.log)
}

func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.ended
	p.err = nil
	return nil
}
