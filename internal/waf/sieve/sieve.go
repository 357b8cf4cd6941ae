// Package sieve tells which of many formulas of literals (package required) a
// value satisfies, in one pass over the value: an Aho-Corasick automaton
// (Aho and Corasick, CACM 18(6), 1975) as a table of states by classes of
// bytes finds the literals, single bytes are a matter of sets, and what is
// found climbs through the shared graph of "and" and "or". ASCII letters are
// compared without case. It knows nothing of rules and does not decode.
package sieve

import (
	"sekisho/internal/waf/required"
	"sekisho/internal/waf/transform"
)

// Sieve holds formulas, numbered from 0 in the order given. It is not changed
// after New and may be used by many goroutines, each with its own [Scratch].
type Sieve struct {
	class [256]uint8
	row   int       // length of a state's row: a column a class, one for its depth, one for its number in found
	next  []uint32  // state + class → state, states being the beginnings of rows
	found [][]int32 // literals that end in a state; the first are none
	nodes []node
	sets  []transform.Bytes // of nodes, numbered
	lists []int32           // what nodes refer to
	bytes []int32           // nodes that single bytes alone can satisfy
}

// node is one formula of the graph, or a literal. Many are touched in every
// scan: it is kept small.
type node struct {
	and           bool
	need          int32  // parts of an And that are no single bytes
	set           int32  // parts that are: all of them for And, one for Or; 0 is none
	parents, last uint32 // lists[parents:last]
	roots         uint32 // lists[last:roots]: formulas that this is
	any           uint32 // lists[roots:any]: sets of which an And needs a byte each
}

// Scratch is what one scan at a time needs.
type Scratch struct {
	epoch uint32
	met   []uint32 // by number in found: epoch in which it was met
	state []state  // by node
	roots []int32
}

// state is what a scan knows of a node; all of it is of an epoch.
type state struct {
	fired uint32 // epoch in which the node was satisfied
	begun uint32 // epoch of count
	count int32
}

// New builds a sieve. Formulas that every value satisfies are never reported.
func New(formulas []*required.Formula) *Sieve {
	b := builder{sieve: &Sieve{}, known: map[string]int32{}, literals: map[string]int32{}}
	for i, f := range formulas {
		if f.Op == required.Any {
			continue
		}
		n := b.add(f)
		b.parts[n].roots = append(b.parts[n].roots, int32(i))
	}
	b.pack()
	b.automaton()
	return b.sieve
}

// NewScratch returns room for scans.
func (s *Sieve) NewScratch() *Scratch {
	return &Scratch{state: make([]state, len(s.nodes)), met: make([]uint32, len(s.found))}
}

// Scan returns the numbers of the formulas that a value satisfies, in no
// particular order, each once. Present are the bytes of the value. The result
// is valid until the next scan with the same scratch.
func (s *Sieve) Scan(value []byte, present *transform.Bytes, c *Scratch) []int32 {
	c.epoch++
	if c.epoch == 0 { // after 2³² scans
		clear(c.state)
		clear(c.met)
		c.epoch = 1
	}
	c.roots = c.roots[:0]
	both := withLower(present)
	for _, n := range s.bytes {
		if node := &s.nodes[n]; node.and && s.allow(node, &both) || !node.and && both.Meets(&s.sets[node.set]) {
			s.fire(n, &both, c)
		}
	}
	if len(value) < fewest {
		s.follow(0, value, &both, c)
	} else {
		s.followFour(value, &both, c)
	}
	return c.roots
}

// hit marks transitions into states that end literals.
const hit = 1 << 31

// fewest is from how many bytes on a value is read at four places at once.
const fewest = 64

// follow reads a value from a state on and fires the literals that it meets.
func (s *Sieve) follow(state uint32, value []byte, present *transform.Bytes, c *Scratch) {
	for _, b := range value {
		state = s.next[state+uint32(s.class[b])]
		if state&hit != 0 {
			state &^= hit
			s.meet(state, present, c)
		}
	}
}

// followFour is follow for a value in four parts, from the beginning of each: a step
// waits for the one before, so that four in turn take little longer than one.
func (s *Sieve) followFour(value []byte, present *transform.Bytes, c *Scratch) {
	size := len(value) / 4
	p0, p1, p2, p3 := value[:size], value[size:2*size], value[2*size:3*size], value[3*size:]
	p0, p1, p2 = p0[:size], p1[:size], p2[:size]
	var s0, s1, s2, s3 uint32
	next, class := s.next, &s.class
	for i, b := range p3[:size] {
		s0 = next[s0+uint32(class[p0[i]])]
		s1 = next[s1+uint32(class[p1[i]])]
		s2 = next[s2+uint32(class[p2[i]])]
		s3 = next[s3+uint32(class[b])]
		if (s0|s1|s2|s3)&hit == 0 {
			continue
		}
		if s0&hit != 0 {
			s0 &^= hit
			s.meet(s0, present, c)
		}
		if s1&hit != 0 {
			s1 &^= hit
			s.meet(s1, present, c)
		}
		if s2&hit != 0 {
			s2 &^= hit
			s.meet(s2, present, c)
		}
		if s3&hit != 0 {
			s3 &^= hit
			s.meet(s3, present, c)
		}
	}
	s.finish(s0, value[size:], present, c)
	s.finish(s1, value[2*size:], present, c)
	s.finish(s2, value[3*size:], present, c)
	s.follow(s3, p3[size:], present, c)
}

// finish reads on from the end of a part, as long as a literal may go on that began
// in it. Those that begin later are for the next part.
func (s *Sieve) finish(state uint32, value []byte, present *transform.Bytes, c *Scratch) {
	for i, b := range value {
		if int(s.next[int(state)+s.row-2]) <= i {
			return
		}
		state = s.next[state+uint32(s.class[b])]
		if state&hit != 0 {
			state &^= hit
			s.meet(state, present, c)
		}
	}
}

// meet fires the literals that end in a state. The short ones stand in every text
// again and again.
func (s *Sieve) meet(state uint32, present *transform.Bytes, c *Scratch) {
	if at := s.next[int(state)+s.row-1]; c.met[at] != c.epoch {
		c.met[at] = c.epoch
		s.fireAll(at, present, c)
	}
}

func (s *Sieve) fireAll(at uint32, present *transform.Bytes, c *Scratch) {
	for _, n := range s.found[at] {
		s.fire(n, present, c)
	}
}

func (s *Sieve) fire(n int32, present *transform.Bytes, c *Scratch) {
	if c.state[n].fired == c.epoch {
		return
	}
	c.state[n].fired = c.epoch
	node := &s.nodes[n]
	c.roots = append(c.roots, s.lists[node.last:node.roots]...)
	for _, p := range s.lists[node.parents:node.last] {
		parent, of := &s.nodes[p], &c.state[p]
		if of.fired == c.epoch {
			continue
		}
		if !parent.and {
			s.fire(p, present, c)
			continue
		}
		if of.begun != c.epoch {
			of.begun, of.count = c.epoch, 0
		}
		if of.count++; of.count == parent.need && s.allow(parent, present) {
			s.fire(p, present, c)
		}
	}
}

// allow reports whether the single bytes that an And needs are there.
func (s *Sieve) allow(n *node, present *transform.Bytes) bool {
	if !contains(present, &s.sets[n.set]) {
		return false
	}
	for _, set := range s.lists[n.roots:n.any] {
		if !present.Meets(&s.sets[set]) {
			return false
		}
	}
	return true
}

// contains reports whether b holds all of c.
func contains(b, c *transform.Bytes) bool {
	return c[0]&^b[0]|c[1]&^b[1]|c[2]&^b[2]|c[3]&^b[3] == 0
}

// withLower adds the lower case of the letters that are there.
func withLower(b *transform.Bytes) transform.Bytes {
	c := *b
	c.AddLower()
	return c
}
