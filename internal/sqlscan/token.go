package sqlscan

// tokenKind is the lexical class of a token.
type tokenKind uint8

const (
	tokEnd          tokenKind = iota
	tokWord                   // unquoted identifier or keyword
	tokQuoted                 // "…" or U&"…"
	tokString                 // '…' read with standard_conforming_strings on
	tokEscape                 // E'…', and '…' with standard_conforming_strings off
	tokDollar                 // $tag$…$tag$
	tokUnicode                // U&'…'
	tokNation                 // N'…'
	tokNationEscape           // N'…' with standard_conforming_strings off
	tokBits                   // B'…' or X'…'
	tokInt                    // digits, 0x…, 0o…, 0b…
	tokFloat                  // with a point or an exponent
	tokParam                  // $n
	tokOp                     // operator of the Op class, and ::, :=, .., =>
	tokPunct                  // one character of ,()[].;:+-*/%^<>=
	tokOther                  // anything else: the server reports a syntax error
)

// token is a lexeme: sql[from:to].
type token struct {
	from, to uint32
	kind     tokenKind
	char     byte // tokPunct: the character; tokOp: ':' for ::
	kw       keyword
}

func (t *token) is(c byte) bool   { return t.kind == tokPunct && t.char == c }
func (t *token) cast() bool       { return t.kind == tokOp && t.char == ':' }
func (t *token) literal() bool    { return t.kind >= tokString && t.kind <= tokFloat }
func (t *token) stringLike() bool { return t.kind >= tokString && t.kind <= tokNationEscape }
func (t *token) name() bool       { return t.kind == tokWord || t.kind == tokQuoted }
func (t *token) span() Span       { return Span{int(t.from), int(t.to)} }
func spanOf(a, b *token) Span     { return Span{int(a.from), int(b.to)} }
func isDigit(c byte) bool         { return c >= '0' && c <= '9' }
func isIdentStart(c byte) bool    { return class[c]&clsStart != 0 }
func isIdentCont(c byte) bool     { return class[c]&(clsStart|clsDigit) != 0 || c == '$' }
func lower(c byte) byte           { return fold[c] }

const (
	clsSpace = 1 << iota
	clsStart // may begin an identifier
	clsDigit
	clsOp   // op_chars of scan.l
	clsSelf // self of scan.l
)

// class and fold are tables over bytes, never changed.
var class, fold = byteTables()

func byteTables() (cls, low [256]byte) {
	mark := func(chars string, bit byte) {
		for i := range len(chars) {
			cls[chars[i]] |= bit
		}
	}
	mark(" \t\n\r\f\v", clsSpace)
	mark("0123456789", clsDigit)
	mark("~!@#^&|`?+-*/%<>=", clsOp)
	mark(",()[].;:+-*/%^<>=", clsSelf)
	for c := range 256 {
		low[c] = byte(c)
		switch {
		case c >= 'A' && c <= 'Z':
			low[c] = byte(c) + 'a' - 'A'
			cls[c] |= clsStart
		case c >= 'a' && c <= 'z', c == '_', c >= 0x80:
			cls[c] |= clsStart
		}
	}
	return cls, low
}
