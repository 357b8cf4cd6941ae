package required

import (
	"cmp"
	"math"
	"regexp/syntax"
	"slices"
	"unicode"
)

// Bytes is a set of bytes.
type Bytes [256]bool

// Erased returns the formula of a text from which all bytes of a set were
// removed, for an expression that allows such bytes anywhere to hide a word:
// c"a"t. With a guard, texts that hold that byte satisfy the formula too, and
// in exchange optional parts that need the guard are taken to be absent. The
// guard must not be in the set; 0 is none.
func (l Language) Erased(re *syntax.Regexp, gone *Bytes, guard byte) *Formula {
	e := eraser{language: l, guard: guard, gone: gone}
	f := l.Of(e.erase(re))
	if guard == 0 {
		return f
	}
	return either([]*Formula{literal(string([]byte{guard})), f})
}

// Erase appends to dst the text without the bytes of the set.
func (b *Bytes) Erase(dst, text []byte) []byte {
	dst = slices.Grow(dst, len(text))
	at := dst[len(dst) : len(dst)+len(text)]
	n := 0
	for _, c := range text {
		at[n] = c
		n += kept(b[c])
	}
	return dst[:len(dst)+n]
}

// kept is 0 for what goes and 1 for what stays, without a branch.
func kept(gone bool) int {
	if gone {
		return 0
	}
	return 1
}

// Gaps returns the sets of bytes that an expression allows any number of
// (classes under a star) at least a number of times, the most frequent first.
func Gaps(re *syntax.Regexp, atLeast int) []Bytes {
	count := map[Bytes]int{}
	gaps(re, count)
	var sets []Bytes
	for set, n := range count {
		if n >= atLeast {
			sets = append(sets, set)
		}
	}
	slices.SortFunc(sets, func(a, b Bytes) int {
		if c := cmp.Compare(count[b], count[a]); c != 0 {
			return c
		}
		if less(&a, &b) {
			return -1
		}
		return 1
	})
	return sets
}

func less(a, b *Bytes) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i]
		}
	}
	return false
}

// beyondASCII reports whether a class holds all characters beyond ASCII, but
// for the two that FoldKS takes out of a text.
func beyondASCII(pairs []rune) bool {
	next := rune(0x80)
	for i := 0; i < len(pairs); i += 2 {
		for next == 0x17F || next == 0x212A {
			next++
		}
		if pairs[i] <= next && pairs[i+1] >= next {
			next = pairs[i+1] + 1
		}
	}
	return next > unicode.MaxRune
}

func gaps(re *syntax.Regexp, count map[Bytes]int) {
	if re.Op == syntax.OpStar && re.Sub[0].Op == syntax.OpCharClass {
		var set Bytes
		for i, pairs := 0, re.Sub[0].Rune; i < len(pairs); i += 2 {
			for r := pairs[i]; r <= pairs[i+1] && r < 0x80; r++ {
				set[r] = true
			}
		}
		if beyondASCII(re.Sub[0].Rune) {
			for b := 0x80; b < 0x100; b++ {
				set[b] = true
			}
		}
		count[set]++
	}
	for _, sub := range re.Sub {
		gaps(sub, count)
	}
}

type eraser struct {
	language Language
	gone     *Bytes
	guard    byte
}

func (e *eraser) erase(re *syntax.Regexp) *syntax.Regexp {
	switch re.Op {
	case syntax.OpLiteral:
		return e.literal(re)
	case syntax.OpCharClass:
		return e.class(re)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return optional(re)
	case syntax.OpStar, syntax.OpQuest, syntax.OpRepeat:
		if e.guard != 0 && (re.Op != syntax.OpRepeat || re.Min == 0) && needs(e.language.Of(re.Sub[0]), e.guard) {
			return &syntax.Regexp{Op: syntax.OpEmptyMatch}
		}
	}
	kept := *re
	kept.Sub = make([]*syntax.Regexp, len(re.Sub))
	for i, sub := range re.Sub {
		kept.Sub[i] = e.erase(sub)
	}
	if len(kept.Sub) == 1 && kept.Sub[0].Op == syntax.OpEmptyMatch {
		return kept.Sub[0]
	}
	return &kept
}

// literal leaves out characters; one of which only the other case goes may
// still be there.
func (e *eraser) literal(re *syntax.Regexp) *syntax.Regexp {
	all := &syntax.Regexp{Op: syntax.OpConcat}
	for _, r := range re.Rune {
		one := &syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags, Rune: []rune{r}}
		gone, other := e.goes(r), e.goes(r)
		if re.Flags&syntax.FoldCase != 0 && r < 0x80 && unicode.IsLetter(r) {
			other = e.goes(r ^ 0x20)
		}
		switch {
		case gone && other:
			continue
		case gone || other:
			one = optional(one)
		}
		all.Sub = append(all.Sub, one)
	}
	if all.Sub == nil {
		return &syntax.Regexp{Op: syntax.OpEmptyMatch}
	}
	return all
}

// goes reports whether a character is erased.
func (e *eraser) goes(r rune) bool {
	return r < 0x80 && e.gone[r] || r >= 0x80 && e.gone[0x80]
}

// class leaves out what is erased, and may then match nothing.
func (e *eraser) class(re *syntax.Regexp) *syntax.Regexp {
	kept := &syntax.Regexp{Op: syntax.OpCharClass, Flags: re.Flags}
	erased := false
	for i := 0; i < len(re.Rune); i += 2 {
		begin := re.Rune[i]
		for r := begin; r <= re.Rune[i+1] && r < 0x80; r++ {
			if !e.gone[r] {
				continue
			}
			erased = true
			if begin < r {
				kept.Rune = append(kept.Rune, begin, r-1)
			}
			begin = r + 1
		}
		end := re.Rune[i+1]
		if e.gone[0x80] && end >= 0x80 { // all beyond ASCII go
			end, erased = 0x7f, true
		}
		if begin <= end {
			kept.Rune = append(kept.Rune, begin, end)
		}
	}
	switch {
	case kept.Rune == nil:
		return &syntax.Regexp{Op: syntax.OpEmptyMatch}
	case erased:
		return optional(kept)
	}
	return kept
}

func optional(re *syntax.Regexp) *syntax.Regexp {
	return &syntax.Regexp{Op: syntax.OpQuest, Sub: []*syntax.Regexp{re}}
}

// needs reports whether every text that satisfies a formula holds a byte.
func needs(f *Formula, b byte) bool {
	switch f.Op {
	case Literal:
		for i := range len(f.Text) {
			if f.Text[i] == b {
				return true
			}
		}
		return false
	case And:
		for _, s := range f.Subs {
			if needs(s, b) {
				return true
			}
		}
		return false
	case Or:
		for _, s := range f.Subs {
			if !needs(s, b) {
				return false
			}
		}
		return true
	}
	return false
}

// Chance is a guess at how often a text satisfies a formula by accident, from
// 0 to 1: half of all texts hold a given byte, and each further byte of a
// literal makes it ten times as rare. It serves to choose between formulas.
func (f *Formula) Chance() float64 {
	switch f.Op {
	case Literal:
		return 0.5 * math.Pow(0.1, float64(len(f.Text)-1))
	case And:
		p := 1.0
		for _, s := range f.Subs {
			p *= s.Chance()
		}
		return p
	case Or:
		q := 1.0
		for _, s := range f.Subs {
			q *= 1 - s.Chance()
		}
		return 1 - q
	}
	return 1
}
