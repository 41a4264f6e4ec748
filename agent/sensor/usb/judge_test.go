package usb

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestJudgeAgainstAModel: whatever permits there are in whatever order, a medium
// may be used exactly when one of them names it, has not ended, and asks for no
// encryption that is not there; and only the wishes of all that permit it count.
func TestJudgeAgainstAModel(t *testing.T) {
	key := bytes.Repeat([]byte{1}, 32)
	rapid.Check(t, func(t *rapid.T) {
		m := Medium{Kind: lapwingv1.MediaKind_MEDIA_KIND_STICK, VendorID: "0781", ProductID: "5567", Serial: rapid.SampledFrom([]string{"A1", "B2", ""}).Draw(t, "serial"),
			Looked: rapid.Bool().Draw(t, "looked"), Encryption: lapwingv1.MediaEncryption(rapid.IntRange(1, 5).Draw(t, "encryption"))}
		account := rapid.SampledFrom([]string{"teacher", "pupil", ""}).Draw(t, "account")
		p := &lapwingv1.UsbPolicy{Use: lapwingv1.UsbPolicy_USE_PERMITTED, SerialKey: key,
			EncryptedOnly: rapid.Bool().Draw(t, "all encrypted"), ReadOnly: rapid.Bool().Draw(t, "all read only")}
		safe := !m.Looked || m.Encryption == lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_LUKS || m.Encryption == lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_BITLOCKER
		permits, free := false, false
		for i := range rapid.IntRange(0, 5).Draw(t, "permits") {
			serial, whose, ended := rapid.SampledFrom([]string{"", "A1", "B2"}).Draw(t, "of"), rapid.SampledFrom([]string{"", "teacher"}).Draw(t, "for"), rapid.Bool().Draw(t, "ended")
			one := &lapwingv1.UsbPermit{Id: fmt.Sprint(i), VendorId: rapid.SampledFrom([]string{"0781", "0951"}).Draw(t, "maker"), Account: policydoc.AccountHash(key, whose),
				EncryptedOnly: rapid.Bool().Draw(t, "encrypted only"), ReadOnly: rapid.Bool().Draw(t, "read only")}
			if serial != "" {
				one.Serial = policydoc.SerialHash(key, "0781", "5567", serial)
			}
			if ended {
				one.UntilMs = noon.Add(-time.Hour).UnixMilli()
			}
			p.Permits = append(p.Permits, one)
			if one.VendorId == "0781" && (serial == "" || serial == m.Serial) && (whose == "" || whose == account) && !ended && (safe || !one.EncryptedOnly) {
				permits, free = true, free || !one.ReadOnly
			}
		}
		permits = permits && (safe || !p.EncryptedOnly)
		v := Judge(p, m, account, noon)
		if v.Permitted != permits || v.Permitted != (v.Why == checks.USBPermit) {
			t.Fatalf("%+v, want permitted %v", v, permits)
		}
		if v.ReadOnly != (permits && (p.ReadOnly || !free)) {
			t.Fatalf("%+v: a wish that is none, or none that is one", v)
		}
		shuffled := proto.Clone(p).(*lapwingv1.UsbPolicy)
		slices.Reverse(shuffled.Permits)
		if again := Judge(shuffled, m, account, noon); again.Permitted != v.Permitted || again.Why != v.Why || again.ReadOnly != v.ReadOnly {
			t.Fatalf("%+v, and in the other order %+v", v, again)
		}
		for _, one := range shuffled.Permits {
			one.EncryptedOnly = true
		}
		if Judge(shuffled, m, account, noon).Permitted && !v.Permitted {
			t.Fatal("asking for encryption permits what was not permitted")
		}
	})
}
