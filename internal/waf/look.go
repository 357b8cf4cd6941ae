package waf

import (
	"regexp"
	"slices"
	"sync"

	"rsc.io/binaryregexp"

	"sekisho/internal/waf/automaton"
	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/required"
	"sekisho/internal/waf/sieve"
	"sekisho/internal/waf/transform"
)

// look is the first look at the places that one group of rules looks at: their
// searches, and what is needed to ask them of one value after another.
type look struct {
	searches []search
	sieve    *sieve.Sieve // of the formulas, numbered as searches
	narrow   []narrow     // of some of them, by cluster
	erased   []erased     // of the formulas after erasing
	sqli     []int
	xss      []int
	tree     []branch // transformations; the first is none
	steps    int      // different ones in the tree
	ends     chainSet // where any search looks
	harmless *harmless
}

// search is one rule with the places in the tree where it looks.
type search struct {
	crs.Search
	ends   chainSet
	gone   *required.Bytes          // Erase, one for all searches with the same
	erased []transform.Bytes        // clauses of Erased
	match  func() func([]byte) bool // the expression, compiled when first needed; nil for none
}

// erased is the sieve of the formulas that a text without some bytes has to satisfy,
// numbered as searches.
type erased struct {
	gone  *required.Bytes
	left  transform.Bytes // all but these
	sieve *sieve.Sieve
}

// narrow is the sieve of the searches after some sorts of transformations. A
// variant that only these look at need not be searched for all the others want.
type narrow struct {
	ends  chainSet // where its searches look
	sieve *sieve.Sieve
}

// clusters are the sorts of transformations, by steps of which a chain has one;
// a chain belongs to the last that fits. Those with none of these decode, and
// leave ordinary values as they are.
var clusters = [][]string{
	{"utf8tounicode"},
	{"cmdline"},
	{"removewhitespace", "compresswhitespace", "replacecomments", "removecommentschar"},
	{"normalizepath", "normalizepathwin"},
	{"base64decode"},
}

// narrowing are the clusters that have a sieve, alone or together: what commands
// become is often a path as it is. The first that holds is asked.
var narrowing = [][]int{{0}, {1}, {2}, {3}, {4}, {1, 3}}

// cluster returns the number of a chain's cluster, -1 for none.
func cluster(chain []string) int {
	last := -1
	for i, steps := range clusters {
		if slices.ContainsFunc(chain, func(step string) bool { return slices.Contains(steps, step) }) {
			last = i
		}
	}
	return last
}

// chainSet is a set of branches of the tree.
type chainSet [2]uint64

func (s *chainSet) add(i int)             { s[i>>6] |= 1 << (i & 63) }
func (s *chainSet) has(i int) bool        { return s[i>>6]&(1<<(i&63)) != 0 }
func (s *chainSet) meets(o chainSet) bool { return s[0]&o[0]|s[1]&o[1] != 0 }
func (s *chainSet) holds(o chainSet) bool { return o[0]&^s[0]|o[1]&^s[1] == 0 }
func (s *chainSet) join(o chainSet)       { s[0], s[1] = s[0]|o[0], s[1]|o[1] }
func (s *chainSet) meet(o chainSet)       { s[0], s[1] = s[0]&o[0], s[1]&o[1] }

// branch is one transformation after that of its parent.
type branch struct {
	step   *transform.Step
	number int // of the step, among those of the tree
	parent int
	last   int   // the branches from this one to the last are those that go on from it
	asks   []ask // of the searches that end here
}

// newLook prepares the searches for some kinds of places.
func newLook(all []crs.Search, kinds crs.Kind) *look {
	l := &look{tree: []branch{{}}, harmless: newHarmless()}
	l.grow(all, kinds)
	var formulas []*required.Formula
	gone := map[required.Bytes]*required.Bytes{}
	for _, s := range all {
		if s.Kinds&kinds == 0 {
			continue
		}
		own := search{Search: s, gone: &s.Erase}
		if known, ok := gone[s.Erase]; ok {
			own.gone = known
		}
		gone[s.Erase] = own.gone
		for _, chain := range s.Chains {
			own.ends.add(l.branch(chain))
		}
		own.compile()
		formula := s.Formula
		if formula == nil {
			formula = &required.Formula{}
		}
		if s.Erased != nil {
			formula = formula.Coarse() // the erased one decides
			own.erased = clauses(s.Erased)
		}
		switch s.Library {
		case "sqli":
			l.sqli = append(l.sqli, len(l.searches))
		case "xss":
			l.xss = append(l.xss, len(l.searches))
		}
		formulas = append(formulas, formula)
		l.searches = append(l.searches, own)
	}
	l.sieve = sieve.New(formulas)
	l.eraseAll()
	l.ends = l.asked()
	l.askings(formulas)
	for _, of := range narrowing {
		l.narrow = append(l.narrow, l.narrowed(of, formulas))
	}
	return l
}

// grow makes the tree of all chains, in such an order that whatever goes on from a
// branch follows it.
func (l *look) grow(all []crs.Search, kinds crs.Kind) {
	var chains [][]string
	for _, s := range all {
		if s.Kinds&kinds != 0 {
			chains = append(chains, s.Chains...)
		}
	}
	slices.SortFunc(chains, slices.Compare)
	for _, chain := range chains {
		l.branch(chain)
	}
	for i := len(l.tree) - 1; i >= 0; i-- {
		b := &l.tree[i]
		b.last = max(b.last, i)
		if i > 0 {
			l.tree[b.parent].last = max(l.tree[b.parent].last, b.last)
		}
	}
}

// eraseAll makes a sieve for each set of bytes that is erased.
func (l *look) eraseAll() {
	for i := range l.searches {
		gone := l.searches[i].gone
		if l.searches[i].Erased == nil || slices.ContainsFunc(l.erased, func(e erased) bool { return e.gone == gone }) {
			continue
		}
		own := make([]*required.Formula, len(l.searches))
		for k := range l.searches {
			if own[k] = l.searches[k].Erased; own[k] == nil || l.searches[k].gone != gone {
				own[k] = &required.Formula{}
			}
		}
		e := erased{gone: gone, sieve: sieve.New(own)}
		for c := range gone {
			if !gone[c] {
				e.left.Add(byte(c))
			}
		}
		l.erased = append(l.erased, e)
	}
}

// narrowed makes the sieve of some clusters.
func (l *look) narrowed(of []int, formulas []*required.Formula) narrow {
	var made narrow
	own := make([]*required.Formula, len(formulas))
	for i := range l.searches {
		own[i] = &required.Formula{}
		for _, chain := range l.searches[i].Chains {
			if slices.Contains(of, cluster(chain)) {
				own[i] = formulas[i]
				made.ends.add(l.branch(chain))
			}
		}
	}
	made.sieve = sieve.New(own)
	return made
}

// asked are the branches where searches look.
func (l *look) asked() chainSet {
	var all chainSet
	for i := range l.searches {
		all.join(l.searches[i].ends)
	}
	return all
}

// branch returns the place of a chain in the tree, growing it as needed.
func (l *look) branch(chain []string) int {
	at := 0
next:
	for _, name := range chain {
		for i, b := range l.tree {
			if i > 0 && b.parent == at && b.step.Name == name {
				at = i
				continue next
			}
		}
		l.tree = append(l.tree, branch{step: transform.Lookup(name), number: l.number(name), parent: at})
		at = len(l.tree) - 1
	}
	return at
}

// number returns the number of a step, a new one if the tree does not have it.
func (l *look) number(name string) int {
	for _, b := range l.tree[1:] {
		if b.step.Name == name {
			return b.number
		}
	}
	l.steps++
	return l.steps - 1
}

// compile prepares the expression as the judge reads it.
func (s *search) compile() {
	switch {
	case s.Expression == "":
	case s.Bytes:
		s.match = sync.OnceValue(func() func([]byte) bool { return binaryregexp.MustCompile(s.Expression).Match })
	default:
		s.match = sync.OnceValue(func() func([]byte) bool { return matcher("(?sm)" + s.Expression) })
	}
}

// matcher compiles an expression that the judge has compiled too. Go's regexp
// is quicker only with one that begins with a literal, which it searches for.
func matcher(expr string) func([]byte) bool {
	re := regexp.MustCompile(expr)
	if prefix, _ := re.LiteralPrefix(); prefix != "" {
		return re.Match
	}
	if m, err := automaton.New(expr); err == nil {
		return m.Match
	}
	return re.Match
}
