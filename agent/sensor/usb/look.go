package usb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// volume is what the first blocks of a volume say.
type volume struct {
	fileSystem, label string
	encryption        lapwingv1.MediaEncryption
}

// lookSize is how much of a volume is read: enough for the label of a CD.
const lookSize = 36 << 10

// look tells a volume by its first blocks. Any bytes are fine: they come from
// whoever made the stick.
func look(r io.Reader) (volume, error) {
	b := make([]byte, lookSize)
	n, err := io.ReadFull(r, b)
	if err != nil && n == 0 {
		return volume{}, fmt.Errorf("read first blocks: %w", err)
	}
	return lookAt(b[:n]), nil
}

func lookAt(b []byte) volume {
	at := func(off int, magic string) bool {
		return len(b) >= off+len(magic) && string(b[off:off+len(magic)]) == magic
	}
	text := func(off, n int) string {
		if len(b) < off+n {
			return ""
		}
		s, _, _ := bytes.Cut(b[off:off+n], []byte{0})
		return clean(string(s), lapwingv1.MaxLabel)
	}
	none := lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_NONE
	switch {
	case at(0, "LUKS\xba\xbe"):
		return volume{"crypto_LUKS", text(24, 48), lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_LUKS}
	case at(3, "-FVE-FS-"):
		return volume{"BitLocker", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_BITLOCKER}
	case at(3, "EXFAT   "):
		return volume{"exfat", "", none}
	case at(3, "NTFS    "):
		return volume{"ntfs", "", none}
	case at(82, "FAT32   "):
		return volume{"vfat", fatLabel(text(71, 11)), none}
	case at(54, "FAT"):
		return volume{"vfat", fatLabel(text(43, 11)), none}
	case at(32, "NXSB"):
		// APFS keeps its keys elsewhere: whether it is encrypted cannot be told here.
		return volume{"apfs", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL}
	case at(0x438, "\x53\xef"):
		return volume{"ext", text(0x478, 16), none}
	case at(1024, "H+"), at(1024, "HX"):
		return volume{"hfsplus", "", none}
	case at(0x8001, "CD001"):
		return volume{"iso9660", text(0x8028, 32), none}
	}
	return volume{"", "", lapwingv1.MediaEncryption_MEDIA_ENCRYPTION_CANNOT_TELL}
}

func fatLabel(s string) string {
	if strings.EqualFold(s, "NO NAME") {
		return ""
	}
	return s
}

// exfatLabel reads the label of an exFAT volume, which stands in its root folder.
func exfatLabel(r io.ReaderAt) string {
	head := make([]byte, 512)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[3:11]) != "EXFAT   " || head[108] < 9 || head[108] > 12 || head[109] > 16 {
		return ""
	}
	sector := int64(1) << head[108]
	cluster := sector << head[109]
	heap, root := int64(binary.LittleEndian.Uint32(head[88:])), int64(binary.LittleEndian.Uint32(head[96:]))
	if root < 2 || cluster > 32<<20 {
		return ""
	}
	entries := make([]byte, 4096)
	n, _ := r.ReadAt(entries, heap*sector+(root-2)*cluster)
	for e := range slices.Chunk(entries[:n-n%32], 32) {
		if e[0] == 0x83 && e[1] <= 11 {
			units := make([]uint16, e[1])
			for i := range units {
				units[i] = binary.LittleEndian.Uint16(e[2+2*i:])
			}
			return clean(string(utf16.Decode(units)), lapwingv1.MaxLabel)
		}
	}
	return ""
}
