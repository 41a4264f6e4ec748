// Package checks is the registry of compliance checks: what each is called,
// which control it comes from and what a technician does about it; and of the
// codes by which a device says why a medium is, or is not, permitted or
// scanned. Both programs turn ids into words here, so that a laptop's status
// and the console say the same.
//
// An id, once released, keeps its meaning. It imports the standard library only.
package checks

import "slices"

// State of a check. The zero value is Unknown: nothing is a pass by default.
type State uint8

// States of a check.
const (
	Unknown State = iota // cannot tell
	Pass
	Fail
)

// String returns the wire word.
func (s State) String() string {
	switch s {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	}
	return "unknown"
}

// ParseState is the inverse of String; anything else is Unknown.
func ParseState(s string) State {
	switch s {
	case "pass":
		return Pass
	case "fail":
		return Fail
	}
	return Unknown
}

// Ids of checks.
const (
	DiskEncryption  = "disk_encryption"
	LockPolicy      = "lock_policy"
	OSSupported     = "os_supported"
	OSUpdated       = "os_updated"
	UpdatesPending  = "updates_pending"
	RebootNeeded    = "reboot_needed"
	AntiMalware     = "anti_malware"
	Firewall        = "firewall"
	Autorun         = "autorun"
	AutoLogin       = "auto_login"
	GuestAccount    = "guest_account"
	LocalAdmins     = "local_admins"
	PasswordPolicy  = "password_policy"
	SecureBoot      = "secure_boot"
	TPM             = "tpm"
	Software        = "software"
	AITools         = "ai_tools"
	FilterOn        = "filter_on"
	AgentHealth     = "agent_health"
	TypedTextSeen   = "typed_text_seen"  // derived at the collector from coverage
	ProvedMonitored = "proved_monitored" // derived at the collector from canaries
	EveryStandard   = "every_standard"   // derived at the collector: the worst of all checks
)

// Check is one check in words.
type Check struct {
	ID string
	// Title says what is so when it passes: "Disk encrypted".
	Title string
	// Plural is Title of many devices, for leadership: "Disks encrypted".
	Plural string
	// Control is where it comes from, for people: "Cyber Essentials: secure set-up".
	Control string
	// Do is what a technician does when it fails.
	Do string
	// Fix is the sentence for leadership, to stand before a number of devices:
	// "Encrypt" 31 laptops; Risk says what follows from leaving it.
	Fix, Risk string
	// Weight orders what to fix first: the higher, the sooner.
	Weight int
}

// All returns every check in the order in which a person reads them.
func All() []Check { return slices.Clone(registry[:]) }

// Index is the place of an id in All, or -1.
func Index(id string) int {
	return slices.IndexFunc(registry[:], func(c Check) bool { return c.ID == id })
}

// Lookup returns the check with that id. An unknown id (a later agent's) gets a
// plain title and ok false.
func Lookup(id string) (c Check, ok bool) {
	if i := Index(id); i >= 0 {
		return registry[i], true
	}
	return Check{ID: id, Title: "A check that this version does not know", Plural: "A check that this version does not know",
		Control: "none", Do: "Update the collector, then look again."}, false
}

var registry = [...]Check{
	{DiskEncryption, "Disk encrypted", "Disks encrypted", "Cyber Essentials: secure set-up",
		"Encrypt the disk: LUKS on Linux (at installation), BitLocker on Windows, FileVault on macOS. Keep the recovery key with the school.",
		"Encrypt the disks of", "A lost laptop would show what is on it.", 90},
	{AntiMalware, "Anti-virus on and current", "Anti-virus current", "Cyber Essentials: malware protection",
		"Start the scanner and let it fetch signatures: on Linux clamav-daemon and clamav-freshclam.",
		"Renew the anti-virus of", "New malware is not recognised there.", 80},
	{OSSupported, "System still supported", "Systems supported", "Cyber Essentials: update management",
		"Install a version of the system that its maker still mends, or take the device off the network.",
		"Replace the system of", "Its maker no longer mends faults in it.", 85},
	{OSUpdated, "Updated in the last 14 days", "Updated within 14 days", "Cyber Essentials: update management",
		"Run updates and restart.", "Update", "Faults that are known stay open.", 70},
	{UpdatesPending, "No security update waits", "No security update waits", "Cyber Essentials: update management",
		"Run updates and restart.", "Run the waiting updates on", "Faults that are known stay open.", 60},
	{RebootNeeded, "No restart waits", "No restart waits", "Cyber Essentials: update management",
		"Restart the device, so that updates take effect.", "Restart", "Updates are there but not in use.", 30},
	{Firewall, "Firewall on", "Firewall on", "Cyber Essentials: firewalls",
		"Turn the firewall on, and let in nothing by default.", "Turn the firewall on for", "Others on the network can reach services.", 65},
	{LockPolicy, "Screen locks by itself", "Screens lock", "School policy: devices left alone",
		"Set the time-out and the password on resume for all users.", "Set the screen lock of", "A screen left open can be used by anybody.", 50},
	{AutoLogin, "No automatic log-in", "No automatic log-in", "Cyber Essentials: user access control",
		"Turn automatic log-in off in the display manager.", "Turn automatic log-in off on", "Whoever opens the laptop is somebody else.", 75},
	{GuestAccount, "No guest account", "No guest account", "Cyber Essentials: user access control",
		"Turn the guest session off.", "Turn the guest account off on", "What a guest does is nobody's.", 55},
	{LocalAdmins, "Few administrators", "Few administrators", "Cyber Essentials: user access control",
		"Remove people from the administrators' group who do not look after this device.", "Remove administrators from", "Who is administrator can turn protection off.", 58},
	{PasswordPolicy, "Strong passwords asked for", "Strong passwords asked for", "Cyber Essentials: user access control",
		"Ask for at least 8 characters (pam_pwquality or the directory's policy).", "Set the password rules of", "Short passwords are guessed.", 40},
	{SecureBoot, "Secure boot on", "Secure boot on", "Cyber Essentials: secure set-up",
		"Turn secure boot on in the firmware.", "Turn secure boot on for", "The system can be replaced from a stick.", 25},
	{TPM, "Security chip present", "Security chip present", "Cyber Essentials: secure set-up",
		"Turn the TPM on in the firmware, or note that the device has none.", "Turn the security chip on for", "Keys are not kept in hardware.", 15},
	{Autorun, "Media start nothing", "Media start nothing", "Cyber Essentials: malware protection",
		"Turn autorun off for all users.", "Turn autorun off on", "A stick can start a program.", 45},
	{Software, "Only approved software", "Only approved software", "Cyber Essentials: secure set-up",
		"Remove the programs that are named, or put them on the school's list.", "Remove unapproved software from", "Programs that nobody checked are in use.", 52},
	{AITools, "No new AI tool", "No new AI tool", "DfE: generative AI, product safety",
		"Decide about the tool, then put it on the school's list or remove it.", "Decide about new AI tools on", "A tool is in use that nobody has looked at.", 35},
	{FilterOn, "Filter really on", "Filter really on", "DfE filtering standard",
		"Open the agreed test address on the device. If it opens, set the filter up again there.", "Restore the filter on", "Nothing is filtered there.", 95},
	{AgentHealth, "Agent in order", "Agent in order", "DfE monitoring standard",
		"Run lapwing-agent doctor on the device.", "Repair the agent on", "What happens there may not arrive.", 88},
}

// Codes of media: why a medium is, or is not, permitted, and why it was not scanned.
const (
	USBRecorded     = "usb_recorded"
	USBPermit       = "usb_permit"
	USBNoPermit     = "usb_no_permit"
	USBExpired      = "usb_permit_expired"
	USBNotEncrypted = "usb_not_encrypted"
	USBNobody       = "usb_nobody"
	USBBadUSB       = "usb_keyboard_and_storage"

	ScanNoScanner  = "scan_no_scanner"
	ScanDied       = "scan_scanner_lost"
	ScanTimeout    = "scan_out_of_time"
	ScanTooLarge   = "scan_too_large"
	ScanGone       = "scan_removed"
	ScanUnreadable = "scan_not_readable"
	ScanLocked     = "scan_still_locked"
)

// Word is a code of media in words for people; empty for no code.
func Word(code string) string {
	if code == "" {
		return ""
	}
	if w, ok := mediaWords[code]; ok {
		return w
	}
	return "a reason that this version does not know"
}

var mediaWords = map[string]string{
	USBRecorded:     "all media are recorded, none is refused",
	USBPermit:       "it has a permission",
	USBNoPermit:     "no permission names it",
	USBExpired:      "its permission has ended",
	USBNotEncrypted: "it is not encrypted",
	USBNobody:       "no media may be used here",
	USBBadUSB:       "it is storage and a keyboard in one",
	ScanNoScanner:   "no scanner runs on the device",
	ScanDied:        "the scanner stopped in between",
	ScanTimeout:     "the time for a scan ran out",
	ScanTooLarge:    "it holds more than may be scanned at once",
	ScanGone:        "it was pulled out before the end",
	ScanUnreadable:  "some of it could not be read",
	ScanLocked:      "it was not unlocked",
}
