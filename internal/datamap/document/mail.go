package document

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"

	"sekisho/internal/element"
)

// maxHeader is how much of a message's header is read (RFC 5322 sets no limit).
const (
	maxHeader = 1 << 20
	maxFields = 10_000
	maxName   = 100
)

// mail reads a message (RFC 5322, RFC 2045–2047) or one of its parts: its header as a
// table, its bodies as text, its attachments as what they are. Whatever is in a header
// and no field is a value without a name there, and told.
func (j *job) mail(part string, r io.Reader, depth int) error {
	b := bufio.NewReaderSize(r, 32<<10)
	fields, err := readHeader(b)
	j.mailHeader(part, fields)
	switch {
	case err == errLimit:
		return errors.Join(err, j.text(part, b, element.Auto))
	case err != nil:
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
		if len(line) == 0 {
			return fields, nil
		}
		size += len(line)
		if (line[0] == ' ' || line[0] == '\t') && len(fields) > 0 {
			if folded = append(append(folded, ' '), bytes.TrimSpace(line)...); size > maxHeader {
				return fields, errLimit
			}
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) > maxName || len(name) == 0 {
			name, value = nil, line
		}
		unfold()
		fields, folded = append(fields, field{name: string(name)}), append(folded[:0], bytes.TrimSpace(value)...)
		if len(fields) > maxFields || size > maxHeader {
			return fields, errLimit
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

// mailHeader hands the header on, without the routes of mail servers but for whom they
// were to deliver to.
func (j *job) mailHeader(part string, fields []field) {
	var t Table
	var columns columnCache
	odd := false
	for _, f := range fields {
		text, err := words.DecodeHeader(f.value)
		if err != nil {
			text = f.value
		}
		text = written(text)
		switch strings.ToLower(f.name) {
		case "dkim-signature", "arc-seal", "arc-message-signature", "arc-authentication-results", "message-id", "references",
			"in-reply-to", "content-type", "content-id", "content-transfer-encoding", "mime-version", "authentication-results":
			continue
		case "received":
			if text = deliveredTo(text); text == "" {
				continue
			}
		case "content-disposition":
			if name := fileName([]field{f}, nil); name != "" {
				text = name
			}
		case "":
			odd = odd || !strings.HasPrefix(text, "From ") && !strings.HasPrefix(text, ">From ")
		}
		odd = odd || strings.ContainsAny(f.value, "\r")
		if t == nil {
			t = j.sink.Table(part)
			defer t.Close()
			columns.t = t
		}
		t.Cell(columns.of([]byte(f.name)), []byte(text))
	}
	if t != nil {
		t.EndRow()
	}
	if odd {
		j.sink.Trouble(part, Damaged, "a header with lines that are no fields")
	}
}

// written returns what stands in a header in another encoding than UTF-8, as a person
// reads it.
func written(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	b, err := io.ReadAll(characters(strings.NewReader(s)))
	if err != nil {
		return s
	}
	return string(b)
}

// deliveredTo returns the addresses behind "for" in a server's line (RFC 5321 §4.4): the
// recipient may be named nowhere else.
func deliveredTo(received string) string {
	var to []string
	before := ""
	for word := range strings.FieldsSeq(received) {
		if strings.EqualFold(before, "for") && strings.Contains(word, "@") {
			to = append(to, strings.Trim(word, "<>;"))
		}
		before = word
	}
	return strings.Join(to, " ")
}

// mediaType reads a Content-Type (RFC 2045 §5.1). What breaks its grammar is read as far
// as one can tell what was meant.
func mediaType(value string) (kind string, params map[string]string) {
	kind, params, err := mime.ParseMediaType(value)
	if err == nil {
		return kind, params
	}
	params = map[string]string{}
	kind, rest, _ := strings.Cut(value, ";")
	if kind, _, _ = strings.Cut(strings.TrimSpace(kind), " "); !strings.Contains(kind, "/") {
		kind = "text/plain"
	}
	for rest != "" {
		var p string
		p, rest, _ = strings.Cut(rest, ";")
		name, v, _ := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if v = strings.Trim(strings.TrimSpace(v), `"`); params[name] == "" {
			params[name] = v
		}
	}
	return strings.ToLower(kind), params
}

// entity reads the body of a message or of one of its parts.
func (j *job) entity(part string, fields []field, r io.Reader, depth int) error {
	if depth > 20 {
		return errLimit
	}
	if ambiguous(fields, "Content-Type") || ambiguous(fields, "Content-Transfer-Encoding") {
		j.sink.Trouble(part, Damaged, "a header that says two things of what follows")
	}
	kind, params := mediaType(valueOf(fields, "Content-Type"))
	coding, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(valueOf(fields, "Content-Transfer-Encoding"))), " ")
	coding = strings.Trim(coding, `";`)
	isMultipart := strings.HasPrefix(kind, "multipart/")
	switch { // RFC 8551 §3.2.2, RFC 1847 §2.2
	case kind == "multipart/encrypted", strings.HasSuffix(kind, "pkcs7-mime") && (params["smime-type"] == "" || strings.Contains(strings.ToLower(params["smime-type"]), "enveloped")):
		j.sink.Trouble(part, Encrypted, "")
	case strings.HasSuffix(kind, "pkcs7-mime"):
		j.sink.Trouble(part, Unreadable, "a message within its signature")
	}
	if isMultipart && (coding == "base64" || coding == "quoted-printable") {
		// Not allowed (RFC 2045 §6.4), and what programs make of it differs.
		j.sink.Trouble(part, Damaged, "parts that are encoded once more")
		head, err := readHead(r)
		if r = io.MultiReader(bytes.NewReader(head), stickyReader{r, err}); bytes.Contains(head, []byte("--")) {
			coding = ""
		}
	}
	switch coding {
	case "base64":
		b := &base64Text{r: r}
		defer func() {
			if b.odd {
				j.sink.Trouble(part, Damaged, "something in base64 that is none")
			}
		}()
		r = base64.NewDecoder(base64.StdEncoding, b)
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "", "7bit", "8bit", "binary":
	default:
		j.sink.Trouble(part, Unreadable, "encoded in a way that is not read")
	}
	switch {
	case isMultipart:
		return j.multipart(part, params["boundary"], r, depth)
	case kind == "message/rfc822", kind == "message/global", kind == "message/news":
		return j.mail(join(part, "message"), r, depth+1)
	case strings.HasPrefix(kind, "text/") && !strings.HasPrefix(strings.ToLower(valueOf(fields, "Content-Disposition")), "attachment"):
		head, err := readHead(r)
		r = io.MultiReader(bytes.NewReader(head), stickyReader{r, err})
		if f := sniff(head, ""); f >= fPicture && f <= fPgDump { // whatever it says it is
			break
		}
		return j.mailText(part, kind, strings.ToLower(params["charset"]), r)
	}
	name := fileName(fields, params)
	if name == "" {
		name = "attachment"
	}
	if err := j.member(); err != nil {
		return err
	}
	j.object(join(part, name), path.Base(name), source{r: metered{j, r}, size: -1}, j.depth+1)
	return nil
}

// mailText reads a text in the charset that it names. Those that stand for whatever a
// program wrote are left for the engine to find out.
func (j *job) mailText(part, kind, charset string, r io.Reader) error {
	if kind == "text/html" {
		return j.html(part, r)
	}
	switch charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "windows-1252", "cp932":
		return j.text(part, r, element.Auto)
	}
	decoded, err := charsetReader(charset, r)
	if err != nil {
		if strings.Contains(charset, "utf-") {
			j.sink.Trouble(part, Unreadable, "text in a charset that is not read")
		}
		return j.text(part, r, element.Auto)
	}
	return j.text(part, decoded, element.UTF8)
}

// ambiguous reports whether a field is there twice with different values.
func ambiguous(fields []field, name string) bool {
	first := valueOf(fields, name)
	for _, f := range fields {
		if strings.EqualFold(f.name, name) && f.value != first {
			return true
		}
	}
	return false
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

// base64Text leaves out what is no base64, such as spaces and what mail programs
// add, which RFC 2045 §6.8 says to ignore. What is left out and no space is odd.
type base64Text struct {
	r   io.Reader
	odd bool
}

// Read implements io.Reader.
func (b *base64Text) Read(p []byte) (int, error) {
	for {
		n, err := b.r.Read(p)
		kept := 0
		for _, c := range p[:n] {
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
				p[kept] = c
				kept++
			} else if c > ' ' {
				b.odd = true
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
		if m.from != "" {
			j.mailHeader(inner, []field{{"Return-Path", m.from}})
		}
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
	from  string // the address in the line before the message
}

// begin goes on to the next message and reports whether there is one.
func (m *mboxReader) begin() bool {
	head, _ := m.r.Peek(5)
	if m.from = ""; string(head) == "From " {
		line, err := readLine(m.r, nil)
		if err != nil {
			return false
		}
		if bytes.IndexByte(line, '@') >= 0 {
			m.from = string(line[len("From "):])
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
