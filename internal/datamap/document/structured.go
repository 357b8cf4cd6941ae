package document

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"sekisho/internal/element"
)

// valued are the elements some of whose attributes stand in the running text: those.
var valued = map[string]map[string]bool{"input": inText, "meta": inText, "option": inText, "a": set("href")}

var inText = set("name", "value", "content")

// html reads a page as text: what stands between tags, and the values of the
// attributes in which forms and links keep data. Scripts are text as well.
func (j *job) html(part string, r io.Reader) (err error) {
	m := newMarkup(characters(r), true)
	w := j.sink.Text(part, element.UTF8)
	a := j.attributes(part, m)
	defer func() { j.tooLong(part, m); err = errors.Join(err, w.Close(), a.close()) }()
	for {
		t, err := m.next()
		if err == nil && t == tOpen {
			a.but = valued[string(m.name)]
			err = a.tag(m)
		}
		if err != nil || t == tEnd {
			return err
		}
		switch {
		case t == tText:
			_, err = w.Write(m.text)
		case inline[string(m.name)]:
		case t == tOpen && (string(m.name) == "input" || string(m.name) == "meta" || string(m.name) == "option"):
			line := append([]byte{'\n'}, appendText(nil, m.attr("name"))...)
			line = appendText(append(line, ": "...), m.attr("value"))
			line = appendText(append(line, ' '), m.attr("content"))
			_, err = w.Write(append(line, '\n'))
		case t == tOpen && string(m.name) == "a":
			_, err = w.Write(appendText([]byte{' '}, m.attr("href")))
			if err == nil {
				_, err = w.Write([]byte{' '})
			}
		case string(m.name) == "td" || string(m.name) == "th":
			_, err = w.Write([]byte{' '})
		default:
			_, err = w.Write([]byte{'\n'})
		}
		if err != nil {
			return err
		}
	}
}

// inline are the elements that do not end a word: a number may be split over them.
var inline = set("b", "i", "u", "s", "em", "strong", "span", "font", "small", "big", "mark", "wbr", "sub", "sup", "code", "tt", "abbr", "ruby")

// xml reads XML as one table: an element's name, or an attribute's, is the header
// of what is in it. A row ends with every element below the root.
func (j *job) xml(part string, r io.Reader) (err error) {
	m := newMarkup(characters(r), false)
	t := j.sink.Table(part)
	says := j.attributes(part, m)
	defer func() { j.tooLong(part, m); err = errors.Join(err, says.close()); t.Close() }()
	columns := columnCache{t: t}
	var stack []int // columns of the open elements
	var value []byte
	flush := func() {
		if v := bytes.TrimSpace(value); len(v) > 0 {
			column := columns.of(nil)
			if len(stack) > 0 {
				column = stack[len(stack)-1]
			}
			t.Cell(column, v)
		}
		value = value[:0]
	}
	for {
		tok, err := m.next()
		if err != nil || tok == tEnd {
			flush()
			if err == nil && len(stack) > 0 { // elements are open: the end is missing
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		switch tok {
		case tText:
			value = append(value, m.text...)
			if len(value) >= maxCell {
				flush()
			}
		case tOpen:
			flush()
			for name, v := range m.attrs() {
				if len(v) > 0 {
					t.Cell(columns.of(name), appendText(nil, v))
				}
			}
			if !m.empty && len(stack) < 10_000 {
				stack = append(stack, columns.of(m.name))
			}
			if m.empty && len(stack) == 1 {
				t.EndRow()
			}
		case tClose:
			flush()
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
			if len(stack) == 1 {
				t.EndRow()
			}
		}
	}
}

// columnCache keeps the columns of headers; beyond maxNamed headers share one
// column without a header, so that keys which are data cannot fill the memory.
type columnCache struct {
	t     Table
	known map[string]int
	none  int
}

const (
	maxNamed      = 2048
	maxHeaderKept = 120 // bytes of a header
)

func (c *columnCache) of(header []byte) int {
	if c.known == nil {
		c.known, c.none = map[string]int{}, c.t.Column("")
	}
	if len(header) == 0 {
		return c.none
	}
	if len(header) > maxHeaderKept {
		header = []byte(cut(header)) // 2,048 of the longest would be half a gigabyte
	}
	if n, ok := c.known[string(header)]; ok {
		return n
	}
	if len(c.known) >= maxNamed {
		return c.none
	}
	n := c.t.Column(cut(header))
	c.known[string(header)] = n
	return n
}

// json reads JSON, several values of it (NDJSON), or what remains of it, as one
// table: the key is the header. A row ends with every object that is a member of
// the outermost array, or stands alone. It checks nothing (RFC 8259).
func (j *job) json(part string, r io.Reader) error {
	t := j.sink.Table(part)
	defer t.Close()
	p := &jsonReader{r: characters(r), t: t, columns: columnCache{t: t}}
	for n := 0; ; n++ {
		if n%1024 == 0 && j.ctx.Err() != nil {
			return j.ctx.Err()
		}
		if err := p.token(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

type jsonReader struct {
	r       *bufio.Reader
	t       Table
	columns columnCache
	stack   []jsonLevel
	value   []byte
	digits  []byte // array members that may be pieces of one number
	filled  bool   // the row has a cell
}

type jsonLevel struct {
	object bool
	key    bool // the next string is a key
	column int
}

func (p *jsonReader) top() *jsonLevel {
	if len(p.stack) == 0 {
		return nil
	}
	return &p.stack[len(p.stack)-1]
}

// column returns the column of a value that stands here.
func (p *jsonReader) column() int {
	if l := p.top(); l != nil {
		return l.column
	}
	return p.columns.of(nil)
}

// token reads one token. The error is the reader's.
func (p *jsonReader) token() error {
	c, err := p.r.ReadByte()
	if err != nil {
		return err
	}
	switch l := p.top(); c {
	case ' ', '\t', '\r', ':':
	case '\n':
		if l == nil {
			p.endRow()
		}
	case ',':
		if l != nil {
			l.key = l.object
		}
	case '{', '[':
		if len(p.stack) < 10_000 {
			p.stack = append(p.stack, jsonLevel{object: c == '{', key: c == '{', column: p.column()})
		}
	case '}', ']':
		p.endPieces()
		if l == nil {
			return nil
		}
		object := l.object
		p.stack = p.stack[:len(p.stack)-1]
		if object && (len(p.stack) == 0 || len(p.stack) == 1 && !p.stack[0].object) {
			p.endRow()
		}
	case '"':
		return p.string(l)
	default:
		return p.literal(c)
	}
	return nil
}

func (p *jsonReader) endRow() {
	p.endPieces()
	if p.filled {
		p.t.EndRow()
		p.filled = false
	}
}

// string reads a string after its quote: a key, or a value.
func (p *jsonReader) string(l *jsonLevel) error {
	p.value = p.value[:0]
	for {
		c, err := p.r.ReadByte()
		if err != nil {
			if err == io.EOF {
				p.cell()
				return io.ErrUnexpectedEOF
			}
			return err
		}
		switch c {
		case '"':
			if l != nil && l.object && l.key {
				l.column, l.key = p.columns.of(p.value), false
				return nil
			}
			p.cell()
			return nil
		case '\\':
			if err := p.escape(); err != nil {
				return err
			}
		default:
			p.value = append(p.value, c)
		}
		if len(p.value) >= maxCell {
			p.cell()
			p.value = p.value[:0]
		}
	}
}

func (p *jsonReader) escape() error {
	c, err := p.r.ReadByte()
	if err != nil {
		return err
	}
	switch c {
	case 'n', 'r':
		p.value = append(p.value, '\n')
	case 't', 'b', 'f':
		p.value = append(p.value, ' ')
	case 'u':
		r, err := p.hex()
		if err != nil {
			return err
		}
		if utf16.IsSurrogate(r) {
			if next, err := p.r.Peek(2); err == nil && string(next) == `\u` {
				p.r.Discard(2)
				low, err := p.hex()
				if err != nil {
					return err
				}
				r = utf16.DecodeRune(r, low)
			}
		}
		p.value = utf8.AppendRune(p.value, r)
	default:
		p.value = append(p.value, c)
	}
	return nil
}

func (p *jsonReader) hex() (r rune, err error) {
	for range 4 {
		c, err := p.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		}
	}
	return r, nil
}

// literal reads a number, a word, or what should not be there.
func (p *jsonReader) literal(c byte) error {
	p.value = append(p.value[:0], c)
	for len(p.value) < maxCell {
		next, err := p.r.Peek(1)
		if err != nil || bytes.IndexByte([]byte(" \t\r\n,:{}[]\""), next[0]) >= 0 {
			break
		}
		p.value = append(p.value, next[0])
		p.r.Discard(1)
	}
	switch string(p.value) {
	case "null", "true", "false":
		return nil
	}
	p.cell()
	return nil
}

// cell hands on the value. Short numbers in an array are put together as well:
// ["4111","1111","1111","1111"] is one number.
func (p *jsonReader) cell() {
	if len(p.value) == 0 {
		return
	}
	p.t.Cell(p.column(), p.value)
	p.filled = true
	if l := p.top(); l != nil && !l.object && isDigits(p.value) && len(p.value) <= 6 && len(p.digits) < 64 {
		if len(p.digits) > 0 {
			p.digits = append(p.digits, ' ')
		}
		p.digits = append(p.digits, p.value...)
	}
}

func (p *jsonReader) endPieces() {
	if len(p.digits) >= 15 {
		p.t.Cell(p.column(), p.digits)
	}
	p.digits = p.digits[:0]
}

func isDigits(v []byte) bool {
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(v) > 0
}
