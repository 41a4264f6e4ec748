package usb

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// system is the machine below a root, so that captured trees can stand for it.
type system struct{ root string }

func (s system) path(p string) string { return filepath.Join("/", s.root, p) }

// text is a file's first line; empty for one that vanished in between.
func (s system) text(p string) string {
	b, err := os.ReadFile(s.path(p))
	if err != nil || len(b) > 4096 {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

func (s system) names(dir string) (all []string) {
	entries, _ := os.ReadDir(s.path(dir))
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// maxMedia bounds one look: more than any hub has.
const maxMedia = 128

// media lists what is plugged in now.
func (s system) media() []Medium {
	var all []Medium
	disks := s.disks()
	const usb = "/sys/bus/usb/devices"
	for _, name := range s.names(usb) {
		if strings.Contains(name, ":") || strings.HasPrefix(name, "usb") || len(all) >= maxMedia {
			continue
		}
		dir := usb + "/" + name
		k := s.classes(dir)
		if !k.storage && !k.phone {
			continue
		}
		m := Medium{
			Key: name + " " + s.text(dir+"/devnum"), VendorID: clean(s.text(dir+"/idVendor"), 8), ProductID: clean(s.text(dir+"/idProduct"), 8),
			Vendor: clean(s.text(dir+"/manufacturer"), 64), Product: clean(s.text(dir+"/product"), 64), Serial: s.text(dir + "/serial"),
			Control: dir, Kind: lapwingv1.MediaKind_MEDIA_KIND_OTHER,
		}
		m.Disk = disks[name]
		m.Kind = k.kind(s, m.Disk)
		s.fill(&m)
		all = append(all, m)
	}
	return append(all, s.builtIn()...)
}

// builtIn are cards and discs in readers that are not on USB.
func (s system) builtIn() (all []Medium) {
	for _, name := range s.names("/sys/class/block") {
		kind := lapwingv1.MediaKind_MEDIA_KIND_CARD
		switch {
		case strings.HasPrefix(name, "mmcblk") && !strings.Contains(name[6:], "p") && !strings.Contains(name[6:], "b") && s.text("/sys/class/block/"+name+"/device/type") == "SD":
		case strings.HasPrefix(name, "sr") && s.usbName(name) == "" && s.size(name) > 0:
			kind = lapwingv1.MediaKind_MEDIA_KIND_OPTICAL
		default:
			continue
		}
		dir := "/sys/class/block/" + name + "/device"
		m := Medium{Key: "block " + name + " " + s.text("/sys/class/block/"+name+"/diskseq"), Kind: kind, Disk: name,
			Product: clean(s.text(dir+"/name")+s.text(dir+"/model"), 64), Serial: s.text(dir + "/serial")}
		s.fill(&m)
		all = append(all, m)
	}
	return all
}

// classes are what a device's interfaces are for.
type classes struct{ storage, phone, keyboard, disk bool }

func (s system) classes(dir string) (k classes) {
	base := filepath.Base(dir)
	for _, name := range s.names(dir) {
		if !strings.HasPrefix(name, base+":") {
			continue
		}
		i := dir + "/" + name
		switch s.text(i + "/bInterfaceClass") {
		case "08":
			k.storage = true
			k.disk = k.disk || s.text(i+"/bInterfaceProtocol") == "62" // UAS: what disks speak
		case "06":
			k.phone = true
		case "03":
			k.keyboard = k.keyboard || s.text(i+"/bInterfaceProtocol") == "01"
		case "ff":
			k.phone = k.phone || strings.Contains(s.text(i+"/interface"), "MTP")
		}
	}
	return k
}

func (k classes) kind(s system, disk string) lapwingv1.MediaKind {
	switch {
	case k.storage && k.keyboard:
		return lapwingv1.MediaKind_MEDIA_KIND_COMPOSITE
	case k.phone:
		return lapwingv1.MediaKind_MEDIA_KIND_PHONE
	case strings.HasPrefix(disk, "sr"):
		return lapwingv1.MediaKind_MEDIA_KIND_OPTICAL
	case disk != "" && strings.Contains(strings.ToLower(s.text("/sys/class/block/"+disk+"/device/model")), "card"),
		disk != "" && strings.Contains(strings.ToUpper(s.text("/sys/class/block/"+disk+"/device/model")), "SD/MMC"):
		return lapwingv1.MediaKind_MEDIA_KIND_CARD
	case k.disk, disk != "" && s.text("/sys/class/block/"+disk+"/removable") == "0":
		return lapwingv1.MediaKind_MEDIA_KIND_DISK
	}
	return lapwingv1.MediaKind_MEDIA_KIND_STICK
}

// disks are the block devices by the USB device that they hang on.
func (s system) disks() map[string]string {
	all := map[string]string{}
	for _, name := range s.names("/sys/class/block") {
		if strings.HasPrefix(name, "sd") && strings.TrimRight(name, "0123456789") == name || strings.HasPrefix(name, "sr") {
			if usb := s.usbName(name); usb != "" && all[usb] == "" {
				all[usb] = name
			}
		}
	}
	return all
}

// usbName is the USB device that carries a block device: the part of its place
// in sysfs before its interface. Of several, the last: a hub stands before.
func (s system) usbName(block string) string {
	place, err := filepath.EvalSymlinks(s.path("/sys/class/block/" + block))
	if err != nil {
		return ""
	}
	found := ""
	for part := range strings.SplitSeq(place, "/") {
		if before, _, ok := strings.Cut(part, ":"); ok && strings.Contains(before, "-") && before[0] >= '0' && before[0] <= '9' {
			found = before
		}
	}
	return found
}

func (s system) size(block string) uint64 {
	n, err := strconv.ParseUint(s.text("/sys/class/block/"+block+"/size"), 10, 64)
	if err != nil || n > 1<<50 {
		return 0
	}
	return n * 512
}

// fill adds what the block device says.
func (s system) fill(m *Medium) {
	if m.Disk == "" {
		return
	}
	m.Size = s.size(m.Disk)
	for _, v := range s.volumes(m.Disk) {
		dir := "/sys/class/block/" + v
		m.Numbers = append(m.Numbers, s.text(dir+"/dev"))
		for _, h := range s.names(dir + "/holders") {
			m.Numbers = append(m.Numbers, s.text("/sys/class/block/"+h+"/dev"))
		}
	}
	m.Numbers = slices.DeleteFunc(m.Numbers, func(n string) bool { return n == "" })
}

// volumes are the disk and its parts, parts first.
func (s system) volumes(disk string) []string {
	var parts []string
	for _, n := range s.names("/sys/class/block/" + disk) {
		if strings.HasPrefix(n, disk) && s.text("/sys/class/block/"+disk+"/"+n+"/partition") != "" {
			parts = append(parts, n)
		}
	}
	slices.Sort(parts)
	return append(parts, disk)
}

// mount is where a volume is mounted, and whether it can be written to there.
type mount struct {
	place    string
	writable bool
}

// mounts are the mounted volumes by major:minor; of one that is mounted in
// several places, the first.
func (s system) mounts() map[string]mount {
	b, err := os.ReadFile(s.path("/proc/self/mountinfo"))
	if err != nil {
		return nil
	}
	all := map[string]mount{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		m := mount{unescape(f[4]), writable(f)}
		if before, ok := all[f[2]]; ok {
			m = mount{before.place, before.writable || m.writable}
		}
		all[f[2]] = m
	}
	return all
}

// writable reads the options of a line of mountinfo: those of the mount (the
// sixth field), and those of the file system (the last one).
func writable(fields []string) bool {
	ro := func(options string) bool { return slices.Contains(strings.Split(options, ","), "ro") }
	return !ro(fields[5]) && !ro(fields[len(fields)-1])
}

// unescape undoes mountinfo's octal escapes (\040 for a space).
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// lookAtDisk reads the first blocks of a disk's parts, the first that says
// something wins.
func (s system) lookAtDisk(m *Medium) error {
	var last error
	for _, v := range s.volumes(m.Disk) {
		f, err := os.Open(s.path("/dev/" + v))
		if err != nil {
			last = err
			continue
		}
		found, err := look(f)
		if err == nil && found.fileSystem == "exfat" {
			found.label = exfatLabel(f)
		}
		f.Close()
		if err != nil {
			last = err
			continue
		}
		m.Looked, m.FileSystem, m.Label, m.Encryption, last = true, found.fileSystem, found.label, found.encryption, nil
		if found.fileSystem != "" {
			break
		}
	}
	return last
}
