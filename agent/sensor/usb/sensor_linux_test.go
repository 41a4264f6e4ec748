package usb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// tree is a captured machine whose USB ports a test changes.
type tree struct {
	t    *testing.T
	root string
}

func (tr tree) write(path, content string) {
	tr.t.Helper()
	p := filepath.Join(tr.root, path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		tr.t.Fatal(err)
	}
}

// plug puts in a stick; port is for example "1-1".
func (tr tree) plug(port, serial, disk string, interfaces ...string) {
	tr.t.Helper()
	dir := "sys/bus/usb/devices/" + port
	for name, v := range map[string]string{"idVendor": "0781", "idProduct": "5567", "manufacturer": "San\x1bDisk", "product": "Cruzer", "devnum": "7", "authorized": "1"} {
		tr.write(dir+"/"+name, v+"\n")
	}
	if serial != "" {
		tr.write(dir+"/serial", serial+"\n")
	}
	for i, class := range interfaces {
		f := strings.Split(class, "/")
		tr.write(fmt.Sprintf("%s/%s:1.%d/bInterfaceClass", dir, port, i), f[0])
		tr.write(fmt.Sprintf("%s/%s:1.%d/bInterfaceProtocol", dir, port, i), f[1])
	}
	if disk == "" {
		return
	}
	place := fmt.Sprintf("sys/devices/pci0/usb1/%s/%s:1.0/host0/block/%s", port, port, disk)
	tr.write(place+"/size", "65536")
	tr.write(place+"/removable", "1")
	tr.write(place+"/dev", "8:16")
	link := filepath.Join(tr.root, "sys/class/block", disk)
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(tr.root, place), link); err != nil {
		tr.t.Fatal(err)
	}
	b := make([]byte, 64<<10)
	copy(b[82:], "FAT32   ")
	copy(b[71:], "HOSTILE\x1b[ ")
	tr.write("dev/"+disk, string(b))
}

func (tr tree) unplug(port, disk string) {
	tr.t.Helper()
	for _, p := range []string{"sys/class/block/" + disk, "dev/" + disk} {
		if err := os.RemoveAll(filepath.Join(tr.root, p)); err != nil {
			tr.t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(tr.root, "sys/bus/usb/devices", port)); err != nil {
		tr.t.Fatal(err)
	}
}

// watching runs a sensor on a tree and gives its events.
func watching(t *testing.T, tr tree, p *lapwingv1.UsbPolicy, clamd string) (*Sensor, <-chan *lapwingv1.Media) {
	t.Helper()
	events := make(chan *lapwingv1.Media, 1000)
	s := New(Config{Root: tr.root, Now: time.Now, Log: slog.New(slog.DiscardHandler), Clamd: clamd,
		Emit: func(m *lapwingv1.Media) error {
			if err := m.Validate(); err != nil {
				t.Error(err)
			}
			events <- m
			return nil
		}})
	s.SetPolicy(p)
	ctx, cancel := context.WithCancel(t.Context())
	done, up := make(chan error, 1), make(chan struct{})
	go func() { done <- s.Run(ctx, func(sensor.Status) { close(up) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-up
	return s, events
}

func step(t *testing.T, events <-chan *lapwingv1.Media, want lapwingv1.MediaStep) *lapwingv1.Media {
	t.Helper()
	for e := range events {
		if e.Step == want {
			return e
		}
	}
	return nil
}

const (
	arrived = lapwingv1.MediaStep_MEDIA_STEP_ARRIVED
	ready   = lapwingv1.MediaStep_MEDIA_STEP_READY
	scanned = lapwingv1.MediaStep_MEDIA_STEP_SCANNED
	removed = lapwingv1.MediaStep_MEDIA_STEP_REMOVED
)

func TestKindsAreToldApart(t *testing.T) {
	tr := tree{t, t.TempDir()}
	tr.plug("1-1", "A", "sdb", "08/50")
	tr.plug("1-2", "", "", "06/01")           // a camera or phone
	tr.plug("1-3", "B", "", "08/50", "03/01") // a disk and a keyboard
	tr.plug("1-4", "C", "", "03/01")          // a keyboard
	tr.plug("1-5", "D", "", "08/62")          // UAS
	tr.write("sys/bus/usb/devices/1-6/1-6:1.0/bInterfaceClass", "08")
	want := map[string]lapwingv1.MediaKind{
		"1-1": lapwingv1.MediaKind_MEDIA_KIND_STICK, "1-2": lapwingv1.MediaKind_MEDIA_KIND_PHONE, "1-3": lapwingv1.MediaKind_MEDIA_KIND_COMPOSITE,
		"1-5": lapwingv1.MediaKind_MEDIA_KIND_DISK, "1-6": lapwingv1.MediaKind_MEDIA_KIND_STICK,
	}
	all := system{tr.root}.media()
	if len(all) != len(want) {
		t.Errorf("found %+v", all)
	}
	for _, m := range all {
		port, _, _ := strings.Cut(m.Key, " ")
		if m.Kind != want[port] {
			t.Errorf("%s is %v", port, m.Kind)
		}
	}
}

func TestAStayFromPlugToPull(t *testing.T) {
	tr := tree{t, t.TempDir()}
	s, events := watching(t, tr, nil, "unix:"+t.TempDir()+"/none")
	tr.plug("1-1", "A", "sdb", "08/50")
	s.poke()
	e := step(t, events, arrived)
	if e.Vendor != "SanDisk" || e.VendorId != "0781" || !e.Permitted || len(e.Serial) != 0 {
		t.Errorf("arrived: %v", e)
	}
	if e = step(t, events, ready); e.FileSystem != "vfat" || e.Label != "HOSTILE[" || e.SizeBytes != 65536*512 {
		t.Errorf("ready: %v", e)
	}
	tr.unplug("1-1", "sdb")
	s.poke()
	if r := step(t, events, removed); string(r.Visit) != string(e.Visit) {
		t.Errorf("removed: %v", r)
	}
}

// TestThirtyAtOnceWithOneSerial: a hub full of sticks that all say the same.
func TestThirtyAtOnceWithOneSerial(t *testing.T) {
	tr := tree{t, t.TempDir()}
	s, events := watching(t, tr, &lapwingv1.UsbPolicy{SerialKey: make([]byte, 32)}, "unix:"+t.TempDir()+"/none")
	for i := range 30 {
		tr.plug(fmt.Sprintf("1-%d", i+1), "SAME", "sd"+string(rune('b'+i%24))+strings.Repeat("z", i/24), "08/50")
	}
	s.poke()
	visits := map[string]bool{}
	for len(visits) < 30 {
		visits[string(step(t, events, arrived).Visit)] = true
	}
}

func TestScanners(t *testing.T) {
	place := t.TempDir()
	if err := os.WriteFile(filepath.Join(place, "planted-file-name.doc"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/shadow", filepath.Join(place, "link")); err != nil {
		t.Fatal(err)
	}
	// Each plays a clamd that answers the second connection in its own way.
	for name, c := range map[string]struct {
		answer func(net.Conn)
		want   lapwingv1.MediaScan
		why    string
	}{
		"clean":     {func(c net.Conn) { drain(c); fmt.Fprint(c, "stream: OK\x00") }, lapwingv1.MediaScan_MEDIA_SCAN_CLEAN, ""},
		"infected":  {func(c net.Conn) { drain(c); fmt.Fprint(c, "stream: Eicar\x1b[31m FOUND\x00") }, lapwingv1.MediaScan_MEDIA_SCAN_INFECTED, ""},
		"too large": {func(c net.Conn) { drain(c); fmt.Fprint(c, "INSTREAM size limit exceeded. ERROR\x00") }, lapwingv1.MediaScan_MEDIA_SCAN_NOT_SCANNED, checks.ScanTooLarge},
		"dies":      {func(net.Conn) {}, lapwingv1.MediaScan_MEDIA_SCAN_NOT_SCANNED, checks.ScanDied},
	} {
		r := scanFolder(t.Context(), playClamd(t, c.answer), place, 1, 30)
		if r.scan != c.want || r.why != c.why || strings.Contains(fmt.Sprint(r), "planted") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := scanFolder(t.Context(), "unix:"+place+"/none", place, 1, 30); r.why != checks.ScanNoScanner {
		t.Errorf("no scanner: %+v", r)
	}
	hangs := playClamd(t, func(c net.Conn) { drain(c); <-t.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := scanFolder(ctx, hangs, place, 1, 30); r.why != checks.ScanTimeout {
		t.Errorf("hanging: %+v", r)
	}
	if r := scanFolder(t.Context(), playClamd(t, nil), place+"/gone", 1, 30); r.why != checks.ScanGone {
		t.Errorf("gone: %+v", r)
	}
}

// drain reads an INSTREAM to its end, or what of it is there.
func drain(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil || n >= 4 && string(buf[n-4:n]) == "\x00\x00\x00\x00" {
			return
		}
	}
}

func playClamd(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "clamd"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			first := make([]byte, 6)
			if n, _ := c.Read(first); string(first[:n]) == "zPING\x00" {
				fmt.Fprint(c, "PONG\x00")
			} else if answer != nil {
				go func() { answer(c); c.Close() }()
				continue
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "unix:" + l.Addr().String()
}

// TestAStormCostsLittle: 10,000 synthetic uevents of the real kernel.
func TestAStormCostsLittle(t *testing.T) {
	device := "/sys/block/loop0/uevent"
	if _, err := os.Stat(device); err != nil {
		t.Fatal(err)
	}
	tr := tree{t, t.TempDir()}
	tr.plug("1-1", "A", "sdb", "08/50")
	_, events := watching(t, tr, nil, "unix:"+t.TempDir()+"/none")
	step(t, events, ready)
	var before, after unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &before)
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const n = 10_000
	for i := range n {
		if _, err := fmt.Fprintf(f, "change 01234567-89ab-cdef-0123-456789abcdef N=%d", i); err != nil {
			t.Fatal(err)
		}
	}
	tr.unplug("1-1", "sdb")
	step(t, events, removed) // after the storm it still sees
	_ = unix.Getrusage(unix.RUSAGE_SELF, &after)
	used := time.Duration(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano())
	t.Logf("%d messages and their making: %v of processor time", n, used)
}

// TestOthersCannotInject: a message whose sender is not the kernel is dropped.
func TestOthersCannotInject(t *testing.T) {
	if concerns([]byte("add@/x\x00SUBSYSTEM=block\x00")) == false || concerns([]byte("add@/x\x00SUBSYSTEM=net\x00")) || concerns(nil) {
		t.Error("which messages concern media")
	}
	s := New(Config{Root: t.TempDir(), Now: time.Now, Log: slog.New(slog.DiscardHandler), Emit: func(*lapwingv1.Media) error { return nil }})
	sock, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(sock)
	if err := unix.Bind(sock, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		t.Fatal(err)
	}
	to, err := unix.Getsockname(sock)
	if err != nil {
		t.Fatal(err)
	}
	from, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(from)
	if err := unix.Sendto(from, []byte("add@/x\x00SUBSYSTEM=block\x00"), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: to.(*unix.SockaddrNetlink).Pid}); err != nil {
		t.Fatal(err)
	}
	s.receive(sock, make([]byte, 4096))
	select {
	case <-s.changes:
		t.Error("a message from another program was believed")
	default:
	}
}

// TestMountedForWriting reads lines as the kernel writes them.
func TestMountedForWriting(t *testing.T) {
	tr := tree{t, t.TempDir()}
	tr.write("proc/self/mountinfo", "30 1 8:16 / /media/a\\040b ro,nosuid shared:1 - vfat /dev/sdb rw,umask=0077\n"+
		"31 1 8:32 / /media/c rw,nosuid - vfat /dev/sdc rw\n32 1 8:48 / /media/d rw - iso9660 /dev/sr0 ro\n33 1 8:16 / /mnt rw - vfat /dev/sdb rw\nbroken\n")
	got := system{tr.root}.mounts()
	want := map[string]mount{"8:16": {"/media/a b", true}, "8:32": {"/media/c", true}, "8:48": {"/media/d", false}}
	for n, m := range want {
		if got[n] != m {
			t.Errorf("%s: %+v, want %+v", n, got[n], m)
		}
	}
}
