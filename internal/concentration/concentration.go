// Package concentration finds where and when misused cards or accounts came
// together: which place, passed by which client, in which days, saw far more of
// them than as many members drawn by lot would have been there.
//
// It reads no ledger and names nobody: members are numbers, and a caller says
// which of them were misused and who passed where. It finds no cause: a place
// where all came together is where to look first.
package concentration

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/event"
)

// The ways in which members are at a place.
const (
	Crossing = "crossing" // a gate saw them pass
	Rest     = "rest"     // a scan found them there
	Payment  = "payment"  // they paid there
)

// Group is what members have in common. An empty user and address mean
// everybody at the place.
type Group struct {
	How     string `json:"how"`
	Place   string `json:"place"`
	User    string `json:"user,omitempty"`
	Address string `json:"address,omitempty"`
}

// Bounds of the work: groups beyond maxGroups are counted and left out, windows
// are tried in the maxTried groups with the most hits, times are told apart by
// the hour, and a window begins and ends at one of maxSteps equal steps. One
// member alone has nothing in common with anybody.
const (
	maxGroups = 4096
	maxTried  = 128
	maxSteps  = 64
	leastHits = 2
	hour      = int64(3600e9)
)

// Scan gathers who was where. It is not safe for concurrent use.
type Scan struct {
	members uint64
	misused []member // by number
	groups  map[Group]map[int64]*bucket
	// Left counts passages that could not be entered: beyond maxGroups.
	Left uint64
}

type member struct {
	number uint32
	at     int64 // first misuse, UTC ns
}

// bucket is one hour of a group.
type bucket struct {
	all  roaring.Bitmap
	hits roaring.Bitmap
	// The times of the passages with a hit.
	first, last int64
}

// New returns a scan over so many members, of whom the given ones were misused
// first at the given times (UTC ns).
func New(members uint64, misused map[uint32]int64) *Scan {
	s := &Scan{members: members, groups: map[Group]map[int64]*bucket{}}
	for n, at := range misused {
		s.misused = append(s.misused, member{n, at})
	}
	slices.SortFunc(s.misused, func(a, b member) int { return cmp.Compare(a.number, b.number) })
	return s
}

// Misused returns how many members were misused.
func (s *Scan) Misused() int { return len(s.misused) }

// Add enters that the members passed between two times (UTC ns). A member's
// passage counts as a hit when it began before the member's first misuse.
func (s *Scan) Add(g Group, from, to int64, members event.Set) {
	hours := s.groups[g]
	if hours == nil {
		if len(s.groups) == maxGroups {
			s.Left++
			return
		}
		hours = map[int64]*bucket{}
		s.groups[g] = hours
	}
	b := hours[floorHour(from)]
	if b == nil {
		b = &bucket{first: math.MaxInt64, last: math.MinInt64}
		hours[floorHour(from)] = b
	}
	for _, r := range members {
		b.all.AddRange(uint64(r.First), uint64(r.Last)+1)
		i, _ := slices.BinarySearchFunc(s.misused, r.First, func(m member, n uint32) int { return cmp.Compare(m.number, n) })
		for ; i < len(s.misused) && s.misused[i].number <= r.Last; i++ {
			if from < s.misused[i].at {
				b.hits.Add(s.misused[i].number)
				b.first, b.last = min(b.first, from), max(b.last, to)
			}
		}
	}
}

func floorHour(ns int64) int64 {
	h := ns / hour
	if ns%hour < 0 {
		h--
	}
	return h
}

// Found is a place, and the window in which the misused members came together
// there most.
type Found struct {
	Group
	From int64  `json:"from"` // first and last passage of a hit in the window, UTC ns
	To   int64  `json:"to"`
	Hits uint64 `json:"hits"` // misused members who passed in the window
	Of   uint64 `json:"of"`   // misused members
	Seen uint64 `json:"seen"` // members who passed in the window
	All  uint64 `json:"all"`  // members
	// Times is how many times as many hits there are as a draw by lot would
	// bring: (Hits/Of) / (Seen/All).
	Times float64 `json:"times"`
	// Chance bounds the probability, as its decimal logarithm, that a draw by
	// lot brings as many hits at any place in any window that was compared: the
	// hypergeometric tail times the number of comparisons. 0 is certain.
	Chance float64 `json:"chance"`
}

// Expected is how many hits a draw by lot would bring.
func (f *Found) Expected() float64 { return float64(f.Of) * float64(f.Seen) / float64(f.All) }

// Result returns at most limit places, the least likely by chance first, one
// window for each.
func (s *Scan) Result(limit int) []Found {
	compared := 0.0
	for _, hours := range s.groups { // what was left out for lack of hits was compared too
		n := float64(min(len(hours), maxSteps))
		compared += n * (n + 1) / 2
	}
	var out []Found
	for _, g := range s.likely() {
		out = append(out, s.best(g))
	}
	for i := range out {
		out[i].Chance = min(0, out[i].Chance+math.Log10(compared))
	}
	slices.SortStableFunc(out, func(a, b Found) int {
		return cmp.Or(cmp.Compare(a.Chance, b.Chance), cmp.Compare(b.Times, a.Times), compare(a.Group, b.Group))
	})
	return out[:min(limit, len(out))]
}

// likely returns the groups with the most hits.
func (s *Scan) likely() []Group {
	hits := map[Group]uint64{}
	var out []Group
	for g, hours := range s.groups {
		all := roaring.New()
		for _, b := range hours {
			all.Or(&b.hits)
		}
		if n := all.GetCardinality(); n >= leastHits {
			hits[g] = n
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Or(cmp.Compare(hits[b], hits[a]), compare(a, b)) })
	return out[:min(maxTried, len(out))]
}

func compare(a, b Group) int {
	return cmp.Or(strings.Compare(a.Place, b.Place), strings.Compare(a.How, b.How), strings.Compare(a.User, b.User), strings.Compare(a.Address, b.Address))
}

// best tries every window of a group and returns the least likely one, with
// its Chance not yet corrected for how many were tried.
func (s *Scan) best(g Group) Found {
	steps := s.steps(g)
	best := Found{Chance: math.Inf(1)}
	for i := range steps {
		all, hits := roaring.New(), roaring.New()
		first, last := int64(math.MaxInt64), int64(math.MinInt64)
		for j := i; j < len(steps); j++ {
			all.Or(&steps[j].all)
			if steps[j].hits.IsEmpty() { // a window ends with a hit
				continue
			}
			hits.Or(&steps[j].hits)
			first, last = min(first, steps[j].first), max(last, steps[j].last)
			f := Found{Group: g, From: first, To: last, Hits: hits.GetCardinality(), Of: uint64(len(s.misused)), Seen: all.GetCardinality(), All: s.members}
			f.All = max(f.All, f.Seen)
			f.Chance, f.Times = tail(f.All, f.Of, f.Seen, f.Hits), float64(f.Hits)/f.Expected()
			if f.Chance < best.Chance {
				best = f
			}
		}
	}
	return best
}

// steps merges the hours of a group into at most maxSteps equal steps.
func (s *Scan) steps(g Group) []*bucket {
	hours := s.groups[g]
	keys := make([]int64, 0, len(hours))
	for h := range hours {
		keys = append(keys, h)
	}
	slices.Sort(keys)
	wide := (keys[len(keys)-1]-keys[0])/maxSteps + 1
	var out []*bucket
	at := int64(-1)
	for _, h := range keys {
		if step := (h - keys[0]) / wide; step != at {
			out, at = append(out, &bucket{first: math.MaxInt64, last: math.MinInt64}), step
		}
		b := out[len(out)-1]
		b.all.Or(&hours[h].all)
		b.hits.Or(&hours[h].hits)
		b.first, b.last = min(b.first, hours[h].first), max(b.last, hours[h].last)
	}
	return out
}

// tail is the decimal logarithm of the probability that a draw of seen members
// from all holds at least hits of the misused ones (hypergeometric distribution).
func tail(all, misused, seen, hits uint64) float64 {
	most := math.Inf(-1)
	var terms []float64
	for k := hits; k <= min(misused, seen); k++ {
		if seen-k > all-misused { // more others than there are
			continue
		}
		t := choose(misused, k) + choose(all-misused, seen-k) - choose(all, seen)
		terms = append(terms, t)
		most = max(most, t)
	}
	sum := 0.0
	for _, t := range terms {
		sum += math.Exp(t - most)
	}
	return min(0, (most+math.Log(sum))/math.Ln10)
}

// choose is the natural logarithm of the binomial coefficient.
func choose(n, k uint64) float64 {
	f := func(n uint64) float64 { v, _ := math.Lgamma(float64(n) + 1); return v }
	return f(n) - f(k) - f(n-k)
}
