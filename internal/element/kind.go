// Package element knows the kinds of personal data and finds them in bytes.
//
// A Scanner finds elements in a stream of bytes, a Field judges the values of one
// column or form field by its header, a Column learns what a column is from its
// name and a sample of its values, and Classify names what one short value is.
//
// It does not know where bytes come from or whose they are: that is for the
// gates, the scans and package subject.
package element

import (
	"fmt"
	"math/bits"
	"strings"
)

// Kind is one kind of personal data. Numbers are written to the ledger inside
// a Mask and are therefore never reused; new kinds are added at the end.
type Kind uint8

// The kinds, in ledger order. Unclassified stands for a column of a protected
// table that nobody has classified: it counts as personal data until somebody
// says otherwise.
const (
	Unclassified Kind = iota
	Name
	Kana
	Address
	PostalCode
	Phone
	Email
	BirthDate
	Sex
	Passport
	DriversLicence
	MyNumber
	BankAccount
	CardPAN
	CardCVV
	CardExpiry
	IPAddress
	Cookie
	Secret
	Note
	Company
	CustomerNumber
	Booking
	Payment
	kindCount
)

var kindNames = [kindCount]string{
	"unclassified", "name", "kana", "address", "postal_code", "phone", "email",
	"birthdate", "sex", "passport", "drivers_licence", "my_number",
	"bank_account", "card.pan", "card.cvv", "card.expiry", "ip_address",
	"cookie", "secret", "note", "company", "customer_number", "booking",
	"payment",
}

// String returns the stable name of k, as written in configuration files.
func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return fmt.Sprintf("element(%d)", uint8(k))
}

// ParseKind returns the kind with the given stable name.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), true
		}
	}
	return 0, false
}

// Kinds returns every known kind in ledger order.
func Kinds() []Kind {
	all := make([]Kind, kindCount)
	for k := range all {
		all[k] = Kind(k)
	}
	return all
}

// Mask is a set of kinds: bit i stands for Kind(i).
type Mask uint64

// MaskOf returns the set of the given kinds.
func MaskOf(kinds ...Kind) Mask {
	var m Mask
	for _, k := range kinds {
		m |= 1 << k
	}
	return m
}

// Has reports whether k is in m.
func (m Mask) Has(k Kind) bool { return m&(1<<k) != 0 }

// Kinds returns the members of m in ledger order.
func (m Mask) Kinds() []Kind {
	out := make([]Kind, 0, bits.OnesCount64(uint64(m)))
	for rest := uint64(m); rest != 0; rest &= rest - 1 {
		out = append(out, Kind(bits.TrailingZeros64(rest)))
	}
	return out
}

// String returns the names of m's members, joined by commas.
func (m Mask) String() string {
	var b strings.Builder
	for i, k := range m.Kinds() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(k.String())
	}
	return b.String()
}
