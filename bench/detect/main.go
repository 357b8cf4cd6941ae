// Command detect measures detection: how many of the beacons and DNS tunnels in
// a played network are found, and how many alarms are false. It judges with
// what package town knows; it holds no detection of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"sekisho/internal/detect"
	"sekisho/internal/detect/town"
)

func main() {
	place := town.Town{}
	flag.IntVar(&place.Hosts, "hosts", 10_000, "hosts, one in a hundred a server")
	flag.IntVar(&place.Days, "days", 3, "days, the first without intruders")
	flag.IntVar(&place.Beacons, "beacons", 100, "beacons")
	flag.IntVar(&place.Tunnels, "tunnels", 80, "DNS tunnels")
	first := flag.Uint64("seed", uint64(time.Now().UnixNano()%1e9), "first seed")
	rounds := flag.Int("seeds", 3, "how many seeds, one after the other")
	verbose := flag.Bool("v", false, "show what was missed and what was false")
	flag.Parse()
	var recalls, falses []float64
	for i := range *rounds {
		place.Seed = *first + uint64(i)
		r := play(place, *verbose)
		fmt.Printf("seed %d: recall %.4f (%d of %d), false alarms %.3f per 1,000 hosts a day (%d), destinations to review from the time of learning %d, found after %s in the middle, %d flows, %d questions, %.2f µs each, %d MiB\n",
			place.Seed, r.recall(), r.found, r.all, r.falsePer1000(), r.wrong, r.learning, r.delay(), r.flows, r.queries, r.cost, r.heap>>20)
		for _, c := range r.classes() {
			fmt.Printf("  %-55s %d of %d\n", c, r.by[c][0], r.by[c][1])
		}
		recalls, falses = append(recalls, r.recall()), append(falses, r.falsePer1000())
	}
	slices.Sort(recalls)
	slices.Sort(falses)
	fmt.Printf("RATIO egress_recall %.4f\nRATIO egress_false_alarms_per_1000_hosts_day %.4f\n", recalls[0], falses[len(falses)-1])
	if recalls[0] < .95 || falses[len(falses)-1] > 1 {
		os.Exit(1)
	}
}

// result is of one seed.
type result struct {
	town                        town.Town
	found, all, wrong, learning int
	flows, queries              int
	cost                        float64 // µs of processor time for a flow or question
	heap                        uint64
	delays                      []time.Duration        // from the first contact to the finding
	by                          map[town.Class]*[2]int // found, all
}

func play(place town.Town, verbose bool) *result {
	r := &result{town: place, by: map[town.Class]*[2]int{}, cost: cost(place.Seed)}
	d := detect.New(detect.Config{})
	var all []detect.Finding
	truth := place.Play(
		func(f *detect.Flow) { r.flows++; all = d.Flow(all, f) },
		func(q *detect.Query) { r.queries++; all = d.Query(all, q) })
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.heap = m.HeapAlloc
	runtime.KeepAlive(d)
	r.judge(all, truth, verbose)
	return r
}

// judge compares. A finding about an intruder's host and destination is right;
// any other that is a new alarm, after the time of learning, is false.
func (r *result) judge(all []detect.Finding, truth []town.Intruder, verbose bool) {
	hit := map[[2]string]time.Duration{}
	for _, f := range all {
		if _, before := hit[[2]string{f.Host, f.Dest}]; !before {
			hit[[2]string{f.Host, f.Dest}] = f.At.Sub(f.From)
		}
	}
	bad := map[[2]string]bool{}
	for _, x := range truth {
		if r.by[x.Class] == nil {
			r.by[x.Class] = new([2]int)
		}
		ok := false
		for _, dest := range x.Dests {
			bad[[2]string{x.Host, dest}] = true
			if after, found := hit[[2]string{x.Host, dest}]; found && !ok {
				ok = true
				r.delays = append(r.delays, after)
			}
		}
		r.all++
		r.by[x.Class][1]++
		if ok {
			r.found++
			r.by[x.Class][0]++
		} else if verbose {
			fmt.Println("missed:", x)
		}
	}
	for _, f := range all {
		switch {
		case bad[[2]string{f.Host, f.Dest}]:
		case f.Further:
		case f.Learning:
			r.learning++
		default:
			r.wrong++
			if verbose {
				fmt.Println("false:", f)
			}
		}
	}
}

func (r *result) recall() float64 { return float64(r.found) / float64(r.all) }

func (r *result) falsePer1000() float64 {
	return float64(r.wrong) / float64(r.town.Hosts) * 1000 / float64(r.town.Days-1)
}

// cost measures, with a small town, what playing costs with and without a
// detector, and returns the difference for one flow or question in µs.
func cost(seed uint64) float64 {
	place := town.Town{Hosts: 500, Days: 1, Seed: seed}
	n := 0
	alone := cpu(func() { place.Play(func(*detect.Flow) { n++ }, func(*detect.Query) { n++ }) })
	d := detect.New(detect.Config{})
	var out []detect.Finding
	with := cpu(func() {
		place.Play(func(f *detect.Flow) { out = d.Flow(out[:0], f) }, func(q *detect.Query) { out = d.Query(out[:0], q) })
	})
	return float64((with - alone).Nanoseconds()) / 1e3 / float64(n)
}

func (r *result) delay() time.Duration {
	slices.Sort(r.delays)
	if len(r.delays) == 0 {
		return 0
	}
	return r.delays[len(r.delays)/2].Round(time.Minute)
}

func (r *result) classes() []town.Class {
	var out []town.Class
	for c := range r.by {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}
