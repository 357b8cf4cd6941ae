package document

import (
	"bytes"
	"math"
)

// sheetReader is the state within a sheet.
type sheetReader struct {
	b      *workbook
	m      *markup
	row    func(at []int32, cells [][]byte, shared []int32)
	cells  [][]byte
	at     []int32 // position of each cell
	shared []int32 // of each cell, one more than the number of its string, 0 for others
	arena  []byte
	column int
	kind   byte // of the cell: 's'hared, 'i'nline, 'f'ormula's string, 'n'umber
	date   bool
	inside bool // within <v> or <t>
	value  []byte
	notes  *attributes
	err    error // of notes
}

func (s *sheetReader) read() error {
	for {
		s.plainCells()
		t, err := s.m.next()
		if err != nil || t == tEnd {
			if len(s.cells) > 0 { // the sheet was cut within a row
				s.row(s.at, s.cells, s.shared)
			}
			return err
		}
		switch t {
		case tText:
			if s.inside {
				s.value = pieces(append(s.value, s.m.text...), s.piece)
			}
		case tOpen:
			if s.open(); s.err != nil {
				return s.err
			}
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
	s.row(s.at, s.cells, s.shared)
	s.begin()
	return len(between) + end + 1
}

// begin begins a row.
func (s *sheetReader) begin() {
	s.cells, s.at, s.shared, s.arena, s.column = s.cells[:0], s.at[:0], s.shared[:0], s.arena[:0], -1
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
	case beside[string(m.name)]:
		s.inside, s.value = !m.empty, s.value[:0]
	case string(m.name) != "is" && string(m.name) != "r" && string(m.name) != "f" && string(m.name) != "col":
		s.err = s.notes.tag(m)
	}
}

// beside are the elements of a sheet that show text and are no cells (§18.3.1).
var beside = set("oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter", "formula1", "formula2")

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
	case beside[string(m.name)]:
		s.inside, s.kind, s.column = false, 'i', 0
		s.place(s.value)
		s.flush()
	case string(m.name) == "row":
		s.row(s.at, s.cells, s.shared)
		s.cells, s.at, s.shared = s.cells[:0], s.at[:0], s.shared[:0]
	}
}

// maxRow bounds the bytes of a row's cells that are in memory: a row with more goes on
// in a further one.
const maxRow = 4 << 20

// piece hands on a part of the cell's value that is too long for one.
func (s *sheetReader) piece(value []byte) {
	if s.kind == 's' || s.kind == 'n' {
		s.kind = 'i' // neither has so many digits
	}
	s.place(value)
	s.flush()
}

// flush hands on what there is of the row.
func (s *sheetReader) flush() {
	s.row(s.at, s.cells, s.shared)
	s.cells, s.at, s.shared, s.arena = s.cells[:0], s.at[:0], s.shared[:0], s.arena[:0]
}

// place puts the cell's value into its column.
func (s *sheetReader) place(value []byte) {
	if len(value) == 0 || s.column < 0 {
		return
	}
	s.column = min(s.column, maxColumns-1) // Excel has no more
	if len(s.arena)+len(value) > maxRow || len(s.cells) >= maxRow/64 {
		s.flush()
	}
	from, shared := len(s.arena), int32(0)
	n, ok := 0, false
	if s.kind == 's' {
		n, ok = number(value)
	}
	cell := []byte(nil)
	switch {
	case ok:
		cell, shared = s.b.string(n), int32(min(n, math.MaxInt32-1))+1
	case s.kind == 'n':
		s.arena = s.number(s.arena, value)
	default:
		s.arena = append(s.arena, value...)
	}
	if !ok {
		cell = s.arena[from:len(s.arena):len(s.arena)]
	}
	s.cells, s.at, s.shared = append(s.cells, cell), append(s.at, int32(s.column)), append(s.shared, shared)
}
