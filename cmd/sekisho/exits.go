package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
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
	seen  map[wayout.Way]bool // unknown and told
	said  time.Time           // when all was told
}

// sayAgain is how often the watch says that it looks, and what is unknown. A
// question about what left looks back further (scope.Before).
const sayAgain = 6 * time.Hour

func newExitWatch(exits []config.Exit) *exitWatch {
	w := &exitWatch{proc: "/proc", own: ownAddresses, seen: map[wayout.Way]bool{}}
	for _, e := range exits {
		next, _ := netip.ParseAddr(e.Next) // checked; empty is any
		w.exits = append(w.exits, wayout.Exit{Interface: e.Interface, Next: next})
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
// are looked at where the machine tracks them and lets us read.
func (w *exitWatch) look() (fresh, gone []wayout.Way, err error) {
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

// startExits looks at the ways out, when some are known.
func (p *process) startExits(s *stage) {
	if len(p.cfg.Exits) == 0 {
		return
	}
	w := newExitWatch(p.cfg.Exits)
	s.run("watch of the ways out", func(ctx context.Context) error { return p.watchExits(ctx, w) })
}

func (p *process) watchExits(ctx context.Context, w *exitWatch) error {
	tick := time.NewTicker(exitPace)
	defer tick.Stop()
	for {
		fresh, gone, err := w.look()
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
