package element

import "encoding/binary"

// Brand is the card brand that a number's leading digits belong to.
type Brand uint8

// The brands whose number ranges are known here.
const (
	NoBrand Brand = iota
	Visa
	Mastercard
	JCB
	Amex
	Diners
	Discover
	UnionPay
)

var brandNames = [...]string{"", "Visa", "Mastercard", "JCB", "American Express", "Diners Club", "Discover", "UnionPay"}

// String returns the brand's name, empty for NoBrand.
func (b Brand) String() string { return brandNames[b] }

// BrandOf returns the brand of a card number given as digit values (0–9), by
// issuer identification range and length (ISO/IEC 7812-1; the ranges are the
// ones the brands publish):
//
//	Visa 4 (13, 16, 19); Mastercard 51–55, 2221–2720 (16); JCB 3528–3589
//	(16–19); American Express 34, 37 (15); Diners Club 300–305, 3095, 36, 38,
//	39 (14–19); Discover 6011, 644–649, 65 (16–19); UnionPay 62 (16–19).
func BrandOf(d []byte) Brand {
	if len(d) < 13 || len(d) > 19 {
		return NoBrand
	}
	four := int(d[0])*1000 + int(d[1])*100 + int(d[2])*10 + int(d[3])
	n := len(d)
	switch {
	case d[0] == 4 && (n == 13 || n == 16 || n == 19):
		return Visa
	case n == 16 && (four >= 5100 && four < 5600 || four >= 2221 && four <= 2720):
		return Mastercard
	case n >= 16 && four >= 3528 && four <= 3589:
		return JCB
	case n == 15 && (four/100 == 34 || four/100 == 37):
		return Amex
	case n >= 14 && (four/10 >= 300 && four/10 <= 305 || four == 3095 || four/100 == 36 || four/100 == 38 || four/100 == 39):
		return Diners
	case n >= 16 && (four == 6011 || four/10 >= 644 && four/10 <= 649 || four/100 == 65):
		return Discover
	case n >= 16 && four/100 == 62:
		return UnionPay
	}
	return NoBrand
}

// Luhn reports whether digit values end in their check digit (ISO/IEC 7812-1,
// annex B).
func Luhn(d []byte) bool {
	n, sum := len(d), 0
	if n >= 8 {
		lanes := luhnLanes(binary.LittleEndian.Uint64(d) << (64 - n%8*8)) // nothing of it if the rest divides by eight
		for ; n >= 8; n -= 8 {
			lanes += luhnLanes(binary.LittleEndian.Uint64(d[n-8 : n]))
		}
		return lanes*0x0001000100010001>>48%10 == 0
	}
	i := n - 1
	for ; i >= 1; i -= 2 {
		sum += int(d[i]) + int(doubled[d[i-1]&15])
	}
	if i == 0 {
		sum += int(d[0])
	}
	return n > 1 && sum%10 == 0
}

// luhnLanes adds the digits in the eight bytes of x, the last of which is not doubled,
// two by two, in four lanes.
func luhnLanes(x uint64) uint64 {
	const lane = 0x00FF00FF00FF00FF
	twice := x & lane
	return x>>8&lane + twice<<1 - (twice+0x007B007B007B007B)>>7&0x0001000100010001*9 // 2d, less 9 from five on
}

// doubled are the digits' doubles, with their own digits added.
var doubled = [16]byte{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}

// IsCardPAN reports whether digit values are a possible primary account
// number: a known range, a length of that range, and the check digit. Numbers
// of one repeated digit are nobody's.
func IsCardPAN(d []byte) bool {
	if BrandOf(d) == NoBrand || !Luhn(d) {
		return false
	}
	for _, v := range d[4:] {
		if v != d[4] {
			return true
		}
	}
	return d[0] != d[4] // 4444…4 is a placeholder, 4111 1111 1111 1111 is not
}

// IsMyNumber reports whether twelve digit values end in the check digit of the
// Individual Number (Order of the Ministry of Internal Affairs and
// Communications No. 85 of 2014, article 5): with P(1)…P(11) counted from the
// right and Q = n+1 for n ≤ 6, n−5 above, the check digit is 11 − ΣPQ mod 11,
// and 0 when the remainder is 0 or 1. Nine in a hundred random numbers pass.
func IsMyNumber(d []byte) bool {
	if len(d) != 12 {
		return false
	}
	sum := 2*(int(d[10])+int(d[4])) + 3*(int(d[9])+int(d[3])) + 4*(int(d[8])+int(d[2])) + 5*(int(d[7])+int(d[1])) + 6*(int(d[6])+int(d[0])) + 7*int(d[5])
	check := 0
	if r := sum % 11; r > 1 {
		check = 11 - r
	}
	return int(d[11]) == check
}

// IsDriversLicence reports whether twelve digit values can be a Japanese
// driver's licence number: a prefecture's commission code 10–97 and the check
// digit in the eleventh place (weights 5,4,3,2,7,6,5,4,3,2; published by
// researchers, not in an ordinance we have read).
func IsDriversLicence(d []byte) bool {
	if len(d) != 12 {
		return false
	}
	if code := int(d[0])*10 + int(d[1]); code < 10 || code > 97 {
		return false
	}
	sum := 5*(int(d[0])+int(d[6])) + 4*(int(d[1])+int(d[7])) + 3*(int(d[2])+int(d[8])) + 2*(int(d[3])+int(d[9])) + 7*int(d[4]) + 6*int(d[5])
	return int(d[10]) == (11-sum%11)%10
}

// IsPhone reports whether digit values with a leading 0 (or after +81) can be a
// Japanese telephone number (Numbering Plan, Telecommunications Numbering
// Rules 2019): ten digits for fixed lines, 0120 and 0570; eleven for 050, 060,
// 070, 080 and 090; 0800 has eleven.
func IsPhone(d []byte) bool {
	if len(d) < 10 || d[0] != 0 || d[1] == 0 {
		return false
	}
	mobile := d[2] == 0 && d[1] >= 5 // 050, 060, 070, 080, 090
	if len(d) == 11 {
		return mobile && d[3] != 0 || d[1] == 8 && d[2] == 0 && d[3] == 0
	}
	return len(d) == 10 && !mobile
}
