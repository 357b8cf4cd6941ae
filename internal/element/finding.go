package element

import (
	"fmt"
	"math/bits"
	"strings"
)

// Finding is one place where personal data was found. It never holds the
// value: what can be shown of it is either a mask or a keyed hash, never both,
// because a mask together with a hash of it makes guessing cheap.
type Finding struct {
	Offset     int64  // first byte, counted from the beginning of the stream
	Length     int    // bytes in the stream's own encoding
	Kind       Kind   // never Unclassified
	Brand      Brand  // of a CardPAN, else NoBrand
	Confidence uint8  // 0–100; see Options.MinConfidence
	Reasons    Reason // why, as a set

	shown  uint8 // bytes of value in use; hashed means all 16
	hashed bool
	value  [20]byte
}

// AppendMasked appends what Masked returns, without allocating.
func (f *Finding) AppendMasked(dst []byte) []byte {
	n := len(dst)
	switch {
	case f.hashed:
		return dst
	case cap(dst)-n < len(f.value):
		return append(dst, f.value[:f.shown]...)
	}
	*(*[len(f.value)]byte)(dst[n : n+len(f.value)]) = f.value
	return dst[:n+int(f.shown)]
}

// Masked returns what may be shown of the value, such as "411111******1111",
// or "" when the scanner was given a hash.
func (f *Finding) Masked() string {
	if f.hashed {
		return ""
	}
	return string(f.value[:f.shown])
}

// Hash returns the keyed hash of the value, or false when the scanner has none.
func (f *Finding) Hash() (hash [16]byte, ok bool) {
	if f.hashed {
		copy(hash[:], f.value[:])
	}
	return hash, f.hashed
}

// String names place, element and confidence, never the value.
func (f Finding) String() string {
	return fmt.Sprintf("%v at %d+%d, %d%%: %v", f.Kind, f.Offset, f.Length, f.Confidence, f.Reasons)
}

// Reason is a set of reasons for a confidence.
type Reason uint32

// The reasons. Those after LessLikely lower the confidence.
const (
	ByForm       Reason = 1 << iota // has the form of the element
	ByCheckDigit                    // its check digit is right
	ByRange                         // lies in a range that was given out
	ByGrouping                      // is grouped as people write it
	ByContext                       // a word beside it names the element
	ByHeader                        // stands under a header, key or column name
	ByHonorific                     // 様, さん, 氏 … follow
	ByDictionary                    // is in the name table
	ByAnchor                        // begins with a prefecture, 〒, an era or a known prefix
	ByNeighbour                     // stands beside a card number
	ByWidth                         // full-width digits: typed by a person
	ByField                         // the statistics of its field agree
	InPieces                        // it was cut: over JSON tokens, HTML tags or columns
	LessLikely
	ByOtherWord      // a word beside it names something else
	ByGlue           // is glued to other letters or groups
	ByDate           // reads as a date and a counter
	ByRareLength     // a length of the range that is seldom given out
	ByOtherForm      // the values have another form than the header says
	ByFieldOfNumbers // the field holds numbers of another kind, card numbers by chance
	reasonEnd
)

var reasonNames = [...]string{
	"form", "check digit", "range", "grouping", "context word", "header", "honorific", "dictionary", "anchor",
	"beside a card number", "full-width", "field", "in pieces", "", "word of something else", "glued", "date", "rare length", "values of another form", "field of numbers",
}

// String returns the reasons' names, joined by commas.
func (r Reason) String() string {
	var names []string
	for rest := uint32(r &^ LessLikely & (reasonEnd - 1)); rest != 0; rest &= rest - 1 {
		names = append(names, reasonNames[bits.TrailingZeros32(rest)])
	}
	return strings.Join(names, ", ")
}

// emit reports buf[p:e] as kind, with the value's canonical form (digits for
// numbers, nil for the bytes as they stand).
func (s *Scanner) emit(p, e int, kind Kind, confidence int, why Reason, canonical []byte) {
	s.emitBrand(p, e, kind, confidence, why, canonical, NoBrand)
}

func (s *Scanner) emitBrand(p, e int, kind Kind, confidence int, why Reason, canonical []byte, brand Brand) {
	confidence = min(max(confidence, 0), 99)
	if !s.kinds.Has(kind) || confidence < s.least && s.adjust == nil || s.depth > 0 && !s.within.has(p, e) {
		return
	}
	from, to := s.base+int64(p), s.base+int64(e)
	if s.raw != nil || s.outer != nil {
		from, to = s.place(p), s.place(e)
	}
	f := &s.found
	f.Offset, f.Length, f.Kind, f.Brand, f.Confidence, f.Reasons = from, int(to-from), kind, brand, uint8(confidence), why
	f.hashed = false
	if canonical == nil {
		canonical = s.buf[p:e]
	}
	if s.hash != nil {
		f.value, f.hashed, f.shown = [20]byte{}, true, 16
		h := s.hash(kind, canonical)
		copy(f.value[:], h[:])
	} else {
		f.shown = uint8(mask(&f.value, kind, canonical))
	}
	if s.adjust != nil {
		s.adjust(f)
		if int(f.Confidence) < s.least {
			return
		}
	}
	s.report(f)
}

var stars = [20]byte([]byte("********************"))

// mask writes what may be shown to dst and returns its length: the first six and last
// four digits of a card number (PCI DSS 4.0, requirement 3.4.1), the last two digits of
// phones and postal codes, and nothing but stars of everything else.
func mask(dst *[20]byte, kind Kind, v []byte) int {
	*dst = stars
	switch n := len(v); {
	case kind == CardPAN && n >= 13 && n <= 19:
		*(*[6]byte)(dst[:]) = [6]byte(v)
		*(*[4]byte)(dst[n-4:]) = [4]byte(v[n-4:])
		return n
	case kind == Phone && n >= 10 && n <= 18, kind == PostalCode && n >= 7 && n <= 18:
		*(*[2]byte)(dst[n-2:]) = [2]byte(v[n-2:])
		return n
	}
	return 4
}
