package vmtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// modules are what the machine needs of the kernel, beside what they need.
var modules = []string{"xhci_pci", "usb_storage", "uas", "sd_mod", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "usbhid", "hid_generic",
	"virtio_pci", "virtio_net", "dummy_hcd", "libcomposite", "usb_f_mass_storage", "usb_f_hid"}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// kernel unpacks Debian's kernel, which is fetched once and kept.
func kernel(t *testing.T) (root, version string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "lapwing")
	found, _ := filepath.Glob(filepath.Join(cache, "linux-image-*.deb"))
	if len(found) == 0 {
		t.Fatalf("no kernel in %s: run tools/usb-kernel.sh, as make test-usb does", cache)
	}
	root = t.TempDir()
	command(t, "dpkg", "-x", found[len(found)-1], root)
	all, _ := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if len(all) != 1 {
		t.Fatalf("kernels in the package: %v", all)
	}
	version = strings.TrimPrefix(filepath.Base(all[0]), "vmlinuz-")
	command(t, "/usr/sbin/depmod", "-b", root, version)
	return root, version
}

// initramfs packs the sensor, the modules in the order of loading, and the policy.
func initramfs(t *testing.T, root, version string, policy *lapwingv1.UsbPolicy) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "init")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "github.com/lapwing-schools/lapwing/agent/sensor/usb/vmtest/init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build init: %v\n%s", err, out)
	}
	var archive cpio
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	archive.add("init", 0o100755, read(program))
	archive.add("mods", 0o040755, nil)
	var order []string
	seen := map[string]bool{}
	for line := range strings.Lines(command(t, "/usr/sbin/modprobe", append([]string{"-a", "-d", root, "-S", version, "--show-depends"}, modules...)...)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "insmod" || seen[f[1]] {
			continue
		}
		seen[f[1]] = true
		archive.add("mods/"+filepath.Base(f[1]), 0o100644, read(f[1]))
		order = append(order, filepath.Base(f[1]))
	}
	archive.add("mods/order", 0o100644, []byte(strings.Join(order, "\n")))
	b, err := protojson.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	archive.add("policy", 0o100644, b)
	archive.add("TRAILER!!!", 0, nil)
	path := filepath.Join(dir, "initrd.cpio")
	if err := os.WriteFile(path, archive.b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// cpio writes the "newc" format, which is all that a kernel reads.
type cpio struct {
	b bytes.Buffer
	n int
}

func (c *cpio) add(name string, mode int, data []byte) {
	c.n++
	fmt.Fprintf(&c.b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", c.n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	c.b.WriteString(name + "\x00")
	c.pad()
	c.b.Write(data)
	c.pad()
}

func (c *cpio) pad() {
	for c.b.Len()%4 != 0 {
		c.b.WriteByte(0)
	}
}

// machine is the running virtual machine.
type machine struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.Writer
	lines chan string
	qmp   *json.Encoder
	reply *json.Decoder
}

func boot(t *testing.T, policy *lapwingv1.UsbPolicy, clamd string) *machine {
	t.Helper()
	root, version := kernel(t)
	initrd := initramfs(t, root, version, policy)
	socket := filepath.Join(t.TempDir(), "qmp")
	cmd := exec.Command("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "max", "-m", "384", "-nodefaults",
		"-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", filepath.Join(root, "boot", "vmlinuz-"+version), "-initrd", initrd,
		"-append", "console=ttyS0 quiet rdinit=/init panic=-1 mitigations=off clamd="+clamd,
		"-device", "qemu-xhci,id=xhci", "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0", "-qmp", "unix:"+socket+",server=on,wait=off")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, cmd: cmd, in: in, lines: make(chan string, 1000)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	go func() {
		defer close(m.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			m.lines <- strings.TrimSpace(s.Text())
		}
	}()
	m.await("READY")
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m.qmp, m.reply = json.NewEncoder(conn), json.NewDecoder(conn)
	var greeting map[string]any
	if err := m.reply.Decode(&greeting); err != nil {
		t.Fatal(err)
	}
	m.execute("qmp_capabilities", nil)
	return m
}

// execute sends one command and waits for its answer; events in between are passed over.
func (m *machine) execute(command string, arguments map[string]any) {
	m.t.Helper()
	if arguments == nil {
		arguments = map[string]any{}
	}
	if err := m.qmp.Encode(map[string]any{"execute": command, "arguments": arguments}); err != nil {
		m.t.Fatal(err)
	}
	for {
		var r map[string]any
		if err := m.reply.Decode(&r); err != nil {
			m.t.Fatal(err)
		}
		if r["error"] != nil {
			m.t.Fatalf("%s: %v", command, r["error"])
		}
		if _, ok := r["return"]; ok {
			return
		}
	}
}

func (m *machine) plug(id, image, serial string) time.Time {
	m.t.Helper()
	m.execute("blockdev-add", map[string]any{"node-name": "d-" + id, "driver": "raw", "file": map[string]any{"driver": "file", "filename": image}})
	at := time.Now()
	m.execute("device_add", map[string]any{"driver": "usb-storage", "id": id, "bus": "xhci.0", "drive": "d-" + id, "removable": true, "serial": serial})
	return at
}

func (m *machine) unplug(id string) time.Time {
	m.t.Helper()
	at := time.Now()
	m.execute("device_del", map[string]any{"id": id})
	return at
}

// await returns the rest of the next line that begins with a word.
func (m *machine) await(word string) string {
	m.t.Helper()
	for {
		select {
		case line, ok := <-m.lines:
			if !ok {
				m.t.Fatalf("the machine ended before %s", word)
			}
			m.t.Log(line)
			if rest, ok := strings.CutPrefix(line, word); ok {
				return strings.TrimSpace(rest)
			}
			if strings.Contains(line, "FAILED") {
				m.t.Fatal(line)
			}
		case <-time.After(4 * time.Minute):
			m.t.Fatalf("no %s in four minutes", word)
		}
	}
}

// media waits for the step of the next medium that fits.
func (m *machine) media(step lapwingv1.MediaStep, fits func(*lapwingv1.Media) bool) *lapwingv1.Media {
	m.t.Helper()
	for {
		_, text, _ := strings.Cut(m.await("MEDIA "), " ")
		e := new(lapwingv1.Media)
		if err := protojson.Unmarshal([]byte(text), e); err != nil {
			m.t.Fatal(err)
		}
		if err := e.Validate(); err != nil {
			m.t.Fatalf("%v: %v", e, err)
		}
		if e.Step == step && (fits == nil || fits(e)) {
			return e
		}
	}
}

func (m *machine) say(word string) {
	m.t.Helper()
	if _, err := fmt.Fprintln(m.in, word); err != nil {
		m.t.Fatal(err)
	}
}
