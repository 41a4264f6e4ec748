// Package usb watches portable media: what is plugged in, whether the policy
// permits it, and what a virus scan found. It looks at the machine as it is
// (sysfs, mountinfo) whenever the kernel says that something changed, and
// compares: a thousand messages are one look, and none that is lost matters for
// long. File names are seen while scanning and go nowhere.
//
// It may import agent/sensor, internal/checks, internal/conditions,
// internal/ulid and the messages.
package usb

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Medium is one medium as the system shows it.
type Medium struct {
	Key               string // the same as long as it stays
	Kind              lapwingv1.MediaKind
	VendorID          string
	ProductID         string
	Vendor, Product   string
	Serial            string // as the device says; never leaves the device
	Size              uint64
	Disk              string   // its block device, for example "sdb"; empty for phones
	Numbers           []string // major:minor of the disk, its parts, and what is unlocked on them
	Control           string   // folder in sysfs that can take it away; empty for none
	Encryption        lapwingv1.MediaEncryption
	FileSystem, Label string
	Looked, Mounted   bool
	Place             string // where it is mounted
}

// verdict is what the policy says of a medium.
type verdict struct {
	permitted bool
	why       string
	permit    string
}

// SerialHash is the keyed hash under which a school knows a medium. Without a
// key or a serial number there is none.
func SerialHash(key []byte, m Medium) []byte {
	if len(key) != 32 || m.Serial == "" {
		return nil
	}
	return keyed(key, "usb serial v1", m.VendorID, m.ProductID, m.Serial)
}

// AccountHash is the keyed hash of an account in a permit.
func AccountHash(key []byte, account string) []byte {
	if len(key) != 32 || account == "" {
		return nil
	}
	return keyed(key, "usb account v1", strings.ToLower(account))
}

func keyed(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write([]byte(p))
		mac.Write([]byte{0})
	}
	return mac.Sum(nil)
}

// judge says whether the policy permits a medium. What cannot be told is not
// permitted where the policy asks for it.
func judge(p *lapwingv1.UsbPolicy, m Medium, account string, now time.Time) verdict {
	if m.Kind == lapwingv1.MediaKind_MEDIA_KIND_COMPOSITE {
		return verdict{why: checks.USBBadUSB} // no permit can be meant for it
	}
	v := verdict{permitted: true, why: checks.USBRecorded}
	switch p.GetUse() {
	case lapwingv1.UsbPolicy_USE_NONE:
		return verdict{why: checks.USBNobody}
	case lapwingv1.UsbPolicy_USE_PERMITTED:
		if v = permitOf(p, m, account, now); !v.permitted {
			return v
		}
	}
	if p.GetEncryptedOnly() && m.Looked && !encrypted(m.Encryption) {
		return verdict{why: checks.USBNotEncrypted, permit: v.permit}
	}
	return v
}

func permitOf(p *lapwingv1.UsbPolicy, m Medium, account string, now time.Time) verdict {
	serial, who := SerialHash(p.SerialKey, m), AccountHash(p.SerialKey, account)
	v := verdict{why: checks.USBNoPermit}
	for _, t := range p.Permits {
		if len(t.Serial) == 0 && t.VendorId == "" || // it would permit everything
			len(t.Serial) > 0 && !hmac.Equal(t.Serial, serial) || t.VendorId != "" && !strings.EqualFold(t.VendorId, m.VendorID) ||
			t.ProductId != "" && !strings.EqualFold(t.ProductId, m.ProductID) || len(t.Account) > 0 && !hmac.Equal(t.Account, who) {
			continue
		}
		if t.UntilMs > 0 && now.UnixMilli() > t.UntilMs {
			v = verdict{why: checks.USBExpired, permit: t.Id}
			continue
		}
		return verdict{permitted: true, why: checks.USBPermit, permit: t.Id}
	}
	return v
}

func encrypted(e lapwingv1.MediaEncryption) bool {
	switch e {
	case lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_LUKS, lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_BITLOCKER:
		return true
	}
	return false
}

// clean makes a string of a device's own fit for the wire: no control
// characters, valid, at most so many bytes.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.TrimSpace(s)
	for len(s) > most {
		runes := []rune(s)
		s = string(runes[:len(runes)-1])
	}
	return s
}
