// Package wiretap keeps the bytes that a PostgreSQL client receives and reads
// them again: what a person at the other end of the wire really got.
//
// It is deliberately not the gate's parser (internal/wire/pgwire) and shares
// nothing with it: the demo's truth must not come from the program that it
// judges. It understands what an unencrypted client of protocol 3.0 receives,
// and nothing else (PostgreSQL documentation, 55.7 Message Formats).
package wiretap

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// Conn is a connection whose received bytes are written to To before anybody
// sees them.
type Conn struct {
	net.Conn
	To io.Writer
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		if _, werr := c.To.Write(p[:n]); werr != nil {
			return 0, werr
		}
	}
	return n, err
}

// Answer is everything up to one ReadyForQuery.
type Answer struct {
	Columns []string   // names of the last row description
	Rows    [][][]byte // text values; nil is NULL
	Copied  []byte     // COPY … TO STDOUT, as it came
	Tags    []string   // command tags
	Refused *Refusal   // the error, if there was one
	Cut     bool       // the connection ended before ReadyForQuery
}

// Refusal is an ErrorResponse.
type Refusal struct{ Code, Message, Hint string }

// maxMessage bounds one message of the demo's traffic.
const maxMessage = 64 << 20

var errTap = errors.New("captured bytes are not PostgreSQL's")

// Parse cuts captured bytes into answers. The first is the login's.
func Parse(r io.Reader) ([]Answer, error) {
	in := bufio.NewReader(r)
	answers := []Answer{{}}
	for {
		kind, body, err := next(in)
		last := &answers[len(answers)-1]
		switch {
		case err == io.EOF && last.empty():
			return answers[:len(answers)-1], nil
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			last.Cut = true
			return answers, nil
		case err != nil:
			return nil, err
		case kind == 'Z':
			answers = append(answers, Answer{})
		default:
			if err := last.take(kind, body); err != nil {
				return nil, err
			}
		}
	}
}

// next reads one message.
func next(in *bufio.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > maxMessage {
		return 0, nil, fmt.Errorf("%w: message %q of %d bytes", errTap, head[0], size)
	}
	body = make([]byte, size-4)
	if _, err := io.ReadFull(in, body); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return head[0], body, nil
}

func (a *Answer) empty() bool {
	return a.Columns == nil && a.Rows == nil && a.Copied == nil && a.Tags == nil && a.Refused == nil
}

// take enters one message.
func (a *Answer) take(kind byte, body []byte) (err error) {
	switch kind {
	case 'T':
		a.Columns, err = columns(body)
	case 'D':
		row, err := values(body)
		a.Rows = append(a.Rows, row)
		return err
	case 'd':
		a.Copied = append(a.Copied, body...)
	case 'C':
		a.Tags = append(a.Tags, string(bytes.TrimRight(body, "\x00")))
	case 'E':
		a.Refused = refusal(body)
	}
	return err
}

// columns reads a RowDescription: a count, then for each column a name that
// ends with zero and 18 bytes that do not matter here.
func columns(body []byte) ([]string, error) {
	if len(body) < 2 {
		return nil, errTap
	}
	names := make([]string, 0, binary.BigEndian.Uint16(body))
	rest := body[2:]
	for range cap(names) {
		end := bytes.IndexByte(rest, 0)
		if end < 0 || len(rest) < end+19 {
			return nil, fmt.Errorf("%w: row description", errTap)
		}
		names, rest = append(names, string(rest[:end])), rest[end+19:]
	}
	return names, nil
}

// values reads a DataRow: a count, then for each value its length (-1 is NULL)
// and its bytes.
func values(body []byte) ([][]byte, error) {
	if len(body) < 2 {
		return nil, errTap
	}
	row := make([][]byte, binary.BigEndian.Uint16(body))
	rest := body[2:]
	for i := range row {
		if len(rest) < 4 {
			return nil, fmt.Errorf("%w: data row", errTap)
		}
		size := int32(binary.BigEndian.Uint32(rest))
		rest = rest[4:]
		if size < 0 {
			continue
		}
		if int(size) > len(rest) {
			return nil, fmt.Errorf("%w: data row", errTap)
		}
		row[i], rest = rest[:size:size], rest[size:]
	}
	return row, nil
}

// refusal reads the fields of an ErrorResponse.
func refusal(body []byte) *Refusal {
	r := &Refusal{}
	for _, field := range bytes.Split(body, []byte{0}) {
		if len(field) == 0 {
			continue
		}
		switch text := string(field[1:]); field[0] {
		case 'C':
			r.Code = text
		case 'M':
			r.Message = text
		case 'H':
			r.Hint = text
		}
	}
	return r
}

// CopyRows cuts COPY text format into rows (PostgreSQL documentation, COPY,
// Text Format). A last line without a line feed did not arrive whole; its
// fields did not all arrive and the line is left to the caller as rest.
func CopyRows(text []byte) (rows [][][]byte, rest []byte) {
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return rows, text
		}
		var row [][]byte
		for _, field := range bytes.Split(text[:end], []byte{'\t'}) {
			row = append(row, unescape(field))
		}
		rows, text = append(rows, row), text[end+1:]
	}
}

var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

func unescape(field []byte) []byte {
	if string(field) == `\N` {
		return nil
	}
	out := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' && i+1 < len(field) {
			i++
			if c = field[i]; escapes[c] != 0 {
				c = escapes[c]
			}
		}
		out = append(out, c)
	}
	return out
}
