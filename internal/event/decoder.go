package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"sekisho/internal/element"
)

// Decoder decodes lines like Parse. It is for reading many lines: equal names
// share their text, and with Slabs events are cut from bigger allocations. Not
// safe for concurrent use.
type Decoder struct {
	// Slabs allocates for many events at once. An event that is kept keeps up
	// to a few hundred others in memory.
	Slabs bool

	names  map[string]string
	recent [128]string   // of names, by quick
	masks  [64]knownMask // by quick

	// Of the previous line: its text up to the number, and what that says.
	chain          []byte
	tenant, source string
	worker         uint16

	events    []Event
	crossings []Crossing
	intents   []Intent
	parts     []Part
	ranges    []Range

	scanner      scanner // of the body
	scratchParts []Part
	scratchSet   Set
}

// Sizes of slabs, in elements.
const (
	slabEvents = 256
	slabRanges = 2048
)

// maxNames bounds the names that a Decoder remembers.
const maxNames = 4096

// knownMask is a list of element names that was read before.
type knownMask struct {
	text string
	mask element.Mask
}

// quick is a cheap number of a text, to find what was seen lately. Places that
// differ in their last letters have different ones.
func quick(text []byte) uint {
	n := len(text)
	if n < 4 {
		return uint(n)
	}
	return uint(text[n-1]) + uint(text[n-2])*7 + uint(text[n-4])*31 + uint(text[n/2])*61 + uint(n)
}

// name returns text as a string, the same one for the same text.
func (d *Decoder) name(text []byte) string {
	recent := &d.recent[quick(text)%uint(len(d.recent))]
	if *recent != string(text) {
		*recent = d.remembered(text)
	}
	return *recent
}

func (d *Decoder) remembered(text []byte) string {
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

// mask returns the set of a list of element names.
func (d *Decoder) mask(text []byte) (element.Mask, bool) {
	known := &d.masks[quick(text)%uint(len(d.masks))]
	if known.text == "" || known.text != string(text) {
		var m element.Mask
		if m.UnmarshalNames(text) != nil {
			return 0, false
		}
		*known = knownMask{string(text), m}
	}
	return known.mask, true
}

// header is ParseHeader, and remembers which chain the line is of. Tenant and
// source of the result are empty: they are d.tenant and d.source.
func (d *Decoder) header(line []byte) (h Header, err error) {
	s := scanner{text: trimLF(line)}
	if n := len(d.chain); n > 0 && bytes.HasPrefix(s.text, d.chain) {
		s.at, h.Worker = n, d.worker
		return h, s.header(&h)
	}
	s.chain(&h)
	if s.bad {
		return Header{}, errEnvelope
	}
	d.chain = append(d.chain[:0], s.text[:s.at]...)
	d.tenant, d.source, d.worker = d.name(h.Tenant), d.name(h.Source), h.Worker
	return h, s.header(&h)
}

// Parse decodes one line, with or without its line feed.
func (d *Decoder) Parse(line []byte) (*Event, error) {
	h, err := d.header(line)
	if err != nil {
		return nil, err
	}
	body, err := d.body(&h)
	if err != nil {
		return nil, fmt.Errorf("event %s/%d/%d kind %d: %w", d.source, h.Worker, h.Seq, h.Kind, err)
	}
	e := cut(&d.events, 1, d.slab(slabEvents))
	e[0] = Event{
		Tenant: Tenant(d.tenant), Source: Source(d.source), Worker: h.Worker, Seq: h.Seq,
		At: Time(h.At), ClockErr: h.ClockErr, Prev: h.Prev, Body: body,
	}
	return &e[0], nil
}

// Body decodes the body of a header.
func (d *Decoder) Body(h Header) (Body, error) {
	body, err := d.body(&h)
	if err != nil {
		return nil, fmt.Errorf("event %s kind %d: %w", h.identity(), h.Kind, err)
	}
	return body, nil
}

func (d *Decoder) body(h *Header) (Body, error) {
	body := d.newBody(h.Kind)
	if body == nil {
		if !json.Valid(h.Body) {
			return nil, errors.New("body is not JSON")
		}
		return &Unknown{Of: h.Kind, Raw: bytes.Clone(h.Body)}, nil
	}
	if hot, ok := body.(scannedBody); ok {
		s := &d.scanner
		*s = scanner{text: h.Body}
		hot.scan(s, d)
		if !s.bad && s.at == len(s.text) {
			return body, nil
		}
		body = newBody(h.Kind) // a field that this program does not know
	}
	if err := json.Unmarshal(h.Body, body); err != nil {
		return nil, fmt.Errorf("bad body (%T)", body) // the error may hold a value
	}
	return body, nil
}

func (d *Decoder) newBody(k Kind) Body {
	switch k {
	case KindCrossing:
		return &cut(&d.crossings, 1, d.slab(slabEvents))[0]
	case KindIntent:
		return &cut(&d.intents, 1, d.slab(slabEvents))[0]
	}
	return newBody(k)
}

// slab returns how many elements to allocate at once.
func (d *Decoder) slab(n int) int {
	if d.Slabs {
		return n
	}
	return 1
}

// cut takes n zero elements from a slab, or from a new one of at least size.
func cut[T any](slab *[]T, n, size int) []T {
	if len(*slab) < n {
		*slab = make([]T, max(n, size))
	}
	out := (*slab)[:n:n]
	*slab = (*slab)[n:]
	return out
}

// keepParts returns a copy of the parts that a caller may keep; nil of none.
func (d *Decoder) keepParts(parts []Part) []Part {
	if len(parts) == 0 {
		return nil
	}
	out := cut(&d.parts, len(parts), d.slab(slabEvents))
	copy(out, parts)
	return out
}

// keepSet returns a copy of the set that a caller may keep.
func (d *Decoder) keepSet(set Set) Set {
	out := cut(&d.ranges, len(set), d.slab(slabRanges))
	copy(out, set)
	return Set(out)
}
