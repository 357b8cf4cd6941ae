package document

import (
	"archive/zip"
	"bytes"
	"errors"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

// xlsx reads a workbook sheet by sheet, row by row (SpreadsheetML, ECMA-376 part 1
// §18). The table of strings is kept in memory up to Limits.Memory; what is beyond
// is scanned as running text, without the columns' headers.
func (j *job) xlsx(part string, z *zip.Reader) error {
	book := &workbook{j: j, part: part}
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	if m := find(z, "xl/sharedStrings.xml"); m != nil {
		keep(book.readStrings(m))
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
		case dir == "xl/worksheets" && strings.HasSuffix(name, ".xml"):
			label := names[name]
			if label == "" {
				label = path.Base(name)
			}
			keep(book.sheet(join(part, label), m))
		case name == "xl/sharedStrings.xml", name == "xl/styles.xml", name == "xl/workbook.xml", name == "xl/calcChain.xml":
		default:
			keep(j.ooxmlMember(part, m))
		}
		if j.spent() || j.ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// workbook is what sheets refer to.
type workbook struct {
	j     *job
	part  string
	arena []byte
	ends  []uint32 // of the strings in arena
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
	room := min(f.UncompressedSize64, uint64(b.j.limits.Memory), packed*min(f.CompressedSize64, uint64(b.j.size)))
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
	return int64(len(b.arena))+4*int64(len(b.ends)) > b.j.limits.Memory
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
	from := uint32(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.arena[from:b.ends[i]]
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
	s := sheetReader{b: b, m: newMarkup(r, false), row: g.numbered}
	return s.read()
}

// sheetReader is the state within a sheet.
type sheetReader struct {
	b      *workbook
	m      *markup
	row    func([][]byte, []int32)
	cells  [][]byte
	shared []int32 // of each cell, one more than the number of its string, 0 for others
	arena  []byte
	column int
	kind   byte // of the cell: 's'hared, 'i'nline, 'f'ormula's string, 'n'umber
	date   bool
	inside bool // within <v> or <t>
	value  []byte
}

func (s *sheetReader) read() error {
	for {
		s.plainCells()
		t, err := s.m.next()
		if err != nil || t == tEnd {
			if len(s.cells) > 0 { // the sheet was cut within a row
				s.row(s.cells, s.shared)
			}
			return err
		}
		switch t {
		case tText:
			if s.inside {
				s.value = append(s.value, s.m.text...)
			}
		case tOpen:
			s.open()
		case tClose:
			s.end()
		}
	}
}

// plainCells takes the cells that stand in the buffer as most programs write them,
// <c r="A1" s="1" t="s"><v>12</v></c>, without cutting them into tokens. Others are
// left to read.
func (s *sheetReader) plainCells() {
	p, _ := s.m.r.Peek(s.m.r.Buffered())
	rest := p
	for {
		n := s.plainCell(rest)
		if n == 0 {
			n = s.plainRow(rest)
		}
		if n == 0 {
			break
		}
		rest = rest[n:]
	}
	s.m.r.Discard(len(p) - len(rest))
}

// plainRow takes the end of a row and the beginning of the next at the beginning of
// p, </row><row r="2">, and returns their size, 0 when they are not there.
func (s *sheetReader) plainRow(p []byte) int {
	const between = `</row><row `
	if !bytes.HasPrefix(p, []byte(between)) {
		return 0
	}
	tag := p[len(between):min(len(p), maxTag)]
	end := bytes.IndexByte(tag, '>')
	if end < 1 || tag[end-1] == '/' || !whole(tag[:end]) {
		return 0
	}
	s.row(s.cells, s.shared)
	s.begin()
	return len(between) + end + 1
}

// begin begins a row.
func (s *sheetReader) begin() {
	s.cells, s.shared, s.arena, s.column = s.cells[:0], s.shared[:0], s.arena[:0], -1
}

// plainCell takes the cell at the beginning of p and returns its size, 0 when it
// is written otherwise or is not there to its end.
func (s *sheetReader) plainCell(p []byte) int {
	if len(p) < 4 || p[0] != '<' || p[1] != 'c' || p[2] != ' ' {
		return 0
	}
	at, kind, date := s.column+1, byte('n'), false
	i := 3
	for {
		if i+4 > len(p) || p[i+1] != '=' || p[i+2] != '"' {
			return 0
		}
		from := i + 3
		end := from
		for end < len(p) && p[end] != '"' {
			end++
		}
		if end+1 >= len(p) {
			return 0
		}
		switch v := p[from:end]; p[i] {
		case 'r':
			at = column(v, at)
		case 't':
			kind = cellKind(v)
		case 's':
			n, ok := number(v)
			date = ok && n < len(s.b.dates) && s.b.dates[n]
		default:
			return 0
		}
		if i = end + 1; p[i] != ' ' {
			break
		}
		i++
	}
	const before, after = "><v>", "</v></c>"
	if !bytes.HasPrefix(p[i:], []byte(before)) {
		return 0
	}
	value := p[i+len(before):]
	end := 0
	for end < len(value) && value[end] != '<' && value[end] != '&' {
		end++
	}
	if !bytes.HasPrefix(value[end:], []byte(after)) {
		return 0
	}
	s.column, s.kind, s.date = at, kind, date
	s.place(value[:end])
	return i + len(before) + end + len(after)
}

func (s *sheetReader) open() {
	m := s.m
	switch {
	case len(m.name) == 1 && (m.name[0] == 'v' || m.name[0] == 't'):
		s.inside = !m.empty
	case len(m.name) == 1 && m.name[0] == 'c':
		s.column++
		s.kind, s.date, s.value = 'n', false, s.value[:0]
		for name, v := range m.attrs() {
			if len(name) != 1 {
				continue
			}
			switch name[0] {
			case 'r':
				s.column = column(v, s.column)
			case 't':
				s.kind = cellKind(v)
			case 's':
				n, ok := number(v)
				s.date = ok && n < len(s.b.dates) && s.b.dates[n]
			}
		}
	case string(m.name) == "row":
		s.begin()
	case string(m.name) == "headerFooter", string(m.name) == "dataValidation":
		s.inside = false
	}
}

func cellKind(v []byte) byte {
	switch string(v) {
	case "s":
		return 's'
	case "n", "":
		return 'n'
	}
	return 'i' // inlineStr, str, b, e
}

func (s *sheetReader) end() {
	m := s.m
	switch {
	case len(m.name) == 1 && (m.name[0] == 'v' || m.name[0] == 't'):
		s.inside = false
	case len(m.name) == 1 && m.name[0] == 'c':
		s.place(s.value)
	case string(m.name) == "row":
		s.row(s.cells, s.shared)
		s.cells, s.shared = s.cells[:0], s.shared[:0]
	}
}

// place puts the cell's value into its column.
func (s *sheetReader) place(value []byte) {
	if len(value) == 0 || s.column < 0 || s.column >= maxColumns {
		return
	}
	for len(s.cells) <= s.column {
		s.cells, s.shared = append(s.cells, nil), append(s.shared, 0)
	}
	s.shared[s.column] = 0
	from := len(s.arena)
	switch s.kind {
	case 's':
		if n, ok := number(value); ok {
			s.cells[s.column] = s.b.string(n)
			s.shared[s.column] = int32(min(n, math.MaxInt32-1)) + 1
			return
		}
	case 'n':
		s.arena = s.number(s.arena, value)
		s.cells[s.column] = s.arena[from:len(s.arena):len(s.arena)]
		return
	}
	s.arena = append(s.arena, value...)
	s.cells[s.column] = s.arena[from:len(s.arena):len(s.arena)]
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
