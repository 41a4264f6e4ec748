package triage

// CanaryResult is what became of a canary; values as in lapwing.v1.
type CanaryResult uint8

// Results of a canary.
const (
	CanaryFull      CanaryResult = iota + 1 // typed through the display, and heard: proved
	CanaryPartial                           // from above the sensor: never "proved"
	CanaryFailed                            // not heard
	CanaryNoSession                         // nobody is logged on
	CanaryAborted                           // somebody began to type
	CanaryLocked                            // the screen is locked
)

// Telling orders results of one request that several desktops answered: a failed
// one must not hide behind one that worked, nor either behind one that says nothing.
func (r CanaryResult) Telling() int {
	switch r {
	case CanaryFailed:
		return 4
	case CanaryFull:
		return 3
	case CanaryPartial:
		return 2
	case 0:
		return 0
	}
	return 1
}

// Canary is a device's answer to a request.
type Canary struct {
	Nonce      [16]byte
	Result     CanaryResult
	TookMillis uint32
	Code       string
}
