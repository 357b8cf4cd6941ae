package document

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/element"
)

// xlsx reads a workbook sheet by sheet, row by row (SpreadsheetML, ECMA-376 part 1
// §18). The table of strings is kept in memory up to Limits.Memory; what is beyond
// is scanned as running text, without the columns' headers.
func (j *job) xlsx(part string, z *zip.Reader) error {
	book := &workbook{j: j, part: part, most: max(0, min(j.limits.Memory, maxKept-j.held))}
	defer func(before int64) { j.held = before }(j.held)
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	if m := find(z, "xl/sharedStrings.xml"); m != nil {
		keep(book.readStrings(m))
		j.held += int64(cap(book.arena)) + 4*int64(cap(book.ends))
		book.used = make([]uint64, (len(book.ends)+63)/64)
	}
	if m := find(z, "xl/styles.xml"); m != nil {
		keep(book.readStyles(m))
	}
	names := map[string]string{}
	if m := find(z, "xl/workbook.xml"); m != nil {
		var err error
		names, err = book.sheetNames(m, find(z, "xl/_rels/workbook.xml.rels"))
		keep(err)
	}
	for _, m := range sorted(z) {
		name := strings.TrimPrefix(m.Name, "/")
		dir := path.Dir(name)
		switch {
		case (strings.EqualFold(dir, "xl/worksheets") || names[name] != "") && strings.HasSuffix(name, ".xml"):
			label := names[name]
			if label == "" {
				label = path.Base(name)
			}
			keep(book.sheet(join(part, label), m))
		case strings.EqualFold(name, "xl/sharedStrings.xml"), name == "xl/calcChain.xml":
		default:
			keep(j.ooxmlMember(part, m))
		}
		if j.spent() || j.ctx.Err() != nil {
			break
		}
	}
	return errors.Join(append(errs, book.unused())...)
}

// workbook is what sheets refer to.
type workbook struct {
	j     *job
	part  string
	most  int64 // bytes of strings that are kept
	arena []byte
	ends  []uint32 // of the strings in arena
	used  []uint64 // those that a cell shows, a bit each
	dates []bool   // cell style → shows a date
	base  time.Time
}

// packed is how many times as large tables of strings are as what they are packed
// into, at most: a header that promises more is not believed before it is seen.
const packed = 20

func (b *workbook) readStrings(f *zip.File) error {
	r, err := b.j.open(f)
	if err != nil {
		return err
	}
	defer r.Close() // of a reader
	room := min(f.UncompressedSize64, uint64(b.most), packed*min(f.CompressedSize64, uint64(b.j.size)))
	b.arena = make([]byte, 0, room) // grown later, it would be copied again and again
	m := newMarkup(r, false)
	phonetic := false
	for {
		if !phonetic && !b.full() {
			b.plainStrings(m)
		}
		t, err := m.next()
		switch {
		case err != nil || t == tEnd:
			return err
		case t == tText:
			// White space between tags is no string; within <t> it is.
			if !phonetic && (len(m.raw) > 0 && m.raw[0] > ' ' || len(bytes.TrimSpace(m.text)) > 0) {
				b.arena = append(b.arena, m.text...)
			}
		case t == tOpen && string(m.name) == "sst":
			n, _ := number(m.attr("uniqueCount")) // what it says of itself, if the member can hold as many
			b.ends = make([]uint32, 0, min(uint64(n), room/uint64(len("<si/>"))))
		case string(m.name) == "rPh": // how a name is read: kept as a string of its own beside it
			phonetic = t == tOpen && !m.empty
		case string(m.name) == "si" && (t == tClose || m.empty):
			b.ends = append(b.ends, uint32(len(b.arena)))
			if b.full() {
				b.j.sink.Trouble(b.part, Limit, "more strings than are kept: the rest was read without its columns")
				return b.j.markupText(b.part, m, set("si"))
			}
		}
	}
}

// full reports whether no more strings are kept.
func (b *workbook) full() bool {
	return int64(len(b.arena))+4*int64(len(b.ends)) > b.most
}

// plainStrings takes the strings that stand in the buffer as most programs write
// them, <si><t>text</t></si>, without cutting them into tokens.
func (b *workbook) plainStrings(m *markup) {
	const before, after = "<si><t>", "</t></si>"
	p, _ := m.r.Peek(m.r.Buffered())
	rest := p
	for bytes.HasPrefix(rest, []byte(before)) && !b.full() {
		text := rest[len(before):]
		end := bytes.IndexByte(text, '<')
		if end < 0 || !bytes.HasPrefix(text[end:], []byte(after)) || bytes.IndexByte(text[:end], '&') >= 0 {
			break
		}
		if end > 0 && (text[0] > ' ' || len(bytes.TrimSpace(text[:end])) > 0) {
			b.arena = append(b.arena, text[:end]...)
		}
		b.ends = append(b.ends, uint32(len(b.arena)))
		rest = text[end+len(after):]
	}
	m.r.Discard(len(p) - len(rest))
}

// string returns a shared string.
func (b *workbook) string(i int) []byte {
	if i < 0 || i >= len(b.ends) {
		return nil
	}
	if i/64 < len(b.used) {
		b.used[i/64] |= 1 << (i % 64)
	}
	from := uint32(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.arena[from:b.ends[i]]
}

// unused hands on the strings that no cell shows: what was deleted may still be there.
func (b *workbook) unused() error {
	var w io.WriteCloser
	for i := range b.ends {
		if b.used[i/64]&(1<<(i%64)) != 0 {
			continue
		}
		if w == nil {
			w = b.j.sink.Text(join(b.part, "xl/sharedStrings.xml"), element.UTF8)
		}
		if _, err := w.Write(append(slices.Clip(b.string(i)), '\n')); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	if w == nil {
		return nil
	}
	return w.Close()
}

// readStyles finds the cell styles that show dates: birth dates are numbers in a
// sheet. Built-in formats 14–22, 27–36, 45–47, 50–58 are dates (§18.8.30).
func (b *workbook) readStyles(f *zip.File) error {
	r, err := b.j.open(f)
	if err != nil {
		return err
	}
	defer r.Close() // of a reader
	m := newMarkup(characters(r), false)
	custom := map[string]bool{}
	inside := false
	for {
		t, err := m.next()
		if err != nil || t == tEnd {
			return err
		}
		if t == tText {
			continue
		}
		switch string(m.name) {
		case "numFmt":
			if t == tOpen {
				code := strings.ToLower(string(m.attr("formatCode")))
				custom[string(m.attr("numFmtId"))] = strings.ContainsRune(code, 'y') || strings.Contains(code, "gge")
			}
		case "cellXfs":
			inside = t == tOpen && !m.empty
		case "xf":
			if t == tOpen && inside && len(b.dates) < 1<<16 {
				id := m.attr("numFmtId")
				n, _ := strconv.Atoi(string(id))
				b.dates = append(b.dates, custom[string(id)] || n >= 14 && n <= 22 || n >= 27 && n <= 36 || n >= 50 && n <= 58)
			}
		}
	}
}

// sheetNames returns the sheets' names by the members that hold them.
func (b *workbook) sheetNames(book, rels *zip.File) (map[string]string, error) {
	b.base = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	ids := map[string]string{}
	err := b.each(book, func(m *markup) {
		switch string(m.name) {
		case "sheet":
			if len(ids) < 10_000 {
				ids[string(m.attr("id"))] = string(appendText(nil, m.attr("name")))
			}
		case "workbookPr":
			if v := string(m.attr("date1904")); v == "1" || v == "true" {
				b.base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
			}
		}
	})
	names := map[string]string{}
	if rels == nil || err != nil {
		return names, err
	}
	err = b.each(rels, func(m *markup) {
		if name, ok := ids[string(m.attr("Id"))]; ok {
			names[path.Join("xl", strings.TrimPrefix(string(m.attr("Target")), "/xl/"))] = name
		}
	})
	return names, err
}

func (b *workbook) each(f *zip.File, open func(*markup)) error {
	r, err := b.j.open(f)
	if err != nil {
		return err
	}
	defer r.Close() // of a reader
	m := newMarkup(characters(r), false)
	for {
		t, err := m.next()
		if err != nil || t == tEnd {
			return err
		}
		if t == tOpen {
			open(m)
		}
	}
}

// sheet hands on the rows of a sheet.
func (b *workbook) sheet(part string, f *zip.File) (err error) {
	r, err := b.j.open(f)
	if err != nil {
		return err
	}
	defer r.Close() // of a reader
	g := newGrid(b.j.sink.Table(part))
	defer g.close()
	m := newMarkup(r, false)
	s := sheetReader{b: b, m: m, row: g.sparse, notes: b.j.attributes(part, m)}
	defer func() { b.j.tooLong(part, s.m); err = errors.Join(err, s.notes.close()) }()
	return s.read()
}

// number appends a number as a person sees it: dates as dates, no exponent.
func (s *sheetReader) number(dst, value []byte) []byte {
	if !s.date && bytes.IndexByte(value, 'E') < 0 {
		return append(dst, value...)
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.Abs(f) > 1e19 {
		return append(dst, value...)
	}
	if s.date && f > 0 && f < 2_958_466 { // 9999-12-31
		return s.b.base.AddDate(0, 0, int(f)).AppendFormat(dst, "2006-01-02")
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// column reads the letters of a reference such as "BC12".
func column(ref []byte, otherwise int) int {
	n := 0
	for _, c := range ref {
		if c < 'A' || c > 'Z' {
			break
		}
		n = n*26 + int(c-'A') + 1
		if n > maxColumns {
			return otherwise
		}
	}
	if n == 0 {
		return otherwise
	}
	return n - 1
}

func number(v []byte) (int, bool) {
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(v) > 0
}
