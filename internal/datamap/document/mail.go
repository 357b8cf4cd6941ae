package document

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"path"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"

	"sekisho/internal/element"
)

// maxHeader is how much of a message's header is read (RFC 5322 sets no limit).
const (
	maxHeader = 1 << 20
	maxFields = 10_000
)

// mail reads a message (RFC 5322, RFC 2045–2047): its header as a table, its
// bodies as text, its attachments as what they are.
func (j *job) mail(part string, r io.Reader, depth int) error {
	b := bufio.NewReaderSize(r, 32<<10)
	fields, err := readHeader(b)
	j.mailHeader(part, fields)
	if err != nil {
		return err
	}
	return j.entity(part, fields, b, depth)
}

// field is a field of a header, unfolded.
type field struct{ name, value string }

func readHeader(b *bufio.Reader) (fields []field, err error) {
	size := 0
	var folded []byte // the value of the last field
	unfold := func() {
		if len(fields) > 0 {
			fields[len(fields)-1].value = string(folded)
		}
	}
	defer func() { unfold() }()
	var line []byte
	for {
		if line, err = readLine(b, line); err != nil {
			if err == io.EOF {
				err = nil
			}
			return fields, err
		}
		if size += len(line); size > maxHeader {
			return fields, errLimit
		}
		if len(line) == 0 {
			return fields, nil
		}
		if (line[0] == ' ' || line[0] == '\t') && len(fields) > 0 {
			folded = append(append(folded, ' '), bytes.TrimSpace(line)...)
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && len(name) < 100 {
			if len(fields) == maxFields {
				return fields, errLimit
			}
			unfold()
			fields, folded = append(fields, field{name: string(name)}), append(folded[:0], bytes.TrimSpace(value)...)
		}
	}
}

func valueOf(fields []field, name string) string {
	for _, f := range fields {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

var words = mime.WordDecoder{CharsetReader: charsetReader}

// charsetReader decodes the charsets of RFC 2045 by the names the web knows.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, errors.New("unknown charset")
	}
	return transform.NewReader(r, enc.NewDecoder()), nil
}

// mailHeader hands the header on, without the routes of mail servers.
func (j *job) mailHeader(part string, fields []field) {
	if len(fields) == 0 {
		return
	}
	t := j.sink.Table(part)
	defer t.Close()
	columns := columnCache{t: t}
	for _, f := range fields {
		switch strings.ToLower(f.name) {
		case "received", "dkim-signature", "arc-seal", "arc-message-signature", "arc-authentication-results", "message-id", "references",
			"in-reply-to", "content-type", "content-transfer-encoding", "mime-version", "authentication-results":
			continue
		}
		text, err := words.DecodeHeader(f.value)
		if err != nil {
			text = f.value
		}
		t.Cell(columns.of([]byte(f.name)), []byte(text))
	}
	t.EndRow()
}

// entity reads the body of a message or of one of its parts.
func (j *job) entity(part string, fields []field, r io.Reader, depth int) error {
	if depth > 20 {
		return errLimit
	}
	kind, params, err := mime.ParseMediaType(valueOf(fields, "Content-Type"))
	if err != nil && kind == "" {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		return j.multipart(part, params["boundary"], r, depth)
	}
	switch strings.ToLower(valueOf(fields, "Content-Transfer-Encoding")) {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, &base64Text{r: r})
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	}
	name := fileName(fields, params)
	switch {
	case kind == "message/rfc822":
		return j.mail(join(part, "message"), r, depth+1)
	case strings.HasPrefix(kind, "text/") && !strings.HasPrefix(strings.ToLower(valueOf(fields, "Content-Disposition")), "attachment"):
		e := element.Auto
		if decoded, err := charsetReader(params["charset"], r); err == nil {
			r, e = decoded, element.UTF8
		}
		if kind == "text/html" {
			return j.html(part, r)
		}
		return j.text(part, r, e)
	}
	if name == "" {
		name = "attachment"
	}
	if err := j.member(); err != nil {
		return err
	}
	j.object(join(part, name), path.Base(name), source{r: metered{j, r}, size: -1}, j.depth+1)
	return nil
}

// fileName returns an attachment's name; RFC 2231 and, as many programs write,
// RFC 2047 within quotes.
func fileName(fields []field, params map[string]string) string {
	_, disposition, err := mime.ParseMediaType(valueOf(fields, "Content-Disposition"))
	name := params["name"]
	if err == nil && disposition["filename"] != "" {
		name = disposition["filename"]
	}
	if text, err := words.DecodeHeader(name); err == nil {
		name = text
	}
	return name
}

func (j *job) multipart(part, boundary string, r io.Reader, depth int) error {
	m := multipart.NewReader(r, boundary)
	for n := 1; ; n++ {
		p, err := m.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = j.member()
		}
		if err != nil {
			return err
		}
		var fields []field
		for name, values := range p.Header {
			for _, v := range values {
				fields = append(fields, field{name, v})
			}
		}
		inner := part
		if n > 1 {
			inner = join(part, strconv.Itoa(n))
		}
		if err := j.entity(inner, fields, p, depth+1); err != nil {
			j.trouble(inner, err)
		}
		if j.spent() || j.ctx.Err() != nil {
			return nil
		}
	}
}

// base64Text leaves out what is no base64, such as spaces and what mail programs
// add, which RFC 2045 §6.8 says to ignore.
type base64Text struct{ r io.Reader }

// Read implements io.Reader.
func (b *base64Text) Read(p []byte) (int, error) {
	for {
		n, err := b.r.Read(p)
		kept := 0
		for _, c := range p[:n] {
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
				p[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil {
			return kept, err
		}
	}
}

// mbox reads messages one after another. They begin with a line "From " after an
// empty line (mboxo; RFC 4155 appendix A).
func (j *job) mbox(part string, r io.Reader) error {
	m := &mboxReader{r: bufio.NewReaderSize(r, 64<<10), blank: true}
	for n := 1; m.begin(); n++ {
		if err := j.member(); err != nil {
			return err
		}
		inner := join(part, "message "+strconv.Itoa(n))
		j.trouble(inner, j.mail(inner, m, 0))
		if _, err := io.Copy(io.Discard, m); err != nil {
			return err
		}
		if j.spent() {
			return errLimit
		}
	}
	return j.ctx.Err()
}

// mboxReader reads one message and then io.EOF, until begin.
type mboxReader struct {
	r     *bufio.Reader
	blank bool // the last line was empty: a "From " may follow
	line  bool // within a line
	rest  []byte
}

// begin goes on to the next message and reports whether there is one.
func (m *mboxReader) begin() bool {
	head, _ := m.r.Peek(5)
	if string(head) == "From " {
		if _, err := readLine(m.r, nil); err != nil {
			return false
		}
	}
	m.blank, m.line, m.rest = false, false, nil
	return len(head) > 0
}

// Read implements io.Reader.
func (m *mboxReader) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		if !m.line && m.blank {
			if head, _ := m.r.Peek(5); string(head) == "From " {
				return 0, io.EOF
			}
		}
		piece, err := m.r.ReadSlice('\n')
		if len(piece) == 0 {
			return 0, err
		}
		if !m.line {
			m.blank = len(bytes.TrimRight(piece, "\r\n")) == 0
		}
		m.line = err == bufio.ErrBufferFull
		m.rest = piece
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}
