package document

import "bytes"

// The values of PDF: pdfName, pdfRef, []byte (strings), float64, []any, pdfDict,
// bool and nil; pdfWord for operators.
type (
	pdfName string
	pdfRef  int
	pdfWord string
	pdfDict map[pdfName]any
)

const (
	pdfDepth = 64      // values in values
	pdfNodes = 1 << 18 // in one value; what is beyond is skipped
)

// pdfParser reads values (ISO 32000-1 §7.3).
type pdfParser struct {
	data  []byte
	at    int
	file  bool // a value ends where an object does, closed or not
	flat  bool // a string ends at the first ")" or at the end of its line
	nodes int  // of the value
	open  bool // a string has no end, or goes on over an object's
	cut   bool // so does something else
	over  bool // there is more than is kept
}

func (p *pdfParser) space() {
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == ' ' || c == '\r' || c == '\n' || c == '\t' || c == '\f' || c == 0:
			p.at++
		case c == '%':
			for p.at < len(p.data) && p.data[p.at] != '\n' && p.data[p.at] != '\r' {
				p.at++
			}
		default:
			return
		}
	}
}

// value reads a value or, in content, an operator. It returns nil at the end.
func (p *pdfParser) value(depth int) any {
	p.space()
	if p.at >= len(p.data) {
		return nil
	}
	if depth == 0 {
		p.nodes = 0
	}
	if p.nodes++; depth > pdfDepth || p.nodes > pdfNodes {
		p.over = true
	}
	switch c := p.data[p.at]; {
	case c == '/':
		p.at++
		return p.named(p.name())
	case c == '(':
		return p.literal()
	case c == '<' && p.at+1 < len(p.data) && p.data[p.at+1] == '<':
		p.at += 2
		if depth > pdfDepth {
			return pdfWord("<<")
		}
		return p.dictionary(depth)
	case c == '<':
		return p.hex()
	case c == '[':
		p.at++
		if depth > pdfDepth {
			return pdfWord("[")
		}
		return p.array(depth)
	case c == ']' || c == '>' || c == ')' || c == '{' || c == '}':
		p.at++
		return pdfWord(c)
	}
	return p.word()
}

// hex reads "<…>". One that goes on over an object's end is none.
func (p *pdfParser) hex() []byte {
	var s []byte
	half, odd := byte(0), false
	for p.at++; p.at < len(p.data) && p.data[p.at] != '>'; p.at++ {
		c := p.data[p.at]
		switch {
		case isDigit(c):
			c -= '0'
		case isHex(c):
			c = c | 0x20 - 'a' + 10
		case c > ' ': // no digit: the rest is not of it
			p.cut = true
			return s
		default:
			continue
		}
		if odd = !odd; odd {
			half = c << 4
		} else {
			s = append(s, half|c)
		}
	}
	if odd {
		s = append(s, half)
	}
	p.at = min(p.at+1, len(p.data))
	return s
}

func (p *pdfParser) name() []byte {
	from := p.at
	for p.at < len(p.data) && !pdfEnds[p.data[p.at]] {
		p.at++
	}
	return p.data[from:p.at]
}

// pdfEnds are the bytes that end a name or a word.
var pdfEnds = func() (ends [256]bool) {
	for _, c := range []byte(" \r\n\t\f\x00/()<>[]{}%") {
		ends[c] = true
	}
	return ends
}()

// named replaces "#41" (§7.3.5).
func (p *pdfParser) named(n []byte) pdfName {
	if bytes.IndexByte(n, '#') < 0 {
		return pdfName(n)
	}
	var out []byte
	for i := 0; i < len(n); i++ {
		if n[i] == '#' && i+2 < len(n) && isHex(n[i+1]) && isHex(n[i+2]) {
			q := pdfParser{data: []byte{'<', n[i+1], n[i+2], '>'}}
			out = append(out, q.hex()...)
			i += 2
		} else {
			out = append(out, n[i])
		}
	}
	return pdfName(out)
}

func (p *pdfParser) dictionary(depth int) pdfDict {
	d := pdfDict{}
	for {
		from := p.at
		v := p.value(depth + 1)
		key, ok := v.(pdfName)
		if !ok {
			if p.ends(v, from) {
				return d
			}
			if v != pdfWord(">") {
				p.cut = true
			}
			p.space()
			if p.at < len(p.data) && p.data[p.at] == '>' {
				p.at++
			}
			return d
		}
		p.space()
		if p.at < len(p.data) && p.data[p.at] == '>' {
			continue
		}
		from = p.at
		if v = p.value(depth + 1); p.ends(v, from) {
			return d
		}
		if !p.over {
			d[key] = v
		}
	}
}

// ends reports whether a value within another one is the end of everything.
func (p *pdfParser) ends(v any, from int) bool {
	switch {
	case v == nil:
		p.cut = p.cut || p.at >= len(p.data)
		return p.at >= len(p.data)
	case p.open:
		return true
	case p.file && (v == pdfWord("endobj") || v == pdfWord("obj") || v == pdfWord("endstream") || v == pdfWord("stream") || v == pdfWord("trailer") || v == pdfWord("startxref")):
		p.at, p.cut = from, true
		return true
	}
	return false
}

func (p *pdfParser) array(depth int) []any {
	var a []any
	for {
		from := p.at
		v := p.value(depth + 1)
		if v == pdfWord("]") || p.ends(v, from) {
			return a
		}
		if !p.over {
			a = append(a, v)
		}
	}
}

// word reads a number, a reference or an operator.
func (p *pdfParser) word() any {
	w := p.name()
	if len(w) == 0 {
		p.at++
		return pdfWord("")
	}
	n, ok := decimal(w)
	if !ok {
		switch string(w) {
		case "true":
			return true
		case "false":
			return false
		case "null":
			return pdfWord("null")
		}
		return pdfWord(w)
	}
	if n >= 0 && n < 1<<30 && n == float64(int(n)) { // "12 0 R"?
		q := pdfParser{data: p.data, at: p.at}
		for q.at < len(q.data) && q.data[q.at] <= ' ' && q.at < p.at+16 {
			q.at++
		}
		if q.at == len(q.data) || !isDigit(q.data[q.at]) {
			return n
		}
		for from := q.at; q.at < len(q.data) && isDigit(q.data[q.at]) && q.at < from+6; {
			q.at++
		}
		for from := q.at; q.at < len(q.data) && q.data[q.at] <= ' ' && q.at < from+16; {
			q.at++
		}
		if q.at < len(q.data) && q.data[q.at] == 'R' && (q.at+1 == len(q.data) || pdfEnds[q.data[q.at+1]]) && q.data[q.at-1] <= ' ' {
			p.at = q.at + 1
			return pdfRef(n)
		}
	}
	return n
}

func decimal(w []byte) (float64, bool) {
	sign, v, scale, digits := 1.0, 0.0, 0.0, 0
	for i, c := range w {
		switch {
		case c == '-' && i == 0:
			sign = -1
		case c == '+' && i == 0:
		case c == '.' && scale == 0:
			scale = 1
		case isDigit(c):
			v = v*10 + float64(c-'0')
			scale *= 10
			digits++
		default:
			return 0, false
		}
	}
	if scale > 0 {
		v /= scale
	}
	return sign * v, digits > 0
}

// literal reads "(…)" with its escapes (§7.3.4.2).
func (p *pdfParser) literal() []byte {
	var s []byte
	from, depth := p.at, 0
	for ; p.at < len(p.data); p.at++ {
		c := p.data[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.data):
			p.at++
			s = p.escape(s)
			continue
		case p.flat && c == '\n' && p.at > from:
			p.cut = true
			return s
		case c == '(':
			if depth++; depth == 1 {
				continue
			}
		case c == ')':
			if depth--; depth == 0 || p.flat {
				p.at++
				p.open = p.open || p.file && !p.flat && holdsObject(p.data[from:p.at])
				return s
			}
		}
		s = append(s, c)
	}
	p.open = !p.flat
	p.cut = true
	return s
}

// holdsObject reports whether a string goes on over the beginning or end of objects: it
// is then no string.
func holdsObject(s []byte) bool {
	for rest := s; ; {
		i := bytes.Index(rest, []byte("obj"))
		if i < 0 {
			return false
		}
		if _, _, ok := objectNumber(rest[:i]); ok || bytes.HasSuffix(rest[:i], []byte("end")) {
			return true
		}
		rest = rest[i+3:]
	}
}

func (p *pdfParser) escape(s []byte) []byte {
	c := p.data[p.at]
	switch c {
	case 'n':
		return append(s, '\n')
	case 'r':
		return append(s, '\r')
	case 't', 'b', 'f':
		return append(s, ' ')
	case '\r':
		if p.at+1 < len(p.data) && p.data[p.at+1] == '\n' {
			p.at++
		}
		return s
	case '\n':
		return s
	}
	if c < '0' || c > '7' {
		return append(s, c)
	}
	n := 0
	for i := 0; i < 3 && p.at < len(p.data) && p.data[p.at] >= '0' && p.data[p.at] <= '7'; i++ {
		n = n*8 + int(p.data[p.at]-'0')
		p.at++
	}
	p.at--
	return append(s, byte(n))
}
