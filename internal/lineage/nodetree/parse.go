package nodetree

import (
	"errors"
	"fmt"
	"strconv"
)

// Limits of a tree. A tree beyond them is refused, never cut.
const (
	MaxDepth = 4000     // nested nodes and lists; PostgreSQL's own stack ends near this
	MaxBytes = 64 << 20 // of text
)

// ErrLimit is returned for a tree that is deeper or longer than the limits.
var ErrLimit = errors.New("node tree exceeds the limits")

// Parse reads one value and requires that nothing follows it.
func Parse(text string) (Value, error) {
	if len(text) > MaxBytes {
		return Value{}, fmt.Errorf("%w: %d bytes", ErrLimit, len(text))
	}
	p := parser{text: text}
	p.next()
	v, err := p.value(0)
	if err == nil && p.tok.kind != tokEnd {
		err = p.errorf("text after the tree")
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

type tokenKind uint8

const (
	tokEnd   tokenKind = iota
	tokOpen            // (
	tokClose           // )
	tokLeft            // {
	tokRight           // }
	tokNull            // <>
	tokWord
)

type token struct {
	kind tokenKind
	raw  string // with escapes
	at   int
}

type parser struct {
	text string
	pos  int
	tok  token
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("node tree at byte %d: %s", p.tok.at, fmt.Sprintf(format, args...))
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

// next reads one token by the rules of pg_strtok in read.c.
func (p *parser) next() {
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
	start := p.pos
	if start == len(p.text) {
		p.tok = token{kind: tokEnd, at: start}
		return
	}
	switch p.text[start] {
	case '(':
		p.pos++
		p.tok = token{kind: tokOpen, at: start}
		return
	case ')':
		p.pos++
		p.tok = token{kind: tokClose, at: start}
		return
	case '{':
		p.pos++
		p.tok = token{kind: tokLeft, at: start}
		return
	case '}':
		p.pos++
		p.tok = token{kind: tokRight, at: start}
		return
	}
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if isSpace(c) || c == '(' || c == ')' || c == '{' || c == '}' {
			break
		}
		if c == '\\' && p.pos+1 < len(p.text) {
			p.pos++
		}
		p.pos++
	}
	raw := p.text[start:p.pos]
	kind := tokWord
	if raw == "<>" {
		kind = tokNull
	}
	p.tok = token{kind: kind, raw: raw, at: start}
}

// unescape removes the backslashes that outToken put in.
func unescape(raw string) string {
	escaped := false
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			escaped = true
			break
		}
	}
	if !escaped {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) {
			i++
		}
		out = append(out, raw[i])
	}
	return string(out)
}

func word(raw string) Value {
	if n := len(raw); n >= 2 && raw[0] == '"' && raw[n-1] == '"' {
		return Value{Kind: String, Text: unescape(raw[1 : n-1])}
	}
	return Value{Kind: Atom, Text: unescape(raw)}
}

func (p *parser) value(depth int) (Value, error) {
	if depth > MaxDepth {
		return Value{}, fmt.Errorf("%w: deeper than %d", ErrLimit, MaxDepth)
	}
	switch p.tok.kind {
	case tokNull:
		p.next()
		return Value{}, nil
	case tokWord:
		v := word(p.tok.raw)
		p.next()
		return v, nil
	case tokOpen:
		return p.list(depth)
	case tokLeft:
		return p.node(depth)
	}
	return Value{}, p.errorf("a value is missing")
}

func (p *parser) list(depth int) (Value, error) {
	p.next()
	if p.tok.kind == tokWord && (p.tok.raw == "i" || p.tok.raw == "o" || p.tok.raw == "x" || p.tok.raw == "b") {
		return p.ints()
	}
	v := Value{Kind: List}
	for p.tok.kind != tokClose {
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
	}
	p.next()
	return v, nil
}

func (p *parser) ints() (Value, error) {
	v := Value{Kind: Ints}
	for p.next(); p.tok.kind == tokWord; p.next() {
		i, err := strconv.ParseInt(p.tok.raw, 10, 64)
		if err != nil {
			return Value{}, p.errorf("%.20q is not an integer", p.tok.raw)
		}
		v.Ints = append(v.Ints, i)
	}
	if p.tok.kind != tokClose {
		return Value{}, p.errorf("a list of integers does not end")
	}
	p.next()
	return v, nil
}

func (p *parser) node(depth int) (Value, error) {
	p.next()
	if p.tok.kind == tokRight { // {} is a null pointer inside old lists
		p.next()
		return Value{}, nil
	}
	if p.tok.kind != tokWord {
		return Value{}, p.errorf("a node has no type")
	}
	n := &Node{Type: unescape(p.tok.raw)}
	p.next()
	for p.tok.kind != tokRight {
		if p.tok.kind != tokWord || len(p.tok.raw) < 2 || p.tok.raw[0] != ':' {
			return Value{}, p.errorf("a field name is missing in %.30q", n.Type)
		}
		f := Field{Name: unescape(p.tok.raw[1:])}
		p.next()
		var err error
		if f.Value, err = p.value(depth + 1); err != nil {
			return Value{}, err
		}
		if p.tok.kind == tokWord && p.tok.raw == "[" {
			if f.Value, err = p.bytes(); err != nil {
				return Value{}, err
			}
		}
		n.Fields = append(n.Fields, f)
	}
	p.next()
	return Value{Kind: Struct, Node: n}, nil
}

// bytes reads the [ … ] of a datum (outDatum in outfuncs.c).
func (p *parser) bytes() (Value, error) {
	v := Value{Kind: Bytes}
	for p.next(); p.tok.kind == tokWord && p.tok.raw != "]"; p.next() {
		i, err := strconv.ParseInt(p.tok.raw, 10, 16)
		if err != nil {
			return Value{}, p.errorf("%.20q is not a byte", p.tok.raw)
		}
		v.Ints = append(v.Ints, i)
	}
	if p.tok.kind != tokWord {
		return Value{}, p.errorf("a datum does not end")
	}
	p.next()
	return v, nil
}
