package uplink

import (
	"time"

	"github.com/lapwing-schools/lapwing/agent/spool"
)

// pace is how much of a lane is sent at a time. It starts full and halves when
// a stream breaks while a batch had been waiting long for its answer: what
// does not get through in one piece may in smaller ones. A connection that
// fails at once says nothing about size, so it changes nothing. It doubles
// again only when a batch as large as allowed was acknowledged.
type pace struct{ shift uint } // the limits are divided by 2^shift

const (
	// slowAnswer is from when on a batch has waited long.
	slowAnswer = 8 * time.Second
	// maxShift leaves a batch of 4 KiB, and of 2 urgent or 8 routine records.
	maxShift = 5
)

func (p *pace) records(l spool.Lane) int {
	if l == spool.Urgent {
		return max(1, urgentRecords>>p.shift)
	}
	return max(1, routineBatch>>p.shift)
}

func (p *pace) bytes() int { return batchBytes >> p.shift >> min(p.shift, 1) }

// window is how many batches may be unanswered: one, while the link is poor.
func (p *pace) window() int {
	if p.shift > 0 {
		return 1
	}
	return window
}

func (p *pace) shrink() { p.shift = min(p.shift+1, maxShift) }

// grow is called for a batch that was acknowledged whole.
func (p *pace) grow(b sentBatch) {
	if p.shift > 0 && b.full && b.shift == p.shift {
		p.shift--
	}
}

// sentBatch is a batch that waits for its answer.
type sentBatch struct {
	last  uint64 // number of its last record
	at    time.Time
	shift uint // of the pace that it was made by
	full  bool // as large as that allowed
}

// slow reports whether the oldest unanswered batch has waited long.
func slow(sent []sentBatch) bool { return len(sent) > 0 && time.Since(sent[0].at) >= slowAnswer }
