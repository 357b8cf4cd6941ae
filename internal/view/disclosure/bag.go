package disclosure

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
)

// bag is a set of numbers that is made for being filled and counted quickly.
// It begins as a list and becomes pages of bits when it grows. Stored sets and
// other bags may wait in it until a method needs them; the methods that do not
// say otherwise fetch them. The zero value is empty. A bag belongs to one
// goroutine.
type bag struct {
	stored [][]byte // stored sets that wait; valid
	subs   []*bag   // bags that wait
	sparse bool     // stays a list: few numbers far apart
	list   []uint32 // unsorted, with doubles, while pages is nil
	sorted bool     // list is sorted and without doubles
	of     []*ever  // who is in here crossed these; nil: not known
	pages  []*page  // by the upper 16 bits; nil is empty
}

// page holds 65,536 numbers.
type page [1024]uint64

// full is the page of all numbers. It is shared and never written.
var full = func() *page {
	p := new(page)
	for i := range p {
		p[i] = ^uint64(0)
	}
	return p
}()

// spare keeps pages for the next bag: making one costs more than filling it.
var spare struct {
	sync.Mutex
	pages []*page
}

// maxSpare bounds spare.pages to 64 MiB.
const maxSpare = 8192

// newPage returns an empty page.
func newPage() *page {
	spare.Lock()
	n := len(spare.pages) - 1
	if n < 0 {
		spare.Unlock()
		return new(page)
	}
	p := spare.pages[n]
	spare.pages = spare.pages[:n]
	spare.Unlock()
	*p = page{}
	return p
}

func freePages(pages []*page) {
	spare.Lock()
	defer spare.Unlock()
	for _, p := range pages {
		if p != nil && p != full && len(spare.pages) < maxSpare {
			spare.pages = append(spare.pages, p)
		}
	}
}

// maxList is where a list becomes pages.
const maxList = 1 << 15

// free gives the pages back. The bag is empty afterwards.
func (b *bag) free() {
	freePages(b.pages)
	*b = bag{}
}

func (b *bag) empty() bool {
	return b == nil || len(b.list) == 0 && b.pages == nil && b.stored == nil && b.subs == nil
}

// fetch adds what waits.
func (b *bag) fetch() {
	if b.stored == nil && b.subs == nil {
		return
	}
	stored, subs := b.stored, b.subs
	b.stored, b.subs = nil, nil
	for _, data := range stored {
		if err := b.addSet(data); err != nil {
			panic("disclosure: a set that was checked: " + err.Error())
		}
	}
	for _, o := range subs {
		b.or(o)
	}
}

// own returns the page for writing; nil when it is full already.
func (b *bag) own(high uint32) *page {
	if int(high) >= len(b.pages) {
		b.pages = append(b.pages, make([]*page, int(high)+1-len(b.pages))...)
	}
	p := b.pages[high]
	switch p {
	case full:
		return nil
	case nil:
		p = newPage()
		b.pages[high] = p
	}
	return p
}

func (b *bag) dense() {
	if b.pages != nil {
		return
	}
	b.sparse = false
	b.pages = make([]*page, 1)
	b.addAll(b.list)
	b.list, b.sorted = nil, false
}

// add adds numbers in any order.
func (b *bag) add(numbers ...uint32) {
	if b.pages == nil {
		if b.sparse && len(b.list)+len(numbers) > max(maxList, cap(b.list)) {
			b.list = slices.Compact(sortNumbers(b.list)) // doubles first
		}
		if b.sparse || len(b.list)+len(numbers) <= maxList {
			b.list = append(b.list, numbers...)
			b.sorted = false
			return
		}
		b.dense()
	}
	b.addAll(numbers)
}

func (b *bag) addAll(numbers []uint32) {
	for _, n := range numbers {
		if p := b.own(n >> 16); p != nil {
			p[n>>6&1023] |= 1 << (n & 63)
		}
	}
}

// addRange adds first … last.
func (b *bag) addRange(first, last uint32) {
	if b.pages == nil && last-first < 256 && (b.sparse || int(last-first) < maxList-len(b.list)) {
		for n := first; ; n++ {
			b.add(n)
			if n == last {
				return
			}
		}
	}
	b.dense()
	for high := first >> 16; high <= last>>16; high++ {
		lo, hi := uint32(0), uint32(0xffff)
		if high == first>>16 {
			lo = first & 0xffff
		}
		if high == last>>16 {
			hi = last & 0xffff
		}
		if lo == 0 && hi == 0xffff {
			b.fill(high)
			continue
		}
		if p := b.own(high); p != nil {
			p.fill(lo, hi)
		}
	}
}

// fill makes a page full.
func (b *bag) fill(high uint32) {
	if p := b.own(high); p != nil {
		freePages([]*page{p})
		b.pages[high] = full
	}
}

func (p *page) fill(lo, hi uint32) {
	for w := lo >> 6; w <= hi>>6; w++ {
		mask := ^uint64(0)
		if w == lo>>6 {
			mask &= ^uint64(0) << (lo & 63)
		}
		if w == hi>>6 {
			mask &= ^uint64(0) >> (63 - hi&63)
		}
		p[w] |= mask
	}
}

// or adds all members of o.
func (b *bag) or(o *bag) {
	if o.empty() {
		return
	}
	o.fetch()
	if o.pages == nil {
		b.add(o.list...)
		return
	}
	b.dense()
	for high, q := range o.pages {
		if q == nil {
			continue
		}
		if q == full {
			b.fill(uint32(high))
			continue
		}
		if p := b.own(uint32(high)); p != nil {
			p.or(q)
		}
	}
}

func (p *page) or(q *page) {
	for i := 0; i < len(p); i += 4 {
		p[i] |= q[i]
		p[i+1] |= q[i+1]
		p[i+2] |= q[i+2]
		p[i+3] |= q[i+3]
	}
}

// sort makes the list ascending and without doubles.
func (b *bag) sort() {
	b.fetch()
	if b.pages == nil && !b.sorted {
		b.list = slices.Compact(sortNumbers(b.list))
		b.sorted = true
	}
}

// sortNumbers sorts, by radix when that is faster, and returns the list, which
// may have moved.
func sortNumbers(list []uint32) []uint32 {
	if len(list) < 256 {
		slices.Sort(list)
		return list
	}
	other := make([]uint32, len(list))
	for shift := 0; shift < 32; shift += 8 {
		var at [257]int
		for _, n := range list {
			at[n>>shift&0xff+1]++
		}
		if slices.Max(at[1:]) == len(list) {
			continue // all alike
		}
		for i := 1; i < len(at); i++ {
			at[i] += at[i-1]
		}
		for _, n := range list {
			k := n >> shift & 0xff
			other[at[k]] = n
			at[k]++
		}
		list, other = other, list
	}
	return list
}

// count returns the number of members.
func (b *bag) count() (n uint64) {
	if b == nil {
		return 0
	}
	b.fetch()
	if b.pages == nil {
		b.sort()
		return uint64(len(b.list))
	}
	for _, p := range b.pages {
		n += uint64(p.count())
	}
	return n
}

func (p *page) count() (n int) {
	switch p {
	case nil:
		return 0
	case full:
		return 1 << 16
	}
	for i := 0; i < len(p); i += 4 {
		n += bits.OnesCount64(p[i]) + bits.OnesCount64(p[i+1]) + bits.OnesCount64(p[i+2]) + bits.OnesCount64(p[i+3])
	}
	return n
}

// all calls yield with every member, ascending.
func (b *bag) all(yield func(uint32) bool) {
	if b == nil {
		return
	}
	b.fetch()
	if b.pages == nil {
		b.sort()
		for _, n := range b.list {
			if !yield(n) {
				return
			}
		}
		return
	}
	for high, p := range b.pages {
		if p == nil {
			continue
		}
		for i, w := range p {
			for ; w != 0; w &= w - 1 {
				if !yield(uint32(high)<<16 | uint32(i)<<6 | uint32(bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// next returns the smallest member that is at least n. It fetches nothing.
func (b *bag) next(n uint32) (uint32, bool) {
	least, ok := b.nextOwn(n)
	for _, data := range b.stored {
		if k, found := nextStored(data, n); found && (!ok || k < least) {
			least, ok = k, true
		}
	}
	for _, o := range b.subs {
		if k, found := o.next(n); found && (!ok || k < least) {
			least, ok = k, true
		}
	}
	return least, ok
}

func (b *bag) nextOwn(n uint32) (uint32, bool) {
	if b.pages == nil {
		if !b.sorted {
			b.list, b.sorted = slices.Compact(sortNumbers(b.list)), true
		}
		i, _ := slices.BinarySearch(b.list, n)
		if i == len(b.list) {
			return 0, false
		}
		return b.list[i], true
	}
	for high := n >> 16; int(high) < len(b.pages); high++ {
		p := b.pages[high]
		if p == nil {
			n = 0
			continue
		}
		i := uint32(0)
		if high == n>>16 {
			i = n >> 6 & 1023
			if w := p[i] >> (n & 63) << (n & 63); w != 0 {
				return high<<16 | i<<6 | uint32(bits.TrailingZeros64(w)), true
			}
			i++
		}
		for ; i < 1024; i++ {
			if p[i] != 0 {
				return high<<16 | i<<6 | uint32(bits.TrailingZeros64(p[i])), true
			}
		}
		n = 0
	}
	return 0, false
}

// has reports whether n is a member.
func (b *bag) has(n uint32) bool {
	b.fetch()
	if b.pages != nil {
		if int(n>>16) >= len(b.pages) {
			return false
		}
		p := b.pages[n>>16]
		return p != nil && p[n>>6&1023]&(1<<(n&63)) != 0
	}
	b.sort()
	_, ok := slices.BinarySearch(b.list, n)
	return ok
}

// within reports whether all members of b are in o.
func (b *bag) within(o *bag) bool {
	if b.empty() {
		return true
	}
	b.fetch()
	if o != nil {
		o.fetch()
	}
	if b.pages == nil || o == nil || o.pages == nil {
		for n := range b.all {
			if o == nil || !o.has(n) {
				return false
			}
		}
		return true
	}
	for high, p := range b.pages {
		var q *page
		if high < len(o.pages) {
			q = o.pages[high]
		}
		switch {
		case p == nil || q == full:
		case q == nil:
			if *p != (page{}) {
				return false
			}
		default:
			for i := range p {
				if p[i]&^q[i] != 0 {
					return false
				}
			}
		}
	}
	return true
}

// beyond returns the members of b that are not in o, as a bag of its own.
func (b *bag) beyond(o *bag) *bag {
	b.fetch()
	o.fetch()
	rest := new(bag)
	if b.pages == nil || o.pages == nil {
		for n := range b.all {
			if !o.has(n) {
				rest.add(n)
			}
		}
		return rest
	}
	for high, p := range b.pages {
		var q *page
		if high < len(o.pages) {
			q = o.pages[high]
		}
		if p == nil || q == full {
			continue
		}
		into := rest.own(uint32(high))
		*into = *p
		for i := range into {
			if q == nil {
				break
			}
			into[i] &^= q[i]
		}
	}
	return rest
}

// appendDeltas writes ascending numbers: the first, then the differences.
func appendDeltas(dst []byte, sorted []uint32) []byte {
	last := uint32(0)
	for _, n := range sorted {
		dst = binary.AppendUvarint(dst, uint64(n-last))
		last = n
	}
	return dst
}
