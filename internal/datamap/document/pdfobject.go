package document

import (
	"bytes"
	"errors"
	"io"
	"sort"
)

const (
	pdfObjects   = 1 << 20  // of a file
	pdfTexts     = 16 << 20 // bytes of object streams that are kept
	pdfKept      = 1 << 18  // values of objects that are kept
	pdfWork      = 64       // bytes looked at for each byte of the file,
	pdfLeastWork = 64 << 20
)

// errPDFWork ends what takes more work than the size of the file allows: the same
// things again and again.
var errPDFWork = errors.New("over the work for a file of its size")

// pdfFile is a PDF's objects. They are looked for where they stand, and read when they
// are wanted: in memory each is a few numbers.
type pdfFile struct {
	j       *job
	part    string
	data    []byte
	objects []pdfObject
	latest  map[int32]int32 // number → the last object with it
	streams []int32         // object streams
	texts   map[int32][]byte
	textual int // bytes of texts
	values  map[int32]any
	nodes   int             // of values
	numbers map[int32]int32 // objects that are a number, for lengths; nil until one is wanted
	mark    int             // the next endstream
	wasted  int64           // bytes that were read twice for want of an end
	left    int64           // of the work
	told    map[Trouble]bool
	locks   []pdfLock
	crypt   *pdfCrypt // nil when nothing is encrypted
}

// pdfLock is what a file says of its encryption, and its name for itself.
type pdfLock struct {
	how any
	id  []byte
}

const pdfLocks = 16

// lock takes what stands at the end of a file, or of what was added to it.
func (f *pdfFile) lock(d pdfDict) {
	if d["Encrypt"] == nil || len(f.locks) == pdfLocks {
		return
	}
	ids, _ := d["ID"].([]any)
	l := pdfLock{how: d["Encrypt"]}
	if len(ids) > 0 {
		l.id, _ = ids[0].([]byte)
	}
	f.locks = append(f.locks, l)
}

// unlock opens what is encrypted, and reports whether it can be read.
func (f *pdfFile) unlock() bool {
	for _, l := range f.locks {
		if c, ok := f.openCrypt(l.how, l.id); ok {
			f.crypt = c
			f.values, f.nodes = map[int32]any{}, 0
			return true
		}
	}
	return len(f.locks) == 0
}

// pdfObject is an object and, behind its dictionary, its stream.
type pdfObject struct {
	number     int32
	generation uint16
	at, end    int32 // of its value
	from, to   int32 // of its stream, 0 for none
	in         int32 // the object stream that it stands in, -1 for none
	before     int32 // the object with the same number that stands before it, -1 for none
	seen       bool  // its stream was read, or is known to be no text
}

// tell says once that something could not be read.
func (f *pdfFile) tell(t Trouble, detail string) {
	if !f.told[t] {
		f.told[t] = true
		f.j.sink.Trouble(f.part, t, detail)
	}
}

// spend takes work and reports whether there was as much.
func (f *pdfFile) spend(n int64) bool {
	if f.left -= n; f.left < 0 {
		f.tell(Limit, "a PDF that takes more work than its size allows")
	}
	return f.left >= 0 && f.j.ctx.Err() == nil
}

// failed tells why a stream was not read to its end.
func (f *pdfFile) failed(err error) {
	switch {
	case err == nil || err == io.EOF || err == errPDFWork || f.j.ctx.Err() != nil:
	case errors.Is(err, errLimit):
		f.tell(Limit, "a PDF with streams that are too large")
	case err == errPDFCoding:
		f.tell(Unreadable, "a PDF with streams in a coding that is not read")
	case err == errEncrypted:
		f.tell(Encrypted, "")
	default:
		f.tell(Damaged, "a PDF with streams that end too early or contradict their format")
	}
}

// parse reads a value at a place of data, and says how far it goes.
func (f *pdfFile) parse(data []byte, at int) (v any, end int) {
	p := pdfParser{data: data, at: at, file: true, flat: f.wasted > 8*int64(len(f.data))}
	v = p.value(0)
	if p.open { // without the string that has no end
		f.wasted += int64(p.at - at)
		f.spend(int64(p.at - at))
		p = pdfParser{data: data, at: at, file: true, flat: true, cut: true}
		v = p.value(0)
	}
	if p.cut {
		f.tell(Damaged, "a PDF with objects that have no end")
	}
	if p.over {
		f.tell(Limit, "a PDF with objects that are too large or too deep")
	}
	f.nodes += p.nodes
	f.spend(int64(p.at-at) + 16)
	return v, p.at
}

// index finds "n g obj" everywhere.
func (f *pdfFile) index() {
	data := f.data
	for at := 0; f.left >= 0; {
		i := bytes.Index(data[at:], []byte("obj"))
		if i < 0 {
			break
		}
		at += i + 3
		n, generation, ok := objectNumber(data[:at-3])
		if !ok {
			continue
		}
		v, end := f.parse(data, at)
		o := pdfObject{number: n, generation: generation, at: int32(at), end: int32(end), in: -1}
		p := pdfParser{data: data, at: end}
		p.space()
		d, _ := v.(pdfDict)
		if bytes.HasPrefix(data[p.at:], []byte("stream")) {
			from, to := f.streamAt(p.at+6, d)
			o.from, o.to = int32(from), int32(to)
			end = to
		}
		if !f.add(o) {
			break
		}
		if d["Type"] == pdfName("XRef") {
			f.lock(d)
		}
		if d["Type"] == pdfName("ObjStm") {
			f.streams = append(f.streams, int32(len(f.objects)-1))
		}
		at = max(at, end)
	}
	for at := 0; f.left >= 0; {
		i := bytes.Index(data[at:], []byte("trailer"))
		if i < 0 {
			break
		}
		at += i + len("trailer")
		p := pdfParser{data: data, at: at}
		if p.space(); bytes.HasPrefix(data[p.at:], []byte("<<")) {
			v, end := f.parse(data, p.at)
			d, _ := v.(pdfDict)
			f.lock(d)
			at = end
		}
	}
}

// add takes an object. Of several with one number the one that stands last is the one
// that is meant; the others are what it replaced, and still in the file.
func (f *pdfFile) add(o pdfObject) bool {
	if len(f.objects) >= pdfObjects {
		f.tell(Limit, "a PDF with more objects than are read")
		return false
	}
	n := int32(len(f.objects))
	o.before = -1
	last, ok := f.latest[o.number]
	if ok && f.place(&f.objects[last]) > f.place(&o) {
		o.before, f.objects[last].before = f.objects[last].before, n
	} else {
		if ok {
			o.before = last
		}
		f.latest[o.number] = n
	}
	f.objects = append(f.objects, o)
	return true
}

func (f *pdfFile) place(o *pdfObject) int32 {
	if o.in >= 0 {
		return f.objects[o.in].at
	}
	return o.at
}

// objectNumber reads "12 0 " backwards before obj.
func objectNumber(before []byte) (n int32, generation uint16, ok bool) {
	b := bytes.TrimRight(before, " \r\n\t\x00")
	if len(b) == len(before) {
		return 0, 0, false
	}
	i := len(b)
	for i > 0 && isDigit(b[i-1]) && len(b)-i < 9 {
		i--
	}
	gen := b[i:]
	b = bytes.TrimRight(b[:i], " \r\n\t\x00")
	if len(gen) == 0 || len(b) == i {
		return 0, 0, false
	}
	g, _ := number(gen)
	i = len(b)
	for i > 0 && isDigit(b[i-1]) && len(b)-i < 9 {
		i--
	}
	v, ok := number(b[i:])
	return int32(v), uint16(g), ok
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// streamAt finds a stream's bytes: by its length if that is right, else up to
// endstream, and if there is none up to the end of the object.
func (f *pdfFile) streamAt(at int, d pdfDict) (from, to int) {
	data := f.data
	if bytes.HasPrefix(data[at:], []byte("\r")) {
		at++
	}
	if bytes.HasPrefix(data[at:], []byte("\n")) {
		at++
	}
	length, ok := d["Length"].(float64)
	if ref, is := d["Length"].(pdfRef); is {
		if f.numbers == nil {
			f.findNumbers()
		}
		n, there := f.numbers[int32(ref)]
		length, ok = float64(n), there
	}
	if ok && length >= 0 && length <= float64(len(data)-at) {
		end := at + int(length)
		if bytes.HasPrefix(bytes.TrimLeft(data[end:min(len(data), end+16)], "\r\n \t"), []byte("endst")) {
			return at, end
		}
	}
	if f.mark < at {
		if i := bytes.Index(data[at:], []byte("endstream")); i >= 0 {
			f.mark = at + i
		} else {
			f.mark = len(data)
		}
	}
	if i := bytes.Index(data[at:f.mark], []byte("endobj")); i >= 0 {
		to = at + i
	} else if to = f.mark; to < len(data) {
		return at, to
	}
	f.tell(Damaged, "a PDF with objects that have no end")
	return at, to
}

// findNumbers finds the objects that are a number and nothing else.
func (f *pdfFile) findNumbers() {
	f.numbers = map[int32]int32{}
	for at := 0; len(f.numbers) < pdfObjects; {
		i := bytes.Index(f.data[at:], []byte("obj"))
		if i < 0 {
			return
		}
		at += i + 3
		rest := bytes.TrimLeft(f.data[at:min(len(f.data), at+24)], "\r\n \t")
		digits := 0
		for digits < len(rest) && isDigit(rest[digits]) {
			digits++
		}
		if v, ok := number(rest[:digits]); ok && v < 1<<31 && digits < len(rest) {
			if n, _, ok := objectNumber(f.data[:at-3]); ok {
				f.numbers[n] = int32(v)
			}
		}
	}
}

// unpack adds the objects that stand in object streams (§7.5.7). Each ends where the
// next one begins.
func (f *pdfFile) unpack() {
	half := f.left / 2 // the rest is for what there is besides
	for _, in := range f.streams {
		f.objects[in].seen = true
		if f.left < half {
			f.tell(Limit, "a PDF that takes more work than its size allows")
			return
		}
		d, _ := f.value(in).(pdfDict)
		text := f.text(in)
		first, _ := f.resolve(d["First"]).(float64)
		count, _ := f.resolve(d["N"]).(float64)
		p := pdfParser{data: text}
		var found []pdfObject
		for float64(len(found)) < count {
			n, ok1 := p.value(0).(float64)
			off, ok2 := p.value(0).(float64)
			if !ok1 || !ok2 {
				if f.left >= 0 && p.at < len(text) {
					f.tell(Damaged, "a PDF with object streams that contradict their format")
				}
				break
			}
			if at := first + off; n >= 0 && n < 1e9 && at >= 0 && at <= float64(len(text)) {
				found = append(found, pdfObject{number: int32(n), at: int32(at), in: in})
			} else {
				f.tell(Damaged, "a PDF with object streams that contradict their format")
			}
			if len(found) > pdfObjects {
				break // which add tells
			}
		}
		ordered := append([]pdfObject(nil), found...)
		sort.SliceStable(ordered, func(a, b int) bool { return ordered[a].at < ordered[b].at })
		end := int32(len(text))
		for i := len(ordered) - 1; i >= 0; i-- {
			if ordered[i].end = end; i > 0 && ordered[i-1].at < ordered[i].at {
				end = ordered[i].at
			}
		}
		for _, o := range ordered {
			if !f.add(o) {
				return
			}
		}
	}
}

// text returns what is in an object stream.
func (f *pdfFile) text(n int32) []byte {
	if text, ok := f.texts[n]; ok {
		return text
	}
	if f.textual > pdfTexts {
		f.texts, f.textual = map[int32][]byte{}, 0
	}
	text := f.all(n, pdfTexts)
	f.texts[n] = text
	f.textual += len(text) + 64
	return text
}

// all returns a stream as it is without its filters, at most so much of it.
func (f *pdfFile) all(n int32, most int64) []byte {
	r, err := f.open(n)
	if err != nil {
		f.failed(err)
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if f.failed(err); int64(len(text)) > most {
		f.failed(errLimit)
		text = text[:most]
	}
	return text
}

// value returns an object's value.
func (f *pdfFile) value(n int32) any {
	if v, ok := f.values[n]; ok {
		return v
	}
	o := &f.objects[n]
	data := f.data
	if o.in >= 0 {
		data = f.text(o.in)
	}
	if f.nodes > pdfKept {
		f.values, f.nodes = map[int32]any{}, 0
	}
	if int(o.at) > len(data) || f.left < 0 {
		return nil
	}
	v, _ := f.parse(data[:min(int(o.end), len(data))], int(o.at))
	if f.crypt != nil && o.in < 0 && n != f.crypt.self {
		v = f.crypt.value(v, o)
	}
	f.values[n] = v
	f.nodes += 4
	return v
}

// object returns the object that a reference means, -1 for none.
func (f *pdfFile) object(v any) int32 {
	if r, ok := v.(pdfRef); ok {
		if n, ok := f.latest[int32(r)]; ok {
			return n
		}
	}
	return -1
}

// resolve follows references.
func (f *pdfFile) resolve(v any) any {
	for range 16 {
		if _, ok := v.(pdfRef); !ok {
			return v
		}
		n := f.object(v)
		if n < 0 {
			return nil
		}
		v = f.value(n)
	}
	return nil
}

func (f *pdfFile) dict(v any) pdfDict {
	d, _ := f.resolve(v).(pdfDict)
	return d
}
