package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
	"github.com/lapwing-schools/lapwing/agent/sensor/text"
)

// Times of the buses.
const (
	// connectBound for finding and greeting a bus; activation may start programs.
	connectBound = 10 * time.Second
	// busRetry is the pause before a lost or missing bus is tried again.
	busRetry = 10 * time.Second
	// absentRetry is how many times as long the pause becomes while there is none.
	absentRetry = 6
	// askBound for one question; capture has dropped the keys long before.
	askBound = 2 * time.Second
	// addressBound for the document's address, which harbours need, and for the
	// object's name and place; the role does not wait for longer than this.
	addressBound = 80 * time.Millisecond
)

// busEvent is one of: the bus came (up), the bus went (down), an event of it,
// an answer.
type busEvent struct {
	up, down bool
	event    atspi.Event
	answer   *answer
	asked    bool // for fronts
	fronts   []atspi.Front
}

type answer struct {
	query  text.Query
	object atspi.Object
	took   time.Duration
	err    error
}

// bus keeps the accessibility bus connected and asks it questions.
type bus struct {
	places atspi.Places
	pace   *socket.Pace
	events chan busEvent

	// mu guards what follows.
	mu     sync.Mutex
	client *atspi.Client
	cancel context.CancelFunc
	asking bool // for the window in front

	running sync.WaitGroup
}

// newBus has changes of text come at pace, see atspi.Connect.
func newBus(d Desktop, property string, pace *socket.Pace) *bus {
	return &bus{
		pace:   pace,
		places: atspi.Places{SessionBus: d.SessionBus, RuntimeDir: d.RuntimeDir, RootProperty: property},
		events: make(chan busEvent, 16),
		cancel: func() {},
	}
}

func (b *bus) start(ctx context.Context) { b.running.Go(func() { b.run(ctx) }) }

func (b *bus) wait() { b.running.Wait() }

func (b *bus) run(ctx context.Context) {
	for ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, connectBound)
		client, err := atspi.Connect(bounded, b.places, b.pace)
		cancel()
		if err == nil {
			b.follow(ctx, client)
		} else {
			b.tell(ctx, busEvent{down: true})
		}
		select {
		case <-time.After(busRetry):
		case <-ctx.Done():
		}
	}
}

// follow passes the events on until the connection ends.
func (b *bus) follow(ctx context.Context, client *atspi.Client) {
	// The connection is ending either way; its error says nothing new.
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	defer func() { _ = client.Close() }()
	b.set(client)
	b.tell(ctx, busEvent{up: true})
	for ev := range client.Events() {
		b.tell(ctx, busEvent{event: ev})
	}
	b.set(nil)
	b.tell(ctx, busEvent{down: true})
}

func (b *bus) set(client *atspi.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.client = client
}

func (b *bus) tell(ctx context.Context, ev busEvent) {
	select {
	case b.events <- ev:
	case <-ctx.Done():
	}
}

func (b *bus) has(pid uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.client != nil && pid != 0 && b.client.Has(pid)
}

// ask asks one question; the one before it is no longer of interest.
func (b *bus) ask(ctx context.Context, q text.Query) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cancel()
	if b.client == nil {
		return
	}
	client := b.client
	bounded, cancel := context.WithTimeout(ctx, askBound)
	b.cancel = cancel
	b.running.Go(func() {
		defer cancel()
		a := answerOf(bounded, client, q)
		b.tell(ctx, busEvent{answer: &a})
	})
}

// askFront asks for the window in front. A second question while one is open is
// answered with it.
func (b *bus) askFront(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client == nil || b.asking {
		return
	}
	b.asking = true
	client := b.client
	b.running.Go(func() {
		bounded, cancel := context.WithTimeout(ctx, askBound)
		defer cancel()
		fronts := client.Fronts(bounded)
		b.mu.Lock()
		b.asking = false
		b.mu.Unlock()
		b.tell(ctx, busEvent{asked: true, fronts: fronts})
	})
}

func answerOf(ctx context.Context, client *atspi.Client, q text.Query) answer {
	a := answer{query: q}
	ref := q.Ref
	if ref == (atspi.Ref{}) {
		if ref, a.err = client.FindFocus(ctx, q.PID); a.err != nil {
			return a
		}
	}
	asked := time.Now()
	a.object, a.err = client.Describe(ctx, ref)
	a.took = time.Since(asked)
	if a.err == nil && (a.object.Password || q.Identity && a.object.Has(atspi.StateEditable)) {
		bounded, cancel := context.WithTimeout(ctx, addressBound)
		client.Identify(bounded, &a.object)
		cancel()
	}
	if a.err == nil && q.Address {
		bounded, cancel := context.WithTimeout(ctx, addressBound)
		defer cancel()
		// Without an address, harbours go by title; so this may fail.
		a.object.Address, _ = client.Address(bounded, ref)
	}
	return a
}

// lockState is how a source of lock events does.
type lockState uint8

const (
	lockAbsent    lockState = iota // this system has none
	lockMissing                    // there, but cannot be listened on
	lockListening                  // all is well
)

// lockEvent is either a source's word or, with a bus, how that bus does.
type lockEvent struct {
	lock.Event
	bus   string
	state lockState
}

// locks listens for lock events of the buses.
type locks struct {
	buses   map[string]func(context.Context) (*lock.Bus, error)
	retry   time.Duration
	events  chan lockEvent
	running sync.WaitGroup
}

func newLocks(d Desktop) *locks {
	if d.SystemBus == "" {
		d.SystemBus = lock.DefaultSystemBus
	}
	d.SessionBus = d.sessionBus()
	return &locks{
		buses: map[string]func(context.Context) (*lock.Bus, error){
			"session": func(ctx context.Context) (*lock.Bus, error) { return lock.Savers(ctx, d.SessionBus) },
			"system":  func(ctx context.Context) (*lock.Bus, error) { return lock.Logind(ctx, d.SystemBus, d.SessionID) },
		},
		retry:  busRetry,
		events: make(chan lockEvent, 16),
	}
}

func (l *locks) start(ctx context.Context) {
	for name := range l.buses {
		l.running.Go(func() { l.run(ctx, name) })
	}
}

func (l *locks) wait() { l.running.Wait() }

func (l *locks) run(ctx context.Context, name string) {
	pause := l.retry
	for ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(ctx, connectBound)
		bus, err := l.buses[name](bounded)
		cancel()
		state := lockMissing
		switch {
		case err == nil:
			l.follow(ctx, name, bus)
			pause = l.retry
		case errors.Is(err, lock.ErrAbsent):
			state = lockAbsent
			pause = min(2*pause, absentRetry*l.retry) // some machines have none for good
		}
		l.tell(ctx, lockEvent{bus: name, state: state})
		again := beat.Every(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// follow passes the events on until the connection ends. What is true already
// comes before the word that the bus is listened on.
func (l *locks) follow(ctx context.Context, name string, bus *lock.Bus) {
	// The connection is ending either way; its error says nothing new.
	defer func() { _ = bus.Close() }()
	for _, ev := range bus.First {
		l.tell(ctx, lockEvent{Event: ev})
	}
	l.tell(ctx, lockEvent{bus: name, state: lockListening})
	for {
		select {
		case ev, ok := <-bus.Events():
			if !ok {
				return
			}
			l.tell(ctx, lockEvent{Event: ev})
		case <-ctx.Done():
			return
		}
	}
}

func (l *locks) tell(ctx context.Context, ev lockEvent) {
	select {
	case l.events <- ev:
	case <-ctx.Done():
	}
}
