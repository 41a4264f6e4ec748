package x11

import "sync"

// queue lets the reader go on reading replies while the consumer of events
// itself waits for one.
type queue struct {
	wake chan struct{}

	mu     sync.Mutex
	items  [][]byte
	closed bool
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// push returns false when the queue is full.
func (q *queue) push(p []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) >= maxQueue {
		return false
	}
	q.items = append(q.items, p)
	q.signal()
	return true
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) take() (items [][]byte, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items, q.items = q.items, nil
	return items, q.closed
}

// pump hands the events on in order and closes out after the last one, or
// when quit is closed.
func (q *queue) pump(out chan<- []byte, quit <-chan struct{}) {
	defer close(out)
	for {
		select {
		case <-q.wake:
		case <-quit:
			return
		}
		items, closed := q.take()
		for _, p := range items {
			select {
			case out <- p:
			case <-quit:
				return
			}
		}
		if closed {
			return
		}
	}
}
