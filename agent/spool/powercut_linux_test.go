package spool

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// faultsEnv makes what a machine cannot do a failure: make test-faults sets it.
const faultsEnv = "LAPWING_FAULTS"

// cannot ends a test that this machine is not able to run: by failing where
// the faults must be seen, else by skipping, because not everybody is root.
func cannot(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv(faultsEnv) != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// loopDisk is a small ext4 file system in a file: a real journal, a real end
// of space, and a power switch.
type loopDisk struct {
	t     *testing.T
	image string
	dir   string // where it is mounted
}

func newLoopDisk(t *testing.T, size string) *loopDisk {
	t.Helper()
	if os.Geteuid() != 0 {
		cannot(t, "mounting a disk needs root")
	}
	base := t.TempDir()
	d := &loopDisk{t: t, image: filepath.Join(base, "disk.img"), dir: filepath.Join(base, "mnt")}
	check(t, os.Mkdir(d.dir, 0o700))
	run(t, "truncate", "-s", size, d.image)
	run(t, "mkfs.ext4", "-q", "-F", "-m", "0", d.image)
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		cannot(t, "this machine lets root mount no loop device: %s", out)
	}
	t.Cleanup(func() { _ = unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// cut switches the disk off: EXT4_IOC_SHUTDOWN without flushing the journal.
// From then on every write fails, and what was not durable is gone.
func (d *loopDisk) cut() {
	d.t.Helper()
	const shutdown, noLogFlush = 0x8004587d, uint32(2)
	f, err := os.Open(d.dir)
	check(d.t, err)
	defer f.Close()
	flags := noLogFlush
	if _, _, no := unix.Syscall(unix.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))); no != 0 {
		d.t.Fatalf("switch the disk off: %v", no)
	}
}

// restart mounts the disk again, which replays its journal. It mounts a copy:
// another mount namespace of this machine may have taken the first mount along,
// and would keep the file system that was switched off alive.
func (d *loopDisk) restart() {
	d.t.Helper()
	check(d.t, unix.Unmount(d.dir, 0))
	run(d.t, "cp", "--sparse=always", d.image, d.image+".copy")
	check(d.t, os.Rename(d.image+".copy", d.image))
	run(d.t, "mount", "-o", "loop", d.image, d.dir)
}

// child is a process in workForEver, and what it was told.
type child struct {
	t        *testing.T
	cmd      *exec.Cmd
	lines    *bufio.Scanner
	promised map[Lane][]uint64
	asked    uint64 // highest urgent number that it may have acknowledged
}

func (c *child) start(dir string) {
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), powerEnv+"="+dir)
	out, err := c.cmd.StdoutPipe()
	check(c.t, err)
	check(c.t, c.cmd.Start())
	c.lines = bufio.NewScanner(out)
}

// hear takes n more lines, or all that are left.
func (c *child) hear(n int) {
	for ; n != 0 && c.lines.Scan(); n-- {
		var word string
		var seq uint64
		if _, err := fmt.Sscan(c.lines.Text(), &word, &seq); err != nil {
			if !strings.HasPrefix(c.lines.Text(), "append:") {
				c.t.Errorf("the child said %q", c.lines.Text())
			}
			continue
		}
		switch word {
		case "u":
			c.promise(Urgent, seq)
		case "r":
			c.promise(Routine, seq)
		case "ack":
			c.asked = max(c.asked, seq)
		}
	}
}

func (c *child) promise(l Lane, seq uint64) {
	if all := c.promised[l]; len(all) > 0 && seq <= all[len(all)-1] {
		c.t.Errorf("%s number %d was given again", l, seq)
	}
	c.promised[l] = append(c.promised[l], seq)
}

// compare looks for everything promised in what the spool hands out.
func (c *child) compare(s *Spool) {
	for _, l := range Lanes() {
		there := map[uint64]bool{}
		es := drain(c.t, s, l)
		for i, e := range es {
			if i > 0 && e.Seq <= es[i-1].Seq {
				c.t.Fatalf("%s: %d comes after %d", l, e.Seq, es[i-1].Seq)
			}
			there[e.Seq] = true
		}
		for _, seq := range c.promised[l] {
			if !there[seq] && (l == Routine || seq > c.asked) {
				c.t.Fatalf("%s %d was promised and is gone", l, seq)
			}
		}
	}
	if st := s.Stats(); st.DroppedRoutine != 0 || st.MergedUrgent != 0 {
		c.t.Errorf("something gave way: %+v", st)
	}
}

// A power cut loses nothing that Append promised, on a real file system with a
// real journal, wherever in its work it meets the spool.
func TestPowerCut(t *testing.T) {
	d := newLoopDisk(t, "24m")
	dir := filepath.Join(d.dir, "spool")
	c := &child{t: t, promised: map[Lane][]uint64{}}
	for round := range 8 {
		c.start(dir)
		c.hear(60 + 97*round)
		// Killed first, and at once the power goes: a write that is under way in
		// the kernel meets the cut, but nobody is told of its end. (An fsync that
		// races with the ioctl may return success for what is not in the journal;
		// no power cut does that.)
		check(t, c.cmd.Process.Kill())
		d.cut()
		c.hear(-1) // what it was promised before
		_ = c.cmd.Wait()
		d.restart()
		s := open(t, Config{Dir: dir})
		c.compare(s)
		check(t, s.Close())
	}
	if n := len(c.promised[Urgent]); n < 500 || c.asked == 0 {
		t.Errorf("the child came to %d urgent records and acknowledged %d: too little to mean anything", n, c.asked)
	}
}

// A real disk that is full: nothing stored before is lost, urgent events are
// counted, and it goes on when there is room.
func TestFullLoopDisk(t *testing.T) { fillUp(t, newLoopDisk(t, "6m").dir) }
