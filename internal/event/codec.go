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
	dst = append(dst, `{"t":`...)
	dst = appendString(dst, string(e.Tenant))
	dst = append(dst, `,"s":`...)
	dst = appendString(dst, string(e.Source))
	dst = append(dst, `,"w":`...)
	dst = strconv.AppendUint(dst, uint64(e.Worker), 10)
	dst = append(dst, `,"n":`...)
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
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return appendStruct(dst, s)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
