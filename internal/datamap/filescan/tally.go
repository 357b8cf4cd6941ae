package filescan

import (
	"bytes"
	"io"
	"slices"
	"sort"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// tally is the document.Sink that counts the elements of one file. It is used
// for one file after another by one goroutine.
type tally struct {
	counts   [64]*counted // by kind: element.Mask has as many
	order    int64        // of the value in hand, from the file's beginning
	recall   recall
	noRecall bool // for tests: every value is looked through
	troubles []Unread
	more     int // troubles beyond maxTroubles
	alarms   []string
}

// counted is a Found with the order of its places: those of one element come from
// headers and from the engine, which is a little behind.
type counted struct {
	Found
	orders []int64
	limit  int // of places
}

func newTally() *tally { return &tally{} }

func (t *tally) reset() {
	clear(t.counts[:])
	t.troubles, t.alarms, t.more, t.order = nil, nil, 0, 0
}

// into puts what was counted into o.
func (t *tally) into(o *Object) {
	for _, f := range t.counts {
		if f != nil {
			o.Elements = append(o.Elements, f.Found)
		}
	}
	sort.Slice(o.Elements, func(a, b int) bool { return o.Elements[a].Kind < o.Elements[b].Kind })
	o.Troubles = append(o.Troubles, t.troubles...)
	slices.Sort(t.alarms)
	o.Alarms = slices.Compact(t.alarms)
}

// Trouble implements document.Sink.
func (t *tally) Trouble(part string, what document.Trouble, detail string) {
	if len(t.troubles) == maxTroubles {
		t.more++
		return
	}
	t.troubles = append(t.troubles, Unread{Part: part, Trouble: what, Name: what.String(), Detail: detail})
}

// count adds one value of kind. The places that are kept are the first by order.
func (t *tally) count(kind element.Kind, at Place, order int64) {
	if f := t.counted(kind, order); f != nil {
		f.keep(at, order)
	}
}

// counted adds one value of kind and returns it if its place is to be kept.
func (t *tally) counted(kind element.Kind, order int64) *counted {
	f := t.counts[kind]
	if f == nil {
		f = &counted{Found: Found{Kind: kind, Name: kind.String()}, limit: somePlaces}
		if precise.Has(kind) {
			f.limit = maxPlaces
		}
		t.counts[kind] = f
	}
	f.Count++
	if n := len(f.orders); n == f.limit && order >= f.orders[n-1] {
		return nil
	}
	return f
}

// keep keeps a place.
func (f *counted) keep(at Place, order int64) {
	n := min(len(f.orders), f.limit-1)
	i := n
	for i > 0 && f.orders[i-1] > order {
		i--
	}
	f.Places, f.orders = slices.Insert(f.Places[:n], i, at), slices.Insert(f.orders[:n], i, order)
}

// wanted are the elements that are counted by themselves. A security code or an
// expiry counts beside its card number; addresses of machines and cookies do not
// say that a file is a list of persons.
func wanted(k element.Kind) bool {
	switch k {
	case element.IPAddress, element.Cookie, element.Company, element.Sex, element.Note, element.Unclassified, element.Booking, element.Payment, element.CustomerNumber, element.CardExpiry:
		return false
	}
	return true
}

// scanner returns a scanner that tells p, which gives it back.
func (t *tally) scanner(e element.Encoding, at *spot) *element.Scanner {
	return element.NewScanner(element.Options{Encoding: e, Adjust: at.adjust}, func(f *element.Finding) {
		if !wanted(f.Kind) {
			return
		}
		place, order, ok := at.at(f)
		if !ok {
			return
		}
		if f.Kind == element.CardPAN {
			place.Mask = f.Masked()
		}
		t.count(f.Kind, place, order)
	})
}

// spot is what a stream knows of where it is.
type spot struct {
	at     func(f *element.Finding) (at Place, order int64, ok bool)
	adjust func(f *element.Finding)
}

// Text implements document.Sink.
func (t *tally) Text(part string, e element.Encoding) io.WriteCloser {
	t.order++
	x := &textStream{part: part, line: 1, order: t.order}
	x.s = t.scanner(e, &spot{at: x.at})
	return x
}

// textStream counts lines beside its scanner. Findings come while a later chunk
// is written, so the last two chunks are kept.
type textStream struct {
	part  string
	order int64
	s     *element.Scanner
	line  int64 // of the first byte of now
	start int64 // offset of now[0]
	now   []byte
	old   []byte // the chunk before now
}

// window is more than a finding can lie behind what was written.
const window = 128 << 10

// Write implements io.Writer.
func (x *textStream) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(x.now) >= window {
			x.line += int64(bytes.Count(x.now, []byte{'\n'}))
			x.start += int64(len(x.now))
			x.old, x.now = x.now, x.old[:0]
		}
		k := min(len(p), window-len(x.now))
		x.now = append(x.now, p[:k]...)
		if _, err := x.s.Write(p[:k]); err != nil {
			return 0, err
		}
		p = p[k:]
	}
	return n, nil
}

// Close implements io.Closer.
func (x *textStream) Close() error { return x.s.Close() }

func (x *textStream) at(f *element.Finding) (Place, int64, bool) {
	line := x.line
	if f.Offset >= x.start {
		line += int64(bytes.Count(x.now[:min(f.Offset-x.start, int64(len(x.now)))], []byte{'\n'}))
	} else if back := x.start - f.Offset; back <= int64(len(x.old)) {
		line -= int64(bytes.Count(x.old[int64(len(x.old))-back:], []byte{'\n'}))
	}
	return Place{Part: x.part, Line: line}, x.order, true
}
