package detect

import (
	"math"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/event"
)

// hostState is what is remembered of a host.
type hostState struct {
	first, last int64
	hour        int32 // of sent, since 1970
	told        int32 // hour in which Volume was raised last
	sent        uint64
	peak        float64 // largest hour, decaying
	read        *reading
}

// reading is who was read by a host in the last hour, in slots of ten minutes.
type reading struct {
	slots [readSlots]readSlot
	all   map[event.SubjectSource]*roaring.Bitmap // union of what is young; nil when it must be made again
	told  int64                                   // when Leak was raised last, ns
}

type readSlot struct {
	number  int64 // of the slot since 1970
	who     map[event.SubjectSource]*roaring.Bitmap
	bounded uint64 // largest bound of one read
}

const (
	readSlots  = 6
	readSlot10 = 10 * time.Minute
	peakHalf   = 7 * 24 * time.Hour // half-life of a peak
)

func (h *hostState) see(at int64) {
	if h.first == 0 || at < h.first {
		h.first = at
	}
	h.last = max(h.last, at)
}

func hourOf(ns int64) int32 { return int32(ns / int64(time.Hour)) }

// fade is what is left of a peak after so many hours.
func fade(peak float64, hours int32) float64 {
	return peak * math.Exp2(-float64(hours)*float64(time.Hour)/float64(peakHalf))
}

// count adds what was sent to the hour of the pair.
func (d *Detector) count(o *observation) {
	p, hour := o.pair, hourOf(d.now)
	if hour != p.hour {
		p.peak = float32(max(fade(float64(p.peak), hour-p.hour), float64(p.bytes)))
		p.hour, p.bytes = hour, 0
	}
	p.bytes += o.Sent
}

// volume raises an hour in which a host sent four times what it ever did, once
// an hour, of the destination that most of it went to. Of hosts that are no
// servers only when few go there.
func (d *Detector) volume(dst []Finding, o *observation) []Finding {
	h, hour := o.host, hourOf(d.now)
	if hour != h.hour {
		h.peak = max(fade(h.peak, hour-h.hour), float64(h.sent))
		h.hour, h.sent = hour, 0
	}
	h.sent += o.Sent
	if !o.Server && d.common(o.dest.pairs) {
		return dst // what people send where everybody does
	}
	if h.told == hour || o.at-h.first < int64(d.cfg.Learn) ||
		h.sent < d.cfg.VolumeFloor || 2*o.pair.bytes < h.sent || float64(h.sent) < 4*h.peak {
		return dst
	}
	h.told = hour
	further := o.dest.raise(Volume) && !o.Server // people discover a new place for files together
	return append(dst, Finding{Kind: Volume, At: event.Time(d.now), From: event.Time(int64(hour) * int64(time.Hour)), Host: o.Host, Dest: o.Dest, Score: 1,
		Further: further, Features: append([]Feature{number("bytes_sent_this_hour", float64(h.sent)), number("bytes_sent_usual_peak", h.peak),
			number("hosts_with_destination", float64(o.dest.pairs))}, o.Content...)})
}

// Read takes what a database gate let a host read.
func (d *Detector) Read(r *Read) {
	at := r.At.UnixNano()
	d.tick(at)
	h, _, _ := d.hosts.at(r.Host, "")
	h.see(at)
	if h.read == nil {
		h.read = new(reading)
	}
	h.read.add(r, at)
}

func (r *reading) add(q *Read, at int64) {
	number := at / int64(readSlot10)
	s := &r.slots[number%readSlots]
	switch {
	case s.number > number:
		return // too old to matter
	case s.number < number:
		*s = readSlot{number: number, who: map[event.SubjectSource]*roaring.Bitmap{}}
	}
	r.all = nil
	s.bounded = max(s.bounded, q.Bounded)
	b := s.who[q.Source]
	if b == nil {
		b = roaring.New()
		s.who[q.Source] = b
	}
	for _, x := range q.Subjects {
		if x.First == x.Last {
			b.Add(x.First) // most reads are of one person; a range makes its part of the bitmap anew
		} else {
			b.AddRange(uint64(x.First), uint64(x.Last)+1)
		}
	}
}

// persons returns how many were read in the hour before at: who is known, and
// the largest bound of a read that was not exact.
func (r *reading) persons(at int64) (known, bounded uint64, from int64) {
	oldest := at/int64(readSlot10) - readSlots + 1
	for i := range r.slots {
		s := &r.slots[i]
		if s.number != 0 && s.number < oldest {
			*s, r.all = readSlot{}, nil
			continue
		}
		bounded = max(bounded, s.bounded)
		if s.number != 0 && (from == 0 || s.number*int64(readSlot10) < from) {
			from = s.number * int64(readSlot10)
		}
	}
	if r.all == nil {
		r.all = map[event.SubjectSource]*roaring.Bitmap{}
		for i := range r.slots {
			for src, b := range r.slots[i].who {
				if r.all[src] == nil {
					r.all[src] = roaring.New()
				}
				r.all[src].Or(b)
			}
		}
	}
	for _, b := range r.all {
		known += b.GetCardinality()
	}
	return known, bounded, from
}

const (
	leakLeast = 16 << 10 // bytes below which nothing is said
	leakEach  = 8        // bytes a person needs at least, compressed
)

// leak raises that a host which has just read persons sends more to a
// destination than it ever did: at least 8 bytes a person. Half of that and
// a tenth of the persons do when the destination is new.
func (d *Detector) leak(dst []Finding, o *observation) []Finding {
	p := o.pair
	h := o.host
	if h.read == nil || p.bytes < leakLeast || o.at-h.first < int64(d.cfg.Learn) || float64(p.bytes) < 4*float64(p.peak) {
		return dst
	}
	if h.read.told != 0 && d.now-h.read.told < int64(time.Hour) {
		return dst
	}
	known, bounded, from := h.read.persons(d.now)
	persons := max(known, bounded)
	need := d.cfg.LeakPersons
	if o.at-p.first < int64(d.cfg.Learn) {
		need = max(1, need/10)
	}
	if persons < need || p.bytes < leakEach*persons/2 {
		return dst
	}
	h.read.told = d.now
	return append(dst, Finding{Kind: Leak, At: event.Time(d.now), From: event.Time(from), Host: o.Host, Dest: o.Dest, Score: 1,
		Features: append([]Feature{number("persons_read_known", float64(known)), number("persons_read_at_most", float64(persons)),
			number("bytes_sent_this_hour", float64(p.bytes)), number("bytes_sent_usual_peak", float64(p.peak)), when("destination_since", p.first)}, o.Content...)})
}
