package revproxy

import (
	"errors"
	"time"
)

// Limits bound what a client may take, in memory and in time. They are of every
// gate: a zero is the default.
type Limits struct {
	// Header bounds reading a request's header, default 10 seconds; Idle the wait
	// for the next request, default 2 minutes.
	Header, Idle time.Duration
	// Body bounds each wait for more of a request's body, default 30 seconds.
	// Beyond it a body must come at BodyRate bytes a second on average, default
	// 500: one that drips is refused.
	Body     time.Duration
	BodyRate int64
	// Send bounds each wait for a client to take more of a response, default 2
	// minutes.
	Send time.Duration
	// HeaderBytes bounds a request's header, default 64 KiB.
	HeaderBytes int
	// Connections bounds those that are open, default 16,384, and PerAddress
	// those of one address (with IPv6 one /64), default a quarter of it.
	Connections, PerAddress int
	// Drain bounds how long Run waits for open exchanges when it ends, default 10
	// seconds.
	Drain time.Duration
	// Streams bounds the requests under way on one connection of HTTP/2, default
	// 100. A connection that opens more than twice as many and gives up most of
	// them before they are answered is closed.
	Streams int
}

// minHeaderBytes is what an ordinary request with its cookies takes.
const minHeaderBytes = 4 << 10

func (l *Limits) check() error {
	defaults(&l.Header, 10*time.Second)
	defaults(&l.Idle, 2*time.Minute)
	defaults(&l.Body, 30*time.Second)
	defaults(&l.Send, 2*time.Minute)
	defaults(&l.Drain, 10*time.Second)
	number(&l.BodyRate, 500)
	number(&l.HeaderBytes, 64<<10)
	number(&l.Connections, 16<<10)
	number(&l.PerAddress, max(1, l.Connections/4))
	number(&l.Streams, 100)
	if l.HeaderBytes < minHeaderBytes {
		return errors.New("revproxy: a header of less than 4 KiB holds no ordinary request")
	}
	return nil
}

func number[T int | int64](n *T, v T) {
	if *n <= 0 {
		*n = v
	}
}
