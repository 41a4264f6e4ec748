package identity

import "golang.org/x/sys/windows/registry"

// machineFacts: MachineGuid is made when Windows is installed or generalised;
// the SMBIOS values stay with the board.
func machineFacts() []string {
	return []string{
		registryText(`SOFTWARE\Microsoft\Cryptography`, "MachineGuid"),
		registryText(`HARDWARE\DESCRIPTION\System\BIOS`, "SystemProductName"),
		registryText(`SYSTEM\CurrentControlSet\Control\SystemInformation`, "ComputerHardwareId"),
	}
}

// registryText is empty when there is no such value.
func registryText(path, name string) string {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer k.Close()
	s, _, err := k.GetStringValue(name)
	if err != nil {
		return ""
	}
	return s
}
