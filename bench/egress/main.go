// Command egress measures the egress gate against Squid and the resolver
// against dnsmasq: CPU time of the whole process a tunnel, a GB and a cached
// answer, with the ledger and the access log on, and the memory of idle
// tunnels. It is run by `make bench-egress`.
//
// A tunnel is CONNECT to an address, a TLS hello of a real client, 1 KiB back,
// and the end. The server behind is no TLS server: to both proxies the bytes
// are the same.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds, interleaved")
	tunnels := flag.Int("tunnels", 3000, "tunnels a round")
	megabytes := flag.Int("megabytes", 1024, "bytes of the long tunnel, in MiB")
	questions := flag.Int("questions", 100_000, "questions a round")
	idle := flag.Int("idle", 10_000, "idle tunnels")
	only := flag.String("only", "", "tunnel, gb, dns or idle")
	flag.Parse()
	if flag.Arg(0) == endsRole {
		if err := serveEnds(); err != nil {
			fmt.Fprintln(os.Stderr, "bench-egress: ends:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), *rounds, *tunnels, *megabytes, *questions, *idle, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench-egress:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds, tunnels, megabytes, questions, idle int, only string) error {
	l, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	wanted := func(name string) bool { return only == "" || only == name }
	var ratios []string
	for _, m := range []struct {
		name, sample, ratio string
		peer                *process
		measure             func(*process) (float64, error)
		inverse             bool
	}{
		{"tunnel", "egress_cpu_us_per_tunnel", "egress_cpu_per_tunnel_vs_squid", l.squid, func(p *process) (float64, error) { return l.shortTunnels(p, tunnels) }, false},
		{"gb", "egress_cpu_s_per_gb", "egress_cpu_per_gb_vs_squid", l.squid, func(p *process) (float64, error) { return l.longTunnel(p, megabytes) }, false},
		{"dns", "dns_cpu_us_per_answer", "dns_vs_dnsmasq", l.dnsmasq, func(p *process) (float64, error) { return l.answers(p, questions) }, true},
	} {
		if !wanted(m.name) {
			continue
		}
		var values []float64
		for range rounds + 1 { // the first round warms up
			ours, err := m.measure(l.ours)
			if err != nil {
				return fmt.Errorf("%s, sekisho: %w", m.name, err)
			}
			peer, err := m.measure(m.peer)
			if err != nil {
				return fmt.Errorf("%s, peer: %w", m.name, err)
			}
			if values = append(values, ours/peer); len(values) > 1 {
				fmt.Printf("SAMPLE %s %.3f %.3f\n", m.sample, ours, peer)
			}
		}
		value := median(values[1:])
		if m.inverse { // answers by the CPU second of ours to the peer's
			value = 1 / value
		}
		ratios = append(ratios, fmt.Sprintf("RATIO %s %.3f", m.ratio, value))
	}
	if wanted("idle") {
		m, err := l.idle(ctx, idle)
		if err != nil {
			return fmt.Errorf("idle: %w", err)
		}
		fmt.Println(m)
		fmt.Printf("SAMPLE egress_idle_rss_mib %.1f %.1f\n", m.with, m.before)
		ratios = append(ratios, fmt.Sprintf("RATIO egress_idle_%d_mib %.1f", idle, m.with))
	}
	for _, r := range ratios {
		fmt.Println(r)
	}
	return nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// settle is how long a process may go on with what it was asked before its CPU
// time is read: what was acknowledged is durable then.
const settle = 500 * time.Millisecond
