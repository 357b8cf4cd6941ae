package detect

// table remembers a value for each (host, destination) pair, within two
// bounds: of all pairs and of one host's. What is over a bound pushes out the
// pair that was used longest ago, of that host or of all.
type table[P any] struct {
	total, perHost int
	cells          map[uint64]uint32 // host<<32 | destination → slot
	slots          []cell[P]
	free           []uint32
	all            list // by use, newest first
	hosts          names[hostName]
	dests          names[destination]
	dropped        uint64
}

type cell[P any] struct {
	host, dest uint32
	link       [2]struct{ newer, older uint32 } // in all, in the host's list; slot + 1, 0 for none
	value      P
}

// list is a doubly linked list through the slots; slot + 1, 0 for none.
type list struct{ newest, oldest uint32 }

const (
	inAll = iota
	inHost
)

type hostName struct {
	mine  list
	pairs uint32
}

// destination is what is known of a destination whoever talks to it.
type destination struct {
	pairs  uint32 // hosts that are remembered with it
	raised uint8
	first  int64   // first contact of anybody, ns
	info   float64 // bytes of information in names, of all hosts
}

// raise notes that a kind was raised, and reports whether it was before.
func (d *destination) raise(k Kind) bool {
	before := d.raised&bit(k) != 0
	d.raised |= bit(k)
	return before
}

// names numbers strings; a number is used again when nothing refers to it.
type names[T any] struct {
	ids  map[string]uint32
	text []string
	of   []T
	free []uint32
}

func (n *names[T]) id(s string) uint32 {
	if id, ok := n.ids[s]; ok {
		return id
	}
	var zero T
	var id uint32
	if k := len(n.free); k > 0 {
		id, n.free = n.free[k-1], n.free[:k-1]
		n.text[id], n.of[id] = s, zero
	} else {
		id = uint32(len(n.text))
		n.text, n.of = append(n.text, s), append(n.of, zero)
	}
	n.ids[s] = id
	return id
}

func (n *names[T]) drop(id uint32) {
	delete(n.ids, n.text[id])
	n.text[id] = ""
	n.free = append(n.free, id)
}

func newTable[P any](total, perHost int) *table[P] {
	t := &table[P]{total: total, perHost: perHost, cells: map[uint64]uint32{}}
	t.hosts.ids, t.dests.ids = map[string]uint32{}, map[string]uint32{}
	return t
}

// at returns the value of the pair and its destination, and whether they are
// new. The pointers are good until the next call.
func (t *table[P]) at(host, dest string) (*P, *destination, bool) {
	h, d := t.hosts.id(host), t.dests.id(dest)
	key := uint64(h)<<32 | uint64(d)
	slot, known := t.cells[key]
	if known {
		t.unlink(slot)
	} else {
		slot = t.add(key, h, d)
	}
	t.link(slot)
	return &t.slots[slot].value, &t.dests.of[d], !known
}

func (t *table[P]) add(key uint64, h, d uint32) uint32 {
	t.hosts.of[h].pairs++ // first, so that making room cannot drop these names
	t.dests.of[d].pairs++
	switch {
	case int(t.hosts.of[h].pairs) > t.perHost:
		t.evict(t.hosts.of[h].mine.oldest - 1)
	case len(t.cells) >= t.total:
		t.evict(t.all.oldest - 1)
	}
	var slot uint32
	if k := len(t.free); k > 0 {
		slot, t.free = t.free[k-1], t.free[:k-1]
		t.slots[slot] = cell[P]{host: h, dest: d}
	} else {
		slot = uint32(len(t.slots))
		t.slots = append(t.slots, cell[P]{host: h, dest: d})
	}
	t.cells[key] = slot
	return slot
}

func (t *table[P]) evict(slot uint32) {
	t.unlink(slot)
	c := &t.slots[slot]
	delete(t.cells, uint64(c.host)<<32|uint64(c.dest))
	if t.hosts.of[c.host].pairs--; t.hosts.of[c.host].pairs == 0 {
		t.hosts.drop(c.host)
	}
	if t.dests.of[c.dest].pairs--; t.dests.of[c.dest].pairs == 0 {
		t.dests.drop(c.dest)
	}
	var zero P
	c.value = zero // what it points to can go
	t.free = append(t.free, slot)
	t.dropped++
}

// list returns one of the two lists that a slot is in.
func (t *table[P]) list(slot uint32, which int) *list {
	if which == inAll {
		return &t.all
	}
	return &t.hosts.of[t.slots[slot].host].mine
}

func (t *table[P]) link(slot uint32) {
	for which := range 2 {
		l := t.list(slot, which)
		t.slots[slot].link[which].newer, t.slots[slot].link[which].older = 0, l.newest
		if l.newest != 0 {
			t.slots[l.newest-1].link[which].newer = slot + 1
		} else {
			l.oldest = slot + 1
		}
		l.newest = slot + 1
	}
}

func (t *table[P]) unlink(slot uint32) {
	for which := range 2 {
		l, at := t.list(slot, which), t.slots[slot].link[which]
		if at.newer != 0 {
			t.slots[at.newer-1].link[which].older = at.older
		} else {
			l.newest = at.older
		}
		if at.older != 0 {
			t.slots[at.older-1].link[which].newer = at.newer
		} else {
			l.oldest = at.newer
		}
	}
}
