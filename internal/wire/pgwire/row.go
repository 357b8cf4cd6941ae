package pgwire

import "encoding/binary"

// Field describes one result column. Name aliases the message.
type Field struct {
	Name      []byte
	Table     uint32 // OID of the relation, 0 when the column is not a relation's
	Attribute int16  // attribute number in Table, or 0
	Type      uint32 // type OID
	Size      int16  // typlen; negative: variable width
	Modifier  int32  // atttypmod
	Format    int16  // FormatText when it is not known yet (Describe of a statement)
}

// DecodeRowDescription appends the fields of a RowDescription's body to dst.
func DecodeRowDescription(body []byte, dst []Field) ([]Field, error) {
	c := cursor{b: body}
	n := c.count()
	for range n {
		f := Field{Name: c.text()}
		p := c.take(18)
		if p == nil {
			return dst, malformed("RowDescription")
		}
		f.Table = binary.BigEndian.Uint32(p)
		f.Attribute = int16(binary.BigEndian.Uint16(p[4:]))
		f.Type = binary.BigEndian.Uint32(p[6:])
		f.Size = int16(binary.BigEndian.Uint16(p[10:]))
		f.Modifier = int32(binary.BigEndian.Uint32(p[12:]))
		f.Format = int16(binary.BigEndian.Uint16(p[16:]))
		dst = append(dst, f)
	}
	if !c.end() {
		return dst, malformed("RowDescription")
	}
	return dst, nil
}

// AppendRowDescription appends a RowDescription.
func AppendRowDescription(dst []byte, fields []Field) []byte {
	dst, at := begin(dst, TypeRowDescription)
	dst = appendUint16(dst, uint16(len(fields)))
	for i := range fields {
		f := &fields[i]
		dst = append(append(dst, f.Name...), 0)
		dst = appendUint32(dst, f.Table)
		dst = appendUint16(dst, uint16(f.Attribute))
		dst = appendUint32(dst, f.Type)
		dst = appendUint16(dst, uint16(f.Size))
		dst = appendUint32(dst, uint32(f.Modifier))
		dst = appendUint16(dst, uint16(f.Format))
	}
	return finish(dst, at)
}

// AppendRowDescriptionTrimmed appends the RowDescription whose body is given
// without its last drop fields.
func AppendRowDescriptionTrimmed(dst, body []byte, drop int) ([]byte, error) {
	c := cursor{b: body}
	n := c.count()
	if drop < 0 || drop > n {
		return dst, malformed("RowDescription")
	}
	start, kept := c.b, 0
	for i := range n {
		if i == n-drop {
			kept = len(start) - len(c.b)
		}
		c.text()
		c.take(18)
	}
	if drop == 0 {
		kept = len(start)
	}
	if !c.end() {
		return dst, malformed("RowDescription")
	}
	dst, at := begin(dst, TypeRowDescription)
	dst = appendUint16(dst, uint16(n-drop))
	return finish(append(dst, start[:kept]...), at), nil
}

// Row is the body of a DataRow.
type Row []byte

// Columns returns the number of columns, or -1 when the row is too short.
func (r Row) Columns() int {
	if len(r) < 2 {
		return -1
	}
	return int(binary.BigEndian.Uint16(r))
}

// Column returns the value of column k (0-based), nil for NULL. ok is false
// when there is no such column or the row is malformed before its end.
func (r Row) Column(k int) (value []byte, ok bool) {
	if k < 0 || k >= r.Columns() {
		return nil, false
	}
	at := 2
	for {
		if len(r)-at < 4 {
			return nil, false
		}
		n := int(int32(binary.BigEndian.Uint32(r[at:])))
		at += 4
		if n < 0 {
			if n != -1 {
				return nil, false
			}
			n = 0
			if k == 0 {
				return nil, true
			}
		}
		if n > len(r)-at {
			return nil, false
		}
		if k == 0 {
			return r[at : at+n : at+n], true
		}
		at += n
		k--
	}
}

// Values appends all columns to dst, nil for NULL. ok is false when the row is
// malformed; what was appended is then worthless.
func (r Row) Values(dst [][]byte) (values [][]byte, ok bool) {
	n, at := r.Columns(), 2
	if n < 0 {
		return dst, false
	}
	for range n {
		if len(r)-at < 4 {
			return dst, false
		}
		size := int(int32(binary.BigEndian.Uint32(r[at:])))
		at += 4
		if size == -1 {
			dst = append(dst, nil)
			continue
		}
		if size < 0 || size > len(r)-at {
			return dst, false
		}
		dst = append(dst, r[at:at+size:at+size])
		at += size
	}
	return dst, at == len(r)
}

// Check reports whether the row has the layout of a DataRow, to its last byte.
func (r Row) Check() bool {
	n, at := r.Columns(), 2
	if n < 0 {
		return false
	}
	for ; n > 0; n-- {
		if len(r)-at < 4 {
			return false
		}
		size := int(int32(binary.BigEndian.Uint32(r[at:])))
		at += 4
		if size == -1 {
			continue
		}
		if size < 0 || size > len(r)-at {
			return false
		}
		at += size
	}
	return at == len(r)
}

// AppendRow appends a DataRow of values, nil for NULL.
func AppendRow(dst []byte, values [][]byte) []byte {
	dst, at := begin(dst, TypeDataRow)
	dst = appendUint16(dst, uint16(len(values)))
	for _, v := range values {
		dst = appendValue(dst, v)
	}
	return finish(dst, at)
}

// AppendRowEdited appends the DataRow without its last drop columns, and with
// the values that replace returns true for replaced (nil: NULL). replace may be
// nil; it is called for the kept columns in order.
func AppendRowEdited(dst []byte, row Row, drop int, replace func(k int, value []byte) ([]byte, bool)) ([]byte, error) {
	n := row.Columns()
	if n < 0 || drop < 0 || drop > n {
		return dst, malformed("DataRow")
	}
	c := cursor{b: row[2:]}
	out, at := begin(dst, TypeDataRow)
	out = appendUint16(out, uint16(n-drop))
	for k := range n {
		v := c.value()
		if c.bad {
			return dst, malformed("DataRow")
		}
		if k >= n-drop {
			continue
		}
		if replace != nil {
			if w, yes := replace(k, v); yes {
				v = w
			}
		}
		out = appendValue(out, v)
	}
	if !c.end() {
		return dst, malformed("DataRow")
	}
	return finish(out, at), nil
}

func appendValue(dst, v []byte) []byte {
	if v == nil {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	return append(appendUint32(dst, uint32(len(v))), v...)
}
