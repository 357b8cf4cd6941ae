package disclosure

import (
	"slices"
	"strings"
)

// component is a set that many answers share: what a table held according to
// some scans. It is never changed.
type component struct {
	key string // equal keys, equal sets
	set *bag   // sorted
	n   uint64
	of  tableSource // whose holdings; zero for a union
	// private components are of one answer and not worth keeping.
	private bool
}

// mix is a union in the making: shared components, and sets of this answer,
// which are borrowed.
type mix struct {
	parts []*component
	owns  []*bag
}

func (m *mix) hold(c *component) {
	if !slices.Contains(m.parts, c) {
		m.parts = append(m.parts, c)
	}
}

// keep is hold, or own for a private component.
func (m *mix) keep(c *component) {
	if c.private {
		m.own(c.set)
		return
	}
	m.hold(c)
}

func (m *mix) own(b *bag) {
	if !b.empty() && !slices.Contains(m.owns, b) {
		m.owns = append(m.owns, b)
	}
}

func (m *mix) include(o *mix) {
	for _, c := range o.parts {
		m.hold(c)
	}
	for _, b := range o.owns {
		m.own(b)
	}
}

// sort gives equal sets of components one order.
func (m *mix) sort() {
	slices.SortFunc(m.parts, func(a, b *component) int { return strings.Compare(a.key, b.key) })
}

type unionKey string

// joined returns the union of the components of m; nil when there is none.
func (v *View) joined(m *mix) *component {
	switch len(m.parts) {
	case 0:
		return nil
	case 1:
		return m.parts[0]
	}
	m.sort()
	var key strings.Builder
	for _, c := range m.parts {
		key.WriteString(c.key)
		key.WriteByte(';')
	}
	k := unionKey(key.String())
	if c, ok := v.cache.get(k).(*component); ok {
		return c
	}
	set := new(bag)
	for _, c := range m.parts {
		set.or(c.set)
	}
	c := newComponent(key.String(), set)
	v.cache.put(k, c, c.size())
	return c
}

func newComponent(key string, set *bag) *component {
	set.sort() // readers must not write
	return &component{key: key, set: set, n: set.count()}
}

func (c *component) size() int {
	size := 128 + len(c.key) + 4*len(c.set.list) + 8*len(c.set.pages)
	for _, p := range c.set.pages {
		if p != nil && p != full {
			size += 8192
		}
	}
	return size
}

// count returns the number of members of m.
func (v *View) count(m *mix) uint64 {
	base := v.joined(m)
	var owns []*bag // those that may have somebody who is not in base
	for _, b := range m.owns {
		if !v.covers(m, b) {
			b.fetch()
			owns = append(owns, b)
		}
	}
	switch {
	case len(owns) == 0 && base == nil:
		return 0
	case len(owns) == 0:
		return base.n
	case base == nil && len(owns) == 1:
		return owns[0].count()
	}
	size := 0
	for _, b := range owns {
		if size += len(b.list); b.pages != nil || size > maxList {
			return countPages(base, owns)
		}
	}
	small := owns[0]
	if len(owns) > 1 {
		small = &bag{list: make([]uint32, 0, size)}
		for _, b := range owns {
			small.add(b.list...)
		}
	}
	if base == nil {
		return small.count()
	}
	small.sort()
	return base.n + base.set.without(small.list)
}

// covers reports whether a component of m is known to hold everybody in b: b
// crossed tables whose components hold all who ever crossed them.
func (v *View) covers(m *mix, b *bag) bool {
	if len(b.of) == 0 || len(m.parts) == 0 {
		return false
	}
	for _, x := range b.of {
		var own mix
		for _, c := range m.parts {
			if c.of == x.of {
				own.parts = append(own.parts, c)
			}
		}
		if c := v.joined(&own); c == nil || !x.within(c) {
			return false
		}
	}
	return true
}

// countPages counts a union page by page, without making it.
func countPages(base *component, owns []*bag) (n uint64) {
	sets := make([]*bag, 0, len(owns)+1)
	if base != nil {
		sets = append(sets, base.set)
	}
	pages := 0
	sets = append(sets, owns...)
	for i, b := range sets {
		if b.pages == nil { // components are shared: not to be changed
			paged := new(bag)
			paged.dense()
			paged.addAll(b.list)
			defer paged.free()
			sets[i] = paged
		}
		pages = max(pages, len(sets[i].pages))
	}
	var sum page
	for high := range pages {
		var only *page
		several := false
		for _, b := range sets {
			if high >= len(b.pages) || b.pages[high] == nil || only == full {
				continue
			}
			p := b.pages[high]
			switch {
			case only == nil || p == full:
				only, several = p, false
			case several:
				sum.or(p)
			default:
				sum, several = *only, true
				sum.or(p)
			}
		}
		if several {
			only = &sum
		}
		n += uint64(only.count())
	}
	return n
}

// without returns how many of the numbers are not in b.
func (b *bag) without(numbers []uint32) (n uint64) {
	for _, k := range numbers {
		if !b.has(k) {
			n++
		}
	}
	return n
}

// union returns a set of its own with all members of m.
func (v *View) union(m *mix) *bag {
	set := new(bag)
	if base := v.joined(m); base != nil {
		set.or(base.set)
	}
	for _, b := range m.owns {
		set.or(b)
	}
	return set
}
