package vmtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/usb"
	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Words of the wire, shortened.
const (
	arrived = lapwingv1.MediaStep_MEDIA_STEP_ARRIVED
	ready   = lapwingv1.MediaStep_MEDIA_STEP_READY
	scanned = lapwingv1.MediaStep_MEDIA_STEP_SCANNED
	removed = lapwingv1.MediaStep_MEDIA_STEP_REMOVED
)

// eicar is the harmless test file that every scanner knows; in two parts, so
// that no scanner finds it in this source.
var eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!$H+H*`

// stick makes an image of a stick with FAT and some files.
func stick(t *testing.T, label string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(dir, "stick.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 32<<20); err != nil {
		t.Fatal(err)
	}
	command(t, "/usr/sbin/mkfs.vfat", "-n", label, image)
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		command(t, "mcopy", "-i", image, path, "::"+name)
	}
	return image
}

// luks makes an image that cryptsetup has encrypted.
func luks(t *testing.T) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "luks.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 32<<20); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/sbin/cryptsetup", "luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", image, "-")
	cmd.Stdin = strings.NewReader("a passphrase of the test")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("luksFormat: %v\n%s", err, out)
	}
	return image
}

// clamd starts a real one with a database of its own, and returns its port.
func clamd(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	database := fmt.Sprintf("Test.Eicar:0:*:%x\n", eicar[:40])
	if err := os.WriteFile(filepath.Join(dir, "test.ndb"), []byte(database), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	config := filepath.Join(dir, "clamd.conf")
	text := fmt.Sprintf("Foreground yes\nDatabaseDirectory %s\nTCPSocket %s\nTCPAddr 127.0.0.1\nTemporaryDirectory %s\nUser root\n", dir, port, dir)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("/usr/sbin/clamd", "-c", config)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return port
		}
		select {
		case <-ended:
			t.Fatalf("clamd ended:\n%s", out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestRealKernel(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	school := usb.Medium{VendorID: "46f4", ProductID: "0001", Serial: "SCHOOL-12"}
	safe, reader := school, school
	safe.Serial, reader.Serial = "SAFE-1", "READER-1"
	m := boot(t, &lapwingv1.UsbPolicy{
		Use: lapwingv1.UsbPolicy_USE_PERMITTED, Scan: true, SerialKey: key, CaseInfected: true, CaseUnpermitted: true,
		Permits: []*lapwingv1.UsbPermit{{Id: "school-stick-12", Serial: usb.SerialHash(key, school)},
			{Id: "safe", Serial: usb.SerialHash(key, safe), EncryptedOnly: true, ReadOnly: true},
			{Id: "reader", Serial: usb.SerialHash(key, reader), ReadOnly: true}},
	}, clamd(t))

	// Permitted, clean.
	at := m.plug("u1", stick(t, "PUPILUSB", map[string]string{"ESSAY.TXT": "an essay"}), "SCHOOL-12")
	e := m.media(arrived, nil)
	took(t, "insert to event", at)
	if e.VendorId != "46f4" || e.ProductId != "0001" || e.Kind != lapwingv1.MediaKind_MEDIA_KIND_STICK || !bytes.Equal(e.Serial, usb.SerialHash(key, school)) || !e.Permitted || e.Permit != "school-stick-12" {
		t.Errorf("arrived: %v", e)
	}
	e = m.media(ready, func(e *lapwingv1.Media) bool { return e.FileSystem != "" })
	if e.FileSystem != "vfat" || e.Label != "PUPILUSB" || e.SizeBytes != 32<<20 || e.Encryption != lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE {
		t.Errorf("ready: %v", e)
	}
	if e = m.media(scanned, nil); e.Scan != lapwingv1.MediaScan_MEDIA_SCAN_CLEAN || e.FilesScanned != 1 || !e.Mounted {
		t.Errorf("scanned: %v", e)
	}
	took(t, "insert to clean", at)
	at = m.unplug("u1")
	if e = m.media(removed, nil); e.Scan != lapwingv1.MediaScan_MEDIA_SCAN_CLEAN {
		t.Errorf("removed: %v", e)
	}
	took(t, "removal to event", at)

	// Not permitted, and infected: both are told, each once.
	m.plug("u2", stick(t, "PRIVATE", map[string]string{"A.TXT": "a", "B.COM": eicar}), "HOME-1")
	if e = m.media(arrived, nil); e.Permitted || e.Why != checks.USBNoPermit {
		t.Errorf("arrived: %v", e)
	}
	if e = m.media(scanned, nil); e.Scan != lapwingv1.MediaScan_MEDIA_SCAN_INFECTED || !slices.Equal(e.Threats, []string{"Test.Eicar.UNOFFICIAL"}) || e.Permitted {
		t.Errorf("scanned: %v", e)
	}
	if got := m.await("CASE "); !strings.HasSuffix(got, "true") {
		t.Errorf("the case of an infection: %s", got)
	}
	m.unplug("u2")
	m.media(removed, nil)

	// Encrypted.
	m.plug("u3", luks(t), "SCHOOL-12")
	if e = m.media(ready, nil); e.Encryption != lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_LUKS || e.FileSystem != "crypto_LUKS" || !e.Permitted {
		t.Errorf("LUKS: %v", e)
	}
	m.unplug("u3")
	if e = m.media(removed, nil); e.Scan != lapwingv1.MediaScan_MEDIA_SCAN_NOT_SCANNED || e.ScanWhy != checks.ScanLocked {
		t.Errorf("a locked medium: %v", e)
	}

	// A permit that asks for encryption: nothing else may be used by it, and it is a case.
	m.plug("u5", stick(t, "OPEN", nil), "SAFE-1")
	if e = m.media(ready, nil); e.Permitted || e.Why != checks.USBNotEncrypted || e.Permit != "safe" {
		t.Errorf("in the clear: %v", e)
	}
	if got := m.await("CASE "); !strings.HasSuffix(got, "false") {
		t.Errorf("the case of a medium in the clear: %s", got)
	}
	m.unplug("u5")
	m.media(removed, nil)
	m.plug("u6", luks(t), "SAFE-1")
	if e = m.media(ready, nil); !e.Permitted || e.Permit != "safe" || !e.ReadOnly || e.Writable {
		t.Errorf("encrypted, as its permit asks: %v", e)
	}
	m.unplug("u6")
	m.media(removed, nil)

	// A wish that it is only read: permitted, and what can be written to is told.
	m.say("write")
	m.plug("u7", stick(t, "READER", nil), "READER-1")
	if e = m.media(ready, func(e *lapwingv1.Media) bool { return e.Mounted }); !e.Permitted || !e.ReadOnly || !e.Writable {
		t.Errorf("mounted for writing: %v", e)
	}
	m.unplug("u7")
	m.media(removed, nil)

	// Storage and a keyboard in one, by the kernel's own gadget framework.
	m.say("badusb")
	if e = m.media(arrived, nil); e.Kind != lapwingv1.MediaKind_MEDIA_KIND_COMPOSITE || e.Permitted || e.Why != checks.USBBadUSB || e.VendorId != "1d6b" || strings.ContainsRune(e.Vendor, 0x1b) {
		t.Errorf("BadUSB: %v", e)
	}

	// With blocking on, what is not permitted is taken away by the kernel.
	m.say("block")
	m.plug("u4", stick(t, "PRIVATE", nil), "HOME-2")
	if e = m.media(arrived, func(e *lapwingv1.Media) bool { return e.VendorId == "46f4" }); !e.Blocked || e.Permitted {
		t.Errorf("blocked: %v", e)
	}
	m.await("NOTE MEDIA_KIND_STICK REASON_BLOCKED " + checks.USBNoPermit) // the person is told
	m.unplug("u4")
	m.media(removed, func(e *lapwingv1.Media) bool { return e.VendorId == "46f4" && e.Blocked && !e.Mounted })
	m.say("off")
}

func took(t *testing.T, what string, since time.Time) {
	t.Helper()
	d := time.Since(since)
	t.Logf("%s: %.2f s", what, d.Seconds())
}
