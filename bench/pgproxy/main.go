// Command pgproxy measures the PostgreSQL gate against pgbouncer: CPU time of
// the whole proxy process for one transaction, and transactions per second of
// pgbench, over the workloads fixed in bench/peers/README.md.
//
// It is not a test: it asserts nothing about time. It fails only when a row
// was not attributed exactly or a program does not run.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved rounds")
	flag.DurationVar(&o.length, "length", 3*time.Second, "length of one pgbench run")
	flag.StringVar(&o.sekisho, "sekisho", "bin/sekisho", "the program under test")
	flag.StringVar(&o.only, "only", "", "only workloads whose name contains this")
	flag.BoolVar(&o.tls, "tls", true, "measure the TLS rows too")
	flag.IntVar(&o.scale, "scale", 10, "pgbench scale")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-pgproxy:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds, scale int
	length        time.Duration
	sekisho, only string
	tls           bool
}

// workload is one pgbench script in one protocol mode with a number of clients.
type workload struct {
	name string
	args []string // of pgbench, without connection
}

func workloads(thousand string) []workload {
	scripts := []workload{
		{"select-prepared", []string{"-S", "-M", "prepared"}},
		{"select-simple", []string{"-S", "-M", "simple"}},
		{"select-extended", []string{"-S", "-M", "extended"}},
		{"tpcb", []string{"-M", "prepared", "-b", "tpcb-like"}},
		{"rows1000x8", []string{"-M", "prepared", "-f", thousand}},
	}
	var all []workload
	for _, s := range scripts {
		for _, c := range []string{"1", "8"} {
			all = append(all, workload{s.name + "-c" + c, append(slices.Clone(s.args), "-c", c, "-j", min(c, "2"))})
		}
	}
	return all
}

// sample is one run through one proxy.
type sample struct {
	tps, cpuMicros float64
}

func run(ctx context.Context, o options) error {
	lab, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer lab.close()
	fmt.Println(lab.machine())
	for _, tls := range []bool{false, true} {
		if tls && !o.tls {
			continue
		}
		if err := lab.measure(ctx, tls); err != nil {
			return err
		}
	}
	return nil
}

// measure runs every workload through both proxies, round by round, and prints
// samples and ratios. Names of the TLS rows end in _tls.
func (l *lab) measure(ctx context.Context, tls bool) error {
	suffix := ""
	if tls {
		suffix = "_tls"
	}
	ours, err := l.startGate(ctx, tls)
	if err != nil {
		return err
	}
	defer ours.stop()
	peer, err := l.startPgbouncer(ctx, tls)
	if err != nil {
		return err
	}
	defer peer.stop()

	var cpuRatios, tpsRatios []float64
	for _, w := range workloads(l.thousandFile) {
		if !strings.Contains(w.name, l.o.only) {
			continue
		}
		var cpu, tps []float64
		for r := range l.o.rounds {
			var a, b sample
			measure := []func() error{
				func() (err error) { a, err = ours.bench(ctx, w); return },
				func() (err error) { b, err = peer.bench(ctx, w); return },
			}
			if r%2 == 1 {
				slices.Reverse(measure)
			}
			for _, m := range measure {
				if err := m(); err != nil {
					return fmt.Errorf("%s%s: %w", w.name, suffix, err)
				}
			}
			fmt.Printf("SAMPLE pgproxy_cpu_%s%s %.2f %.2f\n", w.name, suffix, a.cpuMicros, b.cpuMicros)
			fmt.Printf("SAMPLE pgproxy_tps_%s%s %.0f %.0f\n", w.name, suffix, a.tps, b.tps)
			cpu = append(cpu, a.cpuMicros/b.cpuMicros)
			tps = append(tps, a.tps/b.tps)
		}
		fmt.Printf("RATIO pgproxy_cpu_%s%s %.3f\n", w.name, suffix, median(cpu))
		fmt.Printf("RATIO pgproxy_tps_%s%s %.3f\n", w.name, suffix, median(tps))
		cpuRatios = append(cpuRatios, median(cpu))
		tpsRatios = append(tpsRatios, median(tps))
	}
	if err := l.checkExact(ctx, ours, suffix); err != nil {
		return err
	}
	fmt.Printf("RATIO pgproxy_cpu_vs_pgbouncer%s %.3f\n", suffix, geomean(cpuRatios))
	fmt.Printf("RATIO pgproxy_tps_vs_pgbouncer%s %.3f\n", suffix, geomean(tpsRatios))
	fmt.Printf("RATIO pgproxy_cpu_worst%s %.3f\n", suffix, slices.Max(cpuRatios))
	fmt.Printf("RATIO pgproxy_tps_worst%s %.3f\n", suffix, slices.Min(tpsRatios))
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func geomean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}
