package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
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

// Decoder decodes lines like Parse and shares equal names between the events
// it returns. It is for reading many lines and not safe for concurrent use.
type Decoder struct {
	names map[string]string
}

// maxNames bounds the names that a Decoder remembers.
const maxNames = 4096

// name returns text as a string, the same one for the same text.
func (d *Decoder) name(text []byte) string {
	if s, ok := d.names[string(text)]; ok {
		return s
	}
	if d.names == nil || len(d.names) >= maxNames {
		d.names = make(map[string]string)
	}
	s := string(text)
	d.names[s] = s
	return s
}

// Parse decodes one line, with or without its line feed.
func (d *Decoder) Parse(line []byte) (*Event, error) {
	h, err := ParseHeader(line)
	if err != nil {
		return nil, err
	}
	body, err := d.body(h)
	if err != nil {
		return nil, err
	}
	return &Event{
		Tenant: Tenant(d.name(h.Tenant)), Source: Source(d.name(h.Source)), Worker: h.Worker, Seq: h.Seq,
		At: Time(h.At), ClockErr: h.ClockErr, Prev: h.Prev, Body: body,
	}, nil
}

// Body decodes the body of a header.
func (d *Decoder) Body(h Header) (Body, error) { return d.body(h) }

func (d *Decoder) body(h Header) (Body, error) {
	body := newBody(h.Kind)
	if body == nil {
		if !json.Valid(h.Body) {
			return nil, fmt.Errorf("event %s kind %d: body is not JSON", h.identity(), h.Kind)
		}
		return &Unknown{Of: h.Kind, Raw: bytes.Clone(h.Body)}, nil
	}
	if hot, ok := body.(scannedBody); ok {
		s := scanner{rest: h.Body}
		hot.scan(&s, d)
		if !s.bad && len(s.rest) == 0 {
			return body, nil
		}
		body = newBody(h.Kind) // a field that this program does not know
	}
	if err := json.Unmarshal(h.Body, body); err != nil {
		return nil, fmt.Errorf("event %s kind %d: bad body (%T)", h.identity(), h.Kind, err)
	}
	return body, nil
}

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
