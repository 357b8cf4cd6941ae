package revproxy

import (
	"io"
	"net/http"
)

// watched looks at what follows the held part of a request's body.
type watched struct {
	x     *exchange
	guard *guard
}

// reading returns the rest of a body through the card guard. A card number
// ends it before its last digits: the upstream sees a request that does not
// end.
func (w *watched) reading(rest io.Reader) io.Reader {
	count := func(piece []byte, _ bool) { w.x.received.Add(uint64(len(piece))) }
	if w.x.cards == Off {
		return &seen{from: rest, see: count}
	}
	return &guarded{from: rest, guard: w.guard, see: count, cut: func() bool {
		f := refusal{status: http.StatusForbidden, code: "SK3402", action: "cut", rule: "card", reason: "a card number in the request"}
		return w.x.stop(f, w.x.cards) != nil
	}}
}
