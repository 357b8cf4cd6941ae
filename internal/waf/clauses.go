package waf

import (
	"math/bits"
	"slices"
	"strings"

	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/required"
	"sekisho/internal/waf/transform"
)

// A clause is a set of bytes of which a text must hold one. A formula is brought
// to clauses that hold for every text that satisfies it: the bytes that a value
// holds, without their order, then tell of most rules that they cannot match it,
// and with them which transformations need not be made.

// maxClauses bounds those of a rule, of which the rarest tell most.
const maxClauses = 8

// clauses returns what a formula asks of the bytes of a text, in small letters,
// the rarest first.
func clauses(f *required.Formula) []transform.Bytes {
	var all []transform.Bytes
	switch f.Op {
	case required.Literal:
		for i := range len(f.Text) {
			var one transform.Bytes
			one.Add(f.Text[i])
			all = append(all, one)
		}
	case required.And:
		for _, sub := range f.Subs {
			all = append(all, clauses(sub)...)
		}
	case required.Or:
		var any transform.Bytes
		for _, sub := range f.Subs {
			of := clauses(sub)
			if len(of) == 0 {
				return nil // one of them asks for nothing
			}
			any.Join(&of[0])
		}
		all = append(all, any)
	}
	slices.SortStableFunc(all, func(a, b transform.Bytes) int { return commonness(&a) - commonness(&b) })
	all = slices.Compact(all)
	return all[:min(len(all), maxClauses)]
}

// commonness is a guess at how often texts hold a byte of a set: by its most
// common one, and then by how many there are.
func commonness(set *transform.Bytes) int {
	const common = "qxzjkvb'\"!?:/-(),.pygfwmucldrhsnioate 0123456789" // all else is rarer
	most, n := 0, 0
	for word, left := range set {
		for ; left != 0; left &= left - 1 {
			most = max(most, 1+strings.IndexByte(common, byte(word<<6+bits.TrailingZeros64(left))))
			n++
		}
	}
	return most<<8 + n
}

// folded are the bytes in which a formula may be found in a text of the given
// ones: small letters for capital ones, s for U+017F and k for U+212A
// ([required.FoldKS]).
func folded(b transform.Bytes) transform.Bytes {
	b.AddLower()
	if b.Has(0xc5) && b.Has(0xbf) {
		b.Add('s')
	}
	if b.Has(0xe2) && b.Has(0x84) && b.Has(0xaa) {
		b.Add('k')
	}
	return b
}

// ask is what a search asks of the bytes of the texts at a branch.
type ask struct {
	kinds   crs.Kind
	clauses []transform.Bytes
}

// may reports whether a value of a kind can match, of whose text the folded
// bytes are known.
func (a *ask) may(kind crs.Kind, bytes *transform.Bytes) bool {
	if a.kinds&kind == 0 {
		return false
	}
	for i := range a.clauses {
		if !a.clauses[i].Meets(bytes) {
			return false
		}
	}
	return true
}

// askings notes what the searches that end in each branch ask.
func (l *look) askings(formulas []*required.Formula) {
	for n := range l.searches {
		s := &l.searches[n]
		a := ask{kinds: s.Kinds}
		switch s.Library {
		case "":
			a.clauses = clauses(formulas[n])
		case "xss":
			a.clauses = []transform.Bytes{tagOrValue}
		}
		for i := range l.tree {
			if s.ends.has(i) {
				l.tree[i].asks = append(l.tree[i].asks, a)
			}
		}
	}
}

// tagOrValue is what libinjection wants for scripts: a tag, or an attribute with
// a value.
var tagOrValue = func() (b transform.Bytes) {
	b.Add('<')
	b.Add('=')
	return b
}()

// plan finds out at which branches a search may match: of those below one, the
// bytes of whose text are known.
func (g *glance) plan(kind crs.Kind, from int, present transform.Bytes) {
	tree := g.look.tree
	last := from
	for i := from; i <= tree[from].last; i++ {
		here := &g.plans[i]
		if i == from {
			here.bytes = present
		} else {
			here.bytes = tree[i].step.Reach(&g.plans[tree[i].parent].bytes)
		}
		if i == from || here.bytes != g.plans[last].bytes {
			here.folded = folded(here.bytes)
		} else {
			here.folded = g.plans[last].folded
		}
		last = i
		here.live = slices.ContainsFunc(tree[i].asks, func(a ask) bool { return a.may(kind, &here.folded) })
		here.wanted = here.live
	}
	for i := tree[from].last; i > from; i-- {
		if g.plans[i].wanted {
			g.plans[tree[i].parent].wanted = true
		}
	}
}

// plan is what is known of a branch before its text is made.
type plan struct {
	bytes, folded transform.Bytes // that the text may hold
	live          bool            // a search may match here
	wanted        bool            // here, or further on
}
