package text

import (
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
		if got := e.Off(pid, false); got != tc.want {
			t.Errorf("%s: off is %v", tc.name, got)
		}
	}
}

func TestRawTerminalDependsOnTheProgram(t *testing.T) {
	for _, tc := range []struct {
		comm string
		want bool
	}{{"bash", false}, {"vim", false}, {"ssh", true}, {"sudo", true}} {
		t.Run(tc.comm, func(t *testing.T) {
			master, index := openPTY(t)
			setFlags(t, master, false, false)
			e := &Echo{proc: fakeProc(t, 100, index, tc.comm)}
			if got := e.Off(100, true); got != tc.want {
				t.Errorf("off is %v", got)
			}
		})
	}
}

// fakeProc is a /proc with a terminal, and a program in its foreground.
func fakeProc(t *testing.T, pid, index int, comm string) string {
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
	write("200/stat", fmt.Sprintf("200 (sh) ) S 100 200 200 %d 201 4194304", 136<<8|index))
	write("201/comm", comm+"\n")
	return proc
}

func TestUnreadableTerminalKeepsTheLastAnswer(t *testing.T) {
	master, index := openPTY(t)
	setFlags(t, master, false, true)
	proc := fakeProc(t, 100, index, "sudo")
	e := &Echo{proc: proc}
	if !e.Off(100, true) {
		t.Fatal("a password prompt is not seen")
	}
	if err := os.RemoveAll(filepath.Join(proc, "100")); err != nil {
		t.Fatal(err)
	}
	master.Close()
	if !e.Off(100, true) {
		t.Error("an unreadable terminal opened the gate")
	}
	if e.Off(101, true) {
		t.Error("the answer went over to another window")
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
