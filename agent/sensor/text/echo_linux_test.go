package text

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// openPTY returns the master side of a new pseudo-terminal and its number.
func openPTY(t *testing.T) (master *os.File, index int) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return master, n
}

func setFlags(t *testing.T, master *os.File, echo, canonical bool) {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	s.Lflag &^= unix.ECHO | unix.ICANON
	if echo {
		s.Lflag |= unix.ECHO
	}
	if canonical {
		s.Lflag |= unix.ICANON
	}
	if err := unix.IoctlSetTermios(int(master.Fd()), unix.TCSETS, s); err != nil {
		t.Fatal(err)
	}
}

func TestEchoOfARealTerminal(t *testing.T) {
	master, _ := openPTY(t)
	e := NewEcho()
	pid := uint32(os.Getpid()) // this test holds the master side, as a terminal does
	for _, tc := range []struct {
		name            string
		echo, canonical bool
		want            bool
	}{
		{"plain", true, true, false},
		{"password prompt", false, true, true},
		{"plain again", true, true, false},
	} {
		setFlags(t, master, tc.echo, tc.canonical)
		// Not fresh: a prompt shows with the very next key.
		if got, known := e.Off(pid, false); got != tc.want || !known {
			t.Errorf("%s: off is %v, known %v", tc.name, got, known)
		}
	}
}

func TestRawTerminalDependsOnTheProgram(t *testing.T) {
	for _, tc := range []struct {
		comm string
		args string
		want bool
	}{
		{"bash", "bash\x00", false}, {"vim", "vim\x00essay\x00", false}, {"sqlite3", "sqlite3\x00", false},
		{"python3.12", "python3.12\x00", false}, {"python3", "python3\x00asks.py\x00", true}, {"node", "node\x00asks.js\x00", true},
		{"ssh", "ssh\x00host\x00", true}, {"sudo", "sudo\x00", true}, {"tmux: client", "tmux\x00", true}, {"docker", "docker\x00", true},
		{"screen", "screen\x00", true}, {"anything", "anything\x00", true},
	} {
		t.Run(tc.comm, func(t *testing.T) {
			master, index := openPTY(t)
			setFlags(t, master, false, false)
			e := &Echo{proc: fakeProc(t, 100, index, tc.comm, tc.args)}
			if got, known := e.Off(100, true); got != tc.want || !known {
				t.Errorf("off is %v, known %v", got, known)
			}
		})
	}
}

// fakeProc is a /proc with a terminal, and a program in its foreground.
func fakeProc(t *testing.T, pid, index int, comm, args string) string {
	t.Helper()
	proc := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	id := strconv.Itoa(pid)
	write(id+"/fdinfo/5", fmt.Sprintf("pos:\t0\nflags:\t02\ntty-index:\t%d\n", index))
	if err := os.MkdirAll(filepath.Join(proc, id, "fd"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/ptmx", filepath.Join(proc, id, "fd", "5")); err != nil {
		t.Fatal(err)
	}
	for _, see := range []string{id, "200"} {
		if err := os.MkdirAll(filepath.Join(proc, see), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/", filepath.Join(proc, see, "root")); err != nil {
			t.Fatal(err)
		}
	}
	write("200/stat", fmt.Sprintf("200 (sh) ) S 100 200 200 %d 201 4194304", 136<<8|index))
	write("201/comm", comm+"\n")
	write("201/cmdline", args)
	if err := os.MkdirAll(filepath.Join(proc, "201", "fd"), 0o700); err != nil {
		t.Fatal(err)
	}
	return proc
}

// TestContainerWithATerminalOfTheSameNumber: its shell, which is found first, is
// not the program that is typed into.
func TestContainerWithATerminalOfTheSameNumber(t *testing.T) {
	master, index := openPTY(t)
	setFlags(t, master, false, false)
	proc := fakeProc(t, 100, index, "ssh", "ssh\x00host\x00")
	pts := filepath.Join(proc, "150", "root", "dev", "pts")
	if err := errors.Join(os.MkdirAll(pts, 0o700), os.MkdirAll(filepath.Join(proc, "151"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		filepath.Join(pts, strconv.Itoa(index)): "",
		filepath.Join(proc, "150", "stat"):      fmt.Sprintf("150 (bash) S 1 150 150 %d 151 4194304", 136<<8|index),
		filepath.Join(proc, "151", "comm"):      "bash\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(proc, "151", "fd"), 0o700); err != nil {
		t.Fatal(err)
	}
	e := &Echo{proc: proc}
	if off, known := e.Off(100, true); !off || !known {
		t.Errorf("off is %v, known %v", off, known)
	}
}

// TestEditorWithATerminalOfItsOwn: what vim's :terminal is asked for is typed
// into vim.
func TestEditorWithATerminalOfItsOwn(t *testing.T) {
	master, index := openPTY(t)
	setFlags(t, master, false, false)
	proc := fakeProc(t, 100, index, "vim", "vim\x00")
	if err := os.Symlink("/dev/ptmx", filepath.Join(proc, "201", "fd", "9")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(proc, "201", "fdinfo"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(proc, "201", "fdinfo", "9"), []byte("tty-index:\t77\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &Echo{proc: proc}
	if off, known := e.Off(100, true); !off || !known {
		t.Errorf("off is %v, known %v", off, known)
	}
}

// TestTurningRawIsLookedAt: a multiplexer may start long after Enter.
func TestTurningRawIsLookedAt(t *testing.T) {
	master, index := openPTY(t)
	e := &Echo{proc: fakeProc(t, 100, index, "tmux: client", "tmux\x00")}
	if off, known := e.Off(100, true); off || !known {
		t.Fatalf("a plain terminal: off is %v, known %v", off, known)
	}
	setFlags(t, master, false, false)
	if off, known := e.Off(100, false); !off || !known {
		t.Errorf("off is %v, known %v", off, known)
	}
}

func TestWhatCannotBeReadIsNotKnown(t *testing.T) {
	master, index := openPTY(t)
	setFlags(t, master, true, true)
	proc := fakeProc(t, 100, index, "bash", "bash\x00")
	e := &Echo{proc: proc}
	for _, tc := range []struct {
		name string
		pid  uint32
		do   func()
		want bool
	}{
		{"a terminal", 100, func() {}, true},
		{"no process", 0, func() {}, false},
		{"another process", 101, func() {}, false},
		{"the terminal again", 100, func() {}, true},
		{"its settings cannot be read", 100, func() { master.Close() }, false},
		{"nor its files", 100, func() {
			if err := os.RemoveAll(filepath.Join(proc, "100")); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		tc.do()
		if _, known := e.Off(tc.pid, true); known != tc.want {
			t.Errorf("%s: known is %v", tc.name, known)
		}
	}
	if _, known := NewEcho().Off(1<<30, true); known {
		t.Error("a process that is not there is known")
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("200 (a) b) S 100 200 200 34816 201 4194304"))
	f.Add([]byte("1 (x)"))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseStat(b)
		ttyIndex(b)
	})
}
