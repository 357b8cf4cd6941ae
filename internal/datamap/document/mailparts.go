package document

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"

	"sekisho/internal/element"
)

// parts cuts the body of a multipart message (RFC 2046 §5.1.1). The library's reader
// throws away what stands before the first part and behind the last one, and ends at the
// first header that is no header; here everything belongs to some part, or to what is
// between them.
type parts struct {
	r     *bufio.Reader
	marks [][]byte // lines that a part begins with: "--" and the boundary
	line  bool     // within a line
	rest  []byte   // of the line that is handed on
	end   []byte   // of the last line: of the boundary if one follows
	held  []byte   // the same, to be handed on
	next  mark     // what ended the last piece
	err   error    // of r
}

// mark is what a line is for a multipart message.
type mark uint8

const (
	noMark mark = iota
	partMark
	lastMark
)

// maxMarks bounds the boundaries of one message: its own, and those that a writer used
// instead.
const maxMarks = 8

func newParts(r io.Reader, boundary string) *parts {
	p := &parts{r: bufio.NewReaderSize(r, 32<<10)}
	if boundary = strings.TrimRight(boundary, " \t"); boundary != "" {
		p.marks = append(p.marks, []byte("--"+boundary))
	}
	return p
}

// begin goes on behind the mark that was met.
func (p *parts) begin() { p.next, p.line, p.rest, p.end, p.held = noMark, false, nil, nil, nil }

// mark returns what a line is.
func (p *parts) mark(line []byte) mark {
	if line = bytes.TrimRight(line, " \t\r\n"); len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return noMark
	}
	for _, m := range p.marks {
		if bytes.Equal(line, m) {
			return partMark
		}
	}
	for _, m := range p.marks {
		if bytes.HasPrefix(line, m) && string(line[len(m):]) == "--" {
			return lastMark
		}
	}
	return noMark
}

// guess takes a line for a mark that the header did not name: a field of a part follows.
func (p *parts) guess(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r\n")
	if len(line) < 3 || line[0] != '-' || line[1] != '-' || len(p.marks) == maxMarks {
		return false
	}
	field, _ := p.r.Peek(len("content-"))
	if !bytes.EqualFold(field, []byte("content-")) {
		return false
	}
	p.marks = append(p.marks, bytes.Clone(line))
	return true
}

// read hands on what there is up to the next mark. Between parts a mark may be another
// one than the header says.
func (p *parts) read(b []byte, between bool) (int, error) {
	for len(p.held)+len(p.rest) == 0 {
		if p.next != noMark || p.err != nil {
			if p.err != nil && p.err != io.EOF {
				return 0, p.err
			}
			return 0, io.EOF
		}
		line, err := p.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			p.err = err
		}
		if !p.line {
			p.next = p.mark(line)
			if p.next == noMark && between && err == nil {
				line = bytes.Clone(line) // looking at what follows may move it
				if p.guess(line) {
					p.next = partMark
				}
			}
			if p.next != noMark {
				continue
			}
		}
		text := bytes.TrimRight(line, "\r\n")
		if err == bufio.ErrBufferFull {
			text = line
		}
		p.held, p.rest, p.end, p.line = p.end, text, bytes.Clone(line[len(text):]), err == bufio.ErrBufferFull
		if p.err != nil {
			p.rest, p.end = line, nil // it ends here, and no mark follows
		}
	}
	n := copy(b, p.held)
	p.held = p.held[n:]
	k := copy(b[n:], p.rest)
	p.rest = p.rest[k:]
	return n + k, nil
}

// Read reads the part.
func (p *parts) Read(b []byte) (int, error) { return p.read(b, false) }

// outside is what stands before, between and behind the parts.
type outside struct{ *parts }

// Read implements io.Reader.
func (o outside) Read(b []byte) (int, error) { return o.read(b, true) }

// multipart reads the parts of a message, and what stands around them.
func (j *job) multipart(part, boundary string, r io.Reader, depth int) error {
	p := newParts(r, boundary)
	if err := j.around(join(part, "before the parts"), p); err != nil {
		return err
	}
	if len(p.marks) > 1 || boundary == "" {
		j.sink.Trouble(part, Damaged, "parts between other marks than the message names")
	}
	for n := 1; p.next == partMark; n++ {
		if err := j.member(); err != nil {
			return err
		}
		p.begin()
		inner := part
		if n > 1 {
			inner = join(part, strconv.Itoa(n))
		}
		j.trouble(inner, j.mail(inner, p, depth+1))
		if err := j.copyTo(io.Discard, p); err != nil { // what is left of it was told
			return err
		}
		if j.spent() {
			return errLimit
		}
		if p.next == lastMark {
			p.begin()
			if err := j.around(join(part, "behind the parts"), p); err != nil {
				return err
			}
			if p.next == noMark {
				return nil
			}
		}
	}
	return io.ErrUnexpectedEOF
}

// around reads what is in no part, up to the next one.
func (j *job) around(part string, p *parts) error {
	for {
		t := &lateText{j: j, part: part}
		err := j.copyTo(t, outside{p})
		if cerr := t.close(); err == nil {
			err = cerr
		}
		if err != nil || p.next != lastMark {
			return err
		}
		p.begin() // the end of what did not begin
	}
}

// lateText is a text that begins with the first byte that is no white space.
type lateText struct {
	j    *job
	part string
	w    io.WriteCloser
}

// Write implements io.Writer.
func (t *lateText) Write(p []byte) (int, error) {
	n := len(p)
	if t.w == nil {
		if p = bytes.TrimLeft(p, " \t\r\n"); len(p) == 0 {
			return n, nil
		}
		t.w = t.j.sink.Text(t.part, element.Auto)
	}
	_, err := t.w.Write(p)
	return n, err
}

func (t *lateText) close() error {
	if t.w == nil {
		return nil
	}
	return t.w.Close()
}
