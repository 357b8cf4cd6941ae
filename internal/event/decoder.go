package event

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Decoder decodes lines like Parse. It is for reading many lines: equal names
// share their text, and with Slabs events are cut from bigger allocations. Not
// safe for concurrent use.
type Decoder struct {
	// Slabs allocates for many events at once. An event that is kept keeps up
	// to a few hundred others in memory.
	Slabs bool

	names          map[string]string
	tenant, source string // of the previous line

	events    []Event
	crossings []Crossing
	intents   []Intent
	parts     []Part
	ranges    []Range

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

// again returns text as a string: last, when it is the same.
func (d *Decoder) again(last *string, text []byte) string {
	if string(text) != *last {
		*last = d.name(text)
	}
	return *last
}

// Parse decodes one line, with or without its line feed.
func (d *Decoder) Parse(line []byte) (*Event, error) {
	h, err := ParseHeader(line)
	if err != nil {
		return nil, err
	}
	body, err := d.Body(h)
	if err != nil {
		return nil, err
	}
	e := cut(&d.events, 1, d.slab(slabEvents))
	e[0] = Event{
		Tenant: Tenant(d.again(&d.tenant, h.Tenant)), Source: Source(d.again(&d.source, h.Source)), Worker: h.Worker, Seq: h.Seq,
		At: Time(h.At), ClockErr: h.ClockErr, Prev: h.Prev, Body: body,
	}
	return &e[0], nil
}

// Body decodes the body of a header.
func (d *Decoder) Body(h Header) (Body, error) {
	body := d.newBody(h.Kind)
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
