package rowfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Chunk is a run of whole rows. Rows are numbered over the file from 0,
// without the header, skipped rows included.
type Chunk struct {
	First int // number of the first row
	Rows  int // how many rows, those that will be skipped included
	Bytes int64

	text  []byte
	ends  []int // ends of rows; nil: every newline ends one
	bad   []Fault
	lines []int64
	line  int64 // physical line of the first row
}

// Problem is a row that was skipped. It holds nothing of the row itself.
type Problem struct {
	Row   int
	Line  int64 // physical line where the row begins, from 1
	Fault Fault
}

// Each parses the rows of a chunk. row gets the text of a row in UTF-8 and its
// fields, good until it returns; rows that cannot be read, or have another
// number of columns than the header, go to skipped. Empty lines are rows
// without fields: both are left out. It returns how many lines were in another
// encoding than the file's.
func (f *File) Each(c *Chunk, row func(n int, raw []byte, fields [][]byte), skipped func(Problem)) (mixed int) {
	if f.plain(c) {
		f.eachPlain(c, row, skipped)
		return 0
	}
	return f.eachParsed(c, row, skipped)
}

// eachParsed is Each for any chunk.
func (f *File) eachParsed(c *Chunk, row func(n int, raw []byte, fields [][]byte), skipped func(Problem)) (mixed int) {
	p := newParser(f)
	text := c.text
	start := 0
	for n := range c.Rows {
		end := 0
		if c.ends != nil {
			end = c.ends[n]
			if c.bad[n] != fine {
				skipped(Problem{c.First + n, c.lines[n], c.bad[n]})
				start = end
				continue
			}
		} else if i := bytes.IndexByte(text[start:], '\n'); i >= 0 {
			end = start + i + 1
		} else {
			end = len(text)
		}
		raw, fields, bad := p.row(text[start:end])
		start = end
		if bad != fine {
			skipped(Problem{c.First + n, c.lineOf(n), bad})
			continue
		}
		f.take(c, n, raw, fields, row, skipped)
	}
	return p.mixed
}

// lineOf is the physical line where row n of the chunk begins.
func (c *Chunk) lineOf(n int) int64 {
	if c.ends != nil {
		return c.lines[n]
	}
	return c.line + int64(n)
}

// take passes on a row of the right number of columns.
func (f *File) take(c *Chunk, n int, raw []byte, fields [][]byte, row func(n int, raw []byte, fields [][]byte), skipped func(Problem)) {
	switch {
	case len(fields) == 1 && len(bytes.TrimSpace(fields[0])) == 0 && len(f.Header) > 1:
	case len(fields) != len(f.Header):
		skipped(Problem{c.First + n, c.lineOf(n), Columns})
	default:
		row(c.First+n, raw, fields)
	}
}

// Read cuts the file into chunks and calls parse for each, from that many
// goroutines at once. It returns the number of rows. Chunks come in any order;
// each is parsed once. The first error ends the reading.
func (f *File) Read(ctx context.Context, workers int, parse func(worker int, c *Chunk) error) (rows int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chunks := make(chan *Chunk, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for c := range chunks {
				if ctx.Err() == nil {
					if err := parse(w, c); err != nil {
						cancel(err)
					}
				}
				buffers.Put(&c.text)
			}
		})
	}
	rows, err = f.cut(ctx, chunks)
	close(chunks)
	wg.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	return rows, err
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, chunkBytes+chunkBytes/4); return &b }}

// cut reads the file and sends chunks.
func (f *File) cut(ctx context.Context, chunks chan<- *Chunk) (rows int, err error) {
	if n, err := f.in.Discard(f.skip); err != nil {
		return 0, fmt.Errorf("read %s: %d bytes: %w", f.Name, n, err)
	}
	if f.skip > 0 {
		f.line++
	}
	var rest []byte
	last := false
	for !last {
		if ctx.Err() != nil {
			return rows, nil // the cause is the caller's to say
		}
		text := append((*buffers.Get().(*[]byte))[:0], rest...)
		want := len(rest) + chunkBytes
		if cap(text) < want {
			text = append(make([]byte, 0, want), text...)
		}
		n, err := io.ReadFull(f.in, text[len(text):want])
		text = text[:len(text)+n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			last = true
		} else if err != nil {
			return rows, fmt.Errorf("read %s: %w", f.Name, err)
		}
		c := &Chunk{First: rows, line: f.line, Bytes: int64(n)}
		used := f.rows(c, text, last)
		rest = append(rest[:0], text[used:]...)
		c.text = text[:used]
		rows += c.Rows
		if len(rest) > MaxRow && !last {
			if err := f.skipLong(c, &rest); err != nil {
				return rows, err
			}
			rows = c.First + c.Rows
		}
		select {
		case chunks <- c:
		case <-ctx.Done():
		}
	}
	return rows, nil
}

// rows finds the rows of text and returns how much of it they take.
func (f *File) rows(c *Chunk, text []byte, last bool) int {
	if bytes.IndexByte(text, '"') < 0 {
		used := bytes.LastIndexByte(text, '\n') + 1
		c.Rows = bytes.Count(text[:used], []byte{'\n'})
		if last && used < len(text) {
			used = len(text)
			c.Rows++
		}
		f.line += int64(c.Rows)
		return used
	}
	used := 0
	c.ends = []int{}
	for used < len(text) {
		end, lines, bad := nextRow(text[used:], f.Comma, last)
		if bad == short {
			break
		}
		if bad == fine && end > MaxRow {
			bad = TooLong
		}
		used += end
		c.ends = append(c.ends, used)
		c.bad = append(c.bad, bad)
		c.lines = append(c.lines, f.line)
		f.line += int64(lines)
		c.Rows++
	}
	return used
}

// skipLong drops the row that begins in rest, to its newline.
func (f *File) skipLong(c *Chunk, rest *[]byte) error {
	f.explicit(c)
	c.ends = append(c.ends, len(c.text))
	c.bad = append(c.bad, TooLong)
	c.lines = append(c.lines, f.line)
	c.Rows++
	f.line++
	*rest = (*rest)[:0]
	for {
		part, err := f.in.ReadSlice('\n')
		if err == nil || err == io.EOF {
			return nil
		}
		if len(part) == 0 || !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
	}
}

// explicit gives a chunk without quotes its list of ends.
func (f *File) explicit(c *Chunk) {
	if c.ends != nil {
		return
	}
	start := 0
	for n := range c.Rows {
		start += bytes.IndexByte(c.text[start:], '\n') + 1
		c.ends = append(c.ends, start)
		c.bad = append(c.bad, fine)
		c.lines = append(c.lines, c.line+int64(n))
	}
}
