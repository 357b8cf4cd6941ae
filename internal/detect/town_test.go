package detect_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/detect"
	"sekisho/internal/detect/town"
	"sekisho/internal/seed"
)

// TestTown: in a small town nearly all intruders are found and few alarms are
// false; `make eval-egress` measures the same with 10,000 hosts. The same input
// gives the same findings.
func TestTown(t *testing.T) {
	place := town.Town{Hosts: 200, Days: 3, Beacons: 10, Tunnels: 8, Seed: seed.For(t)}
	play := func() (all []detect.Finding, truth []town.Intruder) {
		d := detect.New(detect.Config{})
		truth = place.Play(func(f *detect.Flow) { all = d.Flow(all, f) }, func(q *detect.Query) { all = d.Query(all, q) })
		return all, truth
	}
	all, truth := play()
	pair := func(host, dest string) string { return host + " " + dest }
	bad, hit := map[string]bool{}, map[string]bool{}
	for _, x := range truth {
		for _, dest := range x.Dests {
			bad[pair(x.Host, dest)] = true
		}
	}
	wrong := 0
	for _, f := range all {
		hit[pair(f.Host, f.Dest)] = true
		if !bad[pair(f.Host, f.Dest)] && !f.Learning && !f.Further {
			wrong++
			t.Logf("false: %+v", f)
		}
	}
	found := 0
	for _, x := range truth {
		ok := false
		for _, dest := range x.Dests {
			ok = ok || hit[pair(x.Host, dest)]
		}
		if ok {
			found++
		} else {
			t.Logf("missed: %+v", x)
		}
	}
	if found < len(truth)-2 || wrong > 3 {
		t.Errorf("found %d of %d, %d false alarms", found, len(truth), wrong)
	}
	place.Hosts, place.Days = 50, 2
	all, _ = play()
	again, _ := play()
	if diff := cmp.Diff(all, again); diff != "" {
		t.Errorf("played again (-first +second):\n%s", diff)
	}
}
