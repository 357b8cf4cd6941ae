// Command cut measures how long an order takes from the hub to the last flow:
// remote gates with streams to a hub (mutual TLS, real files), each with an
// egress gate and live tunnels through it. Every round opens the tunnels anew,
// orders a cut of everything, takes the time of the last gate's receipt, which
// is that of its last flow, and then looks whether every client's end is shut.
// It is run by `make bench-egress`.
//
// The gates, five to a process, the clients and the destinations are processes
// of their own, because a process may have so many files only; the hub is in
// this one. All gates share the processors of one machine, which real ones would
// not; the clients and destinations, which no gate has to wait for, are stopped
// (SIGSTOP) from the order to the last receipt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/hub/answer"
	"sekisho/internal/hub/pki"
	"sekisho/internal/policy/cut"
)

func main() {
	gates := flag.Int("gates", 50, "remote gates")
	tunnels := flag.Int("tunnels", 1000, "live tunnels through each")
	rounds := flag.Int("rounds", 5, "orders")
	each := flag.Int("each", 5, "gates in a process")
	flag.Parse()
	var err error
	switch flag.Arg(0) {
	case "gates":
		err = gatesProcess()
	case "load":
		err = loadProcess()
	default:
		err = run(context.Background(), *gates, *tunnels, *rounds, *each)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-egress: cut:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, gates, tunnels, rounds, each int) (err error) {
	dir, err := os.MkdirTemp("", "sekisho-bench-cut-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithCancel(ctx)
	h, err := openHub(ctx, dir)
	if err != nil {
		cancel()
		return err
	}
	defer func() { cancel(); err = errors.Join(err, <-h.done) }()
	var groups []*group
	defer func() {
		for _, g := range groups {
			g.stop()
		}
	}()
	for first := 0; first < gates; first += each {
		g, err := h.group(ctx, dir, first, min(each, gates-first))
		if err != nil {
			return err
		}
		groups = append(groups, g)
	}
	var orders, flows []time.Duration
	for round := range rounds {
		last, all, err := h.round(ctx, groups, gates, tunnels, round)
		if err != nil {
			return err
		}
		orders, flows = append(orders, last), append(flows, all...)
		fmt.Printf("SAMPLE egress_cut_ms %.1f 1000\n", ms(last))
	}
	slices.Sort(orders)
	slices.Sort(flows)
	fmt.Printf("%d gates, %d tunnels each, %d orders: last flow shut after %.1f ms in the middle, %.1f ms at most; half of the gates after %.1f ms\n",
		gates, tunnels, rounds, ms(orders[len(orders)/2]), ms(orders[len(orders)-1]), ms(flows[len(flows)/2]))
	fmt.Printf("RATIO egress_cut_p99_ms %.1f\n", ms(orders[(len(orders)*99+99)/100-1]))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// theHub is the side that orders.
type theHub struct {
	cuts   *hub.Cuts
	server *hub.Server
	done   chan error
}

func openHub(ctx context.Context, dir string) (*theHub, error) {
	skey, vkey, err := hub.OrdersKey(dir, "bench")
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	ledger, err := os.Create(filepath.Join(dir, "events"))
	if err != nil {
		return nil, err
	}
	record := func(_ context.Context, bodies ...event.Body) error { // what is ordered waits for the disk
		_, err := fmt.Fprintln(ledger, len(bodies))
		return errors.Join(err, ledger.Sync())
	}
	h := &theHub{done: make(chan error, 1)}
	if h.cuts, err = hub.Open(ctx, hub.Config{Tenant: "bench", Dir: dir, Signer: signer, Verifier: verifier, Record: record,
		Gates: answer.New("hub", signer, time.Now), Now: time.Now, Wait: time.Minute}, hub.Past{}); err != nil {
		return nil, err
	}
	authority, err := pki.Open(dir, time.Now)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.server, err = hub.NewServer(hub.ServerConfig{Listener: l, Hosts: []string{"127.0.0.1"}, URL: "https://" + l.Addr().String(), Dir: dir,
		Authority: authority, Cuts: h.cuts, Orders: vkey, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	go func() { h.done <- errors.Join(h.server.Run(ctx), ledger.Close()) }()
	return h, nil
}

// round opens the tunnels, cuts them, and looks.
func (h *theHub) round(ctx context.Context, groups []*group, gates, tunnels, round int) (last time.Duration, all []time.Duration, err error) {
	for _, g := range groups { // one after the other: opening is not what is measured
		if err := g.open(tunnels); err != nil {
			return 0, nil, err
		}
	}
	for _, g := range groups {
		if err := g.load.pause(); err != nil {
			return 0, nil, err
		}
	}
	began := time.Now()
	r, err := h.cuts.Order(ctx, hub.Change{Add: []cut.Entry{{Kind: cut.All, Until: began.Add(time.Hour).UnixNano()}}, By: "bench", Reason: fmt.Sprint("round ", round)})
	if err != nil {
		return 0, nil, err
	}
	closed := uint64(0)
	for _, g := range r.Gates {
		if g.Red || g.Generation != r.Generation {
			return 0, nil, fmt.Errorf("%s is red: %s", g.Gate, g.Why)
		}
		closed += g.Closed
	}
	if want := uint64(gates * tunnels); closed != want {
		return 0, nil, fmt.Errorf("%d tunnels were closed, want %d", closed, want)
	}
	for _, g := range r.Gates {
		d := g.At.Sub(began)
		last, all = max(last, d), append(all, d)
	}
	shut := 0
	for _, g := range groups {
		if err := g.load.goOn(); err != nil {
			return 0, nil, err
		}
		n, err := g.shut()
		if err != nil {
			return 0, nil, err
		}
		shut += n
	}
	if shut != gates*tunnels {
		return 0, nil, fmt.Errorf("%d clients saw the end of their tunnel, want %d", shut, gates*tunnels)
	}
	_, err = h.cuts.Order(ctx, hub.Change{Remove: r.Added, By: "bench", Reason: fmt.Sprint("after round ", round)})
	return last, all, err
}
