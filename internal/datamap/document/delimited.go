package document

import (
	"bufio"
	"bytes"
	"io"
	"path"
	"strings"
)

// delimiter returns the byte between the fields of a table in text, if head
// looks like one: the first lines have it equally often, outside quotes. Files
// that are named so are tables also with one column.
func delimiter(head []byte, ext string) (byte, bool) {
	switch ext {
	case ".tsv", ".tab":
		return '\t', true
	case ".csv":
		if d, ok := regular(head, 1); ok {
			return d, true
		}
		return ',', true
	case ".log", ".md", ".go", ".c", ".h", ".js", ".ts", ".py", ".rb", ".php", ".java", ".css", ".sh", ".yaml", ".yml", ".ini", ".conf", ".toml":
		return 0, false
	}
	return regular(head, 2)
}

// regular looks for a byte that stands equally often, at least least times, in
// each of the first lines (at least three when nothing else says so).
func regular(head []byte, least int) (byte, bool) {
	for _, d := range []byte{'\t', ',', ';', '|'} {
		lines, want, same := 0, 0, true
		count, quoted := 0, false
		for _, c := range head {
			switch {
			case c == '"':
				quoted = !quoted
			case c == d && !quoted:
				count++
			case c == '\n' && !quoted:
				if lines == 0 {
					want = count
				}
				same = same && count == want
				lines, count = lines+1, 0
			}
			if !same || lines == 20 {
				break
			}
		}
		if same && want >= least && lines >= 4-min(least, 3)+1 {
			return d, true
		}
	}
	return 0, false
}

// delimited reads comma- or tab-separated values (RFC 4180; quotes in the middle
// of a field stand for themselves, a quote that never ends ends with its line
// after maxCell bytes).
func (j *job) delimited(part, name string, head []byte, r io.Reader) error {
	d, ok := delimiter(head, strings.ToLower(path.Ext(name)))
	if !ok {
		d = ','
	}
	g := newGrid(j.sink.Table(part))
	defer g.close()
	return j.fields(characters(r), d, g.row)
}

// fields cuts text into rows of fields.
func (j *job) fields(r *bufio.Reader, d byte, row func([][]byte)) error {
	var line, arena []byte
	var ends []int
	var cells [][]byte
	for n := 0; ; n++ {
		if n%256 == 0 && j.ctx.Err() != nil {
			return j.ctx.Err()
		}
		var err error
		line, err = readLine(r, line)
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		// A quoted field goes on in the next line.
		var q quotes
		for q.feed(line, d); q.open && len(line) < maxCell; {
			rest, err := r.ReadSlice('\n')
			q.feed(rest, d)
			line = append(append(line, '\n'), bytes.TrimRight(rest, "\r\n")...)
			if err != nil && err != bufio.ErrBufferFull {
				break
			}
		}
		arena, ends = cutFields(line, d, arena[:0], ends[:0])
		cells = cells[:0]
		from := 0
		for _, to := range ends {
			cells = append(cells, arena[from:to])
			from = to
		}
		row(cells)
	}
}

// quotes knows, piece by piece, whether a row ends within a quoted field.
type quotes struct {
	open bool // within quotes
	busy bool // the field has begun
	last bool // the last byte was a quote within quotes: the end, or half of ""
}

func (q *quotes) feed(line []byte, d byte) {
	if !q.open && bytes.IndexByte(line, '"') < 0 {
		return
	}
	for _, c := range line {
		switch {
		case c == '"' && q.last:
			q.open, q.last = true, false
		case c == '"' && q.open:
			q.open, q.last = false, true
		case c == '"' && !q.busy:
			q.open, q.busy = true, true
		case c == d && !q.open:
			q.busy, q.last = false, false
		case c != ' ' || q.open:
			q.busy, q.last = true, false
		}
	}
}

// cutFields appends the fields' values to arena and their ends to ends.
func cutFields(line []byte, d byte, arena []byte, ends []int) ([]byte, []int) {
	for {
		trimmed := bytes.TrimLeft(line, " ")
		if len(trimmed) > 0 && trimmed[0] == '"' {
			line = trimmed[1:]
			for {
				q := bytes.IndexByte(line, '"')
				if q < 0 {
					arena, line = append(arena, line...), nil
					break
				}
				arena, line = append(arena, line[:q]...), line[q+1:]
				if len(line) == 0 || line[0] != '"' {
					break
				}
				arena, line = append(arena, '"'), line[1:]
			}
		}
		end := bytes.IndexByte(line, d)
		if end < 0 {
			arena = append(arena, line...)
			return arena, append(ends, len(arena))
		}
		arena = append(arena, line[:end]...)
		ends, line = append(ends, len(arena)), line[end+1:]
	}
}
