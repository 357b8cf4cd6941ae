package sqlscan

import "strconv"

// maxDepth is how many nested parentheses are looked into; literals deeper are
// left alone. PostgreSQL's own limit is max_stack_depth.
const maxDepth = 64

// What parentheses hold.
const (
	ctxPositions uint8 = 1 << iota // ORDER BY, GROUP BY or DISTINCT ON: integers are column positions
	ctxVerbatim                    // modifiers of a type, or a list of column definitions
	ctxCast                        // CAST (… AS type)
)

// canonWriter writes Statement.Canon and finds the literals. Canon is the
// tokens with one space between, without it beside brackets, commas and the
// points of names; scanning it gives the tokens back. A literal is ? and a
// letter for its class, which no token is.
type canonWriter struct {
	sql      []byte
	st       *Statement
	literals []Literal
	canon    []byte

	depth    int
	ctx      [maxDepth]uint8
	open     [maxDepth]int // token index of the opening parenthesis
	closed   int           // token index of the one that was closed last
	typeEnd  int           // tokens before this index are a type name after :: or AS
	overflow bool
}

func (w *canonWriter) write() {
	toks := w.st.tokens
	for i := 0; i < len(toks); i++ {
		t := &toks[i]
		switch {
		case t.kind == tokWord:
			w.word(i, t)
		case t.kind == tokPunct:
			if t.char == '-' && w.negative(i) {
				i = w.literal(i, i+1)
				continue
			}
			w.punct(i, t.char)
		case t.literal():
			i = w.literal(i, i)
		case t.kind == tokOp:
			w.put(i, t)
			if t.cast() && i >= w.typeEnd {
				w.typeEnd = w.afterType(i + 1)
			}
		case t.kind == tokParam:
			w.put(i, t)
			if n, err := strconv.Atoi(string(t.span().Of(w.sql)[1:])); err == nil {
				w.st.MaxParam = max(w.st.MaxParam, n)
			}
		case t.kind == tokQuoted:
			w.put(i, t)
		default:
			w.put(i, t)
		}
	}
}

// space writes the space before token i.
func (w *canonWriter) space(i int) {
	if i == 0 {
		return
	}
	toks := w.st.tokens
	t, prev := &toks[i], &toks[i-1]
	switch {
	case t.kind == tokPunct && (t.char == ',' || t.char == ')' || t.char == ']'),
		prev.kind == tokPunct && (prev.char == '(' || prev.char == '['),
		t.is('.') && prev.name() && i+1 < len(toks) && toks[i+1].name(),
		prev.is('.') && t.name() && i > 1 && toks[i-2].name():
		return
	}
	w.canon = append(w.canon, ' ')
}

func (w *canonWriter) put(i int, t *token) {
	w.space(i)
	w.canon = append(w.canon, w.sql[t.from:t.to]...)
}

func (w *canonWriter) word(i int, t *token) {
	w.space(i)
	for _, c := range w.sql[t.from:t.to] {
		w.canon = append(w.canon, lower(c))
	}
	switch t.kw {
	case kwNone:
	case kwBy:
		w.here(ctxPositions, true)
	case kwHaving, kwLimit, kwOffset, kwFetch, kwFor, kwWindow, kwUnion, kwIntersect, kwExcept, kwReturning,
		kwRows, kwRange, kwGroups, kwOrder, kwWhere, kwSelect, kwFrom:
		w.here(ctxPositions, false)
	case kwAs:
		if !w.overflow && w.ctx[w.depth]&ctxCast != 0 && i >= w.typeEnd {
			w.typeEnd = w.afterType(i + 1)
		}
	}
}

func (w *canonWriter) here(flag uint8, on bool) {
	if w.overflow {
		return
	}
	if on {
		w.ctx[w.depth] |= flag
	} else {
		w.ctx[w.depth] &^= flag
	}
}

func (w *canonWriter) punct(i int, c byte) {
	w.space(i)
	w.canon = append(w.canon, c)
	switch c {
	case '(', '[':
		if w.depth+1 >= maxDepth {
			w.overflow = true // for the rest of the statement
			return
		}
		ctx := w.ctx[w.depth] & ctxVerbatim
		if c == '(' {
			ctx |= w.opens(i)
		}
		w.depth++
		w.ctx[w.depth], w.open[w.depth] = ctx, i
	case ')', ']':
		if w.depth > 0 && !w.overflow {
			w.closed = w.open[w.depth]
			w.depth--
		}
	}
}

// opens says what the parenthesis at token i holds.
func (w *canonWriter) opens(i int) uint8 {
	if i == 0 {
		return 0
	}
	prev := &w.st.tokens[i-1]
	positions := w.ctx[w.depth] & ctxPositions
	switch {
	case prev.kind == tokWord && prev.kw.use(useModified):
		return ctxVerbatim
	case prev.kw == kwCast || prev.kw == kwTreat || prev.kw == kwXmlserialize:
		return ctxCast
	case prev.kw == kwOn && w.kw(i-2) == kwDistinct:
		return ctxPositions
	case prev.name() && prev.kw == kwNone && w.kw(i-2) == kwAs:
		return ctxVerbatim
	case prev.kw == kwBy, prev.kw == kwRollup, prev.kw == kwCube, prev.kw == kwSets, prev.kw == kwDistinct, prev.kw == kwAll,
		prev.is(','), prev.is('('):
		return positions
	}
	return 0
}

func (w *canonWriter) kw(i int) keyword {
	if i < 0 || i >= len(w.st.tokens) {
		return kwNone
	}
	return w.st.tokens[i].kw
}

func (w *canonWriter) is(i int, c byte) bool {
	return i >= 0 && i < len(w.st.tokens) && w.st.tokens[i].is(c)
}

// afterType returns the index after the type name at token i: words joined by
// points or belonging to one name, modifiers, and array bounds.
func (w *canonWriter) afterType(i int) int {
	toks := w.st.tokens
	if w.kw(i) == kwSetof {
		i++
	}
	if i >= len(toks) || !toks[i].name() {
		return i
	}
	first := toks[i].kw
	for i++; i+1 < len(toks) && toks[i].is('.') && toks[i+1].name(); {
		i += 2
	}
	for {
		switch k := w.kw(i); {
		case k == kwVarying, k == kwPrecision,
			first == kwNational && (k == kwChar || k == kwCharacter),
			(first == kwTime || first == kwTimestamp) && (k == kwWith || k == kwWithout) && w.kw(i+1) == kwTime,
			(first == kwTime || first == kwTimestamp) && (k == kwTime || k == kwZone),
			k == kwArray:
			i++
		case w.is(i, '('), w.is(i, '['):
			i = w.matching(i) + 1
		default:
			return i
		}
	}
}

func (w *canonWriter) matching(i int) int {
	depth := 0
	for ; i < len(w.st.tokens); i++ {
		switch t := &w.st.tokens[i]; {
		case t.is('('), t.is('['):
			depth++
		case t.is(')'), t.is(']'):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i
}

// negative says that the − at token i and the number after it are one
// constant, as doNegate in gram.y makes it: the minus is unary and nothing
// that binds tighter follows the number.
func (w *canonWriter) negative(i int) bool {
	toks := w.st.tokens
	if i+1 >= len(toks) || toks[i+1].kind != tokInt && toks[i+1].kind != tokFloat {
		return false
	}
	if i+2 < len(toks) && (toks[i+2].cast() || toks[i+2].is('[') || toks[i+2].is('.')) {
		return false
	}
	return i > 0 && unaryAfter(&toks[i-1])
}

// unaryAfter says that a − after the token has no left operand.
func unaryAfter(prev *token) bool {
	switch prev.kind {
	case tokOp:
		return !prev.cast()
	case tokPunct:
		return prev.char != ')' && prev.char != ']' && prev.char != '.'
	case tokWord:
		return prev.kw.use(useOperand) && !isOperand(prev.kw) && prev.kw != kwBy
	}
	return false
}

// isOperand lists the reserved words that are values.
func isOperand(k keyword) bool {
	switch k {
	case kwEnd, kwNull, kwTrue, kwFalse, kwUser, kwSessionUser, kwDefault, kwIsnull, kwNotnull, kwCurrentCatalog,
		kwCurrentDate, kwCurrentRole, kwCurrentSchema, kwCurrentTime, kwCurrentTimestamp, kwCurrentUser, kwLocaltime,
		kwLocaltimestamp, kwValue, kwKey, kwPath, kwVersion, kwContent, kwDocument, kwRef, kwZone, kwRange, kwRows, kwGroups:
		return true
	}
	return false
}

// literal writes the literal at token i, whose first token is from (a minus,
// or i), and returns the index of its last token.
func (w *canonWriter) literal(from, i int) int {
	toks := w.st.tokens
	t := &toks[i]
	lit := Literal{Span: spanOf(&toks[from], t), kind: t.kind, endBody: int(t.to)}
	lit.Class = classOf(t.kind, lit.Span.Of(w.sql))
	last := i
	if t.kind == tokUnicode && w.kw(i+1) == kwUescape && i+2 < len(toks) && toks[i+2].stringLike() {
		last = i + 2
		lit.Span.To = int(toks[last].to)
		if b := toks[last].span().Of(w.sql); len(b) == 3 {
			lit.escape = b[1]
		}
	}
	w.space(from)
	query := w.st.Query
	if lit.Span.From < query.From || lit.Span.To > query.To {
		w.canon = append(w.canon, '?', classLetters[lit.Class])
		w.literals = append(w.literals, lit)
		return last
	}
	verbatim := w.verbatim(from, i, last)
	if !verbatim && t.stringLike() && lit.Class != National && i > 0 {
		first, typed, ok := w.typeBefore(i - 1)
		verbatim = !ok
		if typed && ok {
			lit.Type = spanOf(&toks[first], &toks[i-1])
		}
	}
	if verbatim {
		lit.shown = t.kind == tokInt && !w.overflow
		if text := lit.Span.Of(w.sql); t.kind == tokEscape && text[0] == '\'' {
			w.canon = append(append(w.canon, 'e'), text...) // whatever standard_conforming_strings is
		} else {
			w.canon = append(w.canon, text...)
		}
	} else {
		lit.Param = true
		w.canon = append(w.canon, '?', classLetters[lit.Class])
	}
	w.literals = append(w.literals, lit)
	return last
}

// classLetters write a class in Canon.
var classLetters = [...]byte{String: 's', Int: 'i', BigInt: 'l', Numeric: 'n', Bits: 'b', National: 'c'}

// verbatim says that the literal at tokens from…last must stay in the text,
// because the grammar or the analysis wants a constant there.
func (w *canonWriter) verbatim(from, i, last int) bool {
	toks := w.st.tokens
	if w.overflow || i < w.typeEnd || w.ctx[w.depth]&ctxVerbatim != 0 {
		return true
	}
	if from == 0 {
		return false
	}
	prev := &toks[from-1]
	switch prev.kw {
	case kwDefault, kwUescape:
		return true
	case kwTo: // CYCLE … SET name TO constant; not SIMILAR TO pattern
		return w.kw(from-2) != kwSimilar
	}
	if prev.is('(') && w.kw(from-2) == kwExtract {
		return true
	}
	return toks[i].kind == tokInt && w.ctx[w.depth]&ctxPositions != 0 && w.position(prev, last+1)
}

// position says that an integer after prev and before token next is alone in
// its list item.
func (w *canonWriter) position(prev *token, next int) bool {
	switch {
	case prev.is(','), prev.is('('), prev.kw == kwBy, prev.kw == kwDistinct, prev.kw == kwAll:
	default:
		return false
	}
	if next >= len(w.st.tokens) {
		return true
	}
	t := &w.st.tokens[next]
	return t.kind == tokWord || t.is(',') || t.is(')')
}

// typeBefore finds the type name that ends at token i, before a string. typed
// is false when an expression may follow token i. ok is false when it is a
// type name that cannot be told from its neighbours.
func (w *canonWriter) typeBefore(i int) (first int, typed, ok bool) {
	toks := w.st.tokens
	t := &toks[i]
	switch {
	case t.is(')'):
		if i = w.closed - 1; i < 0 || toks[i].kind != tokWord || !toks[i].kw.use(useModified) {
			return 0, true, false
		}
	case t.kw == kwZone && w.kw(i-2) == kwAt:
		return 0, false, true
	case t.kw == kwZone: // timestamp [(n)] WITH|WITHOUT TIME ZONE
		if i -= 3; w.is(i, ')') {
			if i -= 3; !w.is(i+1, '(') {
				return 0, true, false
			}
		}
		return i, true, i >= 0 && (w.kw(i) == kwTime || w.kw(i) == kwTimestamp)
	case !t.name(), t.kind == tokWord && t.kw.use(useOperand):
		return 0, false, true
	}
	if k := w.kw(i); k == kwVarying || k == kwPrecision {
		switch i--; w.kw(i) {
		case kwChar, kwCharacter, kwNchar, kwBit, kwDouble:
		default:
			return 0, true, false
		}
	}
	if (w.kw(i) == kwChar || w.kw(i) == kwCharacter) && w.kw(i-1) == kwNational {
		i--
	}
	for i >= 2 && toks[i-1].is('.') && toks[i-2].name() {
		i -= 2
	}
	return i, true, i >= 0
}
