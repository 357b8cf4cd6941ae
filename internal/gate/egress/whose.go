package egress

import (
	"bytes"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// Owner is a subject.
type Owner struct {
	Source event.SubjectSource
	Number uint32
}

const (
	// maxTold bounds the values of one request whose owners are told apart; what
	// comes after them is bounded.
	maxTold = 100_000
	// maxRanges bounds the ranges of subjects in one event: each takes at most
	// 22 bytes, and an event at most event.MaxLine.
	maxRanges = 2400
	// longRun is how many letters and digits without any other sign count as
	// something that may be anything: base64 of 192 bytes. Longer than what
	// sites use for sessions and forms, mostly.
	longRun = 256
)

// everything is what may be in bytes that nobody looked into.
var everything = element.MaskOf(append(element.Kinds(), element.Unclassified)...)

// owned is what is known of one value: whose it is, or that nobody knows.
type owned struct {
	kind  element.Kind
	owner Owner
	exact bool
}

// tally gathers whose data one request holds.
type tally struct {
	r      *Reading
	values map[[16]byte]owned
	found  map[[16]byte]uint64 // how often each was reported
	kinds  map[element.Kind]bool
	more   bool // there were more than maxTold values
	unread bool // something is there that nobody can look into
	body   bool // there is a body
	run    int  // letters and digits without another sign, so far
	owners []Owner
}

func newTally(r *Reading) *tally {
	return &tally{r: r, values: map[[16]byte]owned{}, found: map[[16]byte]uint64{}, kinds: map[element.Kind]bool{}}
}

// hash is asked by the scanner for every value that it may report.
func (t *tally) hash(k element.Kind, canonical []byte) [16]byte {
	h := t.r.Hash([]byte("value"), []byte{byte(k)}, canonical)
	if _, known := t.values[h]; known {
		return h
	}
	if len(t.values) >= maxTold {
		t.more = true
		return h
	}
	v := owned{kind: k}
	if t.r.Owners != nil && t.r.Identifiers.Has(k) {
		t.owners = t.r.Owners(t.owners[:0], k, canonical)
		slices.SortFunc(t.owners, func(a, b Owner) int {
			return 2*strings.Compare(string(a.Source), string(b.Source)) + int(int64(a.Number)-int64(b.Number))
		})
		if t.owners = slices.Compact(t.owners); len(t.owners) == 1 { // one subject, and no other
			v.owner, v.exact = t.owners[0], true
		}
	}
	t.values[h] = v
	return h
}

func (t *tally) see(f *element.Finding) {
	h, _ := f.Hash()
	t.found[h]++
	t.kinds[f.Kind] = true
}

// scan looks into a text.
func (t *tally) scan(text []byte) {
	s := t.scanner()
	_, _ = s.Write(text) // never fails before Close
	_ = s.Close()
	t.run = 0
	t.runs(text)
}

func (t *tally) scanner() *element.Scanner {
	return element.NewScanner(element.Options{Buffer: 8 << 10, Hash: t.hash}, t.see)
}

// runs looks for what may be anything: bytes that are in no text, and letters
// and digits without another sign for longer than words are.
func (t *tally) runs(text []byte) {
	for _, c := range text {
		switch {
		case c == 0:
			t.unread = true
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '-', c == '_':
			if t.run++; t.run >= longRun {
				t.unread = true
			}
		case c == '\r', c == '\n': // lines of base64 are one
		default:
			t.run = 0
		}
	}
}

// head looks at the first line and the fields of a request, which carry data as
// a body does. It comes first: what a client says of itself (cookies, secrets)
// is nobody else's.
func (t *tally) head(r *http.Request) {
	t.scan(unescaped(nil, r.URL.RequestURI()))
	t.fields(r.Header)
	for _, own := range []element.Kind{element.Cookie, element.Secret} { // of the client itself
		delete(t.kinds, own)
		maps.DeleteFunc(t.found, func(h [16]byte, _ uint64) bool { return t.values[h].kind == own })
	}
}

// fields looks at the fields of a head or a trailer.
func (t *tally) fields(h http.Header) {
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			text = unescaped(append(text, "\n"+name+": "...), v)
		}
	}
	t.scan(text)
}

// isForm reports whether a body is one of escaped fields.
func isForm(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "application/x-www-form-urlencoded"
}

// unescaped appends a text and, where it has escapes, what it means.
func unescaped(dst []byte, text string) []byte {
	dst = append(dst, text...)
	if plain, err := url.QueryUnescape(text); err == nil && plain != text {
		dst = append(append(dst, '\n'), plain...)
	}
	return dst
}

// whole looks into a body of a content type, whose encodings are off.
func (t *tally) whole(contentType string, body []byte) {
	kind, params, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "multipart/form-data" || kind == "multipart/mixed":
		t.multipart(params["boundary"], body)
	case readable(contentType):
		t.scan(body)
		if isForm(contentType) {
			if plain, err := url.QueryUnescape(string(body)); err == nil {
				t.scan([]byte(plain))
			}
		}
	default:
		t.unread = true
		t.scan(body)
	}
}

// multipart looks into each part of a form.
func (t *tally) multipart(boundary string, body []byte) {
	in := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := in.NextRawPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.unread = true
			t.scan(body)
			return
		}
		for _, values := range p.Header {
			for _, v := range values {
				t.scan([]byte(v))
			}
		}
		text, err := io.ReadAll(p)
		if err != nil || !readable(p.Header.Get("Content-Type")) || p.Header.Get("Content-Transfer-Encoding") != "" {
			t.unread = true
		}
		t.scan(text)
	}
}

// readable reports whether a content type is one of text; none is.
func readable(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType == ""
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") ||
		strings.HasSuffix(kind, "javascript") || kind == "application/x-www-form-urlencoded"
}

// parts is what left: exactly for each subject and element, the rest among those
// whose data this machine may send.
func (t *tally) parts(place event.Place) []event.Part {
	type one struct {
		source event.SubjectSource
		kind   element.Kind
	}
	numbers, rows := map[one][]uint32{}, map[one]uint64{}
	bounded := event.Part{Table: place, Class: event.Bounded, Reason: "content"}
	for h, n := range t.found {
		v, ok := t.values[h]
		if ok && v.exact {
			at := one{v.owner.Source, v.kind}
			numbers[at] = append(numbers[at], v.owner.Number)
			rows[at] += n
			continue
		}
		bounded.Rows += n
		if ok {
			bounded.Elements |= element.MaskOf(v.kind)
		}
	}
	if t.more {
		for k := range t.kinds {
			bounded.Elements |= element.MaskOf(k)
		}
	}
	var parts []event.Part
	for _, at := range slices.SortedFunc(maps.Keys(numbers), func(a, b one) int {
		return 2*strings.Compare(string(a.source), string(b.source)) + int(a.kind) - int(b.kind)
	}) {
		parts = append(parts, event.Part{Table: place, Source: at.source, Elements: element.MaskOf(at.kind), Class: event.Exact, Rows: rows[at], Subjects: event.SetOf(numbers[at])})
	}
	if bounded.Elements != 0 {
		parts = append(parts, bounded)
	}
	rest := event.Part{Table: place, Elements: element.MaskOf(element.Unclassified), Class: event.Bounded}
	switch {
	case t.unread:
		rest.Reason = "unread"
		parts = append(parts, rest)
	case t.body && len(parts) == 0:
		rest.Reason = "nothing recognised"
		parts = append(parts, rest)
	}
	return parts
}
