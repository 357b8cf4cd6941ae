package filescan

import (
	"bytes"
	"slices"
	"sort"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// Table implements document.Sink.
func (t *tally) Table(part string) document.Table {
	x := &tableStream{t: t, part: part, row: 1, id: t.recall.begin(), every: t.noRecall}
	x.s = t.scanner(element.UTF8, &spot{at: x.at, adjust: x.adjust})
	return x
}

// tableStream judges cells by their header and scans them as a stream, each on a
// line of its own.
type tableStream struct {
	t       *tally
	part    string
	s       *element.Scanner
	headers []string
	fields  []*element.Field
	split   []bool // the header allows a piece of a card number
	habits  []habit
	id      uint32 // of the table among those of recall
	numbers numbers
	every   bool // every value is looked through, whether it is known or not
	row     int64
	key     string // its integer key's column, "" when rows are counted
	end     int64  // of the stream
	whole   int64  // what end would be if no value had been left out
	near    int64  // up to here in the stream, values may be looked at together
	gap     bool   // values were left out since the last that was written
	cells   []cell
	enough  int // cells from which on some are forgotten
	line    []byte
	digits  []byte
	groups  []int
	column  int // of the last group
}

// cell is where a cell stands in the stream.
type cell struct {
	end    int64
	row    int64
	order  int64
	column int32
	judged element.Kind
	recall *recalled // where what is found is remembered, unless it was given away
}

// Column implements document.Table.
func (x *tableStream) Column(header string) int {
	if header != "" {
		if i := slices.Index(x.headers, header); i >= 0 {
			return i
		}
	}
	x.headers = append(x.headers, header)
	x.fields = append(x.fields, element.NewField(header))
	trimmed := header
	for trimmed != "" && (trimmed[len(trimmed)-1] >= '0' && trimmed[len(trimmed)-1] <= '9' || trimmed[len(trimmed)-1] == '_') {
		trimmed = trimmed[:len(trimmed)-1]
	}
	kind, _, ok := element.HeaderKind(trimmed)
	x.habits = append(x.habits, habit{})
	x.split = append(x.split, header == "" || ok && kind == element.CardPAN)
	return len(x.headers) - 1
}

// Cell implements document.Table.
func (x *tableStream) Cell(column int, value []byte) { x.take(column, value, -1) }

// SharedCell implements document.Shared.
func (x *tableStream) SharedCell(column, number int, value []byte) { x.take(column, value, number) }

// take takes a cell; number is that of its shared string, less than 0 for none.
func (x *tableStream) take(column int, value []byte, number int) {
	x.t.order++
	var e *recalled
	if number >= 0 {
		e = x.t.recall.of(x.numbers, x.id, column, number)
	}
	known := e != nil
	if !known {
		if kind, ok := element.Plain(value); ok && !x.every && x.end >= x.near && x.plain(column, kind, value) {
			return
		}
	}
	lone := known || alone(value)
	slot := uint64(0)
	if !known && lone && x.habits[column].worth() {
		slot, known = x.t.recall.slot(x.id, column, value)
		if e = &x.t.recall.entries[slot]; known {
			x.habits[column].known++
			if number >= 0 {
				x.t.recall.note(&x.numbers, e, slot, number)
			}
		}
	}
	judged := element.Unclassified
	if known {
		judged = e.judged // a value that stands alone says nothing about the field
	} else if header := x.headers[column]; header == "" || string(bytes.TrimSpace(value)) != header {
		judged, _, _ = x.fields[column].Judge(value)
	}
	x.counted(judged, column)
	x.piece(column, value)
	x.whole += int64(len(value)) + 1
	if known && !x.every && x.end >= x.near && e.complete(x.end) {
		for _, k := range e.found[:e.count] {
			x.counted(k, column)
		}
		x.gap = true
		return
	}
	if !lone {
		x.apart(column, int64(len(value))+1)
	}
	x.end += int64(len(value)) + 1
	if !lone {
		x.near = x.end + reach
	}
	if known {
		e = nil
	} else if e != nil {
		e.set(x.id, column, value, judged, x.t.order, x.end)
		if number >= 0 {
			x.t.recall.note(&x.numbers, e, slot, number)
		}
	}
	x.cells = append(x.cells, cell{end: x.end, row: x.row, order: x.t.order, column: int32(column), judged: judged, recall: e})
	x.line = append(append(x.line[:0], value...), '\n')
	x.s.Write(x.line) // open until Close
	if len(x.cells) >= max(x.enough, 4096) {
		x.forget()
	}
}

// plain takes a value of which element.Plain says that it is a kind: it has not to be
// looked through when the header says so too, or when nothing is in it. Otherwise
// nothing is done.
func (x *tableStream) plain(column int, kind element.Kind, value []byte) bool {
	f := x.fields[column]
	judged := kind
	if kind == element.Unclassified {
		judged, _, _ = f.Judge(value)
	} else if !f.JudgePlain(kind) {
		return false
	}
	x.counted(judged, column)
	x.piece(column, value)
	x.whole += int64(len(value)) + 1
	x.gap = true
	return true
}

// counted adds one value of kind in the row and column in hand.
func (x *tableStream) counted(kind element.Kind, column int) {
	if !wanted(kind) {
		return
	}
	if f := x.t.counted(kind, x.t.order); f != nil {
		f.keep(x.place(x.row, column), x.t.order)
	}
}

// apart writes line ends for values that were left out before one that is not alone,
// next is how much will be written. A field's statistics count from its first long
// number on, and with what they were when the engine looks: from there on nothing is
// left out, and the engine looks when it would have if nothing ever was.
func (x *tableStream) apart(column int, next int64) {
	n := int64(0)
	if x.gap {
		n = apart
	}
	if !x.every && x.fields[column].LongNumbers() > 0 {
		x.every = true
		if late := (x.whole - next - x.end) % phase; late != 0 {
			n = (late+phase)%phase + phase
		}
	}
	for x.gap = false; n > 0; n -= apart {
		k := min(n, apart)
		x.s.Write(lineEnds[:k]) // open until Close
		x.end += k
	}
}

var lineEnds = bytes.Repeat([]byte{'\n'}, apart)

// forget drops cells so far behind that no finding can lie in them.
func (x *tableStream) forget() {
	keep := sort.Search(len(x.cells), func(i int) bool { return x.cells[i].end > x.end-2*window })
	if keep > len(x.cells)/2 {
		x.cells = append(x.cells[:0], x.cells[keep:]...)
	}
	x.enough = len(x.cells) * 5 / 4
}

// piece collects cells that may be the pieces of one card number.
func (x *tableStream) piece(column int, value []byte) {
	if !x.split[column] {
		if len(x.groups) > 0 {
			x.joined()
		}
		return
	}
	v := bytes.TrimSpace(value)
	ok := len(v) >= 3 && len(v) <= 8 && (len(x.groups) == 0 || column == x.column+1)
	for _, c := range v {
		ok = ok && c >= '0' && c <= '9'
	}
	if !ok {
		x.joined()
		if len(v) != 4 {
			return
		}
		for _, c := range v {
			if c < '0' || c > '9' {
				return
			}
		}
	}
	x.digits, x.groups, x.column = append(x.digits, v...), append(x.groups, len(v)), column
}

// joined judges the pieces: groups as they are printed on cards.
func (x *tableStream) joined() {
	if len(x.groups) == 0 {
		return
	}
	grouped := slices.Equal(x.groups, []int{4, 4, 4, 4}) || slices.Equal(x.groups, []int{4, 6, 5}) || slices.Equal(x.groups, []int{4, 6, 4}) || slices.Equal(x.groups, []int{8, 8})
	if grouped {
		d := make([]byte, len(x.digits))
		for i, c := range x.digits {
			d[i] = c - '0'
		}
		if element.IsCardPAN(d) {
			x.t.count(element.CardPAN, x.place(x.row, x.column), x.t.order)
		}
	}
	x.digits, x.groups = x.digits[:0], x.groups[:0]
}

// EndRow implements document.Table.
func (x *tableStream) EndRow() {
	x.joined()
	if x.key == "" {
		x.row++
	}
}

// KeyColumn implements document.Keyed.
func (x *tableStream) KeyColumn(name string) { x.key = name }

// Key implements document.Keyed.
func (x *tableStream) Key(n int64) { x.row = n }

// Close implements document.Table.
func (x *tableStream) Close() {
	x.joined()
	x.s.Close() // the error is of a second Close only
	clear(x.line)
	for i, f := range x.fields {
		if f.Alarm() && x.headers[i] != "" {
			x.t.alarms = append(x.t.alarms, x.headers[i])
		}
	}
}

func (x *tableStream) place(row int64, column int) Place {
	return Place{Part: x.part, Row: row, Key: x.key, Column: x.headers[column]}
}

// cell returns the cell in which a finding begins.
func (x *tableStream) cell(offset int64) *cell {
	i := sort.Search(len(x.cells), func(i int) bool { return x.cells[i].end > offset })
	if i == len(x.cells) {
		return nil
	}
	return &x.cells[i]
}

func (x *tableStream) at(f *element.Finding) (Place, int64, bool) {
	c := x.cell(f.Offset)
	if c == nil {
		return Place{Part: x.part, Row: x.row}, x.t.order, true
	}
	if c.judged == f.Kind {
		return Place{}, 0, false
	}
	if e := c.recall; e != nil && e.table == x.id && e.order == c.order {
		e.add(f.Kind)
	}
	return x.place(c.row, int(c.column)), c.order, true
}

func (x *tableStream) adjust(f *element.Finding) {
	if f.Kind != element.CardPAN {
		return // of no other element a field's statistics say anything
	}
	if c := x.cell(f.Offset); c != nil {
		x.fields[c.column].Adjust(f)
	}
}
