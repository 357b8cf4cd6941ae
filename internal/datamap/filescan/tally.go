package filescan

import (
	"bytes"
	"io"
	"slices"
	"sort"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// tally is the document.Sink that counts the elements of one file. It is used
// for one file after another by one goroutine.
type tally struct {
	counts   map[element.Kind]*Found
	troubles []Unread
	more     int // troubles beyond maxTroubles
	alarms   []string
}

func newTally() *tally { return &tally{counts: map[element.Kind]*Found{}} }

func (t *tally) reset() {
	clear(t.counts)
	t.troubles, t.alarms, t.more = nil, nil, 0
}

// into puts what was counted into o.
func (t *tally) into(o *Object) {
	for _, f := range t.counts {
		o.Elements = append(o.Elements, *f)
	}
	sort.Slice(o.Elements, func(a, b int) bool { return o.Elements[a].Kind < o.Elements[b].Kind })
	o.Troubles = append(o.Troubles, t.troubles...)
	slices.Sort(t.alarms)
	o.Alarms = slices.Compact(t.alarms)
}

// Trouble implements document.Sink.
func (t *tally) Trouble(part string, what document.Trouble, detail string) {
	if len(t.troubles) == maxTroubles {
		t.more++
		return
	}
	t.troubles = append(t.troubles, Unread{Part: part, Trouble: what, Name: what.String(), Detail: detail})
}

// count adds one value of kind.
func (t *tally) count(kind element.Kind, at Place) {
	f := t.counts[kind]
	if f == nil {
		f = &Found{Kind: kind, Name: kind.String()}
		t.counts[kind] = f
	}
	f.Count++
	limit := somePlaces
	if precise.Has(kind) {
		limit = maxPlaces
	}
	if len(f.Places) < limit {
		f.Places = append(f.Places, at)
	}
}

// wanted are the elements that are counted by themselves. A security code or an
// expiry counts beside its card number; addresses of machines and cookies do not
// say that a file is a list of persons.
func wanted(k element.Kind) bool {
	switch k {
	case element.IPAddress, element.Cookie, element.Company, element.Sex, element.Note, element.Unclassified, element.Booking, element.Payment, element.CustomerNumber, element.CardExpiry:
		return false
	}
	return true
}

// scanner returns a scanner that tells p, which gives it back.
func (t *tally) scanner(e element.Encoding, at *spot) *element.Scanner {
	return element.NewScanner(element.Options{Encoding: e, Adjust: at.adjust}, func(f *element.Finding) {
		if !wanted(f.Kind) {
			return
		}
		place, ok := at.at(f)
		if !ok {
			return
		}
		if f.Kind == element.CardPAN {
			place.Mask = f.Masked()
		}
		t.count(f.Kind, place)
	})
}

// spot is what a stream knows of where it is.
type spot struct {
	at     func(f *element.Finding) (Place, bool)
	adjust func(f *element.Finding)
}

// Text implements document.Sink.
func (t *tally) Text(part string, e element.Encoding) io.WriteCloser {
	x := &textStream{part: part, line: 1}
	x.s = t.scanner(e, &spot{at: x.at})
	return x
}

// textStream counts lines beside its scanner. Findings come while a later chunk
// is written, so the last two chunks are kept.
type textStream struct {
	part  string
	s     *element.Scanner
	line  int64 // of the first byte of now
	start int64 // offset of now[0]
	now   []byte
	old   []byte // the chunk before now
}

// window is more than a finding can lie behind what was written.
const window = 128 << 10

// Write implements io.Writer.
func (x *textStream) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(x.now) >= window {
			x.line += int64(bytes.Count(x.now, []byte{'\n'}))
			x.start += int64(len(x.now))
			x.old, x.now = x.now, x.old[:0]
		}
		k := min(len(p), window-len(x.now))
		x.now = append(x.now, p[:k]...)
		if _, err := x.s.Write(p[:k]); err != nil {
			return 0, err
		}
		p = p[k:]
	}
	return n, nil
}

// Close implements io.Closer.
func (x *textStream) Close() error { return x.s.Close() }

func (x *textStream) at(f *element.Finding) (Place, bool) {
	line := x.line
	if f.Offset >= x.start {
		line += int64(bytes.Count(x.now[:min(f.Offset-x.start, int64(len(x.now)))], []byte{'\n'}))
	} else if back := x.start - f.Offset; back <= int64(len(x.old)) {
		line -= int64(bytes.Count(x.old[int64(len(x.old))-back:], []byte{'\n'}))
	}
	return Place{Part: x.part, Line: line}, true
}

// Table implements document.Sink.
func (t *tally) Table(part string) document.Table {
	x := &tableStream{t: t, part: part, row: 1}
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
	row     int64
	key     string // its integer key's column, "" when rows are counted
	end     int64  // of the stream
	cells   []cell
	digits  []byte
	groups  []int
	column  int // of the last group
}

// cell is where a cell stands in the stream.
type cell struct {
	end    int64
	row    int64
	column int32
	judged element.Kind
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
	x.split = append(x.split, header == "" || ok && kind == element.CardPAN)
	return len(x.headers) - 1
}

// Cell implements document.Table.
func (x *tableStream) Cell(column int, value []byte) {
	judged := element.Unclassified
	if header := x.headers[column]; header == "" || string(bytes.TrimSpace(value)) != header {
		judged, _, _ = x.fields[column].Judge(value)
	}
	if judged != element.Unclassified && wanted(judged) {
		x.t.count(judged, x.place(x.row, column))
	}
	x.piece(column, value)
	x.end += int64(len(value)) + 1
	x.cells = append(x.cells, cell{end: x.end, row: x.row, column: int32(column), judged: judged})
	x.s.Write(value) // open until Close
	x.s.Write([]byte{'\n'})
	if len(x.cells) >= 4096 {
		x.forget()
	}
}

// forget drops cells so far behind that no finding can lie in them.
func (x *tableStream) forget() {
	keep := sort.Search(len(x.cells), func(i int) bool { return x.cells[i].end > x.end-2*window })
	if keep > len(x.cells)/2 {
		x.cells = append(x.cells[:0], x.cells[keep:]...)
	}
}

// piece collects cells that may be the pieces of one card number.
func (x *tableStream) piece(column int, value []byte) {
	v := bytes.TrimSpace(value)
	ok := len(v) >= 3 && len(v) <= 8 && x.split[column] && (len(x.groups) == 0 || column == x.column+1)
	for _, c := range v {
		ok = ok && c >= '0' && c <= '9'
	}
	if !ok {
		x.joined()
		if len(v) != 4 || !x.split[column] {
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
	grouped := slices.Equal(x.groups, []int{4, 4, 4, 4}) || slices.Equal(x.groups, []int{4, 6, 5}) || slices.Equal(x.groups, []int{4, 6, 4}) || slices.Equal(x.groups, []int{8, 8})
	if grouped {
		d := make([]byte, len(x.digits))
		for i, c := range x.digits {
			d[i] = c - '0'
		}
		if element.IsCardPAN(d) {
			x.t.count(element.CardPAN, x.place(x.row, x.column))
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

func (x *tableStream) at(f *element.Finding) (Place, bool) {
	c := x.cell(f.Offset)
	if c == nil {
		return Place{Part: x.part, Row: x.row}, true
	}
	return x.place(c.row, int(c.column)), c.judged != f.Kind
}

func (x *tableStream) adjust(f *element.Finding) {
	if c := x.cell(f.Offset); c != nil {
		x.fields[c.column].Adjust(f)
	}
}
