package pgcopy

import (
	"bytes"
	"errors"
)

// Format is a row format of COPY.
type Format uint8

const (
	Text Format = iota
	CSV
	Binary
)

// ErrFormat says that the data does not have the layout of its format; the
// server refuses it too. The reader stays in this state.
var ErrFormat = errors.New("malformed copy data")

// Options are those of the COPY statement.
type Options struct {
	Format    Format
	Delimiter byte   // 0: tab for Text, comma for CSV
	Null      []byte // nil: \N for Text, nothing for CSV
	Quote     byte   // CSV; 0: "
	Escape    byte   // CSV; 0: Quote
	Header    bool   // the first row is names
}

// Reader finds the columns Want in a stream of rows. It keeps them only, each
// up to Limit bytes. Not safe for concurrent use.
type Reader struct {
	opt   Options
	want  []int
	limit int

	col    int     // column being read
	slot   int     // index in want of col, or -1
	fields []field // one per want
	buf    []byte  // raw bytes of wanted columns
	rows   uint64
	skip   bool // the header row is still to come
	ended  bool // end of data was seen
	done   bool // the row in fields is complete and was handed out
	bad    bool

	length  int     // bytes of this row so far, at most 3
	first   [2]byte // the first of them
	escaped bool    // Text: after a backslash; CSV: last_was_esc
	inQuote bool    // CSV
	afterCR bool    // a row ended with \r: a \n that follows belongs to it

	bin binaryState
}

type field struct {
	from, to int
	state    fieldState
	quoted   bool
}

type fieldState uint8

const (
	absent fieldState = iota
	open
	whole
	null
	tooLong
)

// defaultLimit is far above the length of any key, in bytes.
const defaultLimit = 1024

// NewReader returns a reader for the columns want (0-based, ascending). limit
// is the greatest value kept in bytes; 0 means 1 KiB.
func NewReader(opt Options, want []int, limit int) *Reader {
	if opt.Delimiter == 0 {
		opt.Delimiter = '\t'
		if opt.Format == CSV {
			opt.Delimiter = ','
		}
	}
	if opt.Null == nil && opt.Format == Text {
		opt.Null = []byte(`\N`)
	}
	if opt.Quote == 0 {
		opt.Quote = '"'
	}
	if opt.Escape == 0 {
		opt.Escape = opt.Quote
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	r := &Reader{opt: opt, want: want, limit: limit, fields: make([]field, len(want)), skip: opt.Header && opt.Format != Binary}
	r.begin()
	return r
}

// Next reads p to the end of the next row and returns what is left of p. ok is
// false when p ended first; the row goes on in the next p. The columns of the
// row can be asked for until the next call.
func (r *Reader) Next(p []byte) (rest []byte, ok bool, err error) {
	if r.done {
		r.begin()
	}
	for len(p) > 0 && !r.ended && !r.bad {
		switch r.opt.Format {
		case Text:
			p, ok = r.text(p)
		case CSV:
			p, ok = r.csv(p)
		default:
			p, ok = r.binary(p)
		}
		if r.bad {
			break
		}
		if ok && r.opt.Format == Text && r.length == 2 && string(r.first[:]) == `\.` {
			r.ended, ok = true, false
		}
		if !ok {
			continue
		}
		if r.skip {
			r.skip, ok = false, false
			r.begin()
			continue
		}
		r.rows++
		r.done = true
		return p, true, nil
	}
	if r.bad {
		return nil, false, ErrFormat
	}
	return nil, false, nil
}

// End is called when the data has ended (CopyDone). ok says that it ended
// within a row that has no end of line, which COPY FROM takes as a row.
func (r *Reader) End() (ok bool) {
	if r.done {
		r.begin()
	}
	if r.ended || r.bad || r.opt.Format == Binary || r.length == 0 || r.inQuote {
		return false
	}
	if r.length == 2 && string(r.first[:]) == `\.` && r.opt.Format == Text {
		return false
	}
	r.closeField()
	if r.skip {
		return false
	}
	r.rows++
	r.done = true
	return true
}

// Rows returns the number of rows handed out, without the header.
func (r *Reader) Rows() uint64 { return r.rows }

// Inside says that the stream is within a row.
func (r *Reader) Inside() bool { return !r.done && (r.length > 0 || r.bin.inside()) }

// Columns returns the number of columns of the row.
func (r *Reader) Columns() int { return r.col }

// AppendValue appends the decoded value of the i-th wanted column. isNull says
// it is NULL: in the text format a value that is the same as the NULL string
// cannot be told from NULL when the server sends it, so a NULL key names nobody
// there, and does not mean that there is nobody. ok is false when the row has no such column, or its value is
// longer than the limit.
func (r *Reader) AppendValue(dst []byte, i int) (value []byte, isNull, ok bool) {
	if !r.done || i < 0 || i >= len(r.fields) {
		return dst, false, false
	}
	f := &r.fields[i]
	raw := r.buf[f.from:f.to]
	switch f.state {
	case null:
		return dst, true, true
	case whole:
	default:
		return dst, false, false
	}
	switch r.opt.Format {
	case Text:
		if bytes.Equal(raw, r.opt.Null) {
			return dst, true, true
		}
		return appendText(dst, raw), false, true
	case CSV:
		if !f.quoted && bytes.Equal(raw, r.opt.Null) {
			return dst, true, true
		}
	}
	return append(dst, raw...), false, true
}

func (r *Reader) begin() {
	r.done, r.col, r.length, r.escaped, r.inQuote = false, 0, 0, false, false
	r.buf = r.buf[:0]
	clear(r.fields)
	r.openField()
}

// openField makes col the current column.
func (r *Reader) openField() {
	r.slot = -1
	for i, k := range r.want {
		if k == r.col {
			r.slot = i
			r.fields[i] = field{from: len(r.buf), to: len(r.buf), state: open}
			return
		}
	}
}

// keep stores raw bytes of the current column if it is wanted.
func (r *Reader) keep(p []byte) {
	if r.slot < 0 {
		return
	}
	f := &r.fields[r.slot]
	switch {
	case f.state != open:
	case f.to-f.from+len(p) > r.limit:
		f.state = tooLong
	default:
		r.buf = append(r.buf, p...)
		f.to = len(r.buf)
	}
}

// closeField ends the current column.
func (r *Reader) closeField() {
	if r.slot >= 0 && r.fields[r.slot].state == open {
		r.fields[r.slot].state = whole
	}
	r.col++
}

// saw notes the first bytes of a row for the end-of-data marker.
func (r *Reader) saw(p []byte) {
	for i := 0; i < len(p) && r.length < 3; i++ {
		if r.length < 2 {
			r.first[r.length] = p[i]
		}
		r.length++
	}
}
