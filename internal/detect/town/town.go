// Package town plays a network of ordinary hosts and of intruders to
// test and to measure detection. It is no model of any real firm: its rates are
// written down here, so that a figure measured with it can be judged. It knows
// nothing of how detection works.
package town

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"sekisho/internal/detect"
)

// Town is the network. All rates are per host unless another unit is named.
type Town struct {
	Hosts   int    // one in a hundred is a server
	Days    int    // the first has no intruders
	Beacons int    // intruders that call home, from the second day
	Tunnels int    // intruders that talk through DNS, from the second day
	Seed    uint64 // the same seed plays the same
}

// Begin is the first moment of every town: a Monday.
var Begin = time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)

// Class is a group of intruders whose recall is told apart.
type Class string

// Intruder is the truth of one.
type Intruder struct {
	Class Class
	Host  string
	Dests []string // any of them
}

// Play calls flow and query in the order of time until the last day ends, and
// returns the truth.
func (t Town) Play(flow func(*detect.Flow), query func(*detect.Query)) []Intruder {
	w := &world{Town: t, rng: rand.New(rand.NewPCG(t.Seed, 0x5e4b1540)), flow: flow, query: query, end: Begin.AddDate(0, 0, t.Days)}
	w.weights(20_000)
	for i := range t.Hosts {
		w.settle(i)
	}
	truth := w.intrude()
	for len(w.queue) > 0 {
		p := w.queue[0]
		if !p.at.Before(w.end) {
			break
		}
		w.now = p.at
		p.at = p.at.Add(max(time.Millisecond, p.act(p.at)))
		heap.Fix(&w.queue, 0)
	}
	return truth
}

// never ends a program.
const never = 1000 * 24 * time.Hour

// program is something that acts from time to time on a host; act returns when
// it acts next.
type program struct {
	at  time.Time
	act func(now time.Time) time.Duration
}

type programs []*program

func (q programs) Len() int           { return len(q) }
func (q programs) Less(i, k int) bool { return q[i].at.Before(q[k].at) }
func (q programs) Swap(i, k int)      { q[i], q[k] = q[k], q[i] }
func (q *programs) Push(x any)        { *q = append(*q, x.(*program)) }
func (q *programs) Pop() any          { old := *q; p := old[len(old)-1]; *q = old[:len(old)-1]; return p }

type world struct {
	Town
	rng   *rand.Rand
	flow  func(*detect.Flow)
	query func(*detect.Query)
	queue programs
	now   time.Time
	end   time.Time
	sites []float64 // cumulative weight
	hosts []host
}

type host struct {
	name       string
	server     bool
	from, till float64 // hours of the day in which it is on
}

func (w *world) start(at time.Time, act func(time.Time) time.Duration) {
	heap.Push(&w.queue, &program{at, act})
}

// weights makes sites as popular as Zipf's law with exponent 1 says.
func (w *world) weights(n int) {
	sum := 0.0
	for i := range n {
		sum += 1 / float64(i+1)
		w.sites = append(w.sites, sum)
	}
}

// site draws a site.
func (w *world) site() string {
	x := w.rng.Float64() * w.sites[len(w.sites)-1]
	lo, hi := 0, len(w.sites)-1
	for lo < hi {
		if mid := (lo + hi) / 2; w.sites[mid] < x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return fmt.Sprintf("www.site%d.example", lo)
}

func (w *world) exp(mean time.Duration) time.Duration {
	return time.Duration(w.rng.ExpFloat64() * float64(mean))
}

// lognormal has the median and a spread in natural logarithms.
func (w *world) lognormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*w.rng.NormFloat64())
}

func (h *host) on(now time.Time) bool {
	hour := float64(now.Sub(Begin)%(24*time.Hour)) / float64(time.Hour)
	return hour >= h.from && hour < h.till
}

// untilOn is how long it takes until the host is on.
func (h *host) untilOn(now time.Time) time.Duration {
	if h.on(now) {
		return 0
	}
	day := now.Sub(Begin) % (24 * time.Hour)
	wait := time.Duration(h.from*float64(time.Hour)) - day
	if wait <= 0 {
		wait += 24 * time.Hour
	}
	return wait
}

// whileOn acts only while the host is on.
func (w *world) whileOn(h *host, first time.Time, act func(time.Time) time.Duration) {
	w.start(first, func(now time.Time) time.Duration {
		if wait := h.untilOn(now); wait > 0 {
			return wait + w.exp(5*time.Minute)
		}
		return act(now)
	})
}

func (w *world) send(now time.Time, h *host, dest string, sent, received float64, lasted time.Duration) {
	w.flow(&detect.Flow{At: now, Host: h.name, Server: h.server, Dest: dest, Sent: uint64(sent), Received: uint64(received), Lasted: lasted})
}

func (w *world) ask(now time.Time, h *host, name string, kind uint16, answered uint64) {
	w.query(&detect.Query{At: now, Host: h.name, Name: name, Type: kind, Answered: answered})
}

// settle makes a host and its ordinary programs.
func (w *world) settle(i int) {
	h := &host{name: fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), server: i%100 == 99}
	if h.server {
		h.till = 24
		w.serve(h, i)
	} else {
		h.from, h.till = 8+w.rng.Float64()*1.5, 17+w.rng.Float64()*3
		if w.rng.Float64() < .1 {
			h.from, h.till = 0, 24 // never switched off
		}
		w.office(h)
	}
	w.vendors(h)
	w.hosts = append(w.hosts, *h)
}

// serve: five destinations of its own business, updates, and now and then
// something new that an administrator does (once in 200 days).
func (w *world) serve(h *host, i int) {
	for k := range 5 {
		dest := fmt.Sprintf("api%d.partner%d.example", k, i/500)
		mean := time.Duration(1+w.rng.IntN(10)) * time.Minute
		w.start(Begin.Add(w.exp(mean)), func(now time.Time) time.Duration {
			w.send(now, h, dest, w.lognormal(3000, 1), w.lognormal(8000, 1), time.Second)
			return w.exp(mean)
		})
	}
	w.start(Begin.Add(w.exp(200*24*time.Hour)), func(now time.Time) time.Duration {
		w.send(now, h, fmt.Sprintf("mirror%d.example", w.rng.IntN(1e6)), 2000, 5e7, time.Minute)
		return w.exp(200 * 24 * time.Hour)
	})
	if i%3000 == 2999 { // a mail server asks a list of bad senders, and everybody's names
		w.start(Begin, func(now time.Time) time.Duration {
			w.ask(now, h, fmt.Sprintf("%d.%d.%d.%d.zen.blocklist.example", w.rng.IntN(256), w.rng.IntN(256), w.rng.IntN(256), w.rng.IntN(224)), 1, 60)
			return w.exp(40 * time.Second)
		})
	}
}

// vendors: 16 makers of software that everybody polls at fixed times: mail,
// updates, virus lists; and one that is asked for hashes through DNS.
func (w *world) vendors(h *host) {
	for v := range 16 {
		if w.rng.Float64() > .9/float64(1+v%9) {
			continue
		}
		every := []time.Duration{10 * time.Minute, 2 * time.Hour, time.Hour, 30 * time.Minute}[v%4]
		size := 400 + 37*float64(v)
		dest := fmt.Sprintf("poll.vendor%d.example", v)
		w.whileOn(h, Begin.Add(w.exp(every)), func(now time.Time) time.Duration {
			w.send(now, h, dest, size, w.lognormal(2000, .5), time.Second)
			return every + time.Duration(w.rng.NormFloat64()*float64(every)/50)
		})
	}
	if w.rng.Float64() < .6 {
		w.whileOn(h, Begin.Add(w.exp(time.Hour)), func(now time.Time) time.Duration {
			w.ask(now, h, w.text(hexDigits, 32)+".avq.scanner.example", 16, 80)
			return w.exp(6 * time.Minute)
		})
	}
}

// office: people.
func (w *world) office(h *host) {
	w.whileOn(h, Begin.Add(w.exp(time.Hour)), func(now time.Time) time.Duration { return w.browse(now, h) })
	// Two tools of a department, of 300 there are, each with times of its own.
	for range 2 {
		tool := w.rng.IntN(300)
		w.poll(h, Begin.Add(w.exp(time.Hour)), fmt.Sprintf("tool%d.example", tool), time.Duration(1+tool%30)*time.Minute)
	}
	// Software that nobody else has and that polls: 2 % from before, and one
	// host in 5,000 a day begins to.
	if w.rng.Float64() < .02 {
		w.poll(h, Begin.Add(w.exp(time.Hour)), "own."+h.name+".example", time.Duration(1+w.rng.IntN(30))*time.Minute)
	}
	for d := range w.Days {
		if w.rng.Float64() < 1./5000 {
			w.poll(h, Begin.AddDate(0, 0, d).Add(9*time.Hour), fmt.Sprintf("new%d.%s.example", d, h.name), time.Duration(1+w.rng.IntN(30))*time.Minute)
		}
	}
	// A page that refreshes itself is left open by 3 % a day, for 40 minutes in
	// the middle, at some site.
	w.whileOn(h, Begin.Add(w.exp(33*24*time.Hour)), func(now time.Time) time.Duration {
		w.refresh(now, h)
		return w.exp(33 * 24 * time.Hour)
	})
	// Uploads: 1 % a day, 100 MB in the middle; one in fifty where few go.
	w.whileOn(h, Begin.Add(w.exp(100*24*time.Hour)), func(now time.Time) time.Duration {
		dest := "files.cloud.example"
		if w.rng.IntN(50) == 0 {
			dest = w.site()
		}
		w.send(now, h, dest, w.lognormal(1e8, 1.2), 1e5, 3*time.Minute)
		return w.exp(100 * 24 * time.Hour)
	})
	// A connection that stays all day: everybody's chat, and for one in 10,000
	// a day something that nobody else has.
	for d := range w.Days {
		dest := "chat.cloud.example"
		if w.rng.IntN(10_000) == 0 {
			dest = "stay." + h.name + ".example"
		}
		end := Begin.AddDate(0, 0, d).Add(time.Duration(h.till * float64(time.Hour)))
		w.start(end, func(now time.Time) time.Duration {
			lasted := time.Duration((h.till - h.from) * float64(time.Hour))
			w.flow(&detect.Flow{At: now.Add(-lasted), Host: h.name, Dest: dest, Lasted: lasted, Sent: 2e5, Received: 1e6})
			return never
		})
	}
}

// poll: software that polls at fixed times, with the same question and answers
// of different length.
func (w *world) poll(h *host, first time.Time, dest string, every time.Duration) {
	size := w.lognormal(600, .5)
	w.whileOn(h, first, func(now time.Time) time.Duration {
		w.send(now, h, dest, size, w.lognormal(3000, 1), time.Second)
		return every + time.Duration(w.rng.NormFloat64()*float64(every)/30)
	})
}

// browse is one visit: a few connections to the site and to those whose
// pictures and scripts everybody shows. People visit in bursts.
func (w *world) browse(now time.Time, h *host) time.Duration {
	site := w.site()
	at := now
	for range 1 + w.rng.IntN(5) {
		w.later(at, h, site)
		at = at.Add(time.Duration(w.lognormal(4, 1.2) * float64(time.Second)))
	}
	for range w.rng.IntN(4) {
		w.later(now, h, fmt.Sprintf("cdn%d.shared.example", w.rng.IntN(300)))
	}
	if w.rng.IntN(3) == 0 {
		w.ask(now, h, site, 1, 60)
		w.ask(now, h, w.text(base36, 14)+".edge.shared.example", 1, 60)
	}
	if w.rng.Float64() < .6 {
		return time.Duration(w.lognormal(40, 1) * float64(time.Second)) // goes on reading
	}
	return time.Duration(w.lognormal(15, 1) * float64(time.Minute))
}

// later sends one connection of a visit.
func (w *world) later(at time.Time, h *host, dest string) {
	w.start(at, func(now time.Time) time.Duration {
		w.send(now, h, dest, w.lognormal(1500, .8), w.lognormal(40_000, 1.5), time.Duration(w.lognormal(3, 1)*float64(time.Second)))
		return never
	})
}

func (w *world) refresh(now time.Time, h *host) {
	site := w.site()
	every := []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute}[w.rng.IntN(3)]
	stop := now.Add(time.Duration(w.lognormal(40, 1) * float64(time.Minute)))
	size := w.lognormal(900, .3)
	w.start(now, func(now time.Time) time.Duration {
		if now.After(stop) || !h.on(now) {
			return never
		}
		w.send(now, h, site, size, w.lognormal(9000, .2), time.Second)
		return every
	})
}
