// Package automaton tells whether a regular expression matches a text, for
// expressions with thousands of instructions: Go's regexp follows all of their
// threads at every character, this package makes a deterministic automaton of
// the sets of threads as it meets them and then takes one step a character
// (Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009; RE2
// does the same). The answer is that of regexp.Match. It finds no places and
// no groups.
package automaton

import (
	"encoding/binary"
	"regexp"
	"regexp/syntax"
	"runtime"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Matcher is one expression, for many goroutines.
type Matcher struct {
	prog     *syntax.Prog
	fallback *regexp.Regexp
	bounds   []rune // where a class of characters begins, ascending; the first is 0
	ascii    [utf8.RuneSelf]uint16
	anchored bool // it matches from the beginning of a text, or not at all

	mu   sync.Mutex // guards free
	free []*table   // not in use; kept, since they took work to fill
}

const (
	// maxStates bounds the states that are kept; then the table begins anew.
	maxStates = 2000
	// maxResets is how often it may do so in one text before regexp is asked.
	maxResets = 4
)

// New compiles an expression of Perl syntax.
func New(expr string) (*Matcher, error) {
	fallback, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	m := &Matcher{fallback: fallback, anchored: atBeginning(re)}
	if m.prog, err = syntax.Compile(re.Simplify()); err != nil {
		return nil, err
	}
	m.classify()
	return m, nil
}

// atBeginning reports whether an expression begins with \A.
func atBeginning(re *syntax.Regexp) bool {
	for (re.Op == syntax.OpConcat || re.Op == syntax.OpCapture) && len(re.Sub) > 0 {
		re = re.Sub[0]
	}
	return re.Op == syntax.OpBeginText
}

// Instructions is the size of the expression's program.
func (m *Matcher) Instructions() int { return len(m.prog.Inst) }

// classify cuts the characters into classes that no instruction tells apart.
func (m *Matcher) classify() {
	set := map[rune]bool{0: true}
	add := func(from, to rune) { set[from], set[to+1] = true, true }
	for _, r := range [][2]rune{{'\n', '\n'}, {'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}} {
		add(r[0], r[1])
	}
	for i := range m.prog.Inst {
		in := &m.prog.Inst[i]
		switch in.Op {
		case syntax.InstRune, syntax.InstRune1:
			if len(in.Rune) == 1 {
				add(in.Rune[0], in.Rune[0])
				for r := unicode.SimpleFold(in.Rune[0]); r != in.Rune[0]; r = unicode.SimpleFold(r) {
					add(r, r)
				}
				continue
			}
			for k := 0; k+1 < len(in.Rune); k += 2 {
				add(in.Rune[k], in.Rune[k+1])
			}
		}
	}
	for r := range set {
		if r <= unicode.MaxRune {
			m.bounds = append(m.bounds, r)
		}
	}
	slices.Sort(m.bounds)
	for r := range m.ascii {
		m.ascii[r] = uint16(m.search(rune(r)))
	}
}

// search returns the class of a character.
func (m *Matcher) search(r rune) int {
	i, found := slices.BinarySearch(m.bounds, r)
	if !found {
		i--
	}
	return i
}

// The kinds of the character before a position, as far as ^, $ and \b can tell.
const (
	atBegin = iota
	afterNewline
	afterWord
	afterOther
)

var before = [...]rune{atBegin: -1, afterNewline: '\n', afterWord: 'a', afterOther: ' '}

func kindOf(r rune) int {
	switch {
	case r == '\n':
		return afterNewline
	case syntax.IsWordChar(r):
		return afterWord
	}
	return afterOther
}

// table is the automaton as far as it has been needed.
type table struct {
	m      *Matcher
	states map[string]int32
	sets   [][]uint32 // by state: kind of the character before, then threads
	next   []int32    // by row of a state + class: the row of the next; the last class is the end
	seen   []uint32   // by instruction: mark of the closure that met it
	mark   uint32
	todo   []uint32
	key    []byte

	// A state without threads is idle: it waits for a character that the expression
	// may begin with. All others are passed over without a step.
	idle  [afterOther + 1]int32 // rows by kind, 0 if none is known
	quiet [utf8.RuneSelf]uint8  // what idle states do at a character
}

// What idle states do at a character of ASCII, whichever of afterWord and
// afterOther they are.
const (
	unasked = iota
	stays   // idle
	wakes
)

const (
	unmade  = 0  // not known yet: the row of no state
	matched = -1 // the expression matches
)

func newTable(m *Matcher) *table {
	t := &table{m: m, seen: make([]uint32, len(m.prog.Inst))}
	t.reset()
	return t
}

func (t *table) reset() {
	t.states = map[string]int32{}
	t.sets = append(t.sets[:0], nil) // state 0 is none
	t.next = append(t.next[:0], make([]int32, len(t.m.bounds)+1)...)
	t.quiet = [utf8.RuneSelf]uint8{}
	t.state(atBegin, nil)
	for _, kind := range [...]int{afterWord, afterOther} {
		t.idle[kind] = int32(len(t.m.bounds)+1) * t.state(kind, nil)
	}
}

// ask finds out what idle states do at a character.
func (t *table) ask(c byte) uint8 {
	t.quiet[c] = wakes
	if kind := kindOf(rune(c)); kind != afterNewline {
		word, other := t.idle[afterWord], t.idle[afterOther]
		if to := t.idle[kind]; t.to(word, c) == to && t.to(other, c) == to {
			t.quiet[c] = stays
		}
	}
	return t.quiet[c]
}

// to returns the row that a row leads to by a character of ASCII.
func (t *table) to(row int32, c byte) int32 {
	class := int(t.m.ascii[c])
	if to := t.next[int(row)+class]; to != unmade {
		return to
	}
	return t.step(row/int32(len(t.m.bounds)+1), class)
}

// start is the state before the first character.
const start = 1

// state returns the number of a set, a new one if it is not known.
func (t *table) state(kind int, threads []uint32) int32 {
	t.key = append(t.key[:0], byte(kind))
	for _, pc := range threads {
		t.key = binary.LittleEndian.AppendUint32(t.key, pc)
	}
	if n, ok := t.states[string(t.key)]; ok {
		return n
	}
	n := int32(len(t.sets))
	t.states[string(t.key)] = n
	t.sets = append(t.sets, append([]uint32{uint32(kind)}, threads...))
	t.next = append(t.next, make([]int32, len(t.m.bounds)+1)...)
	return n
}

// take returns a table that nobody uses.
func (m *Matcher) take() *table {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.free); n > 0 {
		t := m.free[n-1]
		m.free = m.free[:n-1]
		return t
	}
	return newTable(m)
}

func (m *Matcher) give(t *table) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.free) < runtime.GOMAXPROCS(0) {
		m.free = append(m.free, t)
	}
}

// Match reports whether the expression matches anywhere in a text.
func (m *Matcher) Match(text []byte) bool {
	t := m.take()
	defer m.give(t)
	width := int32(len(m.bounds) + 1)
	row, resets := start*width, 0
	for i := 0; ; {
		i, row = t.run(text, i, row)
		if i == len(text) {
			break
		}
		if m.anchored && (row == t.idle[afterWord] || row == t.idle[afterOther]) {
			return false // no thread is left, and none begins here
		}
		r, size := utf8.DecodeRune(text[i:])
		class := m.class(r)
		i += size
		to := t.next[int(row)+class]
		if to == unmade {
			if len(t.sets) >= maxStates {
				if resets++; resets > maxResets {
					return m.fallback.Match(text)
				}
				set := slices.Clone(t.sets[row/width])
				t.reset()
				row = width * t.state(int(set[0]), set[1:])
			}
			to = t.step(row/width, class)
		}
		if to == matched {
			return true
		}
		row = to
	}
	to := t.next[row+width-1]
	if to == unmade {
		to = t.step(row/width, int(width)-1)
	}
	return to == matched
}

// run goes through ASCII as far as the transitions are known and lead on. It
// returns where it stopped and the row of the state before that.
func (t *table) run(text []byte, i int, row int32) (int, int32) {
	ascii, word, other := &t.m.ascii, t.idle[afterWord], t.idle[afterOther]
	for i < len(text) {
		c := text[i]
		if c >= utf8.RuneSelf {
			break
		}
		if row == word || row == other {
			if t.m.anchored {
				break
			}
			if n := t.pass(text[i:]); n > 0 {
				i += n
				row = t.idle[kindOf(rune(text[i-1]))]
				continue
			}
		}
		to := t.next[uint32(row)+uint32(ascii[c])]
		if to <= 0 {
			break
		}
		row = to
		i++
	}
	return i, row
}

// pass returns how many bytes a text begins with at which idle states stay idle.
func (t *table) pass(text []byte) int {
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return i
		}
		if does := t.quiet[c]; does != stays && (does == wakes || t.ask(c) == wakes) {
			return i
		}
	}
	return len(text)
}

// class returns the class of a character.
func (m *Matcher) class(r rune) int {
	if r < utf8.RuneSelf {
		return int(m.ascii[r])
	}
	return m.search(r)
}

// step makes the transition of a state by a class, and returns the row that it
// leads to; the last class is the end.
func (t *table) step(state int32, class int) int32 {
	set, width := t.sets[state], len(t.m.bounds)+1
	next := rune(-1)
	if class < len(t.m.bounds) {
		next = t.m.bounds[class]
	}
	flags := syntax.EmptyOpContext(before[set[0]], next)
	live, found := t.closure(set[1:], flags)
	to := int32(matched)
	if !found {
		to = start * int32(width) // after the end nothing follows
		if next >= 0 {
			var threads []uint32
			for _, pc := range live {
				if in := &t.m.prog.Inst[pc]; in.MatchRune(next) {
					threads = append(threads, in.Out)
				}
			}
			slices.Sort(threads)
			to = int32(width) * t.state(kindOf(next), slices.Compact(threads))
		}
	}
	t.next[int(state)*width+class] = to
	return to
}

// closure follows all threads, and one that begins here, up to where they read
// a character; found says that one has come to the end of the expression.
func (t *table) closure(threads []uint32, flags syntax.EmptyOp) (live []uint32, found bool) {
	t.mark++
	if t.mark == 0 {
		clear(t.seen)
		t.mark = 1
	}
	t.todo = append(append(t.todo[:0], threads...), uint32(t.m.prog.Start))
	for len(t.todo) > 0 {
		pc := t.todo[len(t.todo)-1]
		t.todo = t.todo[:len(t.todo)-1]
		if t.seen[pc] == t.mark {
			continue
		}
		t.seen[pc] = t.mark
		switch in := &t.m.prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			t.todo = append(t.todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			t.todo = append(t.todo, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				t.todo = append(t.todo, in.Out)
			}
		case syntax.InstMatch:
			return nil, true
		case syntax.InstFail:
		default:
			live = append(live, pc)
		}
	}
	return live, false
}
