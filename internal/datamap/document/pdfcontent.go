package document

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

const (
	pdfWindow = 256 << 10 // of content that is in memory,
	pdfMost   = 4 << 20   // or as much if one value needs it
	pdfLook   = 64 << 10  // behind what is read, unless the content ends
	pdfReads  = 1 << 20   // streams that are known to have been read
)

// pdfPages hands on what pages show.
type pdfPages struct {
	f      *pdfFile
	w      io.WriteCloser
	err    error              // of w
	fonts  map[int32]*pdfFont // by object
	cmaps  map[int32]*pdfFont // by the object of their ToUnicode
	room   int                // ranges of codes that may still be kept
	read   map[pdfRead]bool
	names  map[int32]string // streams that are files
	out    []byte
	shown  int // characters
	unread int // codes that no font explains
	images int
}

// pdfRead is a stream that was read with certain fonts: the next page that has both
// shows the same.
type pdfRead struct {
	stream int32
	fonts  uint64
}

// flush hands on what was collected.
func (p *pdfPages) flush() error {
	if p.err == nil && len(p.out) > 0 {
		_, p.err = p.w.Write(p.out)
	}
	p.out = p.out[:0]
	return p.err
}

// put ends a piece of what is collected.
func (p *pdfPages) put(s ...byte) {
	if p.out = append(p.out, s...); len(p.out) > 32<<10 {
		p.flush() // the error stays
	}
}

// page reads a page: its contents are one stream, its resources may be its
// parent's (§7.7.3.4).
func (p *pdfPages) page(d pdfDict) {
	resources := d
	for range 32 {
		if resources == nil || resources["Resources"] != nil {
			break
		}
		resources = p.f.dict(resources["Parent"])
	}
	list := []any{d["Contents"]}
	if of, ok := p.f.resolve(d["Contents"]).([]any); ok {
		list = of
	}
	c := p.begin(p.f.dict(resources["Resources"]))
	for _, v := range list {
		// What a later one replaced is in the file, too.
		for n := p.f.object(v); n >= 0 && p.f.spend(64); n = p.f.objects[n].before {
			c.stream(n)
		}
	}
}

// stream reads a form, a pattern, or what looks like one.
func (p *pdfPages) stream(n int32, d pdfDict) {
	p.begin(p.f.dict(d["Resources"])).stream(n)
}

// pdfContent reads text operators (§9.4). A new line begins where the position
// changes in height; a gap wider than a character is a space.
type pdfContent struct {
	*pdfPages
	all   pdfDict // fonts by name
	key   uint64  // of them
	own   map[pdfName]*pdfFont
	font  *pdfFont
	size  float64
	args  []any
	array bool
}

func (p *pdfPages) begin(resources pdfDict) *pdfContent {
	c := &pdfContent{pdfPages: p, all: p.f.dict(resources["Font"]), own: map[pdfName]*pdfFont{}, size: 10}
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(c.all)) {
		if ref, ok := c.all[name].(pdfRef); ok {
			fmt.Fprintf(h, "%s %d\n", name, ref)
		} else {
			fmt.Fprintf(h, "%s %p\n", name, c.all[name])
		}
		p.f.spend(64)
	}
	c.key = h.Sum64()
	return c
}

// stream reads one stream of the content.
func (c *pdfContent) stream(n int32) {
	o := &c.f.objects[n]
	k := pdfRead{n, c.key}
	if o.to == 0 || c.read[k] {
		return
	}
	if len(c.read) > pdfReads {
		clear(c.read)
	}
	c.read[k], o.seen = true, true
	r, err := c.f.open(n)
	if err != nil {
		c.f.failed(err)
		return
	}
	c.content(r)
}

// pdfReader is a parser over a part of a stream that moves on.
type pdfReader struct {
	pdfParser
	r   io.Reader
	err error // why there is no more
}

// fill makes room for at least so much, and reads.
func (q *pdfReader) fill(room int) {
	n := copy(q.data, q.data[q.at:])
	q.data, q.at = slices.Grow(q.data[:n], room-n), 0
	for len(q.data) < room && q.err == nil {
		var k int
		k, q.err = q.r.Read(q.data[len(q.data):room])
		q.data = q.data[:len(q.data)+k]
	}
}

// next reads a value or an operator, nil at the end.
func (q *pdfReader) next() any {
	if q.err == nil && len(q.data)-q.at < pdfLook {
		q.fill(pdfWindow)
	}
	for {
		from := q.at
		v := q.value(0)
		if long := len(q.data)-from >= pdfMost; q.at < len(q.data) || q.err != nil || long {
			q.over = q.over || long && q.at == len(q.data)
			if !q.open {
				return v
			}
			// A string without an end: what would be behind it is read.
			q.at, q.open, q.flat, q.cut = from, false, true, true
			return q.value(0)
		}
		q.at, q.open, q.cut = from, false, false
		q.fill(2 * max(len(q.data)-from, pdfWindow))
	}
}

func (c *pdfContent) content(r io.Reader) {
	q := &pdfReader{r: r}
	picture := false
	for c.err == nil {
		if q.space(); q.at < len(q.data) && (q.data[q.at] == '[' || q.data[q.at] == ']') {
			c.array = q.data[q.at] == '['
			q.at++
			continue
		}
		v := q.next()
		if v == nil && q.at >= len(q.data) && q.err != nil {
			break
		}
		if v == pdfWord("[") || v == pdfWord("]") {
			continue
		}
		switch v := v.(type) {
		case pdfWord:
			switch {
			case v == "BI":
				picture = true
			case v == "ID" && picture:
				q.skipPicture()
				c.images++
				picture = false
			default:
				c.operator(v)
			}
			c.args, c.array = c.args[:0], false
		default:
			if c.array {
				c.adjusted(v)
			} else if c.args = append(c.args, v); len(c.args) > 64 {
				c.args = c.args[1:]
			}
		}
	}
	c.f.failed(q.err)
	if q.cut {
		c.f.tell(Damaged, "a PDF with pages that contradict their format")
	}
	if q.over {
		c.f.tell(Limit, "a PDF with objects that are too large or too deep")
	}
	c.put('\n')
}

// skipPicture skips the bytes of a picture within content (§8.9.7).
func (q *pdfReader) skipPicture() {
	for {
		rest := q.data[q.at:]
		for i := 0; i+3 < len(rest) || q.err != nil && i+2 < len(rest); i++ {
			if rest[i] <= ' ' && rest[i+1] == 'E' && rest[i+2] == 'I' && (i+3 == len(rest) || rest[i+3] <= ' ') {
				q.at += i + 3
				return
			}
		}
		if q.err != nil {
			q.at, q.cut = len(q.data), true
			return
		}
		q.at += max(0, len(rest)-3)
		q.fill(pdfWindow)
	}
}

func (c *pdfContent) operator(op pdfWord) {
	switch op {
	case "Tf":
		if len(c.args) >= 2 {
			name, _ := c.args[len(c.args)-2].(pdfName)
			c.font = c.fontOf(name)
			if s, ok := last(c.args).(float64); ok && s > 0 {
				c.size = s
			}
		}
	case "Td", "TD":
		if len(c.args) >= 2 {
			x, _ := c.args[0].(float64)
			if y, _ := c.args[1].(float64); y != 0 {
				c.put('\n')
			} else if x > 1.2*c.size {
				c.put(' ')
			}
		}
	case "Tm", "T*", "ET":
		c.put('\n')
	case "'", "\"":
		c.put('\n')
		c.show(last(c.args))
	case "Tj":
		c.show(last(c.args))
	case "TJ":
		list, _ := last(c.args).([]any)
		for _, v := range list {
			c.adjusted(v)
		}
	}
}

func last(a []any) any {
	if len(a) == 0 {
		return nil
	}
	return a[len(a)-1]
}

// fontOf returns the font that resources give a name.
func (c *pdfContent) fontOf(name pdfName) *pdfFont {
	n := c.f.object(c.all[name])
	if n >= 0 {
		if c.fonts[n] == nil {
			c.fonts[n] = c.newFont(c.f.dict(c.all[name]))
		}
		return c.fonts[n]
	}
	d, ok := c.all[name].(pdfDict)
	if ok && c.own[name] == nil {
		c.own[name] = c.newFont(d)
	}
	return c.own[name]
}

// adjusted takes a value of TJ: a gap, or what is shown.
func (c *pdfContent) adjusted(v any) {
	if gap, ok := v.(float64); ok && gap < -300 {
		c.put(' ')
	}
	c.show(v)
}

func (c *pdfContent) show(v any) {
	s, ok := v.([]byte)
	if !ok || len(s) == 0 {
		return
	}
	if c.font == nil {
		c.unread += len(s)
		return
	}
	for len(s) > 0 {
		k := len(s)
		if !c.font.plain() { // in pieces: a code may stand for many characters
			k = min(k, 1<<10)
		}
		before := len(c.out)
		var unread int
		c.out, unread = c.font.append(c.out, s[:k])
		c.f.spend(int64(len(c.out) - before))
		c.shown += len(c.out) - before
		c.unread += unread
		c.put()
		s = s[k:]
	}
}

// unsaid are the strings of dictionaries that nobody wrote.
var unsaid = set("ID", "O", "U", "OE", "UE", "Perms", "CharSet", "Cert", "Panose", "DA", "M", "CreationDate", "ModDate", "Lang")

// strings hands on what people wrote beside the pages: values of form fields, notes,
// the document's information, addresses of links (§12.7, §12.5, §14.3.3).
func (p *pdfPages) strings(key pdfName, v any, depth int) {
	switch v := v.(type) {
	case []byte:
		p.textString(key, v)
	case []any:
		for _, v := range v {
			p.strings(key, v, depth+1)
		}
	case pdfDict:
		if files := p.f.dict(v["EF"]); files != nil {
			name := p.fileName(v)
			for _, k := range []pdfName{"UF", "F", "Unix", "Mac", "DOS"} {
				p.attach(p.f.object(files[k]), name)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if !unsaid[string(k)] && (k != "Contents" || v["ByteRange"] == nil) {
				p.strings(k, v[k], depth+1)
			}
		}
	}
}

// fileName returns the name that a file specification has (§7.11.3).
func (p *pdfPages) fileName(d pdfDict) string {
	for _, k := range []pdfName{"UF", "F"} {
		if s, ok := p.f.resolve(d[k]).([]byte); ok && len(s) > 0 {
			return strings.ToValidUTF8(string(appendTextString(nil, s)), "�")
		}
	}
	return ""
}

func (p *pdfPages) textString(key pdfName, s []byte) {
	if len(s) == 0 {
		return
	}
	p.out = append(append(p.out, strings.ToValidUTF8(string(key), "�")...), ": "...)
	p.out = appendTextString(p.out, s)
	p.put('\n')
}

// appendTextString appends a text string (§7.9.2.2): UTF-16 or UTF-8 with their
// marks, else nearly Latin-1.
func appendTextString(dst, s []byte) []byte {
	switch {
	case bytes.HasPrefix(s, []byte{0xFE, 0xFF}):
		return append(dst, textOf(s[2:])...)
	case bytes.HasPrefix(s, []byte{0xFF, 0xFE}):
		s = bytes.Clone(s)
		for i := 2; i+1 < len(s); i += 2 {
			s[i], s[i+1] = s[i+1], s[i]
		}
		return append(dst, textOf(s[2:])...)
	case bytes.HasPrefix(s, []byte("\xef\xbb\xbf")):
		return append(dst, s[3:]...)
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(s)
	if err != nil {
		return dst
	}
	for _, c := range text {
		if c < ' ' && c != '\t' {
			c = '\n'
		}
		dst = append(dst, c)
	}
	return dst
}
