package waf

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/corazawaf/libinjection-go"

	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/required"
	"sekisho/internal/waf/sieve"
	"sekisho/internal/waf/transform"
)

// variant is a value after some transformations.
type variant struct {
	text    []byte
	present transform.Bytes // no fewer than it holds
	ends    chainSet        // branches that end in it
	like    int             // the variant with the same letters but for their case, itself if first
}

// glance is the state of one look.
type glance struct {
	look     *look
	scratch  *sieve.Scratch
	narrowed []*sieve.Scratch // by cluster
	chosen   []bool           // by search
	any      bool             // of them
	first    []byte           // the value itself
	made     [][]byte         // branch → room for what its step makes
	variants []variant
	plans    []plan  // by branch
	of       []int   // branch → variant, unless nobody wants it
	becomes  []int16 // variant*steps + step → variant after it; unknown if not tried
	erasures []erasure
}

// unknown says that a step has not been applied to a variant.
const unknown = -1

// erasure is what the erased formulas say of a text without some bytes.
type erasure struct {
	of      *erased
	scratch *sieve.Scratch
	text    []byte
	fit     []int32 // formulas
	valid   bool    // for the variant that is being confirmed
}

func newGlance(l *look) *glance {
	g := &glance{
		look: l, scratch: l.sieve.NewScratch(), chosen: make([]bool, len(l.searches)),
		of: make([]int, len(l.tree)), made: make([][]byte, len(l.tree)), plans: make([]plan, len(l.tree)),
	}
	for _, n := range l.narrow {
		g.narrowed = append(g.narrowed, n.sieve.NewScratch())
	}
	for i := range l.erased {
		g.erasures = append(g.erasures, erasure{of: &l.erased[i], scratch: l.erased[i].sieve.NewScratch()})
	}
	return g
}

func (g *glance) begin() {
	if g.any {
		clear(g.chosen)
		g.any = false
	}
}

func (g *glance) choose(n int) { g.chosen[n], g.any = true, true }

// rules appends the rules that were chosen.
func (g *glance) rules(ids []int) []int {
	if !g.any {
		return ids
	}
	for i, chosen := range g.chosen {
		if chosen {
			ids = append(ids, g.look.searches[i].ID)
		}
	}
	return ids
}

// value looks at one value of one place.
func (g *glance) value(kind crs.Kind, text string) {
	if text == "" {
		// Nothing that needs a literal matches nothing; libinjection neither.
		return
	}
	if g.look.harmless.has(kind, text) {
		return
	}
	g.first = append(g.first[:0], text...)
	if !g.bytes(kind, g.first) {
		g.look.harmless.add(kind, text)
	}
}

// bytes looks at a text and reports whether a rule may match it. A rule that
// was chosen before is not looked at again, so that false is no news then.
func (g *glance) bytes(kind crs.Kind, text []byte) bool {
	g.spread(kind, text)
	for i := range g.variants {
		v := &g.variants[i]
		if v.like == i {
			g.scan(kind, i)
		}
		g.inject(kind, v)
	}
	return g.any
}

// spread makes the variants of a text in which a rule may find something, each
// once.
func (g *glance) spread(kind crs.Kind, text []byte) {
	g.variants, g.becomes = g.variants[:0], g.becomes[:0]
	g.add(variant{text: text, present: transform.Present(text)})
	g.plan(kind, 0, g.variants[0].present)
	g.of[0] = 0
	for i := range g.look.tree {
		b := &g.look.tree[i]
		if !g.plans[i].wanted {
			continue // nor is what goes on from it
		}
		if i > 0 {
			g.of[i] = g.after(i, g.of[b.parent], b)
		}
		if g.plans[i].bytes == transform.All { // decoded: now it is known to what
			g.plan(kind, i, g.variants[g.of[i]].present)
		}
		if g.plans[i].live {
			g.variants[g.of[i]].ends.add(i)
		}
	}
}

// after returns what a branch's step makes of a variant.
func (g *glance) after(i, from int, b *branch) int {
	at := from*g.look.steps + b.number
	if n := g.becomes[at]; n != unknown {
		return int(n)
	}
	v := &g.variants[from]
	n := from
	made, changed := b.step.Apply(g.made[i][:0], v.text, &v.present)
	g.made[i] = made // the room that it took, also when nothing changed
	if changed {
		n = g.variant(made, &g.plans[i].bytes)
	}
	g.becomes[at] = int16(n)
	return n
}

func (g *glance) add(v variant) {
	g.variants = append(g.variants, v)
	for range g.look.steps {
		g.becomes = append(g.becomes, unknown)
	}
}

// variant returns the number of a variant with a text, a new one if there is
// none. Reach are bytes that hold those of the text.
func (g *glance) variant(text []byte, reach *transform.Bytes) int {
	like := -1
	for i := range g.variants {
		if len(g.variants[i].text) != len(text) {
			continue
		}
		if bytes.Equal(g.variants[i].text, text) {
			return i
		}
		if like < 0 && equalFold(g.variants[i].text, text) {
			like = g.variants[i].like
		}
	}
	if like < 0 {
		like = len(g.variants)
	}
	present := *reach // a few that are not there do no harm
	if present == transform.All {
		present = transform.Present(text)
	}
	g.add(variant{text: text, present: present, like: like})
	return len(g.variants) - 1
}

// equalFold compares texts of one length without the case of ASCII letters.
func equalFold(a, b []byte) bool {
	const ones, tops, caseBits = 0x0101010101010101, 0x8080808080808080, 0x2020202020202020
	for len(a) >= 8 && len(b) >= 8 {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		if d := x ^ y; d != 0 {
			small := x | caseBits
			low := small &^ tops
			// The top bit of each byte that is from a to z: no sum reaches the next byte.
			letters := (low + (0x80-'a')*ones) &^ (low + (0x80-'z'-1)*ones) & tops &^ small
			if d&^caseBits != 0 || d<<2&^letters != 0 {
				return false
			}
		}
		a, b = a[8:], b[8:]
	}
	return equalFoldBytes(a, b)
}

func equalFoldBytes(a, b []byte) bool {
	for i, c := range a {
		d := b[i]
		if c != d && (c|0x20 != d|0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// scan asks the sieve about all variants that are like the i-th.
func (g *glance) scan(kind crs.Kind, i int) {
	v := &g.variants[i]
	text, present := v.text, &v.present
	if folded := foldKS(text, present); len(folded) != len(text) {
		text = folded
		p := transform.Present(text)
		present = &p
	}
	confirming := -1
	for _, n := range g.sift(i, text, present) {
		s := &g.look.searches[n]
		if g.chosen[n] || s.Kinds&kind == 0 {
			continue
		}
		for k := i; k < len(g.variants); k++ {
			w := &g.variants[k]
			if w.like != i || !s.ends.meets(w.ends) {
				continue
			}
			if confirming != k {
				confirming = k
				for e := range g.erasures {
					g.erasures[e].valid = false
				}
			}
			if g.confirm(n, s, w) {
				g.choose(int(n))
				break
			}
		}
	}
}

// sift returns the searches whose formulas a text satisfies, at least those
// that look at a variant like the i-th.
func (g *glance) sift(i int, text []byte, present *transform.Bytes) []int32 {
	var ends chainSet
	for k := i; k < len(g.variants); k++ {
		if g.variants[k].like == i {
			ends.join(g.variants[k].ends)
		}
	}
	ends.meet(g.look.ends)
	if ends == (chainSet{}) {
		return nil // it is on the way to others
	}
	for n := range g.look.narrow {
		if narrow := &g.look.narrow[n]; narrow.ends.holds(ends) {
			return narrow.sieve.Scan(text, present, g.narrowed[n])
		}
	}
	return g.look.sieve.Scan(text, present, g.scratch)
}

// foldKS is required.FoldKS for a text whose bytes are known.
func foldKS(text []byte, present *transform.Bytes) []byte {
	if present.Has(0xc5) && present.Has(0xbf) || present.Has(0xe2) && present.Has(0x84) && present.Has(0xaa) {
		return []byte(required.FoldKS(string(text)))
	}
	return text
}

// confirm asks more precisely than the sieve.
func (g *glance) confirm(n int32, s *search, v *variant) bool {
	if s.Erased != nil && (!s.erasable(v) || !slices.Contains(g.erase(s.gone, v).fit, n)) {
		return false
	}
	return s.match == nil || s.match()(v.text)
}

// erasable reports whether a variant holds the bytes that the formula wants of it
// without some.
func (s *search) erasable(v *variant) bool {
	bytes := folded(v.present)
	for i := range s.erased {
		if !s.erased[i].Meets(&bytes) {
			return false
		}
	}
	return true
}

// erase returns what the erased formulas say of a variant without some bytes.
func (g *glance) erase(gone *required.Bytes, v *variant) *erasure {
	at := slices.IndexFunc(g.erasures, func(e erasure) bool { return e.of.gone == gone })
	e := &g.erasures[at]
	if !e.valid {
		e.text = gone.Erase(e.text[:0], foldKS(v.text, &v.present))
		present := v.present
		for i := range present {
			present[i] &= e.of.left[i]
		}
		e.fit = e.of.sieve.Scan(e.text, &present, e.scratch)
		e.valid = true
	}
	return e
}

// inject asks libinjection.
func (g *glance) inject(kind crs.Kind, v *variant) {
	for _, n := range g.look.sqli {
		if s := &g.look.searches[n]; !g.chosen[n] && s.Kinds&kind != 0 && s.ends.meets(v.ends) {
			if found, _ := libinjection.IsSQLi(string(v.text)); found {
				g.choose(n)
			}
		}
	}
	if !v.present.Has('<') && !v.present.Has('=') {
		return // neither a tag nor an attribute with a value
	}
	for _, n := range g.look.xss {
		if s := &g.look.searches[n]; !g.chosen[n] && s.Kinds&kind != 0 && s.ends.meets(v.ends) {
			if libinjection.IsXSS(string(v.text)) {
				g.choose(n)
			}
		}
	}
}
