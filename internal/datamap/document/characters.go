package document

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"sekisho/internal/element"
)

// guessBytes is how much text decides about its encoding.
const guessBytes = 1024

// characters returns r as UTF-8. The encoding is decided at the first byte that
// is not ASCII; until then bytes pass as they are. What is no character becomes
// U+FFFD.
func characters(r io.Reader) *bufio.Reader {
	return bufio.NewReaderSize(&charReader{src: bufio.NewReaderSize(r, 32<<10)}, 32<<10)
}

type charReader struct {
	src     *bufio.Reader
	decoded io.Reader // nil until the encoding is decided
	offset  int64
}

// Read implements io.Reader.
func (c *charReader) Read(p []byte) (int, error) {
	if c.decoded != nil {
		return c.decoded.Read(p)
	}
	head, err := c.src.Peek(1)
	if len(head) == 0 {
		return 0, err
	}
	head, _ = c.src.Peek(min(c.src.Buffered(), len(p)))
	n := 0
	for n < len(head) && head[n] < 0x80 && head[n] != 0 && head[n] != 0x1b {
		n++
	}
	if n > 0 {
		copy(p, head[:n])
		c.offset += int64(n)
		c.src.Discard(n)
		return n, nil
	}
	head, _ = c.src.Peek(guessBytes)
	e := element.GuessEncoding(head, c.offset)
	if e == element.UTF16LE && head[0] == 0 {
		c.src.Discard(1) // the second half of a letter that went by
	}
	if e == element.UTF8 && c.offset == 0 && bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		c.src.Discard(3)
	}
	if d := decoderOf(e); d != nil {
		c.decoded = transform.NewReader(c.src, d)
	} else {
		c.decoded = c.src
	}
	return c.decoded.Read(p)
}

func decoderOf(e element.Encoding) transform.Transformer {
	var enc encoding.Encoding
	switch e {
	case element.ShiftJIS:
		enc = japanese.ShiftJIS
	case element.EUCJP:
		enc = japanese.EUCJP
	case element.ISO2022JP:
		enc = japanese.ISO2022JP
	case element.UTF16LE:
		enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case element.UTF16BE:
		enc = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	default:
		return nil
	}
	return enc.NewDecoder()
}

// maxCell is the longest value that is handed on in one piece; the rest follows
// as further values of the same column.
const maxCell = 256 << 10

// readLine reads a line without its end, in pieces of at most maxCell bytes. The
// slice is valid until the next call.
func readLine(r *bufio.Reader, buf []byte) (line []byte, err error) {
	buf = buf[:0]
	for {
		piece, err := r.ReadSlice('\n')
		buf = append(buf, piece...)
		switch {
		case err == bufio.ErrBufferFull && len(buf) < maxCell:
			continue
		case err == bufio.ErrBufferFull:
			return buf, nil
		case err != nil && len(buf) == 0:
			return buf, err
		}
		return bytes.TrimRight(buf, "\r\n"), nil
	}
}

// cut shortens a header to what is worth keeping.
func cut(header []byte) string {
	h := bytes.TrimSpace(header)
	if len(h) > maxHeaderKept {
		h = h[:maxHeaderKept]
		for len(h) > 0 && !utf8.Valid(h) {
			h = h[:len(h)-1]
		}
	}
	return string(h)
}

// pieces hands on a value that grew longer than maxCell, but for the end that may go on,
// and returns that. It is cut where a word ends, so that nothing in it is cut in two.
func pieces(value []byte, hand func([]byte)) []byte {
	for len(value) >= maxCell {
		end := bytes.LastIndexAny(value[:maxCell], " \t\r\n,;") + 1
		if end < maxCell/2 {
			end = maxCell
			for end > maxCell-utf8.UTFMax && !utf8.RuneStart(value[end-1]) {
				end--
			}
			if end--; value[end] < utf8.RuneSelf {
				end++
			}
		}
		hand(value[:end])
		value = append(value[:0], value[end:]...)
	}
	return value
}
