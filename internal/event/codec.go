package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// Append appends the canonical line of e, line feed included, to dst.
func Append(dst []byte, e *Event) []byte {
	return AppendAfter(AppendChain(dst, e.Tenant, e.Source, e.Worker), e)
}

// AppendChain appends the beginning that the lines of one chain share: up to
// the number. Who writes many lines of a chain keeps it.
func AppendChain(dst []byte, tenant Tenant, source Source, worker uint16) []byte {
	dst = append(dst, `{"t":`...)
	dst = appendString(dst, string(tenant))
	dst = append(dst, `,"s":`...)
	dst = appendString(dst, string(source))
	dst = append(dst, `,"w":`...)
	dst = strconv.AppendUint(dst, uint64(worker), 10)
	return append(dst, `,"n":`...)
}

// AppendAfter appends what follows AppendChain in the line of e, line feed
// included.
func AppendAfter(dst []byte, e *Event) []byte {
	dst = strconv.AppendUint(dst, uint64(e.Seq), 10)
	dst = append(dst, `,"at":`...)
	dst = strconv.AppendInt(dst, e.At.UnixNano(), 10)
	dst = append(dst, `,"ce":`...)
	dst = strconv.AppendInt(dst, int64(e.ClockErr), 10)
	dst = append(dst, `,"k":`...)
	dst = strconv.AppendUint(dst, uint64(e.Body.Kind()), 10)
	dst = append(dst, `,"p":"`...)
	dst = base64.RawStdEncoding.AppendEncode(dst, e.Prev[:])
	dst = append(dst, `","b":`...)
	dst = e.Body.appendJSON(dst)
	return append(dst, '}', '\n')
}

// Sum returns the digest of an encoded line; a final line feed is left out.
func Sum(line []byte) (d Digest) {
	full := sha256.Sum256(trimLF(line))
	copy(d[:], full[:])
	return d
}

// Parse decodes one line, with or without its line feed. Nothing in the result
// points into line. Its errors carry no part of the body.
func Parse(line []byte) (*Event, error) { return new(Decoder).Parse(line) }

// appendStruct appends b as encoding/json has it, with <, > and & as they are.
func appendStruct(dst []byte, b any) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(b); err != nil {
		panic("event: " + err.Error()) // our own types always encode
	}
	return append(dst, bytes.TrimSuffix(text.Bytes(), []byte{'\n'})...)
}

// appendString appends s as a JSON string, as encoding/json has it.
func appendString(dst []byte, s string) []byte {
	if !plain(s) {
		return appendStruct(dst, s)
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// plain tells whether a JSON string has s as it is: it is ASCII without control
// characters, quotes and backslashes. It looks at eight bytes at a time: of the
// bytes of w, which have no high bit then, one below c has the high bit in w-c
// (a borrow can only add a bit where a lower byte has set its own), and one
// that equals c is 0 in w^c.
func plain(s string) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		quote, slash := w^each*'"', w^each*'\\'
		if (w|(w+each)|(w-each*' ')|(quote-each)|(slash-each))&high != 0 {
			return false
		}
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	return true
}
