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
	// Text lists ordinals that are to be cast to text. A string constant is of
	// type unknown and takes its type from where it stands; where any type
	// will do (json_build_object, IS NULL, …) the server refuses $n with
	// SQLSTATE 42P18 and the number in its message: add the number and ask
	// again. The caller fills it.
	Text []int
}

// Parameterised appends Statement.Query of sql to dst with every literal that
// can be one replaced by a parameter after the client's own, cast so that the
// server's analysis finds the types it found for the constant. INTO of SELECT
// … INTO is left out. ords.Ordinal is overwritten.
func Parameterised(sql []byte, st *Statement, dst []byte, ords *Params) ([]byte, error) {
	ords.Ordinal = ords.Ordinal[:0]
	at, next := st.Query.From, st.MaxParam
	for i := range st.Literals {
		l := &st.Literals[i]
		if !l.Param {
			ords.Ordinal = append(ords.Ordinal, 0)
			continue
		}
		if next++; next > MaxParams {
			return dst, ErrTooManyParams
		}
		ords.Ordinal = append(ords.Ordinal, next)
		from := l.Span.From
		if !l.Type.Empty() {
			from = l.Type.From
		}
		dst = appendWithout(dst, sql, Span{at, from}, st.Into)
		dst = appendParam(dst, sql, l, next, ords.Text)
		at = l.Span.To
		if at < st.Query.To && isIdentCont(sql[at]) {
			dst = append(dst, ' ')
		}
	}
	return appendWithout(dst, sql, Span{at, st.Query.To}, st.Into), nil
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

func appendParam(dst, sql []byte, l *Literal, n int, text []int) []byte {
	if len(dst) > 0 && isIdentCont(dst[len(dst)-1]) {
		dst = append(dst, ' ')
	}
	if !l.Type.Empty() {
		dst = strconv.AppendInt(append(dst, '$'), int64(n), 10)
		return appendType(append(dst, "::"...), l.Type.Of(sql))
	}
	cast := casts[l.Class]
	if l.Class == String && slices.Contains(text, n) {
		cast = "::text"
	}
	if cast == "" {
		return strconv.AppendInt(append(dst, '$'), int64(n), 10)
	}
	dst = strconv.AppendInt(append(dst, "($"...), int64(n), 10)
	return append(append(dst, cast...), ')')
}

// casts give a parameter the type of a constant of the class. "bit" without
// quotes would mean bit(1).
var casts = [...]string{
	String: "", Int: "::integer", BigInt: "::bigint", Numeric: "::numeric",
	Bits: `::pg_catalog."bit"`, National: "::pg_catalog.bpchar",
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
				if len(dst) > 0 && isIdentCont(dst[len(dst)-1]) {
					dst = append(dst, ' ')
				}
				dst = strconv.AppendInt(append(dst, '$'), int64(n), 10)
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
