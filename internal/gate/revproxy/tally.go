package revproxy

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/policy/visit"
)

// maxTold bounds the values of one response whose owners are told apart; what
// comes after them is bounded.
const maxTold = 100_000

// maxRanges bounds the ranges of subjects in one event: each takes at most 22
// bytes, and an event at most event.MaxLine.
const maxRanges = 2400

// value is what is known of one value: whose it is, or that nobody knows.
type value struct {
	kind   element.Kind
	owner  Owner
	exact  bool
	ours   bool
	echoed bool // the request held it as well
}

// tally gathers whose data one response holds.
type tally struct {
	p      *persons
	values map[[16]byte]value
	found  map[[16]byte]uint64 // how often each was reported
	counts map[element.Kind]uint64
	header bool // a header is seen, where cookies and secrets are the visitor's own
	more   bool // there were more than maxTold values
	owners []Owner
	asked  func() *sent // the request

	scanner *element.Scanner // that asks hash and tells see
}

func newTally() *tally {
	t := &tally{values: map[[16]byte]value{}, found: map[[16]byte]uint64{}, counts: map[element.Kind]uint64{}}
	t.scanner = element.NewScanner(element.Options{Buffer: 8 << 10, Hash: t.hash}, t.see)
	return t
}

// begin forgets what was found before.
func (t *tally) begin(p *persons, asked func() *sent) {
	t.p, t.asked, t.header, t.more = p, asked, false, false
	clear(t.values)
	clear(t.found)
	clear(t.counts)
}

// maxKept bounds the values of a tally that is used again: maps never shrink.
const maxKept = 1000

// end gives a tally back for the next response.
func (t *tally) end(pool *sync.Pool) {
	t.p, t.asked = nil, nil
	if len(t.values) <= maxKept {
		pool.Put(t)
	}
}

// hash is asked by the scanner for every value that it may report.
func (t *tally) hash(k element.Kind, canonical []byte) [16]byte {
	h := t.p.Hash([]byte("value"), []byte{byte(k)}, canonical)
	if _, known := t.values[h]; known {
		return h
	}
	if len(t.values) >= maxTold {
		t.more = true
		return h
	}
	v := value{kind: k, ours: t.p.ours[strings.ToLower(string(canonical))]}
	if !v.ours && t.p.Owners != nil && t.p.Identifiers.Has(k) {
		t.owners = t.p.Owners(t.owners[:0], k, canonical)
		slices.SortFunc(t.owners, func(a, b Owner) int {
			return 2*strings.Compare(string(a.Source), string(b.Source)) + compare(a.Number, b.Number)
		})
		if t.owners = slices.Compact(t.owners); len(t.owners) == 1 { // one subject, and no other
			v.owner, v.exact, v.echoed = t.owners[0], true, t.asked().holds(canonical)
		}
	}
	t.values[h] = v
	return h
}

func compare(a, b uint32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// see takes what the scanner reports.
func (t *tally) see(f *element.Finding) {
	h, _ := f.Hash()
	if t.values[h].ours || t.header && (f.Kind == element.Cookie || f.Kind == element.Secret) {
		return
	}
	t.counts[f.Kind]++
	t.found[h]++
}

// persons are those whom the response shows: everybody who is known, and of the
// others as many as there are values of the commonest element.
func (t *tally) persons() []visit.Person {
	known := map[visit.Person]bool{}
	unknown := map[element.Kind][]visit.Person{}
	for h := range t.found {
		switch v, ok := t.values[h]; {
		case !ok || v.echoed:
		case v.exact:
			known[visit.Person{Source: string(v.owner.Source), Number: v.owner.Number}] = true
		case identifies.Has(v.kind):
			unknown[v.kind] = append(unknown[v.kind], visit.Person{Hash: h})
		}
	}
	var most []visit.Person
	for _, k := range element.Kinds() {
		if len(unknown[k]) > len(most) {
			most = unknown[k]
		}
	}
	for p := range known {
		most = append(most, p)
	}
	return most
}

// identifies are the elements of which a person has mostly one of their own.
var identifies = element.MaskOf(element.Email, element.Phone, element.Passport, element.DriversLicence, element.MyNumber, element.BankAccount, element.CardPAN)

// parts is what crossed: exactly for each subject and element, the rest among
// those whom the site may show.
func (t *tally) parts(place event.Place) []event.Part {
	type one struct {
		source event.SubjectSource
		kind   element.Kind
	}
	numbers, rows := map[one][]uint32{}, map[one]uint64{}
	bounded, echoed := event.Part{Table: place, Class: event.Bounded, Reason: "content"}, event.Part{Table: place, Class: event.Bounded, Reason: "echo"}
	for h, n := range t.found {
		v, ok := t.values[h]
		switch {
		case ok && v.exact && v.echoed:
			echoed.Elements |= element.MaskOf(v.kind)
			echoed.Rows += n
		case ok && v.exact:
			at := one{v.owner.Source, v.kind}
			numbers[at] = append(numbers[at], v.owner.Number)
			rows[at] += n
		default:
			bounded.Rows += n
		}
	}
	for k := range t.counts {
		if t.unsure(k) {
			bounded.Elements |= element.MaskOf(k)
		}
	}
	var parts []event.Part
	for _, at := range slices.SortedFunc(maps.Keys(numbers), func(a, b one) int {
		return 2*strings.Compare(string(a.source), string(b.source)) + compare(uint32(a.kind), uint32(b.kind))
	}) {
		parts = append(parts, event.Part{Table: place, Source: at.source, Elements: element.MaskOf(at.kind), Class: event.Exact, Rows: rows[at], Subjects: event.SetOf(numbers[at])})
	}
	for _, p := range []event.Part{bounded, echoed} {
		if p.Elements != 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// unsure reports whether a value of a kind was found that is nobody's for
// certain.
func (t *tally) unsure(k element.Kind) bool {
	if t.more {
		return true
	}
	for h := range t.found {
		if v := t.values[h]; v.kind == k && !v.exact {
			return true
		}
	}
	return false
}

// sent is the text of a request, to tell what a response only repeats.
type sent struct {
	text   []byte // in small letters, escapes taken off
	digits []byte // of text
	long   bool   // it is more than anybody compares
}

// maxSent is how much of a request is compared with each value of the response.
const maxSent = 64 << 10

func sentBy(r *http.Request, body []byte) *sent {
	s := &sent{long: len(r.RequestURI)+len(body) > maxSent}
	if s.long {
		return s
	}
	s.text = unescaped(s.text, r.RequestURI)
	s.text = append(unescaped(append(s.text, '\n'), body), '\n')
	for _, c := range r.Header.Values("Cookie") {
		s.text = append(unescaped(s.text, c), '\n')
	}
	s.text = bytes.ToLower(s.text)
	for _, c := range s.text {
		if c >= '0' && c <= '9' {
			s.digits = append(s.digits, c)
		}
	}
	return s
}

// holds reports whether a request may hold a value in canonical form.
func (s *sent) holds(canonical []byte) bool {
	return s.long || bytes.Contains(s.text, bytes.ToLower(canonical)) || len(canonical) > 5 && bytes.Contains(s.digits, canonical)
}
