package posture

import (
	"context"
	"strings"
)

// linuxDiskEncryption follows the root file system down to what carries it:
// LUKS may lie under LVM, and the other way round.
func linuxDiskEncryption(_ context.Context, m *machine) Reading {
	number, kind := m.rootDevice()
	switch {
	case number == "":
		return cannotTell("the root file system could not be found")
	case strings.HasPrefix(number, "0:"):
		return cannotTell("the root file system (%s) names no disk", kind)
	}
	dir := "/sys/dev/block/" + number
	if !m.exists(dir) {
		return cannotTell("the system says nothing of the disk")
	}
	if m.encrypted(dir, 0) {
		return pass("LUKS")
	}
	return fail("the disk of the root file system is not encrypted")
}

// rootDevice is major:minor of the root file system, and its kind. File systems
// that make up a number of their own (btrfs) are found by their source.
func (m *machine) rootDevice() (number, kind string) {
	m.lines(func(line string) bool {
		f := strings.Fields(line)
		if len(f) < 10 || f[4] != "/" {
			return true
		}
		number = f[2] // the last mount on / is the one that shows
		for i, word := range f {
			if word == "-" && i+2 < len(f) {
				kind = f[i+1]
				if name, ok := strings.CutPrefix(f[i+2], "/dev/"); ok && strings.HasPrefix(number, "0:") {
					if n := m.text("/sys/class/block/" + m.blockName(name) + "/dev"); n != "" {
						number = n
					}
				}
				break
			}
		}
		return true
	}, "/proc/self/mountinfo")
	return number, kind
}

// blockName is the kernel's name of a device below /dev.
func (m *machine) blockName(name string) string {
	mapped, ok := strings.CutPrefix(name, "mapper/")
	if !ok {
		return name
	}
	for _, dir := range m.glob("/sys/class/block/dm-*") {
		if m.text(dir+"/dm/name") == mapped {
			return dir[strings.LastIndexByte(dir, '/')+1:]
		}
	}
	return name
}

func (m *machine) encrypted(dir string, depth int) bool {
	if strings.HasPrefix(m.text(dir+"/dm/uuid"), "CRYPT-") {
		return true
	}
	below := m.names(dir + "/slaves")
	if depth > 8 || len(below) == 0 {
		return false
	}
	for _, s := range below {
		if !m.encrypted("/sys/class/block/"+s, depth+1) {
			return false // a part in the clear is enough to read
		}
	}
	return true
}

// secureBootVar is the firmware's variable; four bytes of attributes come first.
const secureBootVar = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

func linuxSecureBoot(_ context.Context, m *machine) Reading {
	if !m.exists("/sys/firmware/efi") {
		if m.exists("/sys/class/dmi/id/bios_date") {
			return fail("this system starts without UEFI, and so without secure boot")
		}
		return cannotTell("the firmware says nothing")
	}
	b, err := m.read(secureBootVar)
	switch {
	case err != nil || len(b) != 5:
		return cannotTell("the firmware's word on secure boot cannot be read")
	case b[4] == 1:
		return pass("on")
	}
	return fail("off in the firmware")
}

func linuxTPM(_ context.Context, m *machine) Reading {
	if m.exists("/sys/class/tpm/tpm0") {
		if v := m.text("/sys/class/tpm/tpm0/tpm_version_major"); v != "" {
			return pass("TPM %s", v)
		}
		return pass("present")
	}
	if !m.exists("/sys/class/dmi/id") {
		return cannotTell("the firmware says nothing")
	}
	return fail("none found")
}
