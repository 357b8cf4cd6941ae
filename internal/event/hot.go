package event

import (
	"bytes"
	"math"
	"strconv"

	"sekisho/internal/element"
)

// The bodies that a busy gate writes and every rebuild reads by the million
// have encoders and decoders by hand. They write what encoding/json would write
// for the same struct (TestHotEqualsReflection), but an empty list of parts is
// [] and never null. A body that the decoder does not recognise (a newer
// program added a field) goes to encoding/json.

// scannedBody is a body with a decoder by hand. scan leaves s bad when the
// text is not what the encoder writes.
type scannedBody interface {
	Body
	scan(s *scanner, d *Decoder)
}

func appendUint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, key string, v T) []byte {
	dst = append(dst, key...)
	return strconv.AppendUint(dst, uint64(v), 10)
}

// appendUintIf leaves out a zero, as omitempty does.
func appendUintIf[T ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, key string, v T) []byte {
	if v == 0 {
		return dst
	}
	return appendUint(dst, key, v)
}

func appendInt(dst []byte, key string, v int64) []byte {
	dst = append(dst, key...)
	return strconv.AppendInt(dst, v, 10)
}

func appendText[T ~string](dst []byte, key string, v T) []byte {
	dst = append(dst, key...)
	return appendString(dst, string(v))
}

func appendTextIf[T ~string](dst []byte, key string, v T) []byte {
	if v == "" {
		return dst
	}
	return appendText(dst, key, v)
}

func appendSetIf(dst []byte, key string, v Set) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = append(dst, key...)
	dst = append(dst, '"')
	return append(v.Append(dst), '"')
}

func appendMask(dst []byte, key string, v element.Mask) []byte {
	dst = append(dst, key...)
	return v.AppendJSON(dst)
}

func (b *SessionOpen) appendJSON(dst []byte) []byte {
	dst = appendUint(dst, `{"session":`, b.Session)
	dst = appendText(dst, `,"place":`, b.Place)
	dst = appendText(dst, `,"database":`, b.Database)
	dst = appendText(dst, `,"user":`, b.User)
	dst = appendText(dst, `,"address":`, b.Address)
	dst = appendUintIf(dst, `,"port":`, b.Port)
	dst = appendTextIf(dst, `,"label":`, b.Label)
	if b.TLS {
		dst = append(dst, `,"tls":true`...)
	}
	dst = appendUintIf(dst, `,"server_pid":`, b.ServerPID)
	return append(dst, '}')
}

func (b *SessionOpen) scan(s *scanner, d *Decoder) {
	b.Session = Session(s.key(`{"session":`, math.MaxUint64))
	b.Place = Place(s.name(d, `,"place":`))
	b.Database = s.name(d, `,"database":`)
	b.User = s.name(d, `,"user":`)
	b.Address = s.name(d, `,"address":`)
	b.Port = uint16(s.keyIf(`,"port":`, math.MaxUint16))
	b.Label = s.nameIf(d, `,"label":`)
	b.TLS = s.try(`,"tls":true`)
	b.ServerPID = uint32(s.keyIf(`,"server_pid":`, math.MaxUint32))
	s.lit(`}`)
}

func (b *Intent) appendJSON(dst []byte) []byte {
	dst = appendUint(dst, `{"session":`, b.Session)
	dst = appendUint(dst, `,"statement":`, b.Statement)
	dst = appendInt(dst, `,"from":`, b.From)
	dst = appendSince(dst, b.Since)
	dst = appendParts(dst, b.Parts)
	dst = appendTextIf(dst, `,"trace":`, b.Trace)
	return append(dst, '}')
}

func (b *Intent) scan(s *scanner, d *Decoder) {
	b.Session = Session(s.key(`{"session":`, math.MaxUint64))
	b.Statement = StatementID(s.key(`,"statement":`, math.MaxUint64))
	b.From = s.keyInt(`,"from":`)
	b.Since = s.since()
	b.Parts = s.parts(d)
	if s.try(`,"trace":`) {
		b.Trace = s.freshText()
	}
	s.lit(`}`)
}

func (b *Crossing) appendJSON(dst []byte) []byte {
	dst = appendUint(dst, `{"session":`, b.Session)
	dst = appendUint(dst, `,"statement":`, b.Statement)
	dst = appendUint(dst, `,"intent":`, b.Intent)
	if b.More {
		dst = append(dst, `,"more":true`...)
	}
	dst = appendUint(dst, `,"outcome":`, b.Outcome)
	dst = appendInt(dst, `,"from":`, b.From)
	dst = appendInt(dst, `,"to":`, b.To)
	dst = appendSince(dst, b.Since)
	dst = appendUint(dst, `,"count":`, b.Count)
	dst = appendParts(dst, b.Parts)
	for i, id := range b.Traces {
		key := `,`
		if i == 0 {
			key = `,"traces":[`
		}
		dst = appendText(dst, key, id)
	}
	if len(b.Traces) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func (b *Crossing) scan(s *scanner, d *Decoder) {
	b.Session = Session(s.key(`{"session":`, math.MaxUint64))
	b.Statement = StatementID(s.key(`,"statement":`, math.MaxUint64))
	b.Intent = Seq(s.key(`,"intent":`, math.MaxUint64))
	b.More = s.try(`,"more":true`)
	b.Outcome = Outcome(s.key(`,"outcome":`, math.MaxUint8))
	b.From = s.keyInt(`,"from":`)
	b.To = s.keyInt(`,"to":`)
	b.Since = s.since()
	b.Count = s.key(`,"count":`, math.MaxUint64)
	b.Parts = s.parts(d)
	for key := `,"traces":[`; s.try(key); key = `,` {
		b.Traces = append(b.Traces, s.freshText())
	}
	if len(b.Traces) > 0 {
		s.lit(`]`)
	}
	s.lit(`}`)
}

func appendSince(dst []byte, ns int64) []byte {
	if ns == 0 {
		return dst
	}
	return appendInt(dst, `,"since":`, ns)
}

func (b *HoldingScan) appendJSON(dst []byte) []byte {
	dst = appendUint(dst, `{"scan":`, b.Scan)
	dst = appendUint(dst, `,"part":`, b.Part)
	dst = appendUint(dst, `,"parts":`, b.Parts)
	dst = appendText(dst, `,"table":`, b.Table)
	dst = appendText(dst, `,"source":`, b.Source)
	dst = appendMask(dst, `,"elements":`, b.Elements)
	dst = appendInt(dst, `,"from":`, b.From)
	dst = appendInt(dst, `,"to":`, b.To)
	dst = appendUint(dst, `,"rows":`, b.Rows)
	dst = appendUintIf(dst, `,"unknown":`, b.Unknown)
	dst = appendSetIf(dst, `,"subjects":`, b.Subjects)
	return append(dst, '}')
}

func (b *HoldingScan) scan(s *scanner, d *Decoder) {
	b.Scan = s.key(`{"scan":`, math.MaxUint64)
	b.Part = uint32(s.key(`,"part":`, math.MaxUint32))
	b.Parts = uint32(s.key(`,"parts":`, math.MaxUint32))
	b.Table = Place(s.name(d, `,"table":`))
	b.Source = SubjectSource(s.name(d, `,"source":`))
	b.Elements = s.mask(d, `,"elements":`)
	b.From = s.keyInt(`,"from":`)
	b.To = s.keyInt(`,"to":`)
	b.Rows = s.key(`,"rows":`, math.MaxUint64)
	b.Unknown = s.keyIf(`,"unknown":`, math.MaxUint64)
	b.Subjects = s.setIf(d, `,"subjects":`)
	s.lit(`}`)
}

func appendParts(dst []byte, parts []Part) []byte {
	dst = append(dst, `,"parts":[`...)
	for i := range parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = parts[i].appendJSON(dst)
	}
	return append(dst, ']')
}

func (p *Part) appendJSON(dst []byte) []byte {
	dst = appendText(dst, `{"table":`, p.Table)
	dst = appendText(dst, `,"source":`, p.Source)
	dst = appendMask(dst, `,"elements":`, p.Elements)
	dst = appendUint(dst, `,"class":`, p.Class)
	dst = appendTextIf(dst, `,"reason":`, p.Reason)
	dst = appendUintIf(dst, `,"rows":`, p.Rows)
	dst = appendSetIf(dst, `,"subjects":`, p.Subjects)
	dst = appendUintIf(dst, `,"unknown":`, p.Unknown)
	return append(dst, '}')
}

func (p *Part) scan(s *scanner, d *Decoder) {
	p.Table = Place(s.name(d, `{"table":`))
	p.Source = SubjectSource(s.name(d, `,"source":`))
	p.Elements = s.mask(d, `,"elements":`)
	p.Class = Class(s.key(`,"class":`, math.MaxUint8))
	p.Reason = s.nameIf(d, `,"reason":`)
	p.Rows = s.keyIf(`,"rows":`, math.MaxUint64)
	p.Subjects = s.setIf(d, `,"subjects":`)
	p.Unknown = s.keyIf(`,"unknown":`, math.MaxUint64)
	s.lit(`}`)
}

// parts consumes the list of parts; an empty one is nil.
func (s *scanner) parts(d *Decoder) []Part {
	s.lit(`,"parts":[`)
	if s.try(`]`) || s.bad {
		return nil
	}
	parts := d.scratchParts[:0]
	for !s.bad {
		parts = append(parts, Part{})
		parts[len(parts)-1].scan(s, d)
		if !s.try(`,`) {
			break
		}
	}
	s.lit(`]`)
	d.scratchParts = parts
	return d.keepParts(parts)
}

// key consumes a key as the encoder writes it, and a number.
func (s *scanner) key(key string, limit uint64) uint64 {
	s.lit(key)
	return s.uint(limit)
}

// keyIf is key for a number that is left out when it is zero.
func (s *scanner) keyIf(key string, limit uint64) uint64 {
	if !s.try(key) {
		return 0
	}
	return s.uint(limit)
}

func (s *scanner) since() int64 {
	if !s.try(`,"since":`) {
		return 0
	}
	return s.int()
}

func (s *scanner) keyInt(key string) int64 {
	s.lit(key)
	return s.int()
}

func (s *scanner) name(d *Decoder, key string) string {
	s.lit(key)
	if text := s.str(); !s.bad {
		return d.name(text)
	}
	return ""
}

// fresh is name for texts that hardly come twice.
func (s *scanner) fresh(key string) string {
	s.lit(key)
	return s.freshText()
}

func (s *scanner) freshText() string {
	if text := s.str(); !s.bad {
		return string(text)
	}
	return ""
}

// freshIf is fresh for a text that is left out when it is empty.
func (s *scanner) freshIf(key string) string {
	if !s.begins(key) {
		return ""
	}
	return s.fresh(key)
}

func (s *scanner) nameIf(d *Decoder, key string) string {
	if !s.try(key) {
		return ""
	}
	if text := s.str(); !s.bad {
		return d.name(text)
	}
	return ""
}

func (s *scanner) setIf(d *Decoder, key string) Set {
	if !s.try(key) {
		return nil
	}
	text := s.str()
	if s.bad {
		return nil
	}
	set, err := appendSet(d.scratchSet[:0], text)
	if err != nil || len(set) == 0 {
		s.bad = true // an empty set is left out
		return nil
	}
	d.scratchSet = set
	return d.keepSet(set)
}

// mask consumes a list of element names.
func (s *scanner) mask(d *Decoder, key string) element.Mask {
	s.lit(key)
	rest := s.rest()
	end := bytes.IndexByte(rest, ']')
	if s.bad || end < 0 {
		s.bad = true
		return 0
	}
	m, ok := d.mask(rest[:end+1])
	if !ok {
		s.bad = true
	}
	s.at += end + 1
	return m
}
