package rowfile

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// Fault says why a row was skipped.
type Fault uint8

// The faults. fine is none; short asks for more text.
const (
	fine Fault = iota
	Quote
	NUL
	NoEncoding
	TooLong
	Columns
	Damaged // a part of a workbook or database file
	short
)

var faultNames = [...]string{"", "quote", "nul", "encoding", "too_long", "columns", "damaged"}

// String returns a word that messages and --json use.
func (f Fault) String() string { return faultNames[f] }

// nextRow finds the end of the first row of text, its newline included, and
// how many lines it takes. When the row cannot be read, end is that of its
// first physical line. With last, no more text comes; without, a row that does
// not end in text is short.
func nextRow(text []byte, comma byte, last bool) (end, lines int, bad Fault) {
	nl := bytes.IndexByte(text, '\n')
	if nl < 0 {
		if !last {
			return 0, 0, short
		}
		nl = len(text) - 1
	}
	if nl < 0 {
		return 0, 0, fine
	}
	if bytes.IndexByte(text[:nl+1], '"') < 0 {
		return nl + 1, 1, fine
	}
	i := 0
	for {
		if i >= len(text) || text[i] != '"' {
			for i < len(text) && text[i] != comma && text[i] != '\n' {
				i++
			}
		} else {
			end, ok := closing(text, i+1)
			if !ok {
				if !last && len(text) <= MaxRow {
					return 0, 0, short
				}
				return nl + 1, 1, Quote
			}
			i = end
			if i < len(text) && text[i] == '\r' {
				i++
			}
			if i < len(text) && text[i] != comma && text[i] != '\n' {
				return nl + 1, 1, Quote
			}
		}
		if i >= len(text) {
			if !last {
				return 0, 0, short
			}
			return i, 1 + bytes.Count(text[:i], []byte{'\n'}), fine
		}
		if text[i] == '\n' {
			return i + 1, bytes.Count(text[:i+1], []byte{'\n'}), fine
		}
		i++
	}
}

// closing returns the place behind the quote that closes the field at i.
func closing(text []byte, i int) (int, bool) {
	for {
		j := bytes.IndexByte(text[i:], '"')
		if j < 0 || i+j > MaxRow {
			return 0, false
		}
		i += j + 1
		if i >= len(text) || text[i] != '"' {
			return i, true
		}
		i++
	}
}

// parser cuts rows into fields. It belongs to one worker.
type parser struct {
	comma   byte
	enc     Encoding
	fields  [][]byte
	unquote []byte
	decoded []byte
	sjis    *encoding.Decoder
	euc     *encoding.Decoder
	mixed   int
}

func newParser(f *File) *parser {
	return &parser{comma: f.Comma, enc: f.Encoding,
		sjis: japanese.ShiftJIS.NewDecoder(), euc: japanese.EUCJP.NewDecoder()}
}

// row cuts a row; its text and fields are good until the next call.
func (p *parser) row(row []byte) ([]byte, [][]byte, Fault) {
	if bytes.IndexByte(row, 0) >= 0 {
		return nil, nil, NUL
	}
	if !utf8.Valid(row) || p.enc == ShiftJIS || p.enc == EUCJP {
		var ok bool
		if row, ok = p.utf8(row); !ok {
			return nil, nil, NoEncoding
		}
	}
	if n := len(row); n > 0 && row[n-1] == '\n' {
		row = row[:n-1]
	}
	if n := len(row); n > 0 && row[n-1] == '\r' {
		row = row[:n-1]
	}
	p.fields = p.fields[:0]
	if bytes.IndexByte(row, '"') >= 0 {
		p.quoted(row)
		return row, p.fields, fine
	}
	for rest := row; ; {
		i := bytes.IndexByte(rest, p.comma)
		if i < 0 {
			p.fields = append(p.fields, rest)
			return row, p.fields, fine
		}
		p.fields = append(p.fields, rest[:i])
		rest = rest[i+1:]
	}
}

func (p *parser) quoted(row []byte) {
	p.unquote = append(p.unquote[:0], row...) // room for every field
	out := p.unquote[:0]
	for i := 0; ; i++ {
		start := len(out)
		if i < len(row) && row[i] == '"' {
			for i++; i < len(row); i++ {
				if row[i] == '"' {
					if i+1 >= len(row) || row[i+1] != '"' {
						i++
						break
					}
					i++
				}
				out = append(out, row[i])
			}
			for i < len(row) && row[i] != p.comma {
				i++
			}
		} else {
			for i < len(row) && row[i] != p.comma {
				out = append(out, row[i])
				i++
			}
		}
		p.fields = append(p.fields, out[start:len(out):len(out)])
		if i >= len(row) {
			return
		}
	}
}

// utf8 decodes a row of a file in Shift_JIS or EUC-JP, or one that is not
// UTF-8 in a file that should be.
func (p *parser) utf8(row []byte) ([]byte, bool) {
	if ascii(row) {
		return row, true
	}
	order := [...]Encoding{UTF8, ShiftJIS, EUCJP}
	switch p.enc {
	case ShiftJIS:
		order = [...]Encoding{ShiftJIS, UTF8, EUCJP}
	case EUCJP:
		order = [...]Encoding{EUCJP, UTF8, ShiftJIS}
	}
	if order[0] != UTF8 && utf8.Valid(row) && !p.decodes(row, order[0]) {
		p.mixed++
		return row, true
	}
	for i, e := range order {
		if !p.decodes(row, e) {
			continue
		}
		if i > 0 {
			p.mixed++
		}
		switch e {
		case UTF8:
			return row, true
		case ShiftJIS:
			return p.decode(p.sjis, row)
		default:
			return p.decode(p.euc, row)
		}
	}
	return nil, false
}

func (p *parser) decodes(row []byte, e Encoding) bool {
	switch e {
	case UTF8:
		return utf8.Valid(row)
	case ShiftJIS:
		return isShiftJIS(row)
	}
	return isEUC(row)
}

func (p *parser) decode(d *encoding.Decoder, row []byte) ([]byte, bool) {
	if n := 3*len(row) + 8; cap(p.decoded) < n {
		p.decoded = make([]byte, n)
	}
	d.Reset()
	n, _, err := d.Transform(p.decoded[:cap(p.decoded)], row, true)
	out := p.decoded[:n]
	return out, err == nil && !bytes.ContainsRune(out, utf8.RuneError)
}

// isShiftJIS reports whether bytes are whole characters of Shift_JIS (JIS X
// 0208:1997 annex 1, with the rows of code page 932).
func isShiftJIS(s []byte) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x80, c >= 0xA1 && c <= 0xDF:
		case c >= 0x81 && c <= 0x9F, c >= 0xE0 && c <= 0xFC:
			if i++; i >= len(s) || s[i] < 0x40 || s[i] == 0x7F || s[i] > 0xFC {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// isEUC reports whether bytes are whole characters of EUC-JP.
func isEUC(s []byte) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x80:
		case c == 0x8E:
			if i++; i >= len(s) || s[i] < 0xA1 || s[i] > 0xDF {
				return false
			}
		case c == 0x8F:
			if i += 2; i >= len(s) || s[i] < 0xA1 || s[i-1] < 0xA1 {
				return false
			}
		case c >= 0xA1 && c <= 0xFE:
			if i++; i >= len(s) || s[i] < 0xA1 || s[i] == 0xFF {
				return false
			}
		default:
			return false
		}
	}
	return true
}
