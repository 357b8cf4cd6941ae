package element

import "math/bits"

// triggers are the bytes of a stride that are looked at closely, kind by kind: bit i
// of each word is byte i of its block, and the first word belongs to the block
// before the stride. They are what the masks of classes come to, block after block.
type triggers struct {
	joined [1 + stride]uint64 // no trigger: the rows of digits and of what stands between them
	rows   [1 + stride]uint64 // behind a row of digits that may be a number
	others [1 + stride]uint64 // numbers in full width, with escapes in them, in pieces
	views  [1 + stride]uint64 // escaped letters, quoted-printable, base64
	marks  [1 + stride]uint64 // @, the third dot of an IP address
	text   [1 + stride]uint64 // the beginnings of rows of kanji and katakana, signs behind keys, the beginnings of secrets
}

// carry is what of a block goes on in the next one, beside its classes: runs of
// two and four digits, the rows, runs of two, four and eight bytes of them, the
// carry of an addition, dots between digits and pairs of such dots.
type carry struct{ digits2, digits4, joined, two, four, eight, sum, dots, dots2 uint64 }

// wanted are the triggers that are of use, each all ones or zero.
type wanted struct{ numbers, views, marks, text, keys uint64 }

// triggerFunc finds the triggers t of n blocks from their classes m; k is taken on
// from the block before to the last one.
type triggerFunc func(t *triggers, m *classes, n int, k *carry, want *wanted)

// path are the two passes that find triggers, and the one that finds context words, in
// assembly or not.
type path struct {
	name     string
	classify classifyFunc
	trigger  triggerFunc
	words    wordsFunc // nil without assembly
}

// paths are a way of this machine: for every element, and for card numbers alone.
type paths struct{ all, cards path }

// choosePath returns the fastest path of this machine.
func choosePath(onlyPAN, portable bool) path {
	p := paths{all: path{"portable", classifyPortable, triggersAll, nil}, cards: path{"portable", classifyDigits, triggersCards, nil}}
	if faster := assembly(); len(faster) > 0 && !portable {
		p = faster[len(faster)-1]
	}
	if onlyPAN {
		return p.cards
	}
	return p.all
}

// triggersAll finds the triggers of every element.
//
// A number is a row of digits, with single separators between them, of seven
// bytes or more and with four digits together; or it holds full-width characters
// or escapes, and is read in a view; or it is cut in pieces of four. Rows are
// looked at behind their end, because an addition carries the mark of what they
// have to there. Rows of less than twelve bytes before a letter are times
// (2026-11-22T) and parts of names, those before a colon and a digit too.
func triggersAll(t *triggers, m *classes, n int, k *carry, want *wanted) {
	// Each shift that comes from the block before is a local of its own: so the
	// compiler keeps them in registers.
	digits2, digits4, joined, two, four, eight, sum, dots, dots2 := k.digits2, k.digits4, k.joined, k.two, k.four, k.eight, k.sum, k.dots, k.dots2
	for i := 1; i <= min(n, stride); i++ {
		d := m.digit[i]
		afterDigit, nextDigit := d<<1|m.digit[i-1]>>63, d>>1|m.digit[i+1]<<63

		d2 := d & afterDigit
		d4 := d2 & (d2<<2 | digits2>>62)
		behind := d4<<1 | digits4>>63
		others := m.joint[i]&behind | m.escape[i]
		if m.high[i] != 0 {
			others |= m.high[i]&(d2<<1|digits2>>63) | m.wide[i]&^(m.wide[i]<<3|m.wide[i-1]>>61)
		}
		t.others[i] = others & want.numbers
		digits2, digits4 = d2, d4

		j := d | m.sep[i]&afterDigit&nextDigit
		t.joined[i] = j
		j2 := j & (j<<1 | joined>>63)
		j4 := j2 & (j2<<2 | two>>62)
		j8 := j4 & (j4<<4 | four>>60)
		j7 := j4 & (j4<<3 | four>>61)
		past, s := bits.Add64(j, d4, sum)
		short := (m.alpha[i] | m.assign[i]&nextDigit) &^ ((j8&(j8<<4|eight>>60))<<1 | four>>63&(eight>>59))
		t.rows[i] = past &^ j & (j7<<1 | four>>63&(four>>60)) &^ short & want.numbers
		joined, two, four, eight, sum = j, j2, j4, j8, s

		// The first = of quoted-printable: a byte of Japanese that begins a
		// character is written with a letter first.
		views := m.escape[i] | m.assign[i]&(m.assign[i]>>3|m.assign[i+1]<<61)&(m.assign[i]>>6|m.assign[i+1]<<58)&(m.alpha[i]>>1|m.alpha[i+1]<<63)
		if m.base[i] != 0 {
			views |= m.base[i] & (m.base[i]>>8 | m.base[i+1]<<56)
		}
		t.views[i] = views & want.views

		inner := m.dot[i] & afterDigit & nextDigit
		pair := inner & (inner<<2 | inner<<3 | inner<<4 | dots>>62 | dots>>61 | dots>>60)
		third := inner & (pair<<2 | pair<<3 | pair<<4 | dots2>>62 | dots2>>61 | dots2>>60)
		t.marks[i] = (m.at[i] | third) & want.marks
		dots, dots2 = inner, pair

		text := m.assign[i] &^ (afterDigit & nextDigit) & want.keys // 12:34 is a time
		if m.high[i] != 0 {
			text |= (m.cjk[i]&^(m.cjk[i]<<3|m.cjk[i-1]>>61) | m.kata[i]&^(m.kata[i]<<3|m.kata[i-1]>>61)) & want.text
			text |= m.sign[i] & want.keys
		}
		if m.token[i] != 0 { // a secret begins behind no letter, but for that of an escape
			text |= m.token[i] &^ ((m.alpha[i]<<1 | m.alpha[i-1]>>63) &^ (m.escape[i]<<2 | m.escape[i-1]>>62))
		}
		t.text[i] = text
	}
	*k = carry{digits2, digits4, joined, two, four, eight, sum, dots, dots2}
}

// triggersCards is triggersAll for card numbers alone: a row has 13 bytes or more
// and four digits before each separator. Dates and most telephone numbers fall out
// by that.
func triggersCards(t *triggers, m *classes, n int, k *carry, _ *wanted) {
	digits2, digits4, joined, two, four, eight, sum := k.digits2, k.digits4, k.joined, k.two, k.four, k.eight, k.sum
	for i := 1; i <= min(n, stride); i++ {
		d := m.digit[i]
		d2 := d & (d<<1 | m.digit[i-1]>>63)
		d4 := d2 & (d2<<2 | digits2>>62)
		behind := d4<<1 | digits4>>63
		others := m.joint[i]&behind | m.escape[i]
		if m.high[i] != 0 {
			others |= m.high[i]&behind | m.wide[i]&^(m.wide[i]<<2|m.wide[i-1]>>62|m.wide[i]<<3|m.wide[i-1]>>61)
		}
		t.others[i] = others
		digits2, digits4 = d2, d4

		j := d | m.sep[i]&behind&(d>>1|m.digit[i+1]<<63)
		t.joined[i] = j
		j2 := j & (j<<1 | joined>>63)
		j4 := j2 & (j2<<2 | two>>62)
		j8 := j4 & (j4<<4 | four>>60)
		past, s := bits.Add64(j, j8&(j8<<5|eight>>59), sum)
		t.rows[i] = past &^ j
		joined, two, four, eight, sum = j, j2, j4, j8, s
	}
	k.digits2, k.digits4, k.joined, k.two, k.four, k.eight, k.sum = digits2, digits4, joined, two, four, eight, sum
}
