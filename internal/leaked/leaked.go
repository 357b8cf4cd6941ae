// Package leaked looks passwords up in a file of those that attackers know: lines
// of upper-case hexadecimal SHA-1, in ascending order, with or without ":count",
// as Have I Been Pwned gives them out ("ordered by hash").
//
// It keeps nothing in memory and asks nobody: a look-up reads some 30 places of
// the file.
package leaked

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the form of the file
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// digits is the length of a SHA-1 in hexadecimal.
const digits = 2 * sha1.Size

// maxLine bounds a line: the hash, a colon, a count, an end.
const maxLine = 64

// File is an open file. It is safe for concurrent use.
type File struct {
	from io.ReaderAt
	size int64
	file *os.File
}

// Open opens a file and looks whether its ends are of its form and in order.
func Open(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file := &File{from: f, size: info.Size(), file: f}
	first, _, err := file.line(0)
	if err == nil {
		var last string
		last, _, err = file.line(max(0, file.size-maxLine))
		if err == nil && last < first {
			err = errors.New("its lines are not in ascending order")
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s is no list of leaked passwords: %w", name, err), f.Close())
	}
	return file, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Has reports whether a password is in the file. A file that cannot be read has
// none.
func (f *File) Has(password string) bool {
	sum := sha1.Sum([]byte(password)) //nolint:gosec
	want := strings.ToUpper(hex.EncodeToString(sum[:]))
	low, high := int64(0), f.size // the line of want begins in [low, high)
	for low < high {
		middle := low + (high-low)/2
		hash, next, err := f.line(middle)
		switch {
		case errors.Is(err, io.EOF): // no line begins at or after the middle
			high = middle
		case err != nil:
			return false
		case hash == want:
			return true
		case hash < want:
			low = max(next, middle+1)
		default:
			high = middle
		}
	}
	return false
}

// line returns the hash of the first line that begins at or after an offset, and
// where the next begins. io.EOF: none does.
func (f *File) line(at int64) (hash string, next int64, err error) {
	from := max(0, at-1)
	buf := make([]byte, 2*maxLine+1)
	n, err := f.from.ReadAt(buf, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	buf = buf[:n]
	if at > 0 {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			return "", 0, io.EOF
		}
		from, buf = from+int64(i)+1, buf[i+1:]
	}
	if len(buf) == 0 {
		return "", 0, io.EOF
	}
	end := bytes.IndexByte(buf, '\n')
	if end < 0 {
		end = len(buf)
	}
	if end < digits || end > maxLine {
		return "", 0, errors.New("a line does not begin with a SHA-1")
	}
	hash = strings.ToUpper(string(buf[:digits]))
	if strings.Trim(hash, "0123456789ABCDEF") != "" || end > digits && buf[digits] != ':' && buf[digits] != '\r' {
		return "", 0, errors.New("a line does not begin with a SHA-1")
	}
	return hash, from + int64(end) + 1, nil
}
