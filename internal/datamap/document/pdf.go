package document

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/hex"
	"errors"
	"io"
	"sort"

	"sekisho/internal/element"
)

// pdf reads the text of a PDF (ISO 32000-1). It looks for objects where they
// stand instead of trusting the table of them, so half a file gives half its
// text. Text in fonts that do not say which characters their glyphs are cannot be
// read: that is a Trouble, never an empty answer.
func (j *job) pdf(part string, src source) error {
	data, err := io.ReadAll(io.LimitReader(src.r, j.limits.Memory+1))
	if int64(len(data)) > j.limits.Memory {
		data = data[:j.limits.Memory]
		j.sink.Trouble(part, Limit, "a PDF larger than is read at once")
	} else if err == nil && !bytes.Contains(data[max(0, len(data)-pdfTail):], []byte("%%EOF")) {
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, guard(func() error { return j.pdfText(part, data) }))
}

// pdfTail is where the end of a PDF is marked (ISO 32000-1 §7.5.5 says the last line;
// what transports add behind it does no harm).
const pdfTail = 4 << 10

// pdfFile is a PDF's objects.
type pdfFile struct {
	j       *job
	objects map[int]*pdfObject
}

// pdfObject is an object and, behind its dictionary, its stream.
type pdfObject struct {
	value  any
	stream []byte // as it stands in the file
}

// The values of PDF: pdfName, pdfRef, []byte (strings), float64, []any, pdfDict,
// bool and nil; pdfWord for operators.
type (
	pdfName string
	pdfRef  int
	pdfWord string
	pdfDict map[pdfName]any
)

func (j *job) pdfText(part string, data []byte) (err error) {
	f := &pdfFile{j: j, objects: map[int]*pdfObject{}}
	encrypted := f.index(data)
	if encrypted {
		return errEncrypted
	}
	f.unpack()
	w := j.sink.Text(part, element.UTF8)
	defer func() { err = errors.Join(err, w.Close()) }()
	numbers := make([]int, 0, len(f.objects))
	for n := range f.objects {
		numbers = append(numbers, n)
	}
	sort.Ints(numbers)
	p := &pdfPages{f: f, fonts: map[int]*pdfFont{}}
	for _, n := range numbers {
		if j.ctx.Err() != nil {
			return j.ctx.Err()
		}
		d := f.dict(pdfRef(n))
		switch {
		case d["Type"] == pdfName("Page"):
			p.page(d)
		case d["Subtype"] == pdfName("Form"):
			p.content(f.decode(f.objects[n]), f.dict(d["Resources"]))
		case d["Subtype"] == pdfName("Image"):
			p.images++
		}
		p.strings(d)
		if _, err := w.Write(p.out); err != nil {
			return err
		}
		p.out = p.out[:0]
	}
	switch {
	case p.unread > 0:
		j.sink.Trouble(part, Unreadable, "text in fonts that do not say which characters they show")
	case p.shown == 0 && p.images > 0:
		j.sink.Trouble(part, Picture, "pages that are pictures")
	case len(f.objects) == 0:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// index finds "n g obj" everywhere. A later object replaces an earlier one.
func (f *pdfFile) index(data []byte) (encrypted bool) {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte("obj"))
		if i < 0 {
			break
		}
		at += i + 3
		n, ok := objectNumber(data[:at-3])
		if !ok || len(f.objects) > 1<<20 {
			continue
		}
		p := pdfParser{data: data, at: at}
		o := &pdfObject{value: p.value(0)}
		p.space()
		if bytes.HasPrefix(data[p.at:], []byte("stream")) {
			o.stream = f.streamAt(data, p.at+6, o.value)
			p.at += len(o.stream)
		}
		f.objects[n] = o
		at = max(at, p.at)
	}
	for rest := data; ; {
		i := bytes.Index(rest, []byte("trailer"))
		if i < 0 {
			break
		}
		p := pdfParser{data: rest, at: i + 7}
		if d, ok := p.value(0).(pdfDict); ok && d["Encrypt"] != nil {
			encrypted = true
		}
		rest = rest[i+7:]
	}
	for _, o := range f.objects {
		if d, ok := o.value.(pdfDict); ok && d["Type"] == pdfName("XRef") && d["Encrypt"] != nil {
			encrypted = true
		}
	}
	return encrypted
}

// objectNumber reads "12 0 " backwards before obj.
func objectNumber(before []byte) (int, bool) {
	b := bytes.TrimRight(before, " \r\n\t\x00")
	if len(b) == len(before) {
		return 0, false
	}
	i := len(b)
	for i > 0 && isDigit(b[i-1]) {
		i--
	}
	if i == len(b) {
		return 0, false
	}
	b = bytes.TrimRight(b[:i], " \r\n\t\x00")
	i = len(b)
	for i > 0 && isDigit(b[i-1]) && len(b)-i < 9 {
		i--
	}
	return number(b[i:])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// streamAt cuts a stream's bytes: by its length if that is right, else at
// endstream.
func (f *pdfFile) streamAt(data []byte, at int, value any) []byte {
	data = data[at:]
	data = bytes.TrimPrefix(data, []byte("\r"))
	data = bytes.TrimPrefix(data, []byte("\n"))
	if d, ok := value.(pdfDict); ok {
		if n, ok := d["Length"].(float64); ok && n >= 0 && int(n) <= len(data) {
			if bytes.HasPrefix(bytes.TrimLeft(data[int(n):min(len(data), int(n)+16)], "\r\n "), []byte("endst")) {
				return data[:int(n)]
			}
		}
	}
	if i := bytes.Index(data, []byte("endstream")); i >= 0 {
		return data[:i]
	}
	return data
}

// unpack adds the objects that stand in object streams (§7.5.7).
func (f *pdfFile) unpack() {
	for _, o := range f.objects {
		d, _ := o.value.(pdfDict)
		if d["Type"] != pdfName("ObjStm") {
			continue
		}
		text := f.decode(o)
		first, _ := d["First"].(float64)
		count, _ := d["N"].(float64)
		p := pdfParser{data: text}
		for range int(min(count, 1<<17)) {
			n, ok1 := p.value(0).(float64)
			off, ok2 := p.value(0).(float64)
			if !ok1 || !ok2 || int(first+off) > len(text) || first+off < 0 {
				break
			}
			if f.objects[int(n)] == nil {
				q := pdfParser{data: text, at: int(first + off)}
				f.objects[int(n)] = &pdfObject{value: q.value(0)}
			}
		}
	}
}

// resolve follows references.
func (f *pdfFile) resolve(v any) any {
	for range 16 {
		r, ok := v.(pdfRef)
		if !ok {
			return v
		}
		o := f.objects[int(r)]
		if o == nil {
			return nil
		}
		v = o.value
	}
	return nil
}

func (f *pdfFile) dict(v any) pdfDict {
	d, _ := f.resolve(v).(pdfDict)
	return d
}

// decode undoes a stream's filters (§7.4); nil if one is not known.
func (f *pdfFile) decode(o *pdfObject) []byte {
	if o == nil {
		return nil
	}
	d, _ := o.value.(pdfDict)
	data := o.stream
	filters, ok := f.resolve(d["Filter"]).([]any)
	if !ok && d["Filter"] != nil {
		filters = []any{f.resolve(d["Filter"])}
	}
	for _, filter := range filters {
		switch f.resolve(filter) {
		case pdfName("FlateDecode"), pdfName("Fl"):
			data = f.inflate(data)
		case pdfName("ASCIIHexDecode"), pdfName("AHx"):
			data = hexBytes(data)
		case pdfName("ASCII85Decode"), pdfName("A85"):
			data = base85(data)
		default:
			return nil
		}
	}
	return data
}

func (f *pdfFile) inflate(data []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(metered{f.j, z}, f.j.limits.Memory))
	if errors.Is(err, errLimit) {
		return nil
	}
	return out // what came out before the damage counts
}

func hexBytes(data []byte) []byte {
	var digits []byte
	for _, c := range data {
		if c == '>' {
			break
		}
		if isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' {
			digits = append(digits, c)
		}
	}
	if len(digits)%2 == 1 {
		digits = append(digits, '0')
	}
	out := make([]byte, len(digits)/2)
	if _, err := hex.Decode(out, digits); err != nil {
		return nil
	}
	return out
}

func base85(data []byte) []byte {
	data = bytes.TrimSuffix(bytes.TrimSpace(data), []byte("~>"))
	out, err := io.ReadAll(ascii85.NewDecoder(bytes.NewReader(data)))
	if err != nil {
		return nil
	}
	return out
}

// pdfParser reads values (§7.3).
type pdfParser struct {
	data []byte
	at   int
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
	if p.at >= len(p.data) || depth > 64 {
		p.at = len(p.data)
		return nil
	}
	switch c := p.data[p.at]; {
	case c == '/':
		p.at++
		return pdfName(p.name())
	case c == '(':
		return p.literal()
	case c == '<' && p.at+1 < len(p.data) && p.data[p.at+1] == '<':
		p.at += 2
		return p.dictionary(depth)
	case c == '<':
		end := bytes.IndexByte(p.data[p.at:], '>')
		if end < 0 {
			end = len(p.data) - p.at - 1
		}
		s := hexBytes(p.data[p.at+1 : p.at+end])
		p.at += end + 1
		return s
	case c == '[':
		p.at++
		return p.array(depth)
	case c == ']' || c == '>' || c == ')' || c == '{' || c == '}':
		p.at++
		return pdfWord(c)
	}
	return p.word()
}

func (p *pdfParser) name() []byte {
	from := p.at
	for p.at < len(p.data) && bytes.IndexByte([]byte(" \r\n\t\f\x00/()<>[]{}%"), p.data[p.at]) < 0 {
		p.at++
	}
	return p.data[from:p.at]
}

func (p *pdfParser) dictionary(depth int) pdfDict {
	d := pdfDict{}
	for {
		key, ok := p.value(depth + 1).(pdfName)
		if !ok {
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
		d[key] = p.value(depth + 1)
	}
}

func (p *pdfParser) array(depth int) []any {
	var a []any
	for {
		v := p.value(depth + 1)
		if v == nil && p.at >= len(p.data) || v == pdfWord("]") {
			return a
		}
		a = append(a, v)
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
		q := *p
		q.space()
		gen := q.name()
		q.space()
		if _, ok := number(gen); ok && q.at < len(q.data) && q.data[q.at] == 'R' {
			q.at++
			if rest := q.name(); len(rest) == 0 {
				p.at = q.at
				return pdfRef(n)
			}
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
	depth := 0
	for ; p.at < len(p.data); p.at++ {
		c := p.data[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.data):
			p.at++
			s = p.escape(s)
			continue
		case c == '(':
			if depth++; depth == 1 {
				continue
			}
		case c == ')':
			if depth--; depth == 0 {
				p.at++
				return s
			}
		}
		s = append(s, c)
	}
	return s
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
	case '\r', '\n':
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
