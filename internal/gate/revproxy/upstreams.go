package revproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
)

// Health says how the upstreams of a site are asked whether they are well. Without
// it one that cannot be reached is left alone for [leftAlone].
type Health struct {
	// Path is what is asked for, "/healthz". Well is an answer below 400.
	Path string
	// Every is the time between two questions, default 10 seconds, and Timeout
	// the wait for an answer, default 2 seconds.
	Every, Timeout time.Duration
	// Fails are how many questions in a row must fail, default 2. One good answer
	// brings it back.
	Fails int
}

// leftAlone is how long an upstream that could not be reached is passed over.
const leftAlone = 5 * time.Second

// codeHealth is raised when an upstream falls ill, and when it is well again.
const codeHealth = "SK3424"

// upstreams are the servers of a site. Each takes its turn; those that are ill
// are passed over as long as another is well.
type upstreams struct {
	host *Host
	all  []*upstream
	turn atomic.Uint32
}

// upstream is one server.
type upstream struct {
	url   *url.URL
	name  string       // in events: "upstream 2 of 3"
	ill   atomic.Bool  // by its health
	alone atomic.Int64 // it is passed over until then, in ns since 1970

	fails  int // in a row; of who asks for its health
	outage *outage
}

// compileUpstreams makes the servers of a site. What is known of one that the site
// had before, if it was there, stays.
func (h *Host) compileUpstreams(before *Host) *upstreams {
	all := append([]*url.URL{h.Upstream}, h.Others...)
	u := &upstreams{host: h}
	for i, to := range all {
		one := &upstream{url: to, name: "upstream " + strconv.Itoa(i+1) + " of " + strconv.Itoa(len(all)), outage: &outage{}}
		old := before.upstream(to)
		if old != nil {
			one.outage = old.outage
		}
		if old != nil && (h.Health != nil) == (before.Health != nil) {
			one.ill.Store(old.ill.Load())
			one.alone.Store(old.alone.Load())
		}
		u.all = append(u.all, one)
	}
	if c := h.Health; c != nil {
		defaults(&c.Every, 10*time.Second)
		defaults(&c.Timeout, 2*time.Second)
		number(&c.Fails, 2)
	}
	return u
}

// upstream returns the server at an address, nil for none.
func (h *Host) upstream(at *url.URL) *upstream {
	if h == nil {
		return nil
	}
	for _, u := range h.upstreams.all {
		if *u.url == *at {
			return u
		}
	}
	return nil
}

// order returns the servers in the order in which they are tried: first those
// that are well, in turn.
func (u *upstreams) order(now time.Time) []*upstream {
	if len(u.all) == 1 {
		return u.all
	}
	first := int(u.turn.Add(1)-1) % len(u.all)
	var well, ill []*upstream
	for i := range u.all {
		one := u.all[(first+i)%len(u.all)]
		if one.ill.Load() || now.UnixNano() < one.alone.Load() {
			ill = append(ill, one)
			continue
		}
		well = append(well, one)
	}
	return append(well, ill...)
}

// passing is the http.RoundTripper of a gate.
type passing struct{ *Gate }

// RoundTrip implements http.RoundTripper. A server that cannot be reached is
// passed over for the next: nothing of the request has been sent then.
func (g passing) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r)
	order := x.host.upstreams.order(x.begin)
	body := r.Body
	for i, to := range order {
		x.sentTo = to
		out := r
		if len(order) > 1 {
			out = r.Clone(r.Context())
			out.URL.Scheme, out.URL.Host = to.url.Scheme, to.url.Host
			if body != nil && body != http.NoBody {
				out.Body = io.NopCloser(body) // the server closes it
			}
		}
		if len(x.whole) > 0 {
			out.Body = heldBody{bytes.NewReader(x.whole)} // as often as it takes
		}
		a, err := g.carrierOf(out).RoundTrip(out)
		var dial *net.OpError
		if err == nil || len(order) == 1 || !errors.As(err, &dial) || dial.Op != "dial" || r.Context().Err() != nil {
			return a, err
		}
		to.alone.Store(time.Now().Add(leftAlone).UnixNano())
		if i == len(order)-1 {
			return nil, err
		}
	}
	return nil, errors.New("revproxy: a site without upstreams") // Config.check
}

// carrierOf returns what a request goes through.
func (g *Gate) carrierOf(r *http.Request) http.RoundTripper {
	if carries(r) {
		return g.courier
	}
	if g.outer != nil && r.URL.Scheme == "https" && r.Header["Upgrade"] != nil {
		return g.outer
	}
	return g.transport
}

// closeIdle closes the connections to upstreams that carry nothing.
func (g *Gate) closeIdle() {
	g.transport.CloseIdleConnections()
	if g.outer != nil {
		g.outer.CloseIdleConnections()
	}
	g.courier.closeIdle()
}

// watchHealth asks every server of the sites how it is until ctx ends.
func (g *Gate) watchHealth(ctx context.Context, hosts []*Host) {
	var wait sync.WaitGroup
	for _, h := range hosts {
		if h.Health == nil {
			continue
		}
		for _, one := range h.upstreams.all {
			wait.Go(func() { g.ask(ctx, h, one) })
		}
	}
	wait.Wait()
}

func (g *Gate) ask(ctx context.Context, h *Host, u *upstream) {
	tick := time.NewTicker(h.Health.Every)
	defer tick.Stop()
	for {
		err := g.well(ctx, h, u)
		if ctx.Err() != nil {
			return
		}
		g.note(ctx, h, u, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// well asks a server how it is.
func (g *Gate) well(ctx context.Context, h *Host, u *upstream) error {
	ctx, cancel := context.WithTimeout(ctx, h.Health.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url.Scheme+"://"+u.url.Host+h.Health.Path, nil)
	if err != nil {
		return err
	}
	r.Host = firstName(h)
	r.Header.Set("User-Agent", "sekisho-health")
	a, err := g.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, a.Body, copyBytes)
	if closed := a.Body.Close(); err == nil || errors.Is(err, io.EOF) {
		err = closed
	}
	if err == nil && a.StatusCode >= 400 {
		err = badStatus(a.StatusCode)
	}
	return err
}

// badStatus is the answer of a server that is not well.
type badStatus int

func (s badStatus) Error() string { return "status " + strconv.Itoa(int(s)) }

// note takes what an answer says of a server. A change is raised.
func (g *Gate) note(ctx context.Context, h *Host, u *upstream, err error) {
	if err == nil {
		u.fails = 0
		u.alone.Store(0)
		if u.ill.CompareAndSwap(true, false) {
			g.record(ctx, &event.Finding{Code: codeHealth, Title: "an upstream is well again", Place: h.Place, Detail: u.name})
		}
		return
	}
	if u.fails++; u.fails >= h.Health.Fails && u.ill.CompareAndSwap(false, true) {
		g.record(ctx, &event.Finding{Code: codeHealth, Title: "an upstream is ill and passed over", Place: h.Place, Detail: u.name + ": " + cause(err)})
	}
}

// well returns how many servers of a site there are and how many are well.
func (h *Host) well(now time.Time) (well, all int) {
	for _, u := range h.upstreams.all {
		if !u.ill.Load() && now.UnixNano() >= u.alone.Load() {
			well++
		}
	}
	return well, len(h.upstreams.all)
}
