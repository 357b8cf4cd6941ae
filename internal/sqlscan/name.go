package sqlscan

import "bytes"

// AppendName appends a name (Statement.Name, Target, a COPY column) as the
// server understands it: unquoted words in lower case (ASCII letters only),
// quoted ones without their quotes, the parts of a qualified name joined by
// points, words of a special form (TIME ZONE) by a space. A quoted part that
// itself holds a point cannot be told from two parts here; see EachPart.
func AppendName(dst, sql []byte, name Span) []byte {
	first := true
	eachPart(sql, name, func(part []byte, point bool) {
		if !first {
			if point {
				dst = append(dst, '.')
			} else {
				dst = append(dst, ' ')
			}
		}
		first = false
		dst = append(dst, part...)
	})
	return dst
}

// EachPart calls f with every part of a qualified name, decoded.
func EachPart(sql []byte, name Span, f func(part []byte)) {
	eachPart(sql, name, func(part []byte, _ bool) { f(part) })
}

func eachPart(sql []byte, name Span, f func(part []byte, point bool)) {
	var toks [8]token
	l := lexer{sql: name.Of(sql), standard: true, toks: toks[:0]}
	if l.run() != nil {
		return
	}
	var buf [64]byte
	point := false
	for i := range l.toks {
		t := &l.toks[i]
		switch {
		case t.name():
			f(appendIdentifier(buf[:0], l.sql, t), point)
			point = false
		case t.is('.'):
			point = true
		}
	}
}

// maxIdentifier is NAMEDATALEN − 1: longer names are cut by the server.
const maxIdentifier = 63

// appendIdentifier appends a name token as the server stores it.
func appendIdentifier(dst, sql []byte, t *token) []byte {
	b, at := sql[t.from:t.to], len(dst)
	switch {
	case t.kind == tokWord:
		for _, c := range b {
			dst = append(dst, lower(c))
		}
	case b[0] == '"':
		dst = append(dst, bytes.ReplaceAll(b[1:len(b)-1], []byte(`""`), []byte(`"`))...)
	default: // U&"…": same escapes as U&'…'
		l := Literal{}
		body := append([]byte{'\''}, bytes.ReplaceAll(bytes.ReplaceAll(b[3:len(b)-1], []byte(`""`), []byte(`"`)), []byte("'"), []byte("''"))...)
		if out, ok := l.unicode(dst, append(body, '\'')); ok {
			dst = out
		} else {
			dst = append(dst, b...)
		}
	}
	if len(dst)-at > maxIdentifier {
		cut := at + maxIdentifier
		for cut > at && dst[cut]&0xC0 == 0x80 {
			cut-- // pg_encoding_mbcliplen: whole characters, UTF-8
		}
		dst = dst[:cut]
	}
	return dst
}

// EachWord calls f with every identifier and keyword of the statement, as
// AppendName would give it, until f returns false. name is valid during the
// call only. String constants are not looked into.
func (st *Statement) EachWord(sql []byte, f func(name []byte) bool) {
	var buf [64]byte
	for i := range st.tokens {
		t := &st.tokens[i]
		if t.name() && !f(appendIdentifier(buf[:0], sql, t)) {
			return
		}
	}
}
