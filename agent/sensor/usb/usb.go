// Package usb watches portable media: what is plugged in, whether the policy
// permits it, and what a virus scan found. It looks at the machine as it is
// (sysfs, mountinfo) whenever the kernel says that something changed, and
// compares: a thousand messages are one look, and none that is lost matters for
// long. File names are seen while scanning and go nowhere.
//
// It may import agent/sensor, internal/checks, internal/conditions,
// internal/policydoc, internal/ulid and the messages.
package usb

import (
	"crypto/hmac"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
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
	Writable          bool   // it has been mounted so that it can be written to
	Place             string // where it is mounted
}

// Verdict is what the policy says of a medium.
type Verdict struct {
	Permitted bool
	Why       string // a code of internal/checks
	Permit    string // id of the permit that applied
	ReadOnly  bool   // it should only be read; nothing enforces that
}

// SerialHash is the keyed hash under which a school knows a medium. Without a
// key or a serial number there is none.
func SerialHash(key []byte, m Medium) []byte {
	return policydoc.SerialHash(key, m.VendorID, m.ProductID, m.Serial)
}

// Judge says whether the policy permits a medium. What cannot be told is not
// permitted where the policy asks for it.
func Judge(p *lapwingv1.UsbPolicy, m Medium, account string, now time.Time) Verdict {
	if m.Kind == lapwingv1.MediaKind_MEDIA_KIND_COMPOSITE {
		return Verdict{Why: checks.USBBadUSB} // no permit can be meant for it
	}
	v := Verdict{Permitted: true, Why: checks.USBRecorded}
	switch p.GetUse() {
	case lapwingv1.UsbPolicy_USE_NONE:
		return Verdict{Why: checks.USBNobody}
	case lapwingv1.UsbPolicy_USE_PERMITTED:
		if v = permitOf(p, m, account, now); !v.Permitted {
			return v
		}
	}
	if p.GetEncryptedOnly() && inTheClear(m) {
		return Verdict{Why: checks.USBNotEncrypted, Permit: v.Permit}
	}
	v.ReadOnly = v.ReadOnly || p.GetReadOnly()
	return v
}

// permitOf is what the permits that name the medium come to: the most generous
// one counts, and of those that refuse, the one that says most.
func permitOf(p *lapwingv1.UsbPolicy, m Medium, account string, now time.Time) Verdict {
	serial, who := SerialHash(p.SerialKey, m), policydoc.AccountHash(p.SerialKey, account)
	best := Verdict{Why: checks.USBNoPermit}
	for _, t := range p.Permits {
		if len(t.Serial) == 0 && t.VendorId == "" || // it would permit everything
			len(t.Serial) > 0 && !hmac.Equal(t.Serial, serial) || t.VendorId != "" && !strings.EqualFold(t.VendorId, m.VendorID) ||
			t.ProductId != "" && !strings.EqualFold(t.ProductId, m.ProductID) || len(t.Account) > 0 && !hmac.Equal(t.Account, who) {
			continue
		}
		v := Verdict{Permitted: true, Why: checks.USBPermit, Permit: t.Id, ReadOnly: t.ReadOnly}
		switch {
		case t.UntilMs > 0 && now.UnixMilli() > t.UntilMs:
			v = Verdict{Why: checks.USBExpired, Permit: t.Id}
		case t.EncryptedOnly && inTheClear(m):
			v = Verdict{Why: checks.USBNotEncrypted, Permit: t.Id}
		}
		if v.generous() > best.generous() {
			best = v
		}
	}
	return best
}

// generous orders what permits say.
func (v Verdict) generous() int {
	switch {
	case v.Permitted && !v.ReadOnly:
		return 4
	case v.Permitted:
		return 3
	case v.Why == checks.USBNotEncrypted:
		return 2
	case v.Why == checks.USBExpired:
		return 1
	}
	return 0
}

// inTheClear reports that a medium is known not to be encrypted, or that it was
// looked at and cannot be told. Before it was looked at nothing is known, and a
// medium that is blocked could never be looked at.
func inTheClear(m Medium) bool { return m.Looked && !encrypted(m.Encryption) }

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
