package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Times of a word about a medium.
const (
	// noteStands is how long the desktop shows it; it goes away by itself.
	noteStands = 20 * time.Second
	// noteKept is how long it waits for a screen that is locked.
	noteKept = 2 * time.Minute
	// noteBound for handing it to the desktop, which may have to start a program.
	noteBound = 3 * time.Second
	// mostNotes that wait; the service sends few.
	mostNotes = 3
)

// mediaNotes are words about media on their way to the person. They belong to
// the loop's goroutine.
type mediaNotes struct {
	open    bool // the screen is known not to be locked
	waiting []waitingNote
	showing sync.WaitGroup
	failed  sync.Once // the log was told that they cannot be shown
}

type waitingNote struct {
	note *lapwingv1.MediaNote
	at   time.Time
}

func (n *mediaNotes) add(note *lapwingv1.MediaNote, now time.Time) {
	if len(n.waiting) >= mostNotes {
		n.waiting = n.waiting[1:]
	}
	n.waiting = append(n.waiting, waitingNote{note, now})
}

// due are those to show now: none while the screen is locked, or may be.
func (n *mediaNotes) due(now time.Time) []words {
	if !n.open || len(n.waiting) == 0 {
		return nil
	}
	var due []words
	for _, w := range n.waiting {
		if now.Sub(w.at) < noteKept {
			due = append(due, wordsOf(w.note))
		}
	}
	n.waiting = nil
	return due
}

// show hands what is due to the desktop, beside the loop.
func (n *mediaNotes) show(ctx context.Context, cfg Config) {
	due := n.due(cfg.Now())
	if len(due) == 0 {
		return
	}
	n.showing.Go(func() {
		if err := notify(ctx, cfg.Desktop.sessionBus(), due); err != nil && ctx.Err() == nil {
			n.failed.Do(func() {
				cfg.Log.Warn("the person cannot be told of media: this desktop shows no notifications", "error", err)
			})
		}
	})
}

func (n *mediaNotes) wait() { n.showing.Wait() }

// notify asks the desktop's notification service, which never gives them the focus.
func notify(ctx context.Context, address string, all []words) error {
	if address == "" {
		return errors.New("no session bus")
	}
	ctx, cancel := context.WithTimeout(ctx, noteBound)
	defer cancel()
	conn, err := dbus.Dial(address)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // greeting does not listen to ctx
	if err := conn.Auth(nil); err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	if err := conn.Hello(); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	const normal = byte(1) // what is critical may stay for good
	hints := map[string]dbus.Variant{"urgency": dbus.MakeVariant(normal), "transient": dbus.MakeVariant(true)}
	service := conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications")
	for _, w := range all {
		call := service.CallWithContext(ctx, "org.freedesktop.Notifications.Notify", 0,
			"Lapwing", uint32(0), "", w.title, w.body, []string{}, hints, int32(noteStands.Milliseconds()))
		if call.Err != nil {
			return fmt.Errorf("notify: %w", call.Err)
		}
	}
	return nil
}

// words are what the person reads: nothing of them comes from the medium.
type words struct{ title, body string }

func wordsOf(n *lapwingv1.MediaNote) words {
	thing := thingOf(n.Kind)
	const ask = " ask your school’s IT support."
	if n.Reason == lapwingv1.MediaNote_REASON_READ_ONLY {
		return words{"Please do not save anything on this " + thing,
			"The school allows it for reading only. If you need to save on it," + ask}
	}
	title := "This " + thing + " cannot be used here"
	if n.Reason == lapwingv1.MediaNote_REASON_UNPERMITTED {
		title = "This " + thing + " must not be used here"
	}
	why := "The school allows USB sticks, disks and phones only with permission."
	switch n.Why {
	case checks.USBNobody:
		why = "The school does not allow USB sticks, disks and phones on this computer."
	case checks.USBNotEncrypted:
		why = "The school allows only media that are encrypted."
	case checks.USBExpired:
		why = "The school’s permission for it has ended."
	case checks.USBBadUSB:
		why = "It also acts as a keyboard, which can harm the computer."
	}
	return words{title, why + " Please take it out. If you need it," + ask}
}

func thingOf(k lapwingv1.MediaKind) string {
	switch k {
	case lapwingv1.MediaKind_MEDIA_KIND_STICK:
		return "USB memory stick"
	case lapwingv1.MediaKind_MEDIA_KIND_DISK:
		return "USB disk"
	case lapwingv1.MediaKind_MEDIA_KIND_CARD:
		return "memory card"
	case lapwingv1.MediaKind_MEDIA_KIND_OPTICAL:
		return "disc drive"
	case lapwingv1.MediaKind_MEDIA_KIND_PHONE:
		return "phone or camera"
	}
	return "USB device"
}
