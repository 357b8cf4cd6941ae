package document

import (
	"bufio"
	"bytes"
	"io"

	"sekisho/internal/element"
)

// object reads one part as what it is.
func (j *job) object(part, name string, src source, depth int) {
	if j.ctx.Err() != nil {
		return
	}
	head, err := readHead(src.r)
	if err != nil && err != io.EOF && len(head) == 0 {
		j.trouble(part, err)
		return
	}
	// The rest comes behind the head; an error comes again there.
	src.r = io.MultiReader(bytes.NewReader(head), stickyReader{src.r, err})
	switch f := sniff(head, name); f {
	case fEmpty:
	case fZip, fGzip, fBzip2, fZstd, fXz, fSevenZip, fRar, fTar:
		if depth >= j.limits.Depth {
			j.sink.Trouble(part, Limit, "archives in archives are too deep")
			return
		}
		j.archive(f, part, name, src, depth+1)
	case fPicture:
		j.sink.Trouble(part, Picture, "")
	default:
		j.content(f, part, name, head, src, depth)
	}
}

// readHead reads the first sniffBytes, fewer with why there are no more: a part that is
// cut within them is not one that ends there.
func readHead(r io.Reader) (head []byte, err error) {
	head = make([]byte, sniffBytes)
	n := 0
	for empty := 0; n < len(head) && err == nil && empty < 100; empty++ {
		var k int
		if k, err = r.Read(head[n:]); k > 0 {
			n, empty = n+k, 0
		}
	}
	return head[:n], err
}

// stickyReader gives the error again that the head met.
type stickyReader struct {
	r   io.Reader
	err error
}

func (s stickyReader) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.r.Read(p)
}

// content reads a part that holds no others.
func (j *job) content(f format, part, name string, head []byte, src source, depth int) {
	var err error
	defer func(before int) { j.depth = before }(j.depth)
	if j.depth = depth; depth > j.limits.Depth && (f == fMail || f == fMbox || f == fPDF) {
		j.sink.Trouble(part, Limit, "messages and documents in each other are too deep")
		return
	}
	switch f {
	case fPDF:
		err = j.pdf(part, src, depth)
	case fSQLite:
		err = j.sqlite(part, src)
	case fParquet:
		err = j.parquet(part, src)
	case fMail:
		err = j.mail(part, src.r, 0)
	case fMbox:
		err = j.mbox(part, src.r)
	case fHTML:
		err = j.html(part, src.r)
	case fXML:
		err = j.xml(part, src.r)
	case fJSON:
		err = j.json(part, src.r)
	case fSQL:
		err = j.sql(part, src.r)
	case fDelimited:
		err = j.delimited(part, name, head, src.r)
	case fOLE:
		j.sink.Trouble(part, Unreadable, "an Office file in the format before 2007, or one with a password")
		err = j.raw(part, src.r)
	case fPgDump:
		err = j.pgDump(part, src.r)
	case fBinary, fProgram:
		if f == fProgram {
			j.sink.Trouble(part, Foreign, "")
		}
		err = j.raw(part, src.r)
	default:
		err = j.text(part, src.r, element.Auto)
	}
	j.trouble(part, err)
}

// text hands a part on as running text.
func (j *job) text(part string, r io.Reader, e element.Encoding) error {
	w := j.sink.Text(part, e)
	err := j.copyTo(w, r)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return err
}

// raw hands on the readable runs of binary data: at least minRun bytes of ASCII
// or of what may be a double-byte encoding, each on a line of its own, and the
// same of ASCII in UTF-16. Personal data in unknown formats is mostly written so.
func (j *job) raw(part string, r io.Reader) error {
	w := j.sink.Text(part, element.Auto)
	f := &runs{w: bufio.NewWriterSize(w, 32<<10)}
	err := j.copyTo(f, r)
	f.end()
	ferr := f.w.Flush()
	if cerr := w.Close(); ferr == nil {
		ferr = cerr
	}
	if err == nil {
		err = ferr
	}
	return err
}

const minRun = 6

// runs writes the readable runs of what it takes.
type runs struct {
	w    *bufio.Writer
	run  [minRun]byte
	n    int  // bytes of the run, those beyond minRun are written
	zero bool // a NUL between two characters of UTF-16 came last
}

// Write implements io.Writer. It never fails: the sink does, at Flush.
func (f *runs) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == 0 && !f.zero && f.n > 0:
			f.zero = true
		case c >= 0x20 && c != 0x7F || c == '\t':
			f.zero = false
			f.add(c)
		default:
			f.end()
		}
	}
	return len(p), nil
}

func (f *runs) add(c byte) {
	if f.n < minRun {
		f.run[f.n] = c
	} else {
		if f.n == minRun {
			f.w.Write(f.run[:]) // errors stay in the bufio.Writer
		}
		f.w.WriteByte(c)
	}
	f.n++
}

func (f *runs) end() {
	if f.n == minRun {
		f.w.Write(f.run[:])
	}
	if f.n >= minRun {
		f.w.WriteByte('\n')
	}
	f.n, f.zero = 0, false
}
