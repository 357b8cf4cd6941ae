package sqlscan

import (
	"errors"
	"slices"
	"strconv"
)

// MaxParams is the greatest number of parameters a statement can have
// (PQ_QUERY_PARAM_MAX_LIMIT; the protocol counts them in 16 bits).
const MaxParams = 65535

// ErrTooManyParams says that the literals of a statement and its own
// parameters together are more than MaxParams.
var ErrTooManyParams = errors.New("too many literals to be parameters")

// Params tells how literals became parameters.
type Params struct {
	// Ordinal holds, for each of Statement.Literals, the n of its $n, or 0
	// when it stayed in the text.
	Ordinal []int
	// Types holds the type OID to give for each $n, at n−1, as Parse takes
	// them: 0 leaves it to the server. The client's own come first and are 0;
	// the caller puts in what the client gave.
	Types []uint32
	// Text lists ordinals that are to be of type text. A string constant is of
	// type unknown and takes its type from where it stands; where any type
	// will do (json_build_object, IS NULL, …) the server refuses $n with
	// SQLSTATE 42P18 and the number in its message: add the number and ask
	// again. The caller fills it.
	Text []int
}

// Type OIDs of constants (src/include/catalog/pg_type.dat).
const (
	oidInt8    = 20
	oidInt4    = 23
	oidText    = 25
	oidBpchar  = 1042
	oidBit     = 1560
	oidNumeric = 1700
)

var classTypes = [...]uint32{String: 0, Int: oidInt4, BigInt: oidInt8, Numeric: oidNumeric, Bits: oidBit, National: oidBpchar}

// Parameterised appends Statement.Query of sql to dst with every literal that
// can be one replaced by a parameter after the client's own. Prepared with
// p.Types, the server's analysis finds the types and the column names it found
// for the constants. INTO of SELECT … INTO is left out. p.Ordinal and p.Types
// are overwritten.
func Parameterised(sql []byte, st *Statement, dst []byte, p *Params) ([]byte, error) {
	p.Ordinal, p.Types = p.Ordinal[:0], p.Types[:0]
	if st.MaxParam > MaxParams {
		return dst, ErrTooManyParams
	}
	for range st.MaxParam {
		p.Types = append(p.Types, 0)
	}
	at := st.Query.From
	for i := range st.Literals {
		l := &st.Literals[i]
		if !l.Param {
			p.Ordinal = append(p.Ordinal, 0)
			continue
		}
		n := len(p.Types) + 1
		if n > MaxParams {
			return dst, ErrTooManyParams
		}
		p.Ordinal, p.Types = append(p.Ordinal, n), append(p.Types, classTypes[l.Class])
		if l.Class == String && slices.Contains(p.Text, n) {
			p.Types[n-1] = oidText
		}
		from := l.Span.From
		if !l.Type.Empty() {
			from = l.Type.From
		}
		dst = appendWithout(dst, sql, Span{at, from}, st.Into)
		dst = appendParam(dst, n)
		switch {
		case !l.Type.Empty():
			dst = appendType(append(dst, "::"...), l.Type.Of(sql))
		case l.Class == National: // the column's name is the type's
			dst = append(dst, "::pg_catalog.bpchar"...)
		}
		if at = l.Span.To; at < st.Query.To && isIdentCont(sql[at]) {
			dst = append(dst, ' ')
		}
	}
	return appendWithout(dst, sql, Span{at, st.Query.To}, st.Into), nil
}

// appendParam appends $n, after a space where it would join a word.
func appendParam(dst []byte, n int) []byte {
	if len(dst) > 0 && isIdentCont(dst[len(dst)-1]) {
		dst = append(dst, ' ')
	}
	return strconv.AppendInt(append(dst, '$'), int64(n), 10)
}

// appendWithout appends s of sql but for the part that lies in cut.
func appendWithout(dst, sql []byte, s, cut Span) []byte {
	if cut.Empty() || cut.To <= s.From || cut.From >= s.To {
		return append(dst, sql[s.From:s.To]...)
	}
	dst = append(dst, sql[s.From:max(cut.From, s.From)]...)
	if cut.To < s.To {
		dst = append(dst, sql[cut.To:s.To]...)
	}
	return dst
}

// appendType appends the type of a typed literal. A constant of type character
// or bit without a length has any length (BitWithoutLength and
// CharacterWithoutLength of ConstTypename in gram.y), a cast to it has 1.
func appendType(dst, name []byte) []byte {
	var toks [4]token
	l := lexer{sql: name, standard: true, toks: toks[:0]}
	if l.run() == nil {
		switch last := l.toks[len(l.toks)-1].kw; {
		case l.toks[0].kind != tokWord:
		case last == kwBit && len(l.toks) == 1:
			return append(dst, `pg_catalog."bit"`...)
		case last == kwChar || last == kwCharacter || last == kwNchar:
			return append(dst, "pg_catalog.bpchar"...)
		}
	}
	return append(dst, name...)
}

// Normalised appends the statement for a person to read, without values: every
// literal is $n (counted on after the client's own parameters), comments are
// gone, white space is one space. Integers that are column positions and type
// modifiers stay.
func Normalised(sql []byte, st *Statement, dst []byte) []byte {
	n, k := st.MaxParam, 0
	for i := 0; i < len(st.tokens); {
		t := &st.tokens[i]
		if i > 0 && int(t.from) > int(st.tokens[i-1].to) {
			dst = append(dst, ' ')
		}
		if k < len(st.Literals) && int(t.from) >= st.Literals[k].Span.From {
			l := &st.Literals[k]
			k++
			if !l.shown {
				n++
				dst = appendParam(dst, n)
			} else {
				dst = append(dst, l.Span.Of(sql)...)
			}
			for i < len(st.tokens) && int(st.tokens[i].from) < l.Span.To {
				i++
			}
			if i < len(st.tokens) && int(st.tokens[i].from) == l.Span.To && isIdentCont(sql[l.Span.To]) {
				dst = append(dst, ' ')
			}
			continue
		}
		dst = append(dst, t.span().Of(sql)...)
		i++
	}
	return dst
}
