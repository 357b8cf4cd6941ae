// Package rowfile reads rows of text from the files that organisations keep
// customers in: CSV and TSV in any Japanese encoding.
//
// It does not know what the columns mean. A file is cut into chunks of whole
// rows by one reader; any number of workers parse chunks, so the number of a
// row depends on the file alone. A row that cannot be read (a stray quote, a
// NUL, bytes in no known encoding, more than MaxRow bytes, another number of
// columns) is never guessed at: its line is named, it is skipped and counted,
// and reading goes on with the next physical line.
package rowfile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	// MaxRow is the longest row that is read, in bytes. A quoted field that
	// does not close within it counts as a stray quote.
	MaxRow = 1 << 20
	// chunkBytes is about how much text a chunk holds.
	chunkBytes = 256 << 10
	// sniffBytes is how much of a file decides about encoding and separator.
	sniffBytes = 256 << 10
)

// Encoding is how a file writes characters. Lines of a file in UTF-8,
// Shift_JIS or EUC-JP that are valid only in another of the three are read in
// that one and counted.
type Encoding uint8

// The encodings.
const (
	UTF8     Encoding = iota
	ShiftJIS          // as Windows writes it, code page 932
	EUCJP
	ISO2022JP
	UTF16
)

var encodingNames = [...]string{"UTF-8", "Shift_JIS", "EUC-JP", "ISO-2022-JP", "UTF-16"}

// String returns the usual name.
func (e Encoding) String() string { return encodingNames[e] }

// File is an open file whose form is known. It is read once.
type File struct {
	Name     string
	Encoding Encoding
	Comma    byte     // the separator: , ; or a tab
	Header   []string // the first row; see Headless
	Size     int64    // bytes, 0 when unknown

	file io.Closer
	in   *bufio.Reader
	line int64
	skip int // bytes of the first row
}

// Open opens a file and looks at its beginning. The caller closes it.
func Open(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", name, err)
	}
	out, err := New(name, f)
	if err != nil {
		return nil, err
	}
	out.file = f
	if info.Mode().IsRegular() {
		out.Size = info.Size()
	}
	return out, nil
}

// New reads from r, which name describes in messages.
func New(name string, r io.Reader) (*File, error) {
	f := &File{Name: name, in: bufio.NewReaderSize(r, sniffBytes), line: 1}
	head, err := f.in.Peek(sniffBytes)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	f.Encoding = sniff(head)
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		f.in.Discard(3)
	case f.Encoding == UTF16:
		order := unicode.LittleEndian
		if breaks(head, unicode.BigEndian) {
			order = unicode.BigEndian
		}
		f.decode(unicode.UTF16(order, unicode.UseBOM))
	case f.Encoding == ISO2022JP:
		f.decode(japanese.ISO2022JP)
	}
	head, _ = f.in.Peek(sniffBytes)
	end, _, bad := nextRow(head, f.separator(head), true)
	if bad != fine || end == 0 {
		return nil, fmt.Errorf("read %s: %w", name, ErrNoHeader)
	}
	row := head[:end]
	p := newParser(f)
	_, fields, bad := p.row(row)
	if bad != fine {
		return nil, fmt.Errorf("read %s: %w", name, ErrNoHeader)
	}
	for _, field := range fields {
		f.Header = append(f.Header, string(bytes.TrimSpace(field)))
	}
	f.skip = end
	return f, nil
}

// ErrNoHeader: the beginning of a file is not a row of text.
var ErrNoHeader = fmt.Errorf("no first row of column names was found")

func (f *File) decode(e encoding.Encoding) {
	f.in = bufio.NewReaderSize(transform.NewReader(f.in, e.NewDecoder()), sniffBytes)
}

// separator decides by the first line: the tab, comma or semicolon that occurs
// most.
func (f *File) separator(head []byte) byte {
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		head = head[:i]
	}
	f.Comma = ','
	most := bytes.Count(head, []byte{','})
	for _, c := range []byte{'\t', ';'} {
		if n := bytes.Count(head, []byte{c}); n > most {
			f.Comma, most = c, n
		}
	}
	return f.Comma
}

// Headless makes the first row a row of data: the file has no column names.
func (f *File) Headless() { f.skip = 0 }

// Close closes the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// About is how many rows the file has, by its size and its beginning; 0 when that
// does not tell. It does not read on.
func (f *File) About() int {
	if f.Encoding == UTF16 || f.Encoding == ISO2022JP {
		return 0 // what is at hand is not what lies on disk
	}
	head, _ := f.in.Peek(sniffBytes)
	if len(head) == 0 {
		return 0
	}
	return int(f.Size * int64(bytes.Count(head, []byte{'\n'})) / int64(len(head)))
}

// sniff guesses the encoding from the beginning of a file.
func sniff(head []byte) Encoding {
	if len(head) >= 2 && (head[0] == 0xFF && head[1] == 0xFE || head[0] == 0xFE && head[1] == 0xFF) || breaks(head, unicode.LittleEndian) || breaks(head, unicode.BigEndian) {
		return UTF16
	}
	if i := bytes.IndexByte(head, 0x1B); i >= 0 && i+2 < len(head) && (head[i+1] == '$' || head[i+1] == '(') && ascii(head) {
		return ISO2022JP
	}
	head = head[:bytes.LastIndexByte(head, '\n')+1]
	valid, sjis, euc := 0, 0, 0
	for line := range bytes.Lines(head) {
		if ascii(line) {
			continue
		}
		switch {
		case utf8.Valid(line):
			valid++
		case isShiftJIS(line) && !isEUC(line):
			sjis++
		case isEUC(line):
			euc++
		}
	}
	switch {
	case valid >= sjis && valid >= euc:
		return UTF8
	case euc > sjis:
		return EUCJP
	}
	return ShiftJIS
}

// breaks reports whether text has lines in UTF-16 of that order: line feeds, each
// with its NUL on the right side. Files without a byte order mark show it by that
// alone.
func breaks(head []byte, order unicode.Endianness) bool {
	feeds := 0
	for i, c := range head {
		nul, unit := i+1, i%2 == 0 // little: the feed comes first
		if order == unicode.BigEndian {
			nul, unit = i-1, i%2 == 1
		}
		switch {
		case c != '\n' || nul == len(head):
		case !unit || nul < 0 || head[nul] != 0:
			return false
		default:
			feeds++
		}
	}
	return feeds > 0
}

func ascii(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Sample returns up to a hundred rows from the beginning of the file, for
// guessing what columns hold. It does not read on.
func (f *File) Sample() [][]string {
	head, _ := f.in.Peek(sniffBytes)
	head = head[min(f.skip, len(head)):]
	p := newParser(f)
	var rows [][]string
	for len(rows) < 100 {
		end, _, bad := nextRow(head, f.Comma, false)
		if bad == short || end == 0 {
			return rows
		}
		if _, fields, fault := p.row(head[:end]); bad == fine && fault == fine {
			var row []string
			for _, v := range fields {
				row = append(row, string(v))
			}
			rows = append(rows, row)
		}
		head = head[end:]
	}
	return rows
}
