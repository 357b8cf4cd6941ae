package document

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"sekisho/internal/element"
)

// pdfTail is where the end of a PDF is marked (ISO 32000-1 §7.5.5 says the last line;
// what transports add behind it does no harm).
const pdfTail = 4 << 10

// maxKept bounds the bytes of all PDFs and workbooks' strings that are in memory at once, one in
// another.
const maxKept = 96 << 20

// pdf reads the text of a PDF (ISO 32000-1). It looks for objects where they
// stand instead of trusting the table of them, so half a file gives half its
// text. Text in fonts that do not say which characters their glyphs are cannot be
// read: that is a Trouble, never an empty answer.
func (j *job) pdf(part string, src source, depth int) error {
	room := max(0, min(j.limits.Memory, maxKept-j.held))
	data, err := readAtMost(src, room+1)
	j.held += int64(len(data))
	defer func(n int64) { j.held -= n }(int64(len(data)))
	if int64(len(data)) > room {
		data = data[:room]
		j.sink.Trouble(part, Limit, "a PDF larger than is read at once")
	} else if err == nil && !bytes.Contains(data[max(0, len(data)-pdfTail):], []byte("%%EOF")) {
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, guard(func() error { return j.pdfText(part, data, depth) }))
}

// readAtMost reads at most so many bytes, into room that is made once when the size is
// known.
func readAtMost(src source, most int64) ([]byte, error) {
	var b bytes.Buffer
	if src.size >= 0 && src.size < most {
		b.Grow(int(min(src.size, 1<<20)) + bytes.MinRead)
		if src.at != nil {
			b.Grow(int(src.size) + bytes.MinRead)
		}
	}
	_, err := b.ReadFrom(io.LimitReader(src.r, most))
	return b.Bytes(), err
}

func (j *job) pdfText(part string, data []byte, depth int) (err error) {
	f := &pdfFile{j: j, part: part, data: data, latest: map[int32]int32{}, texts: map[int32][]byte{}, values: map[int32]any{},
		told: map[Trouble]bool{}, left: pdfWork*int64(len(data)) + pdfLeastWork}
	f.index()
	f.numbers = nil
	if !f.unlock() {
		return errEncrypted
	}
	f.unpack()
	p := &pdfPages{f: f, w: j.sink.Text(part, element.UTF8), fonts: map[int32]*pdfFont{}, cmaps: map[int32]*pdfFont{},
		read: map[pdfRead]bool{}, names: map[int32]string{}, room: pdfFontRoom}
	err = errors.Join(p.all(), p.flush(), p.w.Close())
	switch {
	case err != nil:
		return err
	case j.ctx.Err() != nil:
		return j.ctx.Err()
	case p.unread > 0:
		f.tell(Unreadable, "text in fonts that do not say which characters they show")
	case p.shown == 0 && p.images > 0:
		f.tell(Picture, "pages that are pictures")
	case len(f.objects) == 0:
		return io.ErrUnexpectedEOF
	}
	f.values, f.texts, p.fonts, p.cmaps, p.read = nil, nil, nil, nil, nil
	return p.attached(depth)
}

// all goes through the objects: pages and forms, what people wrote beside them, and
// then the streams that nobody said what they are for.
func (p *pdfPages) all() error {
	f := p.f
	for n := range int32(len(f.objects)) {
		if !f.spend(16) || p.err != nil {
			return p.err
		}
		if f.crypt != nil && n == f.crypt.self {
			continue
		}
		d, ok := f.value(n).(pdfDict)
		if !ok {
			p.strings("", f.value(n), 0)
			continue
		}
		switch kind := f.resolve(d["Type"]); {
		case kind == pdfName("Page"):
			p.page(d)
		case kind == pdfName("EmbeddedFile"):
			p.attach(n, "")
		}
		switch {
		case f.resolve(d["Subtype"]) == pdfName("Form"), f.resolve(d["PatternType"]) == float64(1):
			p.stream(n, d)
		case p.quiet(d):
			f.objects[n].seen = true
		}
		p.strings("", d, 0)
	}
	for n := range int32(len(f.objects)) {
		if o := &f.objects[n]; o.to == 0 || o.seen {
			continue
		}
		if !f.spend(16) || p.err != nil {
			return p.err
		}
		p.leftover(n)
	}
	return p.err
}

// quiet reports whether a stream is no text: a picture, a font, a colour, a function, a
// table of objects.
func (p *pdfPages) quiet(d pdfDict) bool {
	if names, _ := p.f.filters(d); len(names) > 0 && isPicture(names[len(names)-1]) || p.f.resolve(d["Subtype"]) == pdfName("Image") {
		p.images++
		return true
	}
	switch p.f.resolve(d["Type"]) {
	case pdfName("XRef"), pdfName("CMap"), pdfName("Halftone"):
		return true
	}
	switch p.f.resolve(d["Subtype"]) {
	case pdfName("Type1C"), pdfName("CIDFontType0C"), pdfName("OpenType"):
		return true
	}
	for _, name := range []pdfName{"FunctionType", "ShadingType", "HalftoneType", "Alternate", "Length1", "Length2", "Length3", "CMapName", "CIDSystemInfo"} {
		if d[name] != nil {
			return true
		}
	}
	return false
}

// leftover reads a stream that no page names: data of a form or about the document in
// XML is read as such, what may be content is read as content.
func (p *pdfPages) leftover(n int32) {
	r, err := p.f.open(n)
	if err != nil {
		if err != errPDFCoding { // nobody knows what for
			p.f.failed(err)
		}
		return
	}
	head := make([]byte, 1<<10)
	k, err := io.ReadFull(r, head)
	if err != io.ErrUnexpectedEOF {
		p.f.failed(err)
	}
	head = bytes.TrimLeft(head[:k], "\xef\xbb\xbf\xfe\xff \r\n\t\x00")
	switch {
	case bytes.HasPrefix(head, []byte("<")) && !bytes.HasPrefix(head, []byte("<<")):
		p.attach(n, "stream "+strconv.Itoa(int(p.f.objects[n].number))+".xml")
	case looksWritten(head):
		d, _ := p.f.value(n).(pdfDict)
		p.stream(n, d)
	}
}

// looksWritten reports whether bytes may be content, which is text but for strings.
func looksWritten(head []byte) bool {
	odd := 0
	for _, c := range head {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c >= 0x7f {
			odd++
		}
	}
	return len(head) > 0 && odd <= len(head)/8
}

// attach notes a file that is kept inside. The first name counts.
func (p *pdfPages) attach(n int32, name string) {
	if n < 0 || p.f.objects[n].to == 0 {
		return
	}
	p.f.objects[n].seen = true
	if old, ok := p.names[n]; !ok || old == "" {
		p.names[n] = name
	}
}

// attached reads the files that are kept inside.
func (p *pdfPages) attached(depth int) error {
	j := p.f.j
	f := &pdfFile{j: j, part: p.f.part, data: p.f.data, objects: p.f.objects, latest: p.f.latest, told: p.f.told, crypt: p.f.crypt, left: 1 << 62}
	for n := range int32(len(f.objects)) {
		name, ok := p.names[n]
		if !ok {
			continue
		}
		if err := j.member(); err != nil {
			return err
		}
		if name == "" {
			name = "attachment " + strconv.Itoa(int(f.objects[n].number))
		}
		f.values, f.texts, f.textual, f.nodes = map[int32]any{}, map[int32][]byte{}, 0, 0
		r, err := f.open(n)
		f.values, f.texts = nil, nil
		if err != nil {
			f.failed(err)
			continue
		}
		name = strings.TrimSpace(name)
		j.object(join(p.f.part, name), path.Base(name), source{r: r, size: -1}, depth+1)
		if j.spent() {
			return errLimit
		}
	}
	return nil
}
