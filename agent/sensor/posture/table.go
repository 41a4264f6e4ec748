package posture

import "github.com/lapwing-schools/lapwing/internal/checks"

// table is every check, in the registry's order. Titles, controls and what a
// technician does stand in internal/checks.
func table() []row {
	return []row{
		{id: checks.DiskEncryption, linux: linuxDiskEncryption, windows: windowsDiskEncryption, darwin: darwinDiskEncryption},
		{id: checks.AntiMalware, linux: linuxAntiMalware, windows: windowsAntiMalware},
		{id: checks.OSSupported, linux: linuxOSSupported},
		{id: checks.OSUpdated, linux: linuxOSUpdated},
		{id: checks.UpdatesPending, slow: true, linux: linuxUpdatesPending},
		{id: checks.RebootNeeded, linux: linuxRebootNeeded},
		{id: checks.Firewall, linux: linuxFirewall, windows: windowsFirewall, darwin: darwinFirewall},
		{id: checks.LockPolicy, linux: linuxLockPolicy},
		{id: checks.AutoLogin, linux: linuxAutoLogin, darwin: darwinAutoLogin},
		{id: checks.GuestAccount, linux: linuxGuestAccount, darwin: darwinGuest},
		{id: checks.LocalAdmins, linux: linuxLocalAdmins},
		{id: checks.PasswordPolicy, linux: linuxPasswordPolicy},
		{id: checks.SecureBoot, linux: linuxSecureBoot},
		{id: checks.TPM, linux: linuxTPM},
		{id: checks.Autorun, linux: linuxAutorun},
		{id: checks.Software, linux: linuxSoftware},
		{id: checks.AITools, linux: linuxAITools},
		{id: checks.FilterOn, linux: filterOn, windows: filterOn, darwin: filterOn},
		{id: checks.AgentHealth, linux: agentHealth, windows: agentHealth, darwin: agentHealth},
	}
}
