package demo

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"sekisho/demo/shop"
	"sekisho/demo/wiretap"
	"sekisho/internal/element"
)

// people finds the customer behind an identifier, from the generated data
// alone.
type people struct {
	ids       map[int64]bool
	emails    map[string]int64
	passports map[string]int64
}

func indexPeople(d *shop.Data) *people {
	p := &people{
		ids:    make(map[int64]bool, len(d.Customers)),
		emails: make(map[string]int64, len(d.Customers)), passports: make(map[string]int64, len(d.Passports)),
	}
	for i := range d.Customers {
		c := &d.Customers[i]
		p.ids[c.ID], p.emails[c.Email] = true, c.ID
	}
	for _, k := range d.Passports {
		p.passports[k.Number] = k.Customer
	}
	return p
}

// field says what a column of an answer holds and whose it is.
type field struct {
	// element is what crosses with it; plain says that it is none.
	element element.Kind
	plain   bool
	// by says how the person is known: by this column's own value, or by
	// another column's.
	by    means
	other int // column, for byOther
}

// means is how a value names a person.
type means uint8

const (
	byKey      means = iota + 1 // it is the customer's number
	byEmail                     // it is the e-mail address
	byPassport                  // it is the passport's number
	byOther                     // it belongs to whom another column names
	byNobody                    // it is about nobody in particular (an aggregate)
)

// key, email, passport and of build fields.
func key() field            { return field{plain: true, by: byKey} }
func email() field          { return field{element: element.Email, by: byEmail} }
func passportNumber() field { return field{element: element.Passport, by: byPassport} }
func plain() field          { return field{plain: true, by: byNobody} }
func figure() field         { return field{plain: true, by: byNobody} }
func of(column int, k element.Kind) field {
	return field{element: k, by: byOther, other: column}
}

// read is a set of persons with the elements that were read of each.
type read map[int64]element.Mask

// with returns the persons of whom k was read.
func (r read) with(k element.Kind) []int64 {
	var ids []int64
	for id, mask := range r {
		if mask.Has(k) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (r read) all() []int64 { return slices.Sorted(maps.Keys(r)) }

func (r read) elements() (all element.Mask) {
	for _, mask := range r {
		all |= mask
	}
	return all
}

// enter adds everybody whose data is in the rows that a client received.
func (r read) enter(p *people, fields []field, rows [][][]byte) error {
	for n, row := range rows {
		if len(row) != len(fields) {
			return fmt.Errorf("row %d has %d columns, the question had %d", n, len(row), len(fields))
		}
		for i, f := range fields {
			if f.by == byNobody || row[i] == nil {
				continue
			}
			id, err := p.whose(fields, row, i)
			if err != nil {
				return fmt.Errorf("row %d: %w", n, err)
			}
			r[id] |= 0 // the key alone says that this person is a customer
			if !f.plain {
				r[id] |= element.MaskOf(f.element)
			}
		}
	}
	return nil
}

// whose returns the person whose value stands in column i.
func (p *people) whose(fields []field, row [][]byte, i int) (int64, error) {
	if fields[i].by == byOther {
		i = fields[i].other
	}
	value := string(row[i])
	id, known := int64(0), false
	switch fields[i].by {
	case byKey:
		n, err := strconv.ParseInt(value, 10, 64)
		id, known = n, err == nil && p.ids[n]
	case byEmail:
		id, known = p.emails[value]
	case byPassport:
		id, known = p.passports[value]
	}
	if !known {
		return 0, fmt.Errorf("column %d names nobody of the shop", i)
	}
	return id, nil
}

// rowsOf returns the rows of an answer, copied ones too. Of a copy that was
// cut, fields of an unfinished last line count as far as they came.
func rowsOf(a *wiretap.Answer, columns int) [][][]byte {
	if a.Copied == nil {
		return a.Rows
	}
	rows, rest := wiretap.CopyRows(a.Copied)
	if len(rest) > 0 {
		whole, _ := wiretap.CopyRows(append(bytes.Clone(rest), '\n'))
		last := whole[0]
		for len(last) < columns {
			last = append(last, nil)
		}
		rows = append(rows, last)
	}
	return rows
}
