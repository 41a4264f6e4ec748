package supervise

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// Beside is a program that runs in a desktop beside the session process, as the
// same person: it is given one line, and says lines.
type Beside struct {
	cmd   *exec.Cmd
	in    io.Closer
	lines chan string
}

// besideBound is how long it has to end after its input was closed.
const besideBound = 2 * time.Second

// maxLine bounds what it may say at once, in bytes.
const maxLine = 256

// StartBeside starts a program in a desktop and gives it line. Its words are on
// Lines until it has ended.
func StartBeside(t Target, command []string, line []byte, stderr *os.File) (*Beside, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(slices.Clone(t.Env), "GOMAXPROCS=1")
	cmd.Dir = "/"
	cmd.Stderr = stderrOf(Config{Stderr: stderr})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if t.UID != uint32(os.Geteuid()) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: t.UID, Gid: t.GID}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	b := &Beside{cmd: cmd, in: in, lines: make(chan string, 8)}
	go b.listen(in, append(slices.Clone(line), '\n'), out)
	return b, nil
}

// listen passes its words on until it closes its output, and sees it off.
func (b *Beside) listen(in io.Writer, line []byte, out io.Reader) {
	defer close(b.lines)
	// One that does not read its line says nothing, and ends by itself or by Stop.
	go func() { _, _ = in.Write(line) }()
	words := bufio.NewScanner(out)
	words.Buffer(make([]byte, 0, maxLine), maxLine)
	for words.Scan() {
		b.lines <- words.Text()
	}
	// One that has closed its output, or says too much, is done with.
	stop := time.AfterFunc(besideBound, func() { _ = b.cmd.Process.Kill() })
	_, _ = io.Copy(io.Discard, out)
	_ = b.cmd.Wait()
	stop.Stop()
}

// Lines are what it says. The channel is closed when it has ended; somebody must read it until then.
func (b *Beside) Lines() <-chan string { return b.lines }

// Stop asks it to end by closing its input, and kills it when it does not. It
// does not wait.
func (b *Beside) Stop() {
	_ = b.in.Close()
	time.AfterFunc(besideBound, func() { _ = b.cmd.Process.Kill() })
}
