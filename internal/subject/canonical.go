package subject

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"sekisho/internal/element"
	"sekisho/internal/person/canon"
)

// NameBirth is a name together with a birth date: an identifier of the index that is
// made of two elements. It is in no mask and no event. Its values are made by
// AppendNameBirth.
const NameBirth element.Kind = 255

// nameBirthCut stands between the two.
const nameBirthCut = 0x1f

// AppendNameBirth appends the value of NameBirth to dst: a name as it stands, and a
// birth date in any form.
func AppendNameBirth(dst, name, birth []byte) []byte {
	return append(append(append(dst, name...), nameBirthCut), birth...)
}

// Canonical appends the canonical form of an identifier to dst: the spelling
// in which equal identifiers are equal bytes. Joining too much is harmless
// (the identifier then belongs to several subjects), joining too little is
// harmless as well (the row is bounded). An empty form is no identifier.
//
//	e-mail            spaces trimmed, ASCII letters small (full-width too)
//	phone, numbers    ASCII letters and digits only, letters capital (full-width too)
//	NameBirth         name without spaces, width and variants of characters (package
//	                  canon); date as YYYYMMDD, eras too
//	the rest          spaces trimmed
func Canonical(dst []byte, k element.Kind, value []byte) []byte {
	switch k {
	case element.Email:
		return narrow(dst, trim(value), false)
	case element.Phone, element.Passport, element.DriversLicence, element.MyNumber,
		element.BankAccount, element.CardPAN, element.PostalCode:
		return narrow(dst, value, true)
	case NameBirth:
		name, birth, ok := bytes.Cut(value, []byte{nameBirthCut})
		date := canon.Date(birth)
		if !ok || date == 0 {
			return dst
		}
		n := len(dst)
		if dst = canon.Name(dst, name); len(dst) == n {
			return dst
		}
		dst = append(dst[:n], bytes.ReplaceAll(dst[n:], []byte(" "), nil)...)
		return strconv.AppendUint(append(dst, nameBirthCut), uint64(date), 10)
	}
	return append(dst, trim(value)...)
}

func trim(v []byte) []byte {
	for len(v) > 0 && v[0] <= ' ' {
		v = v[1:]
	}
	for len(v) > 0 && v[len(v)-1] <= ' ' {
		v = v[:len(v)-1]
	}
	return v
}

// narrow turns U+FF01 … U+FF5E (full-width forms) into ASCII and folds case.
func narrow(dst, v []byte, alnumOnly bool) []byte {
	for len(v) > 0 {
		r, n := utf8.DecodeRune(v)
		raw := v[:n]
		v = v[n:]
		if r >= 0xff01 && r <= 0xff5e {
			r -= 0xff01 - '!'
		}
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		switch {
		case letter && alnumOnly:
			dst = append(dst, byte(r)&^0x20)
		case letter:
			dst = append(dst, byte(r)|0x20)
		case r >= '0' && r <= '9':
			dst = append(dst, byte(r))
		case alnumOnly:
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		default:
			dst = append(dst, raw...)
		}
	}
	return dst
}
