// Command init is the first program of the virtual machine of vmtest: it loads
// the kernel's modules, runs the agent's USB sensor and prints what it says, a
// line of JSON each. It mounts what is plugged in, as a desktop would, and
// makes, when told to, a USB device that is a disk and a keyboard in one.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/usb"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("INIT FAILED:", err)
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func run() error {
	for _, m := range [][3]string{{"proc", "/proc", "proc"}, {"sys", "/sys", "sysfs"}, {"dev", "/dev", "devtmpfs"}} {
		_ = os.MkdirAll(m[1], 0o755)
		if err := unix.Mount(m[0], m[1], m[2], 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	// The kernel writes on the same console, into the middle of our lines.
	if err := os.WriteFile("/proc/sys/kernel/printk", []byte("1\n"), 0); err != nil {
		return err
	}
	order, err := os.ReadFile("/mods/order")
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(order)) {
		f, err := os.Open("/mods/" + name)
		if err != nil {
			return err
		}
		if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
			return fmt.Errorf("load %s: %w", name, err)
		}
		f.Close()
	}
	_ = unix.Mount("config", "/sys/kernel/config", "configfs", 0, "")
	if err := network(); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	policy := new(lapwingv1.UsbPolicy)
	if b, err := os.ReadFile("/policy"); err != nil {
		return err
	} else if err := protojson.Unmarshal(b, policy); err != nil {
		return err
	}
	var ahead atomic.Int64 // of the clock, so that the person may be told again
	s := usb.New(usb.Config{
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, Log: slog.New(slog.NewTextHandler(os.Stdout, nil)), Clamd: "tcp:10.0.2.2:" + parameter("clamd"),
		Account: func() string { return "pupil" },
		Emit: func(m *lapwingv1.Media) error {
			b, err := protojson.Marshal(m)
			fmt.Printf("MEDIA %d %s\n", time.Now().UnixMilli(), b)
			return err
		},
		Note: func(n *lapwingv1.MediaNote) { fmt.Println("NOTE", n.Kind, n.Reason, n.Why) },
		Case: func(m *lapwingv1.Media, infected bool) {
			fmt.Printf("CASE %s %v\n", hex.EncodeToString(m.Visit), infected)
		},
	})
	s.SetPolicy(policy)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var write atomic.Bool
	go mounter(ctx, &write)
	go func() { _ = s.Run(ctx, func(sensor.Status) { fmt.Println("READY") }) }()
	return obey(s, policy, &write, &ahead)
}

// parameter is a word of the kernel's command line.
func parameter(name string) string {
	line, _ := os.ReadFile("/proc/cmdline")
	for word := range strings.FieldsSeq(string(line)) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	return ""
}

// obey does what the test types on the console.
func obey(s *usb.Sensor, policy *lapwingv1.UsbPolicy, write *atomic.Bool, ahead *atomic.Int64) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch strings.TrimSpace(in.Text()) {
		case "badusb":
			if err := gadget(); err != nil {
				fmt.Println("GADGET FAILED:", err)
			}
		case "block":
			ahead.Store(int64(time.Minute))
			policy.Block = true
			s.SetPolicy(policy)
		case "write":
			write.Store(true)
		case "off":
			return nil
		}
	}
	return in.Err()
}

// network gives the first card the address that QEMU's user network expects.
func network() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	type ifreq struct {
		name [16]byte
		data [24]byte
	}
	set := func(request uintptr, data []byte) error {
		r := ifreq{}
		copy(r.name[:], "eth0")
		copy(r.data[:], data)
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&r))); e != 0 {
			return e
		}
		return nil
	}
	address := func(a, b, c, d byte) []byte { return []byte{2, 0, 0, 0, a, b, c, d} }
	if err := set(unix.SIOCSIFADDR, address(10, 0, 2, 15)); err != nil {
		return err
	}
	if err := set(unix.SIOCSIFNETMASK, address(255, 255, 255, 0)); err != nil {
		return err
	}
	return set(unix.SIOCSIFFLAGS, []byte{unix.IFF_UP | unix.IFF_RUNNING, 0})
}

// mounter mounts FAT volumes as they come, as udisks does on a desktop; read only
// until write is set.
func mounter(ctx context.Context, write *atomic.Bool) {
	at := map[string]bool{}
	for ctx.Err() == nil {
		found, _ := filepath.Glob("/sys/class/block/sd*")
		there := map[string]bool{}
		for _, f := range found {
			name := filepath.Base(f)
			there[name] = true
			place := "/media/" + name
			if at[name] {
				continue
			}
			_ = os.MkdirAll(place, 0o755)
			flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV)
			if !write.Load() {
				flags |= unix.MS_RDONLY
			}
			if unix.Mount("/dev/"+name, place, "vfat", flags, "") == nil {
				at[name] = true
			}
		}
		for name := range at {
			if !there[name] {
				_ = unix.Unmount("/media/"+name, unix.MNT_DETACH)
				delete(at, name)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// gadget makes a composite device by the kernel's own gadget framework, on a
// host controller that is made of software.
func gadget() error {
	const g = "/sys/kernel/config/usb_gadget/bad"
	if err := os.WriteFile("/disk.img", make([]byte, 1<<20), 0o600); err != nil {
		return err
	}
	for _, d := range []string{g, g + "/strings/0x409", g + "/configs/c.1", g + "/functions/mass_storage.0", g + "/functions/hid.0"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	keyboard := "\x05\x01\x09\x06\xa1\x01\x05\x07\x19\xe0\x29\xe7\x15\x00\x25\x01\x75\x01\x95\x08\x81\x02\x95\x01\x75\x08\x81\x03\x95\x06\x75\x08\x15\x00\x25\x65\x05\x07\x19\x00\x29\x65\x81\x00\xc0"
	for _, w := range [][2]string{
		{"idVendor", "0x1d6b"}, {"idProduct", "0x0104"}, {"strings/0x409/manufacturer", "Evil\x1b[31m Inc"}, {"strings/0x409/product", "Ducky"},
		{"strings/0x409/serialnumber", "BAD-1"}, {"functions/mass_storage.0/lun.0/file", "/disk.img"}, {"functions/hid.0/protocol", "1"},
		{"functions/hid.0/subclass", "1"}, {"functions/hid.0/report_length", "8"}, {"functions/hid.0/report_desc", keyboard},
	} {
		if err := os.WriteFile(g+"/"+w[0], []byte(w[1]), 0o644); err != nil {
			return fmt.Errorf("%s: %w", w[0], err)
		}
	}
	for _, f := range []string{"mass_storage.0", "hid.0"} {
		if err := os.Symlink(g+"/functions/"+f, g+"/configs/c.1/"+f); err != nil {
			return err
		}
	}
	return os.WriteFile(g+"/UDC", []byte("dummy_udc.0"), 0o644)
}
