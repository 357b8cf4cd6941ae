// Package coding takes the content encodings of HTTP (RFC 9110, 8.4) off a
// body: gzip, deflate, zstd and br, within bounds that no bomb passes.
//
// It puts none on, and knows nothing of what is inside.
package coding

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// MaxDecoded is how much the callers let a body become when its encodings
	// are taken off, in bytes, unless they have less room.
	MaxDecoded = 16 << 20
	// maxEncodings bounds how often a body is encoded: one in another is seen,
	// more are bombs.
	maxEncodings = 2
)

// ErrBomb is that of a body that becomes too long when decoded, or is encoded
// too often.
var ErrBomb = errors.New("a body that becomes too long when decoded")

// Names returns the content encodings of the values of Content-Encoding, in the
// order in which they were put on, in lower case, without identity.
func Names(fields []string) (names []string) {
	for _, v := range fields {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && name != "identity" {
				names = append(names, name)
			}
		}
	}
	return names
}

// Decode takes the content encodings of the values of Content-Encoding off, the
// last first. What has more than most bytes then, or on the way, is ErrBomb;
// what is not what it says, or is followed by anything, is another error.
func Decode(body []byte, fields []string, most int64) ([]byte, error) {
	names := Names(fields)
	if len(names) > maxEncodings {
		return nil, ErrBomb
	}
	slices.Reverse(names)
	for _, name := range names {
		var err error
		if body, err = decoded(name, body, most); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// decoded takes one encoding off. Nothing may follow it: what does would be seen
// by nobody.
func decoded(name string, body []byte, most int64) (out []byte, err error) {
	in := bytes.NewReader(body)
	var r io.Reader
	switch name {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(in)
	case "deflate": // zlib by the standard, raw by custom
		if r, err = zlib.NewReader(in); err != nil {
			in.Reset(body)
			r, err = flate.NewReader(in), nil
		}
	case "zstd":
		var d *zstd.Decoder
		d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(most)), zstd.WithDecoderMaxWindow(MaxDecoded/2))
		if err == nil {
			defer d.Close()
			r = d
		}
	case "br":
		r = brotli.NewReader(in)
	default:
		return nil, errors.New("an encoding that cannot be looked into")
	}
	if err == nil {
		out, err = io.ReadAll(io.LimitReader(r, most+1))
	}
	switch {
	case int64(len(out)) > most, errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, ErrBomb
	case err != nil || in.Len() > 0:
		return nil, fmt.Errorf("the body is not %s", name)
	}
	return out, nil
}
