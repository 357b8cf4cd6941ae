package detect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/seed"
)

var begin = time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)

// learned returns a detector for which the time of learning is over and which
// knows the host.
func learned(cfg Config, host string) *Detector {
	d := New(cfg)
	d.Flow(nil, &Flow{At: begin, Host: host, Dest: "known.example", Sent: 100})
	return d
}

func feature(f Finding, name string) string {
	for _, x := range f.Features {
		if x.Name == name {
			return x.Value
		}
	}
	return ""
}

func kindsOf(all []Finding) []Kind {
	out := []Kind{}
	for _, f := range all {
		out = append(out, f.Kind)
	}
	return out
}

func TestFirstContact(t *testing.T) {
	late := begin.Add(25 * time.Hour)
	for _, c := range []struct {
		name string
		flow Flow
		want []Kind
	}{
		{"server, new", Flow{At: late, Host: "10.0.0.5", Server: true, Dest: "new.example", Content: []Feature{{"server_name", "new.example"}}}, []Kind{FirstContact}},
		{"server, named by a rule", Flow{At: late, Host: "10.0.0.5", Server: true, Dest: "new.example", Named: true}, []Kind{}},
		{"server, known", Flow{At: late, Host: "10.0.0.5", Server: true, Dest: "known.example"}, []Kind{}},
		{"no server", Flow{At: late, Host: "10.0.0.5", Dest: "new.example"}, []Kind{}},
		{"while learning", Flow{At: begin.Add(time.Hour), Host: "10.0.0.5", Server: true, Dest: "new.example"}, []Kind{}},
		{"server that was never seen", Flow{At: late, Host: "10.0.0.6", Server: true, Dest: "new.example"}, []Kind{}},
	} {
		d := learned(Config{}, "10.0.0.5")
		got := d.Flow(nil, &c.flow)
		if diff := cmp.Diff(c.want, kindsOf(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if len(got) > 0 && feature(got[0], "server_name") != "new.example" {
			t.Errorf("%s: what the gate saw is not kept: %v", c.name, got)
		}
		if again := d.Flow(nil, &c.flow); len(again) > 0 {
			t.Errorf("%s: raised twice: %v", c.name, again)
		}
	}
}

// call plays contacts at the given intervals until a beacon is found.
func call(d *Detector, f Flow, n int, gap func() time.Duration, size func() uint64) (found []Finding, contacts int) {
	for contacts = 1; contacts <= n && len(found) == 0; contacts++ {
		f.Sent = size()
		found = slices.DeleteFunc(d.Flow(found, &f), func(x Finding) bool { return x.Kind != Beacon })
		f.At = f.At.Add(gap())
	}
	return found, contacts - 1
}

func TestBeacon(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed.For(t), 7))
	fixed := func() uint64 { return 300 }
	varied := func() uint64 { return 200 + rng.Uint64N(3000) }
	flow := Flow{At: begin.Add(25 * time.Hour), Host: "10.0.0.5", Dest: "c2.example.net"}
	server := flow
	server.Server = true
	for _, c := range []struct {
		name string
		flow Flow
		gap  func() time.Duration
		size func() uint64
		want bool
	}{
		{"every minute", flow, func() time.Duration { return time.Minute }, fixed, true},
		{"every minute, from a server", server, func() time.Duration { return time.Minute }, fixed, true},
		{"60 % shorter at random", server, func() time.Duration { return time.Minute - time.Duration(rng.Int64N(36e9)) }, fixed, true},
		{"±50 %, sizes padded", server, func() time.Duration { return time.Minute/2 + time.Duration(rng.Int64N(60e9)) },
			func() uint64 { return 300 + rng.Uint64N(300) }, true},
		{"every minute, where a rule says so", Flow{At: flow.At, Host: flow.Host, Server: true, Named: true, Dest: flow.Dest}, func() time.Duration { return time.Minute }, fixed, false},
		{"chance", server, func() time.Duration { return time.Duration(rng.ExpFloat64() * 60e9) }, varied, false},
		{"bursts", server, func() time.Duration {
			if rng.IntN(8) == 0 {
				return time.Duration(rng.ExpFloat64() * 30 * 60e9)
			}
			return 3*time.Second + time.Duration(rng.ExpFloat64()*5e9)
		}, varied, false},
	} {
		d := learned(Config{}, flow.Host)
		found, n := call(d, c.flow, 2000, c.gap, c.size)
		if got := len(found) == 1 && found[0].Kind == Beacon; got != c.want {
			t.Errorf("%s: after %d contacts %v, want a beacon: %t", c.name, n, found, c.want)
		}
		if c.want && c.flow.Server && n > 40 {
			t.Errorf("%s: found after %d contacts only", c.name, n)
		}
	}
}

// What everybody does is no beacon, unless it is new for all: then it is one
// alarm.
func TestCommonDestination(t *testing.T) {
	for _, late := range []bool{false, true} {
		d := New(Config{})
		at := begin
		d.Flow(nil, &Flow{At: at, Host: "10.9.9.9", Dest: "known.example"})
		if late {
			at = at.Add(30 * time.Hour)
		}
		var found []Finding
		for i := range 12 * 60 {
			for h := range 20 {
				found = d.Flow(found, &Flow{At: at.Add(time.Duration(i)*time.Minute + time.Duration(h)*time.Second), Host: fmt.Sprintf("10.0.0.%d", h), Dest: "mail.example", Sent: 200})
			}
		}
		if want := map[bool]int{false: 0, true: 1}[late]; len(found) != want {
			t.Errorf("new for all %t: %d findings, want %d: %v", late, len(found), want, found)
		}
	}
}

func TestLong(t *testing.T) {
	for _, c := range []struct {
		server bool
		lasted time.Duration
		want   int
	}{{true, time.Hour, 1}, {true, 50 * time.Minute, 0}, {false, 2 * time.Hour, 0}, {false, 9 * time.Hour, 1}} {
		d := learned(Config{}, "10.0.0.5")
		f := Flow{At: begin.Add(26 * time.Hour), Host: "10.0.0.6", Server: c.server, Dest: "stay.example", Lasted: c.lasted}
		got := d.Flow(nil, &f)
		if len(got) != c.want || c.want == 1 && got[0].Kind != Long {
			t.Errorf("server %t, %v: %v", c.server, c.lasted, got)
		}
	}
}

func TestVolume(t *testing.T) {
	d := New(Config{VolumeFloor: 1 << 20})
	f := Flow{Host: "10.0.0.5", Server: true, Named: true, Dest: "partner.example"}
	var found []Finding
	for hour := range 48 { // up to 1 MB an hour, as always
		f.At, f.Sent = begin.Add(time.Duration(hour)*time.Hour+time.Minute), 900_000+uint64(hour)
		found = d.Flow(found, &f)
	}
	f.At, f.Sent = begin.Add(48*time.Hour), 3_000_000
	if found = d.Flow(found, &f); len(found) != 0 {
		t.Fatalf("ordinary hours: %v", found)
	}
	f.At, f.Sent = f.At.Add(time.Minute), 2_000_000
	found = d.Flow(found, &f)
	if len(found) != 1 || found[0].Kind != Volume || feature(found[0], "bytes_sent_this_hour") != "5e+06" {
		t.Fatalf("five times as much: %v", found)
	}
	if again := d.Flow(nil, &f); len(again) != 0 {
		t.Errorf("twice in an hour: %v", again)
	}
}

// Bytes that leave a host which has just read persons: the point of it all.
func TestLeak(t *testing.T) {
	late := begin.Add(30 * time.Hour)
	read := func(at time.Time, n uint32) Read {
		return Read{At: at, Host: "10.0.0.5", Source: "shop.customers", Subjects: event.Set{{First: 1, Last: n}}}
	}
	send := func(at time.Time, dest string, n uint64) Flow {
		return Flow{At: at, Host: "10.0.0.5", Server: true, Named: true, Dest: dest, Sent: n}
	}
	for _, c := range []struct {
		name string
		do   func(d *Detector, out []Finding) []Finding
		want []Kind
	}{
		{"read many, sent much", func(d *Detector, out []Finding) []Finding {
			r := read(late, 8000)
			d.Read(&r)
			d.Read(&r) // the same persons again are not more persons
			f := send(late.Add(20*time.Minute), "drop.example", 400_000)
			return d.Flow(out, &f)
		}, []Kind{Leak}},
		{"read many long ago", func(d *Detector, out []Finding) []Finding {
			r := read(late, 8000)
			d.Read(&r)
			f := send(late.Add(2*time.Hour), "drop.example", 400_000)
			return d.Flow(out, &f)
		}, []Kind{}},
		{"read nobody", func(d *Detector, out []Finding) []Finding {
			f := send(late, "drop.example", 400_000)
			return d.Flow(out, &f)
		}, []Kind{}},
		{"another host read", func(d *Detector, out []Finding) []Finding {
			r := read(late, 8000)
			r.Host = "10.0.0.7"
			d.Read(&r)
			f := send(late.Add(time.Minute), "drop.example", 400_000)
			return d.Flow(out, &f)
		}, []Kind{}},
		{"too little for so many", func(d *Detector, out []Finding) []Finding {
			r := read(late, 800_000)
			d.Read(&r)
			f := send(late.Add(time.Minute), "drop.example", 20_000)
			return d.Flow(out, &f)
		}, []Kind{}},
		{"nobody knows who was read", func(d *Detector, out []Finding) []Finding {
			d.Read(&Read{At: late, Host: "10.0.0.5", Bounded: 7000})
			f := send(late.Add(time.Minute), "drop.example", 400_000)
			return d.Flow(out, &f)
		}, []Kind{Leak}},
		{"as every hour", func(d *Detector, out []Finding) []Finding {
			for i := range 60 {
				at := begin.Add(time.Duration(i) * time.Hour)
				r := read(at, 300)
				d.Read(&r)
				f := send(at.Add(time.Minute), "payment.example", 30_000)
				out = d.Flow(out, &f)
			}
			return out
		}, []Kind{}},
	} {
		d := learned(Config{}, "10.0.0.5")
		got := c.do(d, nil)
		if diff := cmp.Diff(c.want, kindsOf(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%v", c.name, diff, got)
		}
		if c.name == "read many, sent much" && len(got) == 1 && feature(got[0], "persons_read_known") != "8000" {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestTunnelNeedsNewNames(t *testing.T) {
	d := learned(Config{}, "10.0.0.5")
	var found []Finding
	for i := range 20_000 { // a long name, again and again
		found = d.Query(found, &Query{At: begin.Add(25*time.Hour + time.Duration(i)*time.Second), Host: "10.0.0.5",
			Name: fmt.Sprintf("%064d.%d.static.example.com", 7, i%5), Type: 1})
	}
	for i := range 20_000 {
		found = d.Query(found, &Query{At: begin.Add(25*time.Hour + time.Duration(i)*time.Second), Host: "10.0.0.5",
			Name: fmt.Sprintf("%d.%d.%d.10.in-addr.arpa", i%256, i/256%256, i/65536), Type: 12})
	}
	if len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

// A host that talks to very many destinations does not make others forgotten.
func TestFloodStaysWithItsHost(t *testing.T) {
	d := New(Config{Pairs: 1000, PairsOfHost: 100, Domains: 1000, DomainsOfOne: 100})
	quiet := Flow{At: begin, Host: "10.0.0.5", Server: true, Dest: "known.example"}
	d.Flow(nil, &quiet)
	for i := range 50_000 {
		at := begin.Add(25*time.Hour + time.Duration(i)*time.Millisecond)
		d.Flow(nil, &Flow{At: at, Host: "10.0.0.66", Dest: fmt.Sprintf("d%d.example", i)})
		d.Query(nil, &Query{At: at, Host: "10.0.0.66", Name: fmt.Sprintf("a.d%d.com", i)})
	}
	quiet.At = begin.Add(26 * time.Hour)
	if got := d.Flow(nil, &quiet); len(got) != 0 {
		t.Errorf("a known destination is new: %v", got)
	}
	if d.Held() > 220 || d.Forgotten() < 90_000 {
		t.Errorf("held %d, forgotten %d", d.Held(), d.Forgotten())
	}
	if len(d.pairs.dests.text) > 200 || len(d.names.dests.text) > 200 {
		t.Errorf("%d and %d names", len(d.pairs.dests.text), len(d.names.dests.text))
	}
}

// TestTableEqualsModel compares the table with a list kept in order of use.
func TestTableEqualsModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed.For(t), 3))
	type key struct{ host, dest string }
	for range 200 {
		total, perHost := 1+rng.IntN(12), 1+rng.IntN(6)
		table := newTable[int](total, perHost)
		var order []key // oldest first
		values := map[key]int{}
		for step := range 200 {
			k := key{fmt.Sprint("h", rng.IntN(5)), fmt.Sprint("d", rng.IntN(8))}
			v, dest, fresh := table.at(k.host, k.dest)
			_, known := values[k]
			if fresh == known || known && *v != values[k] {
				t.Fatalf("step %d, %v: new %t, value %d; model: known %t, %d", step, k, fresh, *v, known, values[k])
			}
			order = slices.DeleteFunc(order, func(o key) bool { return o == k })
			if !known {
				mine := 0
				for _, o := range order {
					if o.host == k.host {
						mine++
					}
				}
				drop := -1
				if mine >= perHost {
					drop = slices.IndexFunc(order, func(o key) bool { return o.host == k.host })
				} else if len(order) >= total {
					drop = 0
				}
				if drop >= 0 {
					delete(values, order[drop])
					order = slices.Delete(order, drop, drop+1)
				}
			}
			order = append(order, k)
			*v, values[k] = step, step
			hosts := 0
			for _, o := range order {
				if o.dest == k.dest {
					hosts++
				}
			}
			if int(dest.pairs) != hosts || len(table.cells) != len(order) {
				t.Fatalf("step %d: %d hosts with %s, %d cells; model %d, %d", step, dest.pairs, k.dest, len(table.cells), hosts, len(order))
			}
		}
	}
}

func TestExceptions(t *testing.T) {
	f := Finding{Kind: Beacon, At: begin, Host: "10.0.0.5", Dest: "poll.tool.example"}
	for _, c := range []struct {
		e    Exception
		want bool
	}{
		{Exception{}, true}, {Exception{Kind: Tunnel}, false}, {Exception{Kind: Beacon, Dest: "tool.example"}, true},
		{Exception{Dest: "*.tool.example"}, true}, {Exception{Dest: "ool.example"}, false}, {Exception{Dest: "POLL.tool.example"}, true},
		{Exception{Host: "10.0.0.0/24"}, true}, {Exception{Host: "10.0.1.0/24"}, false}, {Exception{Host: "10.0.0.5"}, true},
		{Exception{Until: begin}, false}, {Exception{Until: begin.Add(1)}, true},
	} {
		if got := c.e.Covers(&f); got != c.want {
			t.Errorf("%+v: %t, want %t", c.e, got, c.want)
		}
	}
	open, covered := Split([]Finding{f, {Kind: Tunnel}}, []Exception{{Kind: Beacon}})
	if len(open) != 1 || len(covered) != 1 || covered[0].Kind != Beacon {
		t.Errorf("open %v, covered %v", open, covered)
	}
}

// FuzzQuery: no name makes it panic or grow.
func FuzzQuery(f *testing.F) {
	f.Add("a.b.co.jp", uint16(1))
	f.Add(".", uint16(16))
	f.Add("\xff\x00..com", uint16(10))
	d := New(Config{Domains: 100, DomainsOfOne: 10})
	n := 0
	f.Fuzz(func(t *testing.T, name string, kind uint16) {
		n++
		d.Query(nil, &Query{At: begin.Add(time.Duration(n) * time.Second), Host: "10.0.0.5", Name: name, Type: kind})
		if d.Held() > 120 {
			t.Fatalf("%d pairs are held", d.Held())
		}
	})
}
