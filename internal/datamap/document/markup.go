package document

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"unicode/utf8"
)

// token is what a markup reader sees next.
type token uint8

const (
	tEnd   token = iota // no more
	tOpen               // <name …>; empty for <name …/>
	tClose              // </name>
	tText               // text between tags, possibly a piece of it
)

// markup reads XML and, with lax, HTML as a row of tokens. It checks nothing:
// tags need not match, entities of others stay as they are. Nothing is allocated
// for most tokens, and none is longer than its buffers: XML 1.0, fifth edition, §2.
// Names, tags and texts are valid until the next token.
type markup struct {
	r    *bufio.Reader
	name []byte // of the tag, without its prefix, valid until the next token
	tag  []byte // everything between < and >
	text []byte // of tText, entities replaced
	raw  []byte
	// empty is set for <name/>: no tClose follows.
	empty bool
	lax   bool
	long  bool // a tag was longer than is kept
	// note takes what stands in comments and declarations, in pieces; nil for nobody.
	note func(piece []byte, end bool)
	said []byte // of it
}

// maxTag is the longest tag that is kept; more of it is skipped.
const maxTag = 64 << 10

// maxText is the longest piece of text handed on at once.
const maxText = 32 << 10

func newMarkup(r io.Reader, lax bool) *markup {
	return &markup{r: bufio.NewReaderSize(r, 64<<10), lax: lax}
}

// next reads a token. At the end it returns tEnd and nil, or why it ended.
func (m *markup) next() (token, error) {
	for {
		first, err := m.r.Peek(1)
		if err == io.EOF {
			return tEnd, nil
		}
		if err != nil {
			return tEnd, err
		}
		if first[0] != '<' {
			return tText, m.readText()
		}
		m.r.Discard(1)
		if m.lax {
			if p, err := m.r.Peek(1); err == nil && !isTagStart(p[0]) {
				m.text = []byte{'<'}
				return tText, nil
			}
		}
		t, err := m.readTag()
		if t != tEnd || err != nil {
			return t, err
		}
	}
}

func isTagStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '/' || c == '!' || c == '?'
}

// readText reads text up to the next tag, or maxText bytes of it.
func (m *markup) readText() error {
	// Nearly always the text is in the buffer up to the next tag, without entities.
	p, _ := m.r.Peek(m.r.Buffered())
	if i := bytes.IndexByte(p[:min(len(p), maxText)], '<'); i > 0 && bytes.IndexByte(p[:i], '&') < 0 {
		m.raw, m.text = p[:i:i], p[:i:i]
		m.r.Discard(i)
		return nil
	}
	m.raw = nil
	for len(m.raw) < maxText {
		p, err := m.r.Peek(1)
		if err != nil || p[0] == '<' {
			break
		}
		p, _ = m.r.Peek(min(m.r.Buffered(), maxText))
		if i := bytes.IndexByte(p, '<'); i >= 0 {
			p = p[:i]
		}
		m.raw = append(m.raw, p...)
		m.r.Discard(len(p))
	}
	m.text = appendText(nil, m.raw)
	return nil
}

// readTag reads what follows a "<". It returns tEnd for what is skipped.
func (m *markup) readTag() (token, error) {
	p, _ := m.r.Peek(8)
	switch {
	case bytes.HasPrefix(p, []byte("!--")):
		return tEnd, m.skipTo("-->")
	case bytes.HasPrefix(p, []byte("![CDATA[")):
		return m.cdata()
	}
	if p, _ := m.r.Peek(m.r.Buffered()); len(p) > 0 {
		if i := bytes.IndexByte(p[:min(len(p), maxTag)], '>'); i >= 0 && whole(p[:i]) {
			m.tag = p[:i:i]
			m.r.Discard(i + 1)
			return m.named(), nil
		}
	}
	m.tag = nil
	quote := byte(0)
	for {
		c, err := m.r.ReadByte()
		if err == io.EOF {
			return tEnd, io.ErrUnexpectedEOF
		}
		if err != nil {
			return tEnd, err
		}
		if quote == 0 && c == '>' {
			break
		}
		switch {
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'') && !m.lax:
			quote = c
		}
		if len(m.tag) < maxTag {
			m.tag = append(m.tag, c)
		} else {
			m.long = true
		}
	}
	return m.named(), nil
}

// whole reports whether no quote is open at the end of a tag.
func whole(tag []byte) bool {
	return bytes.IndexByte(tag, '\'') < 0 && bytes.Count(tag, []byte{'"'})%2 == 0
}

// named takes the name out of the tag.
func (m *markup) named() token {
	t := m.tag
	if len(t) == 0 || t[0] == '!' || t[0] == '?' {
		if m.note != nil && speaks(t) {
			m.note(t, true)
		}
		return tEnd
	}
	is := tOpen
	if t[0] == '/' {
		is, t = tClose, t[1:]
	}
	m.empty = len(t) > 0 && t[len(t)-1] == '/'
	end := bytes.IndexAny(t, " \t\r\n/")
	if end < 0 {
		end = len(t)
	}
	m.name = t[:end]
	if i := bytes.IndexByte(m.name, ':'); i >= 0 {
		m.name = m.name[i+1:]
	}
	if m.lax {
		for i, c := range m.name {
			if c >= 'A' && c <= 'Z' {
				m.name[i] = c | 0x20
			}
		}
	}
	return is
}

// say hands on what was read of a comment.
func (m *markup) say(end bool) {
	if m.note != nil {
		m.note(bytes.TrimPrefix(m.said, []byte("!--")), end)
	}
	m.said = m.said[:0]
}

func (m *markup) skipTo(end string) error {
	matched := 0
	for {
		c, err := m.r.ReadByte()
		if err != nil {
			m.say(true)
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if m.said = append(m.said, c); len(m.said) >= maxText {
			m.say(false)
		}
		switch {
		case c == end[matched]:
			if matched++; matched == len(end) {
				m.said = bytes.TrimSuffix(m.said, []byte(end))
				m.say(true)
				return nil
			}
		case matched == 2 && c == '-' && end[0] == '-': // "--->" ends as well
		case c == end[0]:
			matched = 1
		default:
			matched = 0
		}
	}
}

// cdata reads a section as text, at most maxText bytes of it at once; a longer
// one goes on as ordinary text, where "<" may cut it but loses nothing of value.
func (m *markup) cdata() (token, error) {
	m.r.Discard(len("![CDATA["))
	m.text = nil
	for len(m.text) < maxText {
		c, err := m.r.ReadByte()
		if err == io.EOF {
			return tText, nil
		}
		if err != nil {
			return tEnd, err
		}
		m.text = append(m.text, c)
		if c == '>' && bytes.HasSuffix(m.text, []byte("]]>")) {
			m.text = m.text[:len(m.text)-3]
			break
		}
	}
	return tText, nil
}

// attr returns the value of an attribute by its local name, nil if there is none.
// Entities are not replaced.
func (m *markup) attr(name string) []byte {
	for n, v := range m.attrs() {
		if string(n) == name {
			return v
		}
	}
	return nil
}

// attrs yields the attributes' local names and raw values.
func (m *markup) attrs() func(func(name, value []byte) bool) {
	return func(yield func(name, value []byte) bool) {
		t := m.tag
		i := bytes.IndexAny(t, " \t\r\n")
		for i >= 0 && i < len(t) {
			t = bytes.TrimLeft(t[i:], " \t\r\n/")
			eq := bytes.IndexByte(t, '=')
			if eq < 0 {
				return
			}
			name := bytes.TrimSpace(t[:eq])
			if k := bytes.LastIndexAny(name, ": \t\r\n"); k >= 0 {
				name = name[k+1:]
			}
			t = bytes.TrimLeft(t[eq+1:], " \t\r\n")
			if len(t) == 0 {
				return
			}
			var value []byte
			if q := t[0]; q == '"' || q == '\'' {
				end := bytes.IndexByte(t[1:], q)
				if end < 0 {
					return
				}
				value, i = t[1:end+1], end+2
			} else {
				end := bytes.IndexAny(t, " \t\r\n")
				if end < 0 {
					end = len(t)
				}
				value, i = t[:end], end
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

// entities are the ones of XML and a few of HTML that occur in texts.
var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'", "nbsp": " ", "ensp": " ", "emsp": " ", "hyphen": "-", "ndash": "–", "mdash": "—", "yen": "¥", "copy": "©", "shy": ""}

// appendText appends raw with its entities replaced.
func appendText(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			return append(dst, raw...)
		}
		dst, raw = append(dst, raw[:i]...), raw[i:]
		end := bytes.IndexByte(raw[:min(len(raw), 12)], ';')
		if end < 0 {
			dst, raw = append(dst, '&'), raw[1:]
			continue
		}
		name := raw[1:end]
		if r, ok := charRef(name); ok {
			dst = utf8.AppendRune(dst, r)
		} else if s, ok := entities[string(name)]; ok {
			dst = append(dst, s...)
		} else {
			dst = append(dst, raw[:end+1]...)
		}
		raw = raw[end+1:]
	}
}

// charRef reads "#123" and "#x1F".
func charRef(name []byte) (rune, bool) {
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(string(digits), base, 21)
	return rune(n), err == nil && utf8.ValidRune(rune(n))
}
