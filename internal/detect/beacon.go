package detect

import (
	"math"
	"slices"
	"strconv"
	"time"

	"sekisho/internal/event"
)

// A beacon is software that calls home. What gives it away, also when it
// shuffles its times on purpose, is that its intervals lie close around their
// median, that it misses none of them while the host is on, and that what it
// sends has one size. People are the opposite: many short intervals and few
// long ones. The idea of scoring quartiles and deviations of intervals and
// sizes was published by RITA (Active Countermeasures); the measures and
// weights here are our own, see docs/decisions/detect.md.

const (
	together   = 2 * time.Second // contacts closer than this are one
	leastGaps  = 10              // intervals before anything is said
	mostGaps   = 96              // intervals that are kept
	againEvery = 4               // contacts between two looks
	idle       = 48 * time.Hour  // a silence after which the past does not count
)

// pair is what is remembered of a host and a destination.
type pair struct {
	first, last int64     // ns
	gaps, sizes []float32 // seconds; bytes that left at a contact. Rings of mostGaps
	n           uint32    // contacts that were not together
	raised      uint8
	hour        int32 // of bytes, since 1970
	bytes       uint64
	peak        float32 // largest bytes of an hour, decaying
}

// raise notes that a kind was raised, and reports whether it is the first time.
func (p *pair) raise(k Kind) bool {
	b := bit(k)
	if p.raised&b != 0 {
		return false
	}
	p.raised |= b
	return true
}

// contact notes a connection and reports whether it counts as a new contact.
func (p *pair) contact(f *Flow, at int64) bool {
	switch {
	case p.n > 0 && at-p.last < int64(together):
		if k := len(p.sizes); k > 0 && at >= p.last-int64(together) {
			p.sizes[(int(p.n)-1)%k] += float32(f.Sent)
		}
		return false
	case p.n > 0 && at-p.last > int64(idle):
		p.gaps, p.sizes, p.n = p.gaps[:0], p.sizes[:0], 0
	case p.n > 0:
		gap := float32(float64(at-p.last) / 1e9)
		if i := int(p.n) - 1; i < mostGaps {
			p.gaps = append(p.gaps, gap)
		} else {
			p.gaps[i%mostGaps] = gap
		}
	}
	if i := int(p.n); i < mostGaps {
		p.sizes = append(p.sizes, float32(f.Sent))
	} else {
		p.sizes[i%mostGaps] = float32(f.Sent)
	}
	p.n++
	p.last = at
	return true
}

func (d *Detector) beacon(dst []Finding, o *observation) []Finding {
	p := o.pair
	if o.Again || !p.contact(o.Flow, o.at) || o.Named {
		return dst
	}
	if len(p.gaps) < leastGaps || p.n%againEvery != 0 || p.raised&bit(Beacon) != 0 {
		return dst
	}
	if !o.Server && o.at-p.first < int64(d.cfg.BeaconSpan) {
		return dst // a page that refreshes itself while somebody looks at it
	}
	if d.common(o.dest.pairs) && (o.dest.raised&bit(Beacon) != 0 || o.dest.first-d.begin < int64(d.cfg.Learn)) {
		return dst // everybody does, and did before; of what is new for all one finding is enough
	}
	s := measure(p.gaps, p.sizes)
	if s.score() < d.cfg.BeaconScore {
		return dst
	}
	return d.raise(dst, o, Beacon, p.first, s.score(), append(s.features(), number("contacts", float64(p.n)),
		number("hosts_with_destination", float64(o.dest.pairs)))...)
}

// shape is what a series of contacts looks like.
type shape struct {
	median     float64 // interval, seconds
	spread     float64 // median absolute deviation of intervals / median
	skew       float64 // Bowley's, -1 to 1
	filled     float64 // how much of the time the median interval explains, 0 to 1
	size       float64 // median of bytes sent at a contact
	sizeSpread float64 // median absolute deviation of sizes / median
}

// measure describes contacts. It needs at least four intervals.
func measure(gaps, sizes []float32) shape {
	g := slices.Clone(gaps)
	slices.Sort(g)
	q1, q2, q3 := quantile(g, .25), quantile(g, .5), quantile(g, .75)
	s := shape{median: q2, spread: deviation(g, q2) / q2}
	if q3 > q1 {
		s.skew = (q3 + q1 - 2*q2) / (q3 - q1)
	}
	// The longest intervals are nights and lunches: leave out the two longest,
	// or one in sixteen.
	rest := g[:len(g)-max(2, len(g)/16)]
	var sum float64
	for _, v := range rest {
		sum += float64(v)
	}
	s.filled = min(1, q2*float64(len(rest))/sum)
	z := slices.Clone(sizes)
	slices.Sort(z)
	s.size = quantile(z, .5)
	if s.size > 0 {
		s.sizeSpread = deviation(z, s.size) / s.size
	}
	return s
}

// score is 0 to 1. The weights: times 0.5, filled time 0.2, symmetry 0.1, sizes
// 0.2. Intervals drawn from an exponential distribution, as independent chance
// gives, have a spread of 0.69, a filled share near 0.8 and a skew of 0.26.
func (s shape) score() float64 {
	times := clamp(1 - s.spread/0.6)
	filled := clamp((s.filled - 0.5) / 0.4)
	sizes := clamp(1 - s.sizeSpread)
	return 0.5*times + 0.2*filled + 0.1*(1-math.Abs(s.skew)) + 0.2*sizes
}

func (s shape) features() []Feature {
	return []Feature{number("interval_seconds", s.median), number("interval_spread", s.spread), number("interval_skew", s.skew),
		number("time_filled", s.filled), number("bytes_sent", s.size), number("size_spread", s.sizeSpread)}
}

func clamp(v float64) float64 { return min(1, max(0, v)) }

// quantile of an ascending list, with interpolation.
func quantile(sorted []float32, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return float64(sorted[i])
	}
	return float64(sorted[i]) + (at-float64(i))*float64(sorted[i+1]-sorted[i])
}

// deviation is the median absolute deviation of an ascending list from m.
func deviation(sorted []float32, m float64) float64 {
	away := make([]float32, len(sorted))
	for i, v := range sorted {
		away[i] = float32(math.Abs(float64(v) - m))
	}
	slices.Sort(away)
	return quantile(away, .5)
}

// number is a feature that was measured.
func number(name string, v float64) Feature {
	return Feature{Name: name, Value: strconv.FormatFloat(v, 'g', 4, 64)}
}

func when(name string, ns int64) Feature {
	return Feature{Name: name, Value: event.Time(ns).Format(time.RFC3339)}
}
