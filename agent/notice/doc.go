// Package notice owns what Lapwing says to the person at the keyboard, and what
// that person says back: the desk, a socket of the service on which any account
// of this machine may ask what is on now, answer the notice, or ask for help.
// Who asks is told by the kernel, never by the message.
//
// The page that people see is agent/notice/page, in a process of its own.
//
// It may import the messages of proto/lapwing/v1 and internal/conditions.
package notice

import (
	"errors"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Info is what the desk tells of this device, now.
type Info struct {
	School string `json:"school"`
	// Version of the notice; empty while the school has written none.
	Version string `json:"version,omitempty"`
	// Title and Paragraphs are the notice itself.
	Title      string   `json:"title,omitempty"`
	Paragraphs []string `json:"paragraphs,omitempty"`
	// Lang is the language that Title, Paragraphs and what follows are in.
	Lang string `json:"lang,omitempty"`
	// WhoReads can read what is flagged; WhoToTalkTo is whom a person may go to;
	// Hours say when somebody reads. Any may be empty.
	WhoReads    []string `json:"who_reads,omitempty"`
	WhoToTalkTo []string `json:"who_to_talk_to,omitempty"`
	Hours       string   `json:"hours,omitempty"`
	// Now says what is on, and until when, in a sentence.
	Now string `json:"now,omitempty"`
	// Sees says for each sensor what it does now, in words for pupils.
	Sees []Sees `json:"sees,omitempty"`
	// State is what this person has said to this version: empty, shown,
	// acknowledged or declined.
	State string `json:"state,omitempty"`
	// Connected: what is sent now reaches the school now.
	Connected bool `json:"connected"`
}

// Sees is one sensor in words.
type Sees struct {
	What string `json:"what"`
	On   bool   `json:"on"`
}

// Answers of a person to the notice.
const (
	Shown        = "shown"
	Acknowledged = "acknowledged"
	Declined     = "declined"
)

// stateOf is an answer as it goes to the collector.
func stateOf(answer string) (lapwingv1.NoticeSeen_State, bool) {
	switch answer {
	case Shown:
		return lapwingv1.NoticeSeen_STATE_SHOWN, true
	case Acknowledged:
		return lapwingv1.NoticeSeen_STATE_ACKNOWLEDGED, true
	case Declined:
		return lapwingv1.NoticeSeen_STATE_DECLINED, true
	}
	return 0, false
}

// Errors of a call to the desk, in words for people.
var (
	ErrNotRunning  = errors.New("this computer's Lapwing is not running, so it cannot pass anything on")
	ErrUnsupported = errors.New("this page is not built for this operating system yet")
	ErrTooMany     = errors.New("that was sent too often: wait a few minutes, or go to a grown-up you trust now")
)
