package sqlscan

import (
	"bytes"
	"fmt"
)

// SyntaxError says why a text has no tokens. PostgreSQL refuses such a text as
// a whole, before it executes any statement of it. The text itself is never
// part of the error.
type SyntaxError struct {
	Offset int    // in bytes, of the token's beginning
	Reason string // "unterminated quoted string", …
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("sql at byte %d: %s", e.Offset, e.Reason) }

// lexer cuts a text into tokens by the rules of src/backend/parser/scan.l of
// PostgreSQL 15, with the numbers of PostgreSQL 16. Where versions differ in
// what they refuse, it accepts.
type lexer struct {
	sql      []byte
	standard bool // standard_conforming_strings
	toks     []token
}

func (l *lexer) fail(at int, reason string) error { return &SyntaxError{Offset: at, Reason: reason} }

// run appends all tokens to l.toks.
func (l *lexer) run() error {
	sql := l.sql
	for i := 0; i < len(sql); {
		c := sql[i]
		switch cl := class[c]; {
		case cl&clsSpace != 0:
			i++
		case cl&clsStart != 0:
			end, err := l.word(i)
			if err != nil {
				return err
			}
			i = end
		case cl&clsDigit != 0:
			i = l.number(i)
		case cl&clsOp != 0:
			end, err := l.operator(i)
			if err != nil {
				return err
			}
			i = end
		default:
			end, err := l.mark(i, c)
			if err != nil {
				return err
			}
			i = end
		}
	}
	return nil
}

func (l *lexer) add(kind tokenKind, from, to int) int {
	l.toks = append(l.toks, token{from: uint32(from), to: uint32(to), kind: kind})
	return to
}

func (l *lexer) punct(at int, c byte) int {
	l.toks = append(l.toks, token{from: uint32(at), to: uint32(at + 1), kind: tokPunct, char: c})
	return at + 1
}

// word reads an identifier, a keyword, or a string with a letter before it.
func (l *lexer) word(i int) (int, error) {
	sql := l.sql
	if i+1 < len(sql) && sql[i+1] == '\'' {
		kind := tokEnd
		switch sql[i] {
		case 'e', 'E':
			return l.quoted(i, i+1, tokEscape, true)
		case 'b', 'B', 'x', 'X':
			kind = tokBits
		case 'n', 'N':
			kind = tokNation
			if !l.standard {
				kind = tokNationEscape
			}
		}
		if kind != tokEnd {
			return l.quoted(i, i+1, kind, kind == tokNationEscape)
		}
	}
	if (sql[i] == 'u' || sql[i] == 'U') && i+2 < len(sql) && sql[i+1] == '&' {
		switch sql[i+2] {
		case '\'':
			return l.quoted(i, i+2, tokUnicode, false)
		case '"':
			return l.delimited(i, i+2)
		}
	}
	j := i + 1
	for j < len(sql) && isIdentCont(sql[j]) {
		j++
	}
	l.toks = append(l.toks, token{from: uint32(i), to: uint32(j), kind: tokWord, kw: lookup(sql[i:j])})
	return j, nil
}

// mark reads what begins with none of a letter, a digit and an operator.
func (l *lexer) mark(i int, c byte) (int, error) {
	sql := l.sql
	next := byte(0)
	if i+1 < len(sql) {
		next = sql[i+1]
	}
	switch {
	case c == '\'':
		if l.standard {
			return l.quoted(i, i, tokString, false)
		}
		return l.quoted(i, i, tokEscape, true)
	case c == '"':
		return l.delimited(i, i)
	case c == '$':
		return l.dollar(i)
	case c == '.' && isDigit(next):
		return l.number(i), nil
	case c == '.' && next == '.', c == ':' && next == '=':
		return l.add(tokOp, i, i+2), nil
	case c == ':' && next == ':':
		l.toks = append(l.toks, token{from: uint32(i), to: uint32(i + 2), kind: tokOp, char: ':'})
		return i + 2, nil
	case class[c]&clsSelf != 0:
		return l.punct(i, c), nil
	case c == 0:
		return 0, l.fail(i, "NUL byte")
	}
	return l.add(tokOther, i, i+1), nil
}

// quoted reads a string whose quote is at q, with its continuations.
func (l *lexer) quoted(from, q int, kind tokenKind, escapes bool) (int, error) {
	sql := l.sql
	i := q + 1
	for {
		if escapes {
			for i < len(sql) && sql[i] != '\'' && sql[i] != '\\' {
				i++
			}
		} else {
			k := bytes.IndexByte(sql[i:], '\'')
			if k < 0 {
				i = len(sql)
			} else {
				i += k
			}
		}
		switch {
		case i >= len(sql):
			return 0, l.fail(from, "unterminated quoted string")
		case sql[i] == '\\':
			i = min(i+2, len(sql))
		case i+1 < len(sql) && sql[i+1] == '\'':
			i += 2
		default:
			next := continuation(sql, i+1)
			if next < 0 {
				return l.add(kind, from, i+1), nil
			}
			i = next
		}
	}
}

// continuation returns the index after the quote that continues a string
// ended before i: only spaces with at least one newline, and -- comments, may
// be between. It returns -1 when the string is not continued.
func continuation(sql []byte, i int) int {
	newline := false
	for i < len(sql) {
		switch c := sql[i]; {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case class[c]&clsSpace != 0:
			i++
		case c == '-' && i+1 < len(sql) && sql[i+1] == '-':
			i = lineEnd(sql, i)
		case c == '\'' && newline:
			return i + 1
		default:
			return -1
		}
	}
	return -1
}

func lineEnd(sql []byte, i int) int {
	for i < len(sql) && sql[i] != '\n' && sql[i] != '\r' {
		i++
	}
	return i
}

// delimited reads "…" whose opening quote is at q.
func (l *lexer) delimited(from, q int) (int, error) {
	for i := q + 1; ; i += 2 {
		k := bytes.IndexByte(l.sql[i:], '"')
		if k < 0 {
			return 0, l.fail(from, "unterminated quoted identifier")
		}
		i += k
		if i+1 >= len(l.sql) || l.sql[i+1] != '"' {
			if i == q+1 {
				return 0, l.fail(from, "zero-length delimited identifier")
			}
			return l.add(tokQuoted, from, i+1), nil
		}
	}
}

// dollar reads $n, $tag$…$tag$ or a lone $.
func (l *lexer) dollar(i int) (int, error) {
	sql := l.sql
	j := i + 1
	if j < len(sql) && isDigit(sql[j]) {
		for j < len(sql) && isDigit(sql[j]) {
			j++
		}
		return l.add(tokParam, i, j), nil
	}
	if j < len(sql) && isIdentStart(sql[j]) {
		for j < len(sql) && class[sql[j]]&(clsStart|clsDigit) != 0 {
			j++
		}
	}
	if j >= len(sql) || sql[j] != '$' {
		return l.add(tokOther, i, i+1), nil
	}
	tag := sql[i : j+1]
	k := bytes.Index(sql[j+1:], tag)
	if k < 0 {
		return 0, l.fail(i, "unterminated dollar-quoted string")
	}
	return l.add(tokDollar, i, j+1+k+len(tag)), nil
}

// number reads an integer or a number with a point or an exponent.
func (l *lexer) number(i int) int {
	sql := l.sql
	if j := radix(sql, i); j > i {
		return l.add(tokInt, i, j)
	}
	kind := tokInt
	j := digits(sql, i)
	if j < len(sql) && sql[j] == '.' && (j+1 >= len(sql) || sql[j+1] != '.') {
		kind = tokFloat
		j = digits(sql, j+1)
	}
	if j < len(sql) && lower(sql[j]) == 'e' {
		k := j + 1
		if k < len(sql) && (sql[k] == '+' || sql[k] == '-') {
			k++
		}
		if k < len(sql) && isDigit(sql[k]) {
			kind = tokFloat
			j = digits(sql, k)
		}
	}
	return l.add(kind, i, j)
}

// digits skips decimal digits with single underscores between them.
func digits(sql []byte, i int) int {
	for i < len(sql) && (isDigit(sql[i]) || sql[i] == '_' && i > 0 && isDigit(sql[i-1]) && i+1 < len(sql) && isDigit(sql[i+1])) {
		i++
	}
	return i
}

// radix returns the end of a 0x…, 0o… or 0b… number at i, or i.
func radix(sql []byte, i int) int {
	if i+2 >= len(sql) || sql[i] != '0' {
		return i
	}
	base := map16(lower(sql[i+1]))
	j := i + 2
	for j < len(sql) {
		if sql[j] == '_' && j+1 < len(sql) && digitValue(sql[j+1]) < base {
			j++
		}
		if digitValue(sql[j]) >= base {
			break
		}
		j++
	}
	if j == i+2 {
		return i
	}
	return j
}

func map16(c byte) int {
	switch c {
	case 'x':
		return 16
	case 'o':
		return 8
	case 'b':
		return 2
	}
	return 0
}

func digitValue(c byte) int {
	switch c = lower(c); {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return 99
}

// operator reads a comment, a punctuation character or an operator.
func (l *lexer) operator(i int) (int, error) {
	sql := l.sql
	j := i
	for ; j < len(sql) && class[sql[j]]&clsOp != 0; j++ {
		if j+1 >= len(sql) {
			continue
		}
		if sql[j] == '-' && sql[j+1] == '-' {
			if j == i {
				return lineEnd(sql, i), nil
			}
			break
		}
		if sql[j] == '/' && sql[j+1] == '*' {
			if j == i {
				return l.comment(i)
			}
			break
		}
	}
	// + and − end an operator only if it has a character no SQL operator has.
	if !bytes.ContainsAny(sql[i:j], "~!@#^&|`?%") {
		end := j
		for j-i > 1 && (sql[j-1] == '+' || sql[j-1] == '-') {
			j--
		}
		if j-i == 1 { // what was cut off are single signs, all of them
			for class[sql[i]]&clsSelf != 0 && i < end-1 && (sql[i+1] == '+' || sql[i+1] == '-') {
				i = l.punct(i, sql[i])
			}
			j = i + 1
		}
	}
	if j-i == 1 && class[sql[i]]&clsSelf != 0 {
		return l.punct(i, sql[i]), nil
	}
	return l.add(tokOp, i, j), nil
}

// comment skips a nested C-style comment.
func (l *lexer) comment(from int) (int, error) {
	sql, depth := l.sql, 0
	for i := from; i+1 < len(sql); {
		switch {
		case sql[i] == '/' && sql[i+1] == '*':
			depth++
			i += 2
		case sql[i] == '*' && sql[i+1] == '/':
			depth--
			i += 2
			if depth == 0 {
				return i, nil
			}
		default:
			i++
		}
	}
	return 0, l.fail(from, "unterminated /* comment")
}
