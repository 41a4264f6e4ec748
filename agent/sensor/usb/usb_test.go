package usb

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestJudge(t *testing.T) {
	key := bytes.Repeat([]byte{1}, 32)
	m := Medium{Kind: lapwingv1.MediaKind_MEDIA_KIND_STICK, VendorID: "0781", ProductID: "5567", Serial: "A1"}
	open, locked, bad, nameless := m, m, m, m
	open.Looked, open.Encryption = true, lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE
	locked.Looked, locked.Encryption = true, lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_LUKS
	bad.Kind = lapwingv1.MediaKind_MEDIA_KIND_COMPOSITE
	nameless.Serial = ""
	permitted := func(p ...*lapwingv1.UsbPermit) *lapwingv1.UsbPolicy {
		return &lapwingv1.UsbPolicy{Use: lapwingv1.UsbPolicy_USE_PERMITTED, SerialKey: key, Permits: p}
	}
	only := func(p *lapwingv1.UsbPolicy) *lapwingv1.UsbPolicy { p.EncryptedOnly = true; return p }
	serial := &lapwingv1.UsbPermit{Id: "s", Serial: SerialHash(key, m)}
	safe := &lapwingv1.UsbPermit{Id: "e", Serial: SerialHash(key, m), EncryptedOnly: true}
	for _, c := range []struct {
		name   string
		policy *lapwingv1.UsbPolicy
		m      Medium
		ok     bool
		why    string
	}{
		{"no policy", nil, open, true, checks.USBRecorded},
		{"nobody", &lapwingv1.UsbPolicy{Use: lapwingv1.UsbPolicy_USE_NONE}, locked, false, checks.USBNobody},
		{"no permit", permitted(), m, false, checks.USBNoPermit},
		{"by serial", permitted(serial), m, true, checks.USBPermit},
		{"another's serial", permitted(&lapwingv1.UsbPermit{Id: "s", Serial: SerialHash(key, nameless)}), nameless, false, checks.USBNoPermit},
		{"no serial where one is asked for", permitted(serial), nameless, false, checks.USBNoPermit},
		{"by maker", permitted(&lapwingv1.UsbPermit{Id: "v", VendorId: "0781"}), nameless, true, checks.USBPermit},
		{"another product", permitted(&lapwingv1.UsbPermit{Id: "v", VendorId: "0781", ProductId: "0001"}), m, false, checks.USBNoPermit},
		{"ended", permitted(&lapwingv1.UsbPermit{Id: "v", VendorId: "0781", UntilMs: noon.UnixMilli() - 1}), m, false, checks.USBExpired},
		{"not ended", permitted(&lapwingv1.UsbPermit{Id: "v", VendorId: "0781", UntilMs: noon.UnixMilli() + 1}), m, true, checks.USBPermit},
		{"this account", permitted(&lapwingv1.UsbPermit{Id: "v", VendorId: "0781", Account: policydoc.AccountHash(key, "Teacher")}), m, true, checks.USBPermit},
		{"another account", permitted(&lapwingv1.UsbPermit{Id: "v", VendorId: "0781", Account: policydoc.AccountHash(key, "pupil")}), m, false, checks.USBNoPermit},
		{"encrypted only, in the clear", only(permitted(serial)), open, false, checks.USBNotEncrypted},
		{"encrypted only, encrypted", only(permitted(serial)), locked, true, checks.USBPermit},
		{"encrypted only, not looked at yet", only(permitted(serial)), m, true, checks.USBPermit},
		{"its permit asks for encryption, in the clear", permitted(safe), open, false, checks.USBNotEncrypted},
		{"its permit asks for encryption, encrypted", permitted(safe), locked, true, checks.USBPermit},
		{"its permit asks for encryption, not looked at yet", permitted(safe), m, true, checks.USBPermit},
		{"another permit does not ask", permitted(safe, serial), open, true, checks.USBPermit},
		{"a keyboard in it", permitted(serial), bad, false, checks.USBBadUSB},
	} {
		if v := Judge(c.policy, c.m, "teacher", noon); v.Permitted != c.ok || v.Why != c.why {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	if SerialHash(nil, m) != nil || SerialHash(key, nameless) != nil || bytes.Equal(SerialHash(key, m), SerialHash(bytes.Repeat([]byte{2}, 32), m)) {
		t.Error("a hash without key or serial, or not keyed")
	}
}

func TestCleanOfHostileBytes(t *testing.T) {
	for in, want := range map[string]string{
		"PUPIL": "PUPIL", "a\x00b\x1b[31mc": "ab[31mc", "\xff\xfe": "", "  x ": "x", "\u202etxt.exe": "txt.exe", "é\u0300": "é\u0300",
	} {
		if got := clean(in, 64); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	if got := clean(strings.Repeat("é", 100), 65); len(got) != 64 || !utf8.ValidString(got) {
		t.Errorf("%d bytes", len(got))
	}
}

func TestLook(t *testing.T) {
	block := func(at map[int]string) []byte {
		b := make([]byte, lookSize)
		for off, s := range at {
			copy(b[off:], s)
		}
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		want volume
	}{
		"FAT32":     {block(map[int]string{82: "FAT32   ", 71: "SCHOOL 12  "}), volume{"vfat", "SCHOOL 12", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE}},
		"no name":   {block(map[int]string{54: "FAT16   ", 43: "NO NAME    "}), volume{"vfat", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE}},
		"BitLocker": {block(map[int]string{3: "-FVE-FS-"}), volume{"BitLocker", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_BITLOCKER}},
		"LUKS":      {block(map[int]string{0: "LUKS\xba\xbe"}), volume{"crypto_LUKS", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_LUKS}},
		"ext":       {block(map[int]string{0x438: "\x53\xef", 0x478: "home\x1b[2J"}), volume{"ext", "home[2J", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE}},
		"CD":        {block(map[int]string{0x8001: "CD001", 0x8028: "DISC"}), volume{"iso9660", "DISC", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE}},
		"random":    {block(nil), volume{"", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL}},
		"short":     {[]byte("x"), volume{"", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL}},
	} {
		if got, err := look(bytes.NewReader(c.b)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := look(bytes.NewReader(nil)); err == nil {
		t.Error("an empty disk says something")
	}
}

// FuzzLook: first blocks come from whoever made the stick.
func FuzzLook(f *testing.F) {
	f.Add([]byte("LUKS\xba\xbe"))
	f.Add(append([]byte("xxxEXFAT   "), make([]byte, 600)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := lookAt(b)
		m := &lapwingv1.Media{Visit: make([]byte, 16), Step: 1, Kind: 1, Label: v.label, FileSystem: v.fileSystem, Encryption: v.encryption, Scan: 1}
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
		m.Label = exfatLabel(bytes.NewReader(b))
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
	})
}
