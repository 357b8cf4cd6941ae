package event

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// wire is the envelope in the order of its canonical encoding.
type wire struct {
	Tenant   Tenant          `json:"t"`
	Source   Source          `json:"s"`
	Worker   uint16          `json:"w"`
	Seq      Seq             `json:"n"`
	At       int64           `json:"at"`
	ClockErr int64           `json:"ce"`
	Kind     Kind            `json:"k"`
	Prev     string          `json:"p"`
	Body     json.RawMessage `json:"b"`
}

// Append appends the canonical line of e, line feed included, to dst.
func Append(dst []byte, e *Event) []byte {
	dst = appendStruct(dst, wire{
		e.Tenant, e.Source, e.Worker, e.Seq, e.At.UnixNano(), int64(e.ClockErr), e.Body.Kind(),
		base64.RawStdEncoding.EncodeToString(e.Prev[:]), e.Body.appendJSON(nil),
	})
	return append(dst, '\n')
}

// Sum returns the digest of an encoded line; a final line feed is left out.
func Sum(line []byte) (d Digest) {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	full := sha256.Sum256(line)
	copy(d[:], full[:])
	return d
}

// Parse decodes one line, with or without its line feed.
func Parse(line []byte) (*Event, error) {
	var w wire
	if err := json.Unmarshal(line, &w); err != nil {
		return nil, fmt.Errorf("event envelope: %w", err)
	}
	e := &Event{
		Tenant: w.Tenant, Source: w.Source, Worker: w.Worker, Seq: w.Seq,
		At: Time(w.At), ClockErr: time.Duration(w.ClockErr),
	}
	if n, err := base64.RawStdEncoding.Decode(e.Prev[:], []byte(w.Prev)); err != nil || n != len(e.Prev) {
		return nil, fmt.Errorf("event %s/%d/%d: bad previous digest", w.Source, w.Worker, w.Seq)
	}
	e.Body = newBody(w.Kind)
	if e.Body == nil {
		e.Body = &Unknown{Of: w.Kind, Raw: w.Body}
		return e, nil
	}
	if err := json.Unmarshal(w.Body, e.Body); err != nil {
		return nil, fmt.Errorf("event %s/%d/%d kind %d: %w", w.Source, w.Worker, w.Seq, w.Kind, err)
	}
	return e, nil
}
