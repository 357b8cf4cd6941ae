package person

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
	"sekisho/internal/person/record"
	"sekisho/internal/person/rowfile"
)

// ErrNoTable: a workbook or database file holds no table with customers' columns.
var ErrNoTable = errors.New("no table of it has columns of customers")

// isTables reports whether a file begins as a workbook (OOXML and
// OpenDocument are zip files), a Parquet file or a SQLite database does. What is
// no regular file is read once, as text.
func isTables(file string) (bool, error) {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return false, fmt.Errorf("read %s: %w", file, err)
	}
	head = head[:n]
	for _, magic := range []string{"PK\x03\x04", "PAR1", "SQLite format 3\x00"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true, nil
		}
	}
	return false, nil
}

// table is one table of a file.
type table struct {
	part     string
	header   []string // of the first look; the second finds it whole
	given    int      // columns of this look
	numbers  map[string]int
	row      [][]byte
	out      *bufio.Writer // nil: only look
	customer bool          // a column says something about a customer
}

// Column implements document.Table: the same header is the same column, and
// each empty one its own.
func (t *table) Column(header string) int {
	header = strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune(",;\t\r\n\"", r) {
			return ' '
		}
		return r
	}, header))
	if n, ok := t.numbers[header]; ok && header != "" {
		return n
	}
	n := t.given
	t.given++
	t.numbers[header] = n
	if n == len(t.header) {
		t.header = append(t.header, header)
		is := record.Heading(header)
		t.customer = t.customer || is != record.Ignored && is != record.Key
	}
	return n
}

// Cell implements document.Table. Values of one column are joined.
func (t *table) Cell(column int, value []byte) {
	if t.out == nil {
		return
	}
	for len(t.row) <= column {
		t.row = append(t.row, nil)
	}
	if len(t.row[column]) > 0 {
		t.row[column] = append(t.row[column], ' ')
	}
	t.row[column] = append(t.row[column], value...)
}

// EndRow implements document.Table. The header itself, and rows above it, are
// no records.
func (t *table) EndRow() {
	if t.out == nil {
		return
	}
	data := false
	for i, v := range t.row {
		if i < len(t.header) && t.header[i] != "" && len(v) > 0 && string(v) != t.header[i] {
			data = true
		}
	}
	if data {
		t.write(t.row)
	}
	for i := range t.row {
		t.row[i] = t.row[i][:0]
	}
}

// write writes a row as CSV (RFC 4180).
func (t *table) write(row [][]byte) {
	for i := range t.header {
		if i > 0 {
			t.out.WriteByte(',')
		}
		var v []byte
		if i < len(row) {
			v = bytes.ReplaceAll(row[i], []byte{0}, nil)
		}
		if !bytes.ContainsAny(v, ",\"\r\n") {
			t.out.Write(v)
			continue
		}
		t.out.WriteByte('"')
		t.out.Write(bytes.ReplaceAll(v, []byte{'"'}, []byte(`""`)))
		t.out.WriteByte('"')
	}
	t.out.WriteByte('\n') // bufio.Writer keeps the first error for Flush
}

// Close implements document.Table.
func (t *table) Close() {}

// tables takes what is in a file. It looks at all tables, or writes the one
// that is wanted.
type tables struct {
	found    []*table
	wanted   int // which one, when out is set
	out      *bufio.Writer
	header   []string
	troubles int
}

// Text implements document.Sink: running text holds no records.
func (s *tables) Text(string, element.Encoding) io.WriteCloser { return nothing{} }

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) Close() error                { return nil }

// Table implements document.Sink.
func (s *tables) Table(part string) document.Table {
	t := &table{part: part, numbers: map[string]int{}}
	if s.out != nil && len(s.found) == s.wanted {
		t.out, t.header = s.out, s.header
		t.write(headerRow(s.header))
	}
	s.found = append(s.found, t)
	return t
}

// Trouble implements document.Sink.
func (s *tables) Trouble(string, document.Trouble, string) { s.troubles++ }

// look reads the file once.
func (s *tables) look(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return (&document.Reader{}).Read(ctx, file, f, info.Size(), s)
}

// readTables adds the records of all tables of a file. Tables without a
// customer's column are named with no records. Of several tables each is a
// source of its own: NAME/TABLE.
func readTables(ctx context.Context, res *Result, s Source, number uint16, o Options) ([]Read, error) {
	all := &tables{}
	if err := all.look(ctx, s.File); err != nil {
		return nil, fmt.Errorf("source %s: %w", s.Name, err)
	}
	name := func(t *table) string {
		if len(all.found) == 1 {
			return s.Name
		}
		return s.Name + "/" + t.part
	}
	var out []Read
	for i, t := range all.found {
		if !t.customer && len(s.Columns) == 0 {
			header := t.header
			if _, plain := record.Detect(header, nil); plain {
				header = numbered(len(header))
			}
			out = append(out, Read{Source: name(t), Encoding: "UTF-8", Header: header, Columns: make([]record.Column, len(t.header)), First: res.Table.Len()})
			continue
		}
		one := s
		one.Name = name(t)
		r, err := readTable(ctx, res, one, i, t.header, number+uint16(i), o)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	if n := all.troubles; n > 0 && len(out) > 0 { // of the file; no row number says where
		out[0].Skipped += n
		out[0].Problems = append(out[0].Problems, rowfile.Problem{Fault: rowfile.Damaged})
	}
	if !slices.ContainsFunc(out, func(r Read) bool { return r.Records > 0 }) {
		return nil, fmt.Errorf("source %s: %w", s.Name, ErrNoTable)
	}
	return out, nil
}

// readTable reads table number which of a file as rows of text.
func readTable(ctx context.Context, res *Result, s Source, which int, header []string, number uint16, o Options) (Read, error) {
	return readWritten(ctx, res, s, number, o, func(ctx context.Context, out io.Writer) error {
		w := bufio.NewWriterSize(out, 1<<16)
		err := (&tables{wanted: which, out: w, header: header}).look(ctx, s.File)
		return errors.Join(err, w.Flush())
	})
}

// readRows reads the rows that a source writes.
func readRows(ctx context.Context, res *Result, s Source, number uint16, o Options) (Read, error) {
	tooLong := 0
	r, err := readWritten(ctx, res, s, number, o, func(ctx context.Context, out io.Writer) (err error) {
		tooLong, err = s.Rows(ctx, out)
		return err
	})
	if r.Skipped += tooLong; tooLong > 0 { // no line says where
		r.Problems = append(r.Problems, rowfile.Problem{Fault: rowfile.TooLong})
	}
	return r, err
}

// readWritten reads what write writes, beside it. The error of either ends both.
func readWritten(ctx context.Context, res *Result, s Source, number uint16, o Options, write func(ctx context.Context, w io.Writer) error) (Read, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := write(ctx, out)
		done <- err
		out.CloseWithError(err)
	}()
	f, err := rowfile.New(s.Name, in)
	var r Read
	if err == nil {
		r, err = readFile(ctx, res, s, f, number, o)
	}
	in.Close() // ends a write that nobody reads
	if wrote := <-done; wrote != nil && !errors.Is(wrote, io.ErrClosedPipe) {
		err = fmt.Errorf("source %s: %w", s.Name, wrote)
	}
	return r, err
}

// headerRow is a header as a row.
func headerRow(header []string) (row [][]byte) {
	for _, h := range header {
		row = append(row, []byte(h))
	}
	return row
}
