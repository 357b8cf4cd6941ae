package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/wayout"
)

// exitPace is the time between two looks at the ways out.
const exitPace = 20 * time.Second

// exitWatch compares the ways out that the machine has with those that are
// known.
type exitWatch struct {
	proc  string // /proc
	exits []wayout.Exit
	own   func() []netip.Addr // addresses of the machine
	// counters are those of nftables, nil without them. canary tells under which
	// address the internet sees this machine; nil: nobody does.
	counters func(context.Context) []byte
	canary   func(context.Context) (netip.Addr, error)
	now      func() time.Time
	around   uint64              // packets that went around the gates, when it looked last
	rose     time.Time           // when they last became more
	seen     map[wayout.Way]bool // unknown and told
	said     time.Time           // when all was told
}

// sayAgain is how often the watch says that it looks, and what is unknown. A
// question about what left looks back further (scope.Before).
const sayAgain = 6 * time.Hour

func newExitWatch(exits []config.Exit) *exitWatch {
	w := &exitWatch{proc: "/proc", own: ownAddresses, counters: nftCounters, now: time.Now, seen: map[wayout.Way]bool{}}
	for _, e := range exits {
		next, _ := netip.ParseAddr(e.Next) // checked; empty is any
		outside, _ := netip.ParseAddr(e.Outside)
		w.exits = append(w.exits, wayout.Exit{Interface: e.Interface, Next: next, Outside: outside.Unmap()})
	}
	return w
}

// ownAddresses are the machine's; none when they cannot be read.
func ownAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

// look returns what is new and unknown, and what was and is gone. Connections
// are looked at where the machine tracks them and lets us read, and so are the
// counters of `sekisho egress setup`.
func (w *exitWatch) look(ctx context.Context) (fresh, gone []wayout.Way, err error) {
	text, err := os.ReadFile(filepath.Join(w.proc, "net/route"))
	if err != nil {
		return nil, nil, err
	}
	ways, err := wayout.Routes4(text)
	if err != nil {
		return nil, nil, err
	}
	if text, err = os.ReadFile(filepath.Join(w.proc, "net/ipv6_route")); err == nil {
		six, err := wayout.Routes6(text)
		if err != nil {
			return nil, nil, err
		}
		ways = append(ways, six...)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if text, err := os.ReadFile(filepath.Join(w.proc, "net/nf_conntrack")); err == nil {
		ways = append(ways, wayout.Forwarded(text, w.own())...)
	}
	ways = append(ways, w.counted(ctx)...)
	if w.canary != nil {
		// Without an answer there is nothing to compare: the other looks stay.
		if seen, err := w.canary(ctx); err == nil {
			if way, ok := wayout.Outside(seen, w.exits); ok {
				ways = append(ways, way)
			}
		}
	}
	now := map[wayout.Way]bool{}
	for _, way := range wayout.Unknown(ways, w.exits) {
		if way.Kind == "forwarded" {
			way.Dest = netip.Addr{} // one finding a host, whatever it reaches
		}
		now[way] = true
		if !w.seen[way] {
			fresh = append(fresh, way)
		}
	}
	for way := range w.seen {
		if !now[way] {
			gone = append(gone, way)
		}
	}
	w.seen = now
	return fresh, gone, nil
}

// recently is how long packets around the gates count after the last one, so
// that one who goes around all day is one finding.
const recently = time.Hour

// counted is the way around the gates that a counter tells of.
func (w *exitWatch) counted(ctx context.Context) []wayout.Way {
	if w.counters == nil {
		return nil
	}
	all, err := wayout.Counters(w.counters(ctx))
	if err != nil {
		return nil
	}
	if n := all[bypassCounter]; n != w.around {
		if n > w.around {
			w.rose = w.now()
		}
		w.around = n // less: the rules were loaded again
	}
	if w.rose.IsZero() || w.now().Sub(w.rose) > recently {
		return nil
	}
	return []wayout.Way{{Kind: "counter", Interface: bypassCounter}}
}

// nftCounters asks nftables for the counters of `sekisho egress setup`; nothing
// where there are none, or no permission.
func nftCounters(ctx context.Context) []byte {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, "nft", "list", "counters", "table", "inet", nftTable).Output()
	if err != nil {
		return nil
	}
	return text
}

// askCanary asks an address of the internet under which address it sees this
// machine: any server that answers with it.
func askCanary(url string) func(context.Context) (netip.Addr, error) {
	// A kept connection would go on the old way after a new one came up. The
	// proxies of the environment are gates: what goes around them is looked for.
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) (netip.Addr, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return netip.Addr{}, err
		}
		r, err := client.Do(req)
		if err != nil {
			return netip.Addr{}, err
		}
		defer r.Body.Close()
		text, err := io.ReadAll(io.LimitReader(r.Body, 200))
		if err != nil {
			return netip.Addr{}, err
		}
		return netip.ParseAddr(strings.TrimSpace(string(text)))
	}
}

// startExits looks at the ways out, when some are known.
func (p *process) startExits(s *stage) {
	if len(p.cfg.Exits) == 0 {
		return
	}
	w := newExitWatch(p.cfg.Exits)
	switch {
	case p.cfg.ExitCanary != "":
		w.canary = askCanary(p.cfg.ExitCanary)
	case p.member != "":
		w.canary = func(ctx context.Context) (netip.Addr, error) {
			if p.cut == nil || p.cut.site == nil {
				return netip.Addr{}, errors.New("the hub is not asked yet")
			}
			return p.cut.site.Seen(ctx)
		}
	}
	s.run("watch of the ways out", func(ctx context.Context) error { return p.watchExits(ctx, w) })
}

func (p *process) watchExits(ctx context.Context, w *exitWatch) error {
	tick := time.NewTicker(exitPace)
	defer tick.Stop()
	for {
		fresh, gone, err := w.look(ctx)
		if err != nil {
			p.log.Error("the ways out cannot be seen", "err", err)
		} else if err := errors.Join(p.recordWays(ctx, fresh, gone), p.sayWays(ctx, w)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sayWays records that the ways out are watched, and again which are unknown.
func (p *process) sayWays(ctx context.Context, w *exitWatch) error {
	if p.now().Sub(w.said) < sayAgain {
		return nil
	}
	bodies := []event.Body{&event.ExitSeen{Seen: "process", Step: "watched", At: p.now().UnixNano()}}
	for _, way := range slices.SortedFunc(maps.Keys(w.seen), func(a, b wayout.Way) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		bodies = append(bodies, p.exitSeen(&way, "unknown"))
	}
	w.said = p.now()
	_, err := p.outer.Record(ctx, event.Durable, bodies...)
	return err
}

func (p *process) recordWays(ctx context.Context, fresh, gone []wayout.Way) error {
	var bodies []event.Body
	for _, w := range fresh {
		e := p.exitSeen(&w, "unknown")
		p.log.Warn("a way out that is in no configuration (SK3908)", "way", e.Way, "interface", e.Interface, "next", e.Next, "host", e.Address)
		bodies = append(bodies, e, &event.Finding{Code: "SK3908", Title: "a way to the internet that is in no configuration", Place: "egress",
			Detail: e.Way + " " + e.Interface + e.Address + " " + e.Next})
	}
	for _, w := range gone {
		bodies = append(bodies, p.exitSeen(&w, "gone"))
	}
	if len(bodies) == 0 {
		return nil
	}
	_, err := p.outer.Record(ctx, event.Durable, bodies...)
	return err
}

func (p *process) exitSeen(w *wayout.Way, step string) *event.ExitSeen {
	e := &event.ExitSeen{Seen: "process", Step: step, Way: w.Kind, Interface: w.Interface, At: p.now().UnixNano()}
	if w.Next.IsValid() {
		e.Next = w.Next.String()
	}
	if w.Host.IsValid() {
		e.Address = w.Host.String()
	}
	return e
}
