package revproxy

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
)

const (
	// codeUpstream is raised when requests that an upstream was sent fail, and when
	// it answers again.
	codeUpstream = "SK3405"
	// calm is how long no request must have failed before an answer ends an outage:
	// a server that answers every other request is not well again each time.
	calm = time.Minute
)

// outage is a time in which requests to one upstream fail. Each of them says so in
// its own event; findings say when it begins, once a [raiseAgain] how many there
// were, and when it ends.
type outage struct {
	open atomic.Bool // changes under mu

	mu                sync.Mutex // guards what follows
	first, last, told time.Time
	all, untold       uint64 // requests that failed
}

// failed counts a request that failed, and returns how many did since somebody was
// told, with this one; 0 while nobody is to be told again.
func (o *outage) failed(now time.Time) (untold uint64, begins bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if begins = !o.open.Load(); begins {
		o.first, o.all, o.untold = now, 0, 0
		o.open.Store(true)
	}
	o.last = now
	o.all++
	o.untold++
	if !begins && now.Sub(o.told) < raiseAgain {
		return 0, false
	}
	untold, o.told, o.untold = o.untold, now, 0
	return untold, begins
}

// answered returns, when an answer ends the outage, how many requests failed in it
// and how long it was from the first to the last of them; 0 for: it ends none.
func (o *outage) answered(now time.Time) (failed uint64, lasted time.Duration) {
	if !o.open.Load() {
		return 0, 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open.Load() || now.Sub(o.last) < calm {
		return 0, 0
	}
	o.open.Store(false)
	return o.all, o.last.Sub(o.first)
}

// unanswered raises that a request to an upstream failed.
func (g *Gate) unanswered(x *exchange, now time.Time, err error) {
	detail := cause(err)
	switch untold, begins := x.upstream().outage.failed(now); {
	case untold == 0:
		return
	case !begins:
		detail = fmt.Sprintf("%s, requests since the last finding: %d", detail, untold)
	}
	x.record(context.Background(), &event.Finding{Code: codeUpstream, Title: "upstream does not answer", Place: x.host.Place, Detail: x.upstream().which(x.host) + detail})
}

// answered raises that an upstream answers again.
func (g *Gate) answered(x *exchange, now time.Time) {
	failed, lasted := x.upstream().outage.answered(now)
	if failed == 0 {
		return
	}
	x.record(context.Background(), &event.Finding{Code: codeUpstream, Title: "upstream answers again", Place: x.host.Place,
		Detail: fmt.Sprintf("%srequests that failed: %d, within %s", x.upstream().which(x.host), failed, lasted.Round(time.Second))})
}

// upstream is the server that was asked, or would have been.
func (x *exchange) upstream() *upstream {
	if x.sentTo == nil {
		return x.host.upstreams.all[0]
	}
	return x.sentTo
}

// which names a server among several.
func (u *upstream) which(h *Host) string {
	if len(h.upstreams.all) == 1 {
		return ""
	}
	return u.name + ": "
}
