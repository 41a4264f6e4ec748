package store

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// Canaries holds the test phrases that devices were asked for and what became of
// them. Answers come through Cases.Ingest; one whose nonce was not asked for of
// that device, or that comes late, changes nothing.
type Canaries interface {
	// AskCanary keeps a request before it is sent; Result and what follows it are
	// left out. The device must be enrolled.
	AskCanary(ctx context.Context, c Canary) error
	// Canaries lists a device's, newest first, at most limit (1-1,000).
	Canaries(ctx context.Context, id caseflow.DeviceID, limit int) ([]Canary, error)
	// Proof sums up what is known of the school at now; revoked and retired
	// devices are left out.
	Proof(ctx context.Context, now time.Time) (Proof, error)
}

// Times of canaries.
const (
	// CanaryAnswerFor is how long an answer is waited for.
	CanaryAnswerFor = 10 * time.Minute
	// ProvedFor is how long a full canary proves a device: a week.
	ProvedFor = 7 * 24 * time.Hour
)

// Canary is one request and its answer.
type Canary struct {
	Device caseflow.DeviceID
	Nonce  [16]byte
	Asked  time.Time
	By     audit.Who // audit.System for one of the timetable
	// Result is 0 while no answer has come.
	Result   triage.CanaryResult
	Answered time.Time     // collector's clock
	Took     time.Duration // on the device, from the request to what was heard
	Code     string        // why it is not full, of internal/conditions
}

// Lost reports whether the answer is overdue at now.
func (c Canary) Lost(now time.Time) bool {
	return c.Result == 0 && now.Sub(c.Asked) > CanaryAnswerFor
}

// Proof is what canaries say of a school.
type Proof struct {
	// At is when the last full canary came, Took how long it took from the request
	// to the collector; zero without one.
	At   time.Time
	Took time.Duration
	// Devices are all, Proved those with a full canary within ProvedFor and no
	// failed one since, Failed those whose last telling one failed.
	Devices, Proved, Failed int
}

// CheckCanary refuses a request that cannot be kept.
func CheckCanary(c Canary) error {
	if !CheckID(string(c.Device)) || c.Nonce == [16]byte{} || c.Asked.IsZero() {
		return invalid("a canary without device, nonce or time")
	}
	return checkWho(c.By)
}
