package filehold

import (
	"bytes"
	"io"
	"slices"
	"sort"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/subject"
)

// personal are the elements that a holding names; naming are those of which one
// makes a record somebody's.
var (
	identifying = []element.Kind{element.Email, element.Phone, element.Passport, element.DriversLicence, element.MyNumber, element.BankAccount, element.CardPAN}
	naming      = element.MaskOf(identifying...) | element.MaskOf(element.Name, element.Kana, element.Address)
	personal    = naming | element.MaskOf(element.PostalCode, element.BirthDate, element.CardCVV)
)

const (
	// settled is how far behind what was written no finding comes any more: more
	// than the scanner's window.
	settled = 128 << 10
	// maxUnknown bounds the unknown subjects of one file that are told apart, at
	// 48 bytes each; the records of others are only counted.
	maxUnknown = 2_000_000
)

// content is the document.Sink that collects whose records are in one file.
type content struct {
	owners func(dst []Subject, k element.Kind, value []byte) []Subject
	hash   func(parts ...[]byte) [16]byte
	nobody event.SubjectSource // Config.Unknown

	known    map[Subject]element.Mask
	unknown  map[[16]byte]element.Mask
	rows     map[event.SubjectSource]uint64
	lost     uint64 // records beyond maxUnknown
	troubles []document.Trouble
	made     []Origin
	buf      []byte
}

func (c *content) reset() {
	c.known, c.unknown = map[Subject]element.Mask{}, map[[16]byte]element.Mask{}
	c.rows, c.lost, c.troubles, c.made = map[event.SubjectSource]uint64{}, 0, nil, nil
}

// Trouble implements document.Sink.
func (c *content) Trouble(_ string, t document.Trouble, _ string) {
	if !slices.Contains(c.troubles, t) {
		c.troubles = append(c.troubles, t)
	}
}

// Made implements document.Made.
func (c *content) Made(_, how, database string, tables []string) {
	if len(c.made) < maxOrigins {
		c.made = append(c.made, Origin{How: how, Database: database, Tables: tables})
	}
}

// Text implements document.Sink.
func (c *content) Text(_ string, e element.Encoding) io.WriteCloser {
	return &text{newRecords(c, e)}
}

// Table implements document.Sink.
func (c *content) Table(string) document.Table {
	return &table{records: newRecords(c, element.UTF8)}
}

// record is one row or line.
type record struct {
	end    int64 // in the scanner's stream
	mask   element.Mask
	owners []Subject
	hashes []kindHash
	// names and births are values as they stand, until the record is settled: who is
	// called so and was born then may be known.
	names, births [][]byte
}

// maxNames bounds the names and the birth dates of a record that are combined.
const maxNames = 4

type kindHash struct {
	kind element.Kind
	hash [16]byte
}

// records cuts a stream into records and enters what the scanner finds into them.
type records struct {
	c       *content
	s       *element.Scanner
	open    record
	pending []record
	end     int64
	owners  []Subject // of the finding in hand
	value   []byte    // its value, of what is combined
}

func newRecords(c *content, e element.Encoding) *records {
	r := &records{c: c}
	r.s = element.NewScanner(element.Options{Encoding: e, Kinds: personal, Buffer: 16 << 10, Hash: r.resolve}, r.found)
	return r
}

// resolve looks for whose a value is while its bytes are at hand.
func (r *records) resolve(k element.Kind, value []byte) [16]byte {
	r.owners, r.value = r.owners[:0], nil
	switch k {
	case element.Name, element.Kana, element.BirthDate:
		r.value = bytes.Clone(value)
	}
	if slices.Contains(identifying, k) {
		r.owners = r.c.owners(r.owners, k, value)
	}
	r.c.buf = subject.Canonical(append(r.c.buf[:0], byte(k)), k, value)
	return r.c.hash(r.c.buf[:1], r.c.buf[1:])
}

func (r *records) found(f *element.Finding) {
	hash, _ := f.Hash()
	i := sort.Search(len(r.pending), func(i int) bool { return r.pending[i].end > f.Offset })
	if i < len(r.pending) {
		r.pending[i].add(f.Kind, hash, r.owners, r.value)
	} else {
		r.open.add(f.Kind, hash, r.owners, r.value)
	}
}

func (x *record) add(k element.Kind, hash [16]byte, owners []Subject, value []byte) {
	if k != subject.NameBirth {
		x.mask |= element.MaskOf(k)
	}
	if value != nil {
		list := &x.names
		if k == element.BirthDate {
			list = &x.births
		}
		if len(*list) < maxNames {
			*list = append(*list, value)
		}
	}
	for _, o := range owners {
		if !slices.Contains(x.owners, o) {
			x.owners = append(x.owners, o)
		}
	}
	if h := (kindHash{k, hash}); len(x.hashes) < 64 && !slices.Contains(x.hashes, h) {
		x.hashes = append(x.hashes, h)
	}
}

// write adds bytes to the open record.
func (r *records) write(p []byte) {
	r.s.Write(p) // open until close
	r.end += int64(len(p))
}

// cut ends the open record.
func (r *records) cut() {
	r.open.end = r.end
	r.pending = append(r.pending, r.open)
	r.open = record{}
	if len(r.pending) >= 1024 && r.pending[0].end+settled < r.end {
		n := sort.Search(len(r.pending), func(i int) bool { return r.pending[i].end+settled >= r.end })
		r.settle(r.pending[:n])
		r.pending = slices.Delete(r.pending, 0, n)
	}
}

func (r *records) close() {
	r.cut()
	r.s.Close() // the error is of a second Close only
	r.settle(r.pending)
	r.pending = nil
}

// settle enters whose the records are.
func (r *records) settle(all []record) {
	c := r.c
	for i := range all {
		x := &all[i]
		if x.mask&naming == 0 {
			continue
		}
		x.combine(c)
		for n, o := range x.owners {
			c.known[o] |= x.mask
			if !slices.ContainsFunc(x.owners[:n], func(p Subject) bool { return p.Source == o.Source }) {
				c.rows[o.Source]++
			}
		}
		if len(x.owners) > 0 {
			continue
		}
		c.rows[c.nobody]++
		key := x.key(c.hash)
		if _, ok := c.unknown[key]; !ok && len(c.unknown) >= maxUnknown {
			c.lost++
			continue
		}
		c.unknown[key] |= x.mask
	}
}

// combine looks for whose the names with the birth dates of a record are.
func (x *record) combine(c *content) {
	var value, canonical []byte
	for _, name := range x.names {
		for _, birth := range x.births {
			value = subject.AppendNameBirth(value[:0], name, birth)
			if canonical = subject.Canonical(canonical[:0], subject.NameBirth, value); len(canonical) == 0 {
				continue
			}
			x.add(subject.NameBirth, c.hash([]byte{byte(subject.NameBirth)}, canonical), c.owners(nil, subject.NameBirth, value), nil)
		}
	}
	x.names, x.births = nil, nil
}

// key is what an unknown record is known by: its best identifier, or all of it.
func (x *record) key(hash func(parts ...[]byte) [16]byte) [16]byte {
	for _, k := range append(identifying[:len(identifying):len(identifying)], subject.NameBirth) {
		if i := slices.IndexFunc(x.hashes, func(h kindHash) bool { return h.kind == k }); i >= 0 {
			return x.hashes[i].hash
		}
	}
	slices.SortFunc(x.hashes, func(a, b kindHash) int {
		return bytes.Compare(append([]byte{byte(a.kind)}, a.hash[:]...), append([]byte{byte(b.kind)}, b.hash[:]...))
	})
	var all []byte
	for _, h := range x.hashes {
		all = append(append(all, byte(h.kind)), h.hash[:]...)
	}
	return hash([]byte("record"), all)
}

// text cuts at line feeds.
type text struct{ r *records }

// Write implements io.Writer.
func (t *text) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			t.r.write(p)
			break
		}
		t.r.write(p[:i+1])
		t.r.cut()
		p = p[i+1:]
	}
	return n, nil
}

// Close implements io.Closer.
func (t *text) Close() error {
	t.r.close()
	return nil
}

// table cuts at rows; cells are judged by their headers, too.
type table struct {
	*records
	headers []string
	fields  []*element.Field
}

// Column implements document.Table.
func (t *table) Column(header string) int {
	if i := slices.Index(t.headers, header); i >= 0 && header != "" {
		return i
	}
	t.headers, t.fields = append(t.headers, header), append(t.fields, element.NewField(header))
	return len(t.headers) - 1
}

// Cell implements document.Table.
func (t *table) Cell(column int, value []byte) {
	if header := t.headers[column]; header == "" || string(bytes.TrimSpace(value)) != header {
		if k, _, _ := t.fields[column].Judge(value); personal.Has(k) {
			hash := t.resolve(k, value)
			t.open.add(k, hash, t.owners, t.value)
		}
	}
	t.write(value)
	t.write([]byte{'\n'})
}

// EndRow implements document.Table.
func (t *table) EndRow() { t.cut() }

// Close implements document.Table.
func (t *table) Close() { t.close() }
