package sieve

import (
	"slices"

	"sekisho/internal/waf/required"
	"sekisho/internal/waf/transform"
)

type builder struct {
	sieve    *Sieve
	parts    []part           // by node
	known    map[string]int32 // text of a formula → node
	literals map[string]int32 // literals of two bytes and more → node
}

// part is a node that is being built.
type part struct {
	and            bool
	need           int32
	bytes          transform.Bytes
	any            []transform.Bytes
	parents, roots []int32
}

func (b *builder) add(f *required.Formula) int32 {
	key := f.String()
	if n, ok := b.known[key]; ok {
		return n
	}
	n := int32(len(b.parts))
	b.known[key] = n
	b.parts = append(b.parts, part{and: f.Op == required.And})
	if f.Op == required.Literal {
		if len(f.Text) == 1 {
			b.parts[n].bytes.Add(f.Text[0])
			b.sieve.bytes = append(b.sieve.bytes, n)
		} else {
			b.literals[f.Text] = n
		}
		return n
	}
	single := false
	for _, sub := range f.Subs {
		if sub.Op == required.Literal && len(sub.Text) == 1 {
			b.parts[n].bytes.Add(sub.Text[0])
			single = true
			continue
		}
		if set, ok := oneOf(sub); ok && f.Op == required.And {
			b.parts[n].any = append(b.parts[n].any, set)
			single = true
			continue
		}
		of := b.add(sub)
		b.parts[of].parents = append(b.parts[of].parents, n)
		b.parts[n].need++
	}
	if single && (f.Op == required.Or || b.parts[n].need == 0) {
		b.sieve.bytes = append(b.sieve.bytes, n)
	}
	return n
}

// oneOf returns the bytes of a formula that any of them satisfies. False: it
// asks for more.
func oneOf(f *required.Formula) (set transform.Bytes, ok bool) {
	if f.Op != required.Or {
		return set, false
	}
	for _, sub := range f.Subs {
		if sub.Op != required.Literal || len(sub.Text) != 1 {
			return set, false
		}
		set.Add(sub.Text[0])
	}
	return set, true
}

// pack writes the nodes down as scans read them.
func (b *builder) pack() {
	s := b.sieve
	s.sets = []transform.Bytes{{}}
	numbers := map[transform.Bytes]int32{{}: 0}
	number := func(set transform.Bytes) int32 {
		n, ok := numbers[set]
		if !ok {
			n = int32(len(s.sets))
			numbers[set] = n
			s.sets = append(s.sets, set)
		}
		return n
	}
	for _, p := range b.parts {
		n := node{and: p.and, need: p.need, set: number(p.bytes), parents: uint32(len(s.lists))}
		s.lists = append(s.lists, p.parents...)
		n.last = uint32(len(s.lists))
		s.lists = append(s.lists, p.roots...)
		n.roots = uint32(len(s.lists))
		for _, set := range p.any {
			s.lists = append(s.lists, number(set))
		}
		n.any = uint32(len(s.lists))
		s.nodes = append(s.nodes, n)
	}
}

// automaton builds the trie of all literals, its failure links breadth first,
// and from these the table of transitions.
func (b *builder) automaton() {
	s := b.sieve
	texts := make([]string, 0, len(b.literals))
	for text := range b.literals {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	classes := b.classify(texts)

	children := [][]uint32{make([]uint32, classes)} // by class; 0 is none
	depth := []uint32{0}
	s.found = [][]int32{nil}
	for _, text := range texts {
		state := uint32(0)
		for i := range len(text) {
			class := s.class[text[i]]
			if children[state][class] == 0 {
				children[state][class] = uint32(len(children))
				children = append(children, make([]uint32, classes))
				depth = append(depth, uint32(i)+1)
				s.found = append(s.found, nil)
			}
			state = children[state][class]
		}
		s.found[state] = append(s.found[state], b.literals[text])
	}
	fail := make([]uint32, len(children))
	queue := []uint32{}
	for _, child := range children[0] {
		if child != 0 {
			queue = append(queue, child)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		s.found[state] = append(s.found[state], s.found[fail[state]]...)
		for class, child := range children[state] {
			if child == 0 {
				children[state][class] = children[fail[state]][class]
				continue
			}
			fail[child] = children[fail[state]][class]
			queue = append(queue, child)
		}
	}
	s.row = classes + 2
	ends := s.found
	s.found = [][]int32{nil}
	s.next = make([]uint32, len(children)*s.row)
	for state, row := range children {
		for class, to := range row {
			v := to * uint32(s.row)
			if ends[to] != nil {
				v |= hit
			}
			s.next[state*s.row+class] = v
		}
		s.next[state*s.row+classes] = depth[state]
		if ends[state] != nil {
			s.next[state*s.row+classes+1] = uint32(len(s.found))
			s.found = append(s.found, ends[state])
		}
	}
}

// classify gives each byte that a literal holds a class of its own, capital
// letters that of their small ones, and all others the class 0. It returns how
// many classes there are.
func (b *builder) classify(texts []string) (classes int) {
	s := b.sieve
	classes = 1
	for _, text := range texts {
		for i := range len(text) {
			if c := text[i]; s.class[c] == 0 {
				s.class[c] = uint8(classes)
				classes++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		s.class[c] = s.class[c+'a'-'A']
	}
	return classes
}
