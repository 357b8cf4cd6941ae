package datamap

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// copyHeader begins a binary COPY (PostgreSQL documentation, COPY, Binary
// Format): an 11-byte signature, 4 bytes of flags, 4 bytes length of the
// extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00"

// maxField bounds one field of the answers that we ask for: keys and
// identifiers.
const maxField = 1 << 20

var errCopy = errors.New("binary COPY is malformed")

// copyReader is a writer that cuts a binary COPY into rows.
type copyReader struct {
	row func(fields [][]byte) error // fields are valid during the call; nil is NULL

	buf    []byte
	fields [][]byte
	begun  bool
	ended  bool
}

// Write implements io.Writer. Any chunking will do.
func (r *copyReader) Write(p []byte) (int, error) {
	r.buf = append(r.buf, p...)
	rest := r.buf
	for {
		n, err := r.next(rest)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		rest = rest[n:]
	}
	r.buf = append(r.buf[:0], rest...)
	return len(p), nil
}

// close says whether the whole answer was there.
func (r *copyReader) close() error {
	if !r.ended {
		return fmt.Errorf("%w: no trailer", errCopy)
	}
	return nil
}

// next takes one row, or the header or trailer, from b. It returns 0 when b
// holds no whole one.
func (r *copyReader) next(b []byte) (int, error) {
	switch {
	case r.ended && len(b) > 0:
		return 0, fmt.Errorf("%w: data after the trailer", errCopy)
	case !r.begun:
		return r.header(b)
	case len(b) < 2:
		return 0, nil
	}
	count := int16(binary.BigEndian.Uint16(b))
	if count == -1 {
		r.ended = true
		return 2, nil
	}
	if count < 0 {
		return 0, fmt.Errorf("%w: %d fields", errCopy, count)
	}
	r.fields = r.fields[:0]
	at := 2
	for range count {
		if len(b) < at+4 {
			return 0, nil
		}
		size := int32(binary.BigEndian.Uint32(b[at:]))
		at += 4
		switch {
		case size == -1:
			r.fields = append(r.fields, nil)
			continue
		case size < 0 || size > maxField:
			return 0, fmt.Errorf("%w: field of %d bytes", errCopy, size)
		case len(b) < at+int(size):
			return 0, nil
		}
		r.fields = append(r.fields, b[at:at+int(size):at+int(size)])
		at += int(size)
	}
	return at, r.row(r.fields)
}

func (r *copyReader) header(b []byte) (int, error) {
	const fixed = len(copyHeader) + 8
	if len(b) < fixed {
		return 0, nil
	}
	extension := binary.BigEndian.Uint32(b[fixed-4:])
	if string(b[:len(copyHeader)]) != copyHeader || extension > maxField {
		return 0, fmt.Errorf("%w: header", errCopy)
	}
	if len(b) < fixed+int(extension) {
		return 0, nil
	}
	r.begun = true
	return fixed + int(extension), nil
}
