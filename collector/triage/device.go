package triage

import "github.com/lapwing-schools/lapwing/collector/caseflow"

// Kinds of arrival that are about a device and make no case.
const (
	KindMedia Kind = iota + 16
	KindUnattended
	KindLockMinutes
	KindCanary
)

// AboutDevice reports whether k is one of them.
func (k Kind) AboutDevice() bool { return k >= KindMedia && k <= KindCanary }

// MediaStep says how far a medium's stay has come; values as in lapwing.v1.
type MediaStep uint8

// Steps.
const (
	MediaArrived MediaStep = iota + 1
	MediaReady
	MediaScanned
	MediaRemoved
)

// MediaKind, Encryption and Scan have the values of lapwing.v1.
type (
	MediaKind  uint8
	Encryption uint8
	Scan       uint8
)

// Kinds of media.
const (
	KindStick MediaKind = iota + 1
	KindDisk
	KindCard
	KindOptical
	KindPhone
	KindComposite
	KindOther
)

// Encryptions.
const (
	NotEncrypted Encryption = iota + 1
	LUKS
	BitLocker
	APFS
	EncryptionUnknown
)

// Results of a scan.
const (
	ScanNotAsked Scan = iota + 1
	ScanClean
	ScanInfected
	ScanNotScanned
)

// Media is one step of a medium's stay, with all that was known by then. The
// label is a person's words, and sealed.
type Media struct {
	Visit                       [16]byte
	Step                        MediaStep
	Kind                        MediaKind
	VendorID, ProductID         string
	Vendor, Product             string
	Serial                      []byte // keyed hash, 32 bytes or none
	Label                       caseflow.Sealed
	FileSystem                  string
	Size                        uint64
	Encryption                  Encryption
	Mounted, Permitted, Blocked bool
	ReadOnly, Writable          bool // it is wished that it is only read; it was mounted for writing
	Why, Permit                 string
	Scan                        Scan
	ScanWhy                     string
	Threats                     []string
	FilesScanned                uint32
	BytesScanned                uint64
}

// Unattended is one stretch in which the screen was open and nobody was there.
type Unattended struct{ Seconds, Limit uint32 }

// LockMinutes adds to the sums of one day (YYYYMMDD by the device's zone).
type LockMinutes struct{ Day, InUse, Locked, Unattended uint32 }
