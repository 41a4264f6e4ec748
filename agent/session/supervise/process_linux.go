package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/lapwing-schools/lapwing/agent/ipc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// stopBound is how long a session process has to end after Stop before it is
// killed.
const stopBound = 3 * time.Second

// process is a session process that was started.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	// err and state are set before done is closed.
	err     error
	state   *os.ProcessState
	stopped bool // by us
}

// start starts the session process with child as its descriptor 3, as the
// desktop's owner when that is another user and the service is root.
func start(cfg Config, child *os.File) (*process, error) {
	cmd := exec.Command(cfg.Command[0], cfg.Command[1:]...)
	// One thread is enough for a person's keys, and measured to cost a third
	// less: with more, each key wakes some only to look for work.
	cmd.Env = append(slices.Clone(cfg.Target.Env), "GOMAXPROCS=1")
	cmd.Dir = "/"
	cmd.Stderr = stderrOf(cfg)
	cmd.ExtraFiles = []*os.File{child}
	// A group of its own: Ctrl-C in the service's terminal is for the service,
	// which then says stop.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cfg.Target.UID != uint32(os.Geteuid()) {
		// Fails without root. No supplementary groups: the session needs none.
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: cfg.Target.UID, Gid: cfg.Target.GID}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", cfg.Command[0], err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
		p.state = cmd.ProcessState
	}()
	return p, nil
}

// stderrOf keeps a nil file from becoming a writer that is not nil.
func stderrOf(cfg Config) interface{ Write([]byte) (int, error) } {
	if cfg.Stderr == nil {
		return nil
	}
	return cfg.Stderr
}

// end sees a process off that has closed its end of the socket. When it did so
// in good order it is dying, and how is of interest; one that broke the
// protocol is not what we started any more, and is killed.
func (p *process) end(inOrder bool) {
	if inOrder {
		select {
		case <-p.done:
			return
		case <-time.After(stopBound):
		}
	}
	p.stopped = true
	p.kill()
}

func (p *process) kill() {
	// An error here means that it has just ended.
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end and kills it when it does not.
func (p *process) stop(conn *ipc.ServiceConn) {
	p.stopped = true
	// One that reads no more must not hold the stop up: the send ends when the
	// connection is closed, below.
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		// If it does not arrive, the kill does.
		_ = conn.Send(&lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Stop{Stop: &lapwingv1.Stop{}}})
	}()
	select {
	case <-p.done:
	case <-time.After(stopBound):
		p.kill()
	}
	conn.Close()
	<-sent
}

// halted reports whether a signal has stopped the process (proc(5), state T): it
// lives, and sees nothing.
func (p *process) halted() bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return false
	}
	// The name before it may hold anything, and ends with the last bracket.
	_, state, ok := bytes.Cut(stat[max(bytes.LastIndexByte(stat, ')'), 0):], []byte(") "))
	return ok && bytes.HasPrefix(state, []byte("T"))
}

// killed reports whether a signal that was not ours ended the process.
func (p *process) killed() bool {
	var exit *exec.ExitError
	if p.stopped || !errors.As(p.err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}
