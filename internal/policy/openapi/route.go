package openapi

import (
	"fmt"
	"slices"
	"strings"
)

// route is a path of the document as the gate matches it. The specification has
// a path without holes go before one with holes that fits as well, and leaves
// open what else that is so goes first: that is left out on both sides.
type route struct {
	place
	text    string         // with the base: "/v1/orders/{id}"
	parts   []string       // of it
	holes   map[string]int // how often each name stands there
	except  []string       // paths that go before, or that may
	unclear []string       // those that may
	same    bool           // another one has the same requests
	bad     bool           // it is no path for the gate
}

func (r *reader) routes(paths place) []route {
	var all []route
	bySize := map[int][]int{}
	for _, key := range paths.keys {
		if strings.HasPrefix(key, "x-") {
			continue
		}
		one := route{place: paths.child(key), holes: map[string]int{}}
		one.text = r.base + key
		if !strings.HasPrefix(key, "/") || strings.ContainsAny(key, "?#\n") {
			r.leave(one.place, Name, key)
			continue
		}
		one.read()
		bySize[len(one.parts)] = append(bySize[len(one.parts)], len(all))
		all = append(all, one)
	}
	for _, some := range bySize {
		for n, i := range some {
			for _, j := range some[n+1:] {
				meet(&all[i], &all[j])
			}
		}
	}
	for i := range all {
		slices.Sort(all[i].except)
		slices.Sort(all[i].unclear)
	}
	return all
}

// read takes a path apart. A part with more holes than one, which the gate does
// not have, becomes one hole between what stands before and behind them: it
// takes in more, and only what is told of it by name is left out.
func (o *route) read() {
	o.text = unescaped(o.text) // as the gate has the paths of requests
	text := strings.TrimPrefix(o.text, "/")
	text = strings.TrimSuffix(text, "/")
	if text == "" {
		return
	}
	for _, part := range strings.Split(text, "/") {
		first, last := strings.IndexByte(part, '{'), strings.LastIndexByte(part, '}')
		if first < 0 && last < 0 {
			o.parts = append(o.parts, part)
			continue
		}
		if first < 0 || last < first+2 {
			o.bad = true // a brace without the other
			return
		}
		name := part[first+1 : last]
		if strings.ContainsAny(name, "{}") {
			name = fmt.Sprintf("_%d", len(o.parts))
			part = part[:first] + "{" + name + "}" + part[last+1:]
		}
		o.holes[name]++
		o.parts = append(o.parts, part)
	}
	o.text = "/" + strings.Join(o.parts, "/")
	for name, n := range o.holes {
		if n > 1 || name == "" {
			o.bad = true
		}
	}
}

// meet writes down which of two paths goes before where both fit.
func meet(a, b *route) {
	if a.bad || b.bad {
		return
	}
	above, below := false, false // a has text where b has a hole, and the other way round
	for i := range a.parts {
		x, y := weight(a.parts[i]), weight(b.parts[i])
		if !both(a.parts[i], b.parts[i]) {
			return
		}
		above, below = above || x > y, below || y > x
	}
	switch {
	case above && !below:
		b.except = append(b.except, a.text)
	case below && !above:
		a.except = append(a.except, b.text)
	case above && below:
		a.except, b.except = append(a.except, b.text), append(b.except, a.text)
		a.unclear, b.unclear = append(a.unclear, b.text), append(b.unclear, a.text)
	default:
		a.same, b.same = true, true
	}
}

// weight is more the more of a part is text.
func weight(part string) int {
	switch {
	case !strings.Contains(part, "{"):
		return 2
	case part[0] != '{' || part[len(part)-1] != '}':
		return 1
	}
	return 0
}

// both reports whether a part of a path may be both.
func both(a, b string) bool {
	beforeA, behindA, holeA := around(a)
	beforeB, behindB, holeB := around(b)
	switch {
	case !holeA && !holeB:
		return a == b
	case !holeA:
		return len(a) > len(beforeB)+len(behindB) && strings.HasPrefix(a, beforeB) && strings.HasSuffix(a, behindB)
	case !holeB:
		return both(b, a)
	}
	begin, end := min(len(beforeA), len(beforeB)), min(len(behindA), len(behindB))
	return beforeA[:begin] == beforeB[:begin] && behindA[len(behindA)-end:] == behindB[len(behindB)-end:]
}

func around(part string) (before, behind string, hole bool) {
	first, last := strings.IndexByte(part, '{'), strings.LastIndexByte(part, '}')
	if first < 0 {
		return part, "", false
	}
	return part[:first], part[last+1:], true
}
