package waf

import (
	"bytes"
	"regexp"
	"slices"
	"sync"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/libinjection-go"
	"rsc.io/binaryregexp"

	"sekisho/internal/waf/automaton"
	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/required"
	"sekisho/internal/waf/sieve"
	"sekisho/internal/waf/transform"
)

// look is the first look: all searches of one direction, and what is needed
// to ask them of one value after another.
type look struct {
	searches []search
	sieve    *sieve.Sieve // of the formulas, numbered as searches
	erased   *sieve.Sieve // of the formulas after erasing, numbered as searches
	sqli     []int
	xss      []int
	tree     []branch // transformations; the first is none
	harmless *harmless
	pool     sync.Pool
}

// search is one rule with the places in the tree where it looks.
type search struct {
	crs.Search
	ends  chainSet
	match func() func([]byte) bool // the expression, compiled when first needed; nil for none
}

// chainSet is a set of branches of the tree.
type chainSet [2]uint64

func (s *chainSet) add(i int)             { s[i>>6] |= 1 << (i & 63) }
func (s *chainSet) meets(o chainSet) bool { return s[0]&o[0]|s[1]&o[1] != 0 }

// branch is one transformation after that of its parent.
type branch struct {
	step   *transform.Step
	parent int
}

func newLook(all []crs.Search, kinds crs.Kind) (*look, error) {
	l := &look{tree: []branch{{}}, harmless: newHarmless()}
	var formulas, erased []*required.Formula
	for _, s := range all {
		if s.Kinds&kinds == 0 {
			continue
		}
		own := search{Search: s}
		for _, chain := range s.Chains {
			own.ends.add(l.branch(chain))
		}
		own.compile()
		formula, after := s.Formula, s.Erased
		if formula == nil {
			formula = &required.Formula{}
		}
		if after == nil {
			after = &required.Formula{}
		}
		switch s.Library {
		case "sqli":
			l.sqli = append(l.sqli, len(l.searches))
		case "xss":
			l.xss = append(l.xss, len(l.searches))
		}
		formulas, erased = append(formulas, formula), append(erased, after)
		l.searches = append(l.searches, own)
	}
	l.sieve, l.erased = sieve.New(formulas), sieve.New(erased)
	l.pool.New = func() any { return newGlance(l) }
	return l, nil
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
		l.tree = append(l.tree, branch{step: transform.Lookup(name), parent: at})
		at = len(l.tree) - 1
	}
	return at
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

// bigProgram is the number of instructions from which an expression is worth
// an automaton; Go's regexp is quick with small ones.
const bigProgram = 200

// matcher compiles an expression that the judge has compiled too.
func matcher(expr string) func([]byte) bool {
	re := regexp.MustCompile(expr)
	if m, err := automaton.New(expr); err == nil && m.Instructions() >= bigProgram {
		return m.Match
	}
	return re.Match
}

// candidates returns the rules that may match a request, ascending.
func (l *look) candidates(v plugintypes.TransactionVariables) []int {
	g := l.pool.Get().(*glance)
	defer l.pool.Put(g)
	g.begin()
	g.request(v)
	return g.rules()
}

// body returns the rules that may match the body of a response, ascending.
func (l *look) body(body []byte) []int {
	g := l.pool.Get().(*glance)
	defer l.pool.Put(g)
	g.begin()
	g.bytes(crs.ResponseBody, body)
	return g.rules()
}

// variant is a value after some transformations.
type variant struct {
	text    []byte
	present transform.Bytes
	ends    chainSet // branches that end in it
	like    int      // the variant with the same letters but for their case, itself if first
}

// glance is the state of one look.
type glance struct {
	look     *look
	scratch  *sieve.Scratch
	erasing  *sieve.Scratch
	chosen   []bool   // by search
	any      bool     // of them
	first    []byte   // the value itself
	made     [][]byte // branch → room for what its step makes
	variants []variant
	of       []int // branch → variant
	erased   []byte
}

func newGlance(l *look) *glance {
	return &glance{look: l, scratch: l.sieve.NewScratch(), erasing: l.erased.NewScratch(), chosen: make([]bool, len(l.searches)), of: make([]int, len(l.tree)), made: make([][]byte, len(l.tree))}
}

func (g *glance) begin() {
	clear(g.chosen)
	g.any = false
}

func (g *glance) choose(n int) { g.chosen[n], g.any = true, true }

func (g *glance) rules() []int {
	var ids []int
	for i, chosen := range g.chosen {
		if chosen {
			ids = append(ids, g.look.searches[i].ID)
		}
	}
	slices.Sort(ids)
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
	g.spread(text)
	for i := range g.variants {
		v := &g.variants[i]
		if v.like == i {
			g.scan(kind, i)
		}
		g.inject(kind, v)
	}
	return g.any
}

// spread makes all variants of a text, each once.
func (g *glance) spread(text []byte) {
	g.variants = append(g.variants[:0], variant{text: text, present: transform.Present(text)})
	g.variants[0].ends.add(0)
	g.of[0] = 0
	for i := 1; i < len(g.look.tree); i++ {
		b := g.look.tree[i]
		from := &g.variants[g.of[b.parent]]
		made, changed := b.step.Apply(g.made[i][:0], from.text, &from.present)
		if g.made[i] = made; !changed {
			g.of[i] = g.of[b.parent]
			from.ends.add(i)
			continue
		}
		g.of[i] = g.variant(made)
		g.variants[g.of[i]].ends.add(i)
	}
}

// variant returns the number of a variant with a text, a new one if there is
// none.
func (g *glance) variant(text []byte) int {
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
	g.variants = append(g.variants, variant{text: text, present: transform.Present(text), like: like})
	return len(g.variants) - 1
}

// equalFold compares texts of one length without the case of ASCII letters.
func equalFold(a, b []byte) bool {
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
	if folded := required.FoldKS(string(text)); len(folded) != len(text) {
		text = []byte(folded)
		p := transform.Present(text)
		present = &p
	}
	for _, n := range g.look.sieve.Scan(text, present, g.scratch) {
		s := &g.look.searches[n]
		if g.chosen[n] || s.Kinds&kind == 0 {
			continue
		}
		for k := i; k < len(g.variants); k++ {
			if w := &g.variants[k]; w.like == i && s.ends.meets(w.ends) && g.confirm(n, s, w.text) {
				g.choose(int(n))
				break
			}
		}
	}
}

// confirm asks more precisely than the sieve.
func (g *glance) confirm(n int32, s *search, text []byte) bool {
	if s.Erased != nil {
		g.erased = s.Erase.Erase(g.erased[:0], required.FoldKS(string(text)))
		present := transform.Present(g.erased)
		if !slices.Contains(g.look.erased.Scan(g.erased, &present, g.erasing), n) {
			return false
		}
	}
	return s.match == nil || s.match()(text)
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
	for _, n := range g.look.xss {
		if s := &g.look.searches[n]; !g.chosen[n] && s.Kinds&kind != 0 && s.ends.meets(v.ends) {
			if libinjection.IsXSS(string(v.text)) {
				g.choose(n)
			}
		}
	}
}
