// Package required says what must be in a text for a regular expression to
// match it: a formula of literal strings under "and" and "or". A text that
// does not satisfy the formula cannot match, so that one search for all
// literals of many expressions tells which of them are worth running. It does
// not match anything itself.
//
// The way is that of Cox, "Regular Expression Matching with a Trigram Index"
// (2012) and of RE2's prefilter: for every part of an expression either the
// exact set of strings that it matches is known and small, or a formula that
// each of its matches satisfies. Here literals may be as short as one byte,
// because a presence test for single bytes costs next to nothing.
//
// All literals are lower case and ASCII; the text is to be compared without
// regard to ASCII case. Expressions that ignore case match two characters
// beyond that (U+017F for s, U+212A for k: Unicode CaseFolding.txt); who
// searches has to fold these too, see [FoldKS].
package required

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// Op is the kind of a formula.
type Op uint8

const (
	// Any is satisfied by every text.
	Any Op = iota
	// Literal is satisfied by a text that holds Text.
	Literal
	// And needs all of Subs.
	And
	// Or needs one of Subs.
	Or
)

// Formula is what a text must satisfy. Values are not changed once made.
type Formula struct {
	Op   Op
	Text string
	Subs []*Formula
}

// maxExact bounds the set of strings that a part may match exactly; more is
// told as a formula.
const maxExact = 48

// maxClass bounds the characters of a class that is told one by one.
const maxClass = 16

// maxAbsorb bounds the comparisons of every literal with every other.
const maxAbsorb = 1000

var anything = &Formula{Op: Any}

// Language says what a character of an expression stands for in a text.
type Language struct {
	// Bytes: characters up to U+00FF are single bytes, as rsc.io/binaryregexp
	// reads an expression. Otherwise characters are UTF-8, and literals beyond
	// ASCII are passed over.
	Bytes bool
}

// Of returns the formula of a parsed expression.
func (l Language) Of(re *syntax.Regexp) *Formula {
	return l.describe(re).formula()
}

// plain reports whether a character is one byte of the text that stands for
// itself.
func (l Language) plain(r rune, flags syntax.Flags) bool {
	return r < 0x80 || l.Bytes && r <= 0xff && flags&syntax.FoldCase == 0
}

// Strings returns the formula that one of some literals is there. Letter case
// is ignored; literals that are not ASCII make the formula weaker, not wrong.
func Strings(all []string) *Formula {
	var subs []*Formula
	for _, s := range all {
		subs = append(subs, concat(asciiRuns(s)))
	}
	return either(subs)
}

// Both returns the formula that two formulas are satisfied.
func Both(f, g *Formula) *Formula { return concat([]*Formula{f, g}) }

// asciiRuns returns the literals of the longest pieces of s that are ASCII.
func asciiRuns(s string) []*Formula {
	var runs []*Formula
	for _, run := range strings.FieldsFunc(s, func(r rune) bool { return r >= 0x80 }) {
		runs = append(runs, literal(lower(run)))
	}
	if runs == nil {
		return []*Formula{anything}
	}
	return runs
}

// part is what is known of the matches of one part of an expression.
type part struct {
	exact []string // all strings that it matches, lower case; sorted
	known bool     // exact is complete
	rest  *Formula // if not known
}

func (p part) formula() *Formula {
	if !p.known {
		return p.rest
	}
	return oneOf(p.exact)
}

var empty = part{exact: []string{""}, known: true}

func unknown(f *Formula) part { return part{rest: f} }

func (l Language) describe(re *syntax.Regexp) part {
	switch re.Op {
	case syntax.OpNoMatch:
		return part{known: true}
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return empty
	case syntax.OpLiteral:
		return l.literals(re)
	case syntax.OpCharClass:
		return l.class(re)
	case syntax.OpCapture:
		return l.describe(re.Sub[0])
	case syntax.OpQuest:
		if p := l.describe(re.Sub[0]); p.known && len(p.exact) < maxExact {
			return part{exact: set(append([]string{""}, p.exact...)), known: true}
		}
		return unknown(anything)
	case syntax.OpPlus:
		return unknown(l.describe(re.Sub[0]).formula())
	case syntax.OpRepeat:
		if re.Min == 0 {
			return unknown(anything)
		}
		return repeated(l.describe(re.Sub[0]), re.Min, re.Max)
	case syntax.OpConcat:
		return l.sequence(re.Sub)
	case syntax.OpAlternate:
		return l.alternatives(re.Sub)
	}
	return unknown(anything) // any character, star
}

// repeated is a part from least to most times; most is -1 for any number.
func repeated(p part, least, most int) part {
	if !p.known {
		return unknown(p.formula())
	}
	all := empty
	for range least {
		if len(all.exact)*len(p.exact) > maxExact {
			return unknown(concat([]*Formula{all.formula(), p.formula()}))
		}
		all = join(all, p)
	}
	if most == least {
		return all
	}
	more := all
	for range most - least {
		if len(more.exact)*(len(p.exact)+1) > maxExact {
			break
		}
		more = part{exact: set(append(slices.Clone(more.exact), join(more, p).exact...)), known: true}
		if most--; most == least {
			return more
		}
	}
	return unknown(all.formula())
}

func (l Language) literals(re *syntax.Regexp) part {
	var found []*Formula
	var b strings.Builder
	pure := true
	flush := func() {
		if b.Len() > 0 {
			found = append(found, literal(b.String()))
			b.Reset()
		}
	}
	for _, r := range re.Rune {
		if !l.plain(r, re.Flags) {
			pure = false
			flush()
			continue
		}
		b.WriteByte(lowerByte(byte(r)))
	}
	if pure {
		return part{exact: []string{b.String()}, known: true}
	}
	flush()
	return unknown(concat(found))
}

func (l Language) class(re *syntax.Regexp) part {
	pairs := re.Rune
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		if !l.plain(pairs[i], re.Flags) {
			// U+017F and U+212A stand beside s and k only: FoldKS.
			if pairs[i] == pairs[i+1] && (pairs[i] == 0x17F || pairs[i] == 0x212A) {
				continue
			}
			return unknown(anything)
		}
		for r := pairs[i]; r <= pairs[i+1]; r++ {
			if !l.plain(r, re.Flags) || len(all) > 2*maxClass {
				return unknown(anything)
			}
			all = append(all, string([]byte{lowerByte(byte(r))}))
		}
	}
	if all = set(all); len(all) > maxClass {
		return unknown(anything)
	}
	return part{exact: all, known: true}
}

// sequence joins exact sets as long as they stay small; what grows too big is
// told, and the joining begins anew.
func (l Language) sequence(subs []*syntax.Regexp) part {
	var told []*Formula
	run := empty
	for _, sub := range subs {
		p := l.describe(sub)
		switch {
		case !p.known:
			told = append(told, run.formula(), p.rest)
			run = empty
		case len(run.exact)*len(p.exact) > maxExact:
			told = append(told, run.formula())
			run = p
		default:
			run = join(run, p)
		}
	}
	if told == nil {
		return run
	}
	return unknown(concat(append(told, run.formula())))
}

func join(a, b part) part {
	all := make([]string, 0, len(a.exact)*len(b.exact))
	for _, x := range a.exact {
		for _, y := range b.exact {
			all = append(all, x+y)
		}
	}
	return part{exact: set(all), known: true}
}

func (l Language) alternatives(subs []*syntax.Regexp) part {
	all := part{known: true}
	var told []*Formula
	for _, sub := range subs {
		p := l.describe(sub)
		if all.known = all.known && p.known; all.known {
			all.exact = append(all.exact, p.exact...)
		}
		told = append(told, p.formula())
	}
	if all.known {
		if all.exact = set(all.exact); len(all.exact) <= maxExact {
			return all
		}
	}
	return unknown(either(told))
}

// oneOf is the formula of an exact set: a string that holds another one says
// nothing more.
func oneOf(exact []string) *Formula {
	var subs []*Formula
	for i, s := range exact {
		if s == "" {
			return anything
		}
		if !slices.ContainsFunc(exact, func(t string) bool { return t != exact[i] && strings.Contains(s, t) }) {
			subs = append(subs, literal(s))
		}
	}
	return either(subs)
}

func literal(s string) *Formula { return &Formula{Op: Literal, Text: s} }

func concat(subs []*Formula) *Formula {
	return combine(And, subs)
}

func either(subs []*Formula) *Formula {
	if slices.ContainsFunc(subs, func(f *Formula) bool { return f.Op == Any }) {
		return anything
	}
	return combine(Or, subs)
}

// combine flattens, drops what is there twice and what says nothing.
func combine(op Op, subs []*Formula) *Formula {
	var flat []*Formula
	for _, f := range subs {
		switch f.Op {
		case Any:
		case op:
			flat = append(flat, f.Subs...)
		default:
			flat = append(flat, f)
		}
	}
	seen := map[string]bool{}
	var kept []*Formula
	for _, f := range flat {
		if key := f.String(); !seen[key] {
			seen[key] = true
			kept = append(kept, f)
		}
	}
	kept = absorb(op, kept)
	switch len(kept) {
	case 0:
		return anything
	case 1:
		return kept[0]
	}
	return &Formula{Op: op, Subs: kept}
}

// absorb drops literals that another one makes needless: under And those that
// are held by a longer one, under Or those that hold a shorter one.
func absorb(op Op, subs []*Formula) []*Formula {
	if len(subs) > maxAbsorb {
		return subs
	}
	return slices.DeleteFunc(slices.Clone(subs), func(f *Formula) bool {
		if f.Op != Literal {
			return false
		}
		return slices.ContainsFunc(subs, func(g *Formula) bool {
			if g.Op != Literal || g.Text == f.Text {
				return false
			}
			if op == And {
				return strings.Contains(g.Text, f.Text)
			}
			return strings.Contains(f.Text, g.Text)
		})
	})
}

func set(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

func lowerByte(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

func lower(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lowerByte(b[i])
	}
	return string(b)
}

// FoldKS returns a text with U+017F as s and U+212A as k, which expressions
// that ignore case match as these letters; the same text if it holds neither.
func FoldKS(s string) string {
	if !strings.Contains(s, "\u017f") && !strings.Contains(s, "\u212a") {
		return s
	}
	return strings.NewReplacer("\u017f", "s", "\u212a", "k").Replace(s)
}
