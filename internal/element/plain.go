package element

// Plain recognises values that are one plain element to their last byte, so that a
// Scanner that is given the value on a line of its own finds in it that element or
// nothing:
//
//   - Phone: digits from 0 on, ten or eleven, with single hyphens
//   - PostalCode: 123-4567
//   - Email: small letters, dots and one row of at most six digits
//   - Unclassified: nine digits at most, or 012-3456-7890 that is no phone, in which
//     it finds nothing
//
// Of the first three Field.Judge says the same if that is what the header speaks of.
// Everything else is not plain.
func Plain(value []byte) (kind Kind, ok bool) {
	if len(value) == 0 || len(value) > 40 {
		return Unclassified, false
	}
	if !isDigit(value[0]) {
		return Email, isLower(value[0]) && isPlainEmail(value)
	}
	var d [11]byte
	n, hyphens := 0, 0
	for i, c := range value {
		switch {
		case isDigit(c):
			if n == len(d) {
				return Unclassified, false
			}
			d[n] = c - '0'
			n++
		case c == '-' && i+1 < len(value) && isDigit(value[i-1]):
			hyphens++
		default:
			return Email, isPlainEmail(value)
		}
	}
	switch {
	case hyphens == 0 && n <= 9:
		return Unclassified, true
	case hyphens == 1 && n == 7 && value[3] == '-':
		return PostalCode, true
	case n >= 10 && len(value) <= 13 && IsPhone(d[:n]) && (hyphens > 0 || n == 11):
		return Phone, true
	case n == 11 && hyphens == 2 && value[0] == '0' && value[3] == '-' && value[8] == '-':
		return Unclassified, true
	}
	return Unclassified, false
}

// isPlainEmail reports whether v is a mail address of small letters and dots, with
// one row of at most six digits: no number, key or token can begin in it, and it is
// too short of letters in one row for base64.
func isPlainEmail(v []byte) bool {
	at, dot, run, digits, rows := 0, 0, 0, 0, 0
	for i, c := range v {
		switch {
		case isLower(c):
			run++
		case isDigit(c):
			if digits++; i == 0 || !isDigit(v[i-1]) {
				rows++
			}
			run++
		case (c == '.' || c == '@' && at == 0) && run > 0:
			if run = 0; c == '@' {
				at, dot = i, 0
			} else {
				dot = i
			}
		default:
			return false
		}
		if run > 19 {
			return false
		}
	}
	return at > 0 && dot > at && len(v)-dot >= 3 && rows <= 1 && digits <= 6 && isLower(v[dot+1]) && isLower(v[len(v)-1])
}
