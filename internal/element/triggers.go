package element

import "math/bits"

// triggers are the bytes of one block that are looked at closely: bit i of each
// mask is byte i. They are what the masks of classes come to, block after block.
type triggers struct {
	joined uint64 // no trigger: the rows of digits and of what stands between them
	rows   uint64 // behind a row of digits that may be a number
	others uint64 // numbers in full width, with escapes in them, in pieces
	views  uint64 // escaped letters, quoted-printable, base64
	marks  uint64 // @, the third dot of an IP address
	text   uint64 // the beginnings of rows of kanji and katakana, signs behind keys, the beginnings of secrets
}

// carry is what of a block goes on in the next one, beside its classes: runs of
// two and four digits, the rows, runs of two, four and eight bytes of them, the
// carry of an addition, dots between digits and pairs of such dots.
type carry struct{ digits2, digits4, joined, two, four, eight, sum, dots, dots2 uint64 }

// wanted are the triggers that are of use, each all ones or zero.
type wanted struct{ numbers, views, marks, text, keys uint64 }

// triggerFunc finds the triggers t. m are the classes of the block before those of
// t, of theirs, and of the block behind them; k is taken on from the block before to
// the last one.
type triggerFunc func(t []triggers, m []classes, k *carry, want *wanted)

// path are the two passes that find triggers, in assembly or not.
type path struct {
	classify classifyFunc
	trigger  triggerFunc
}

// triggersAll finds the triggers of every element.
//
// A number is a row of digits, with single separators between them, of seven
// bytes or more and with four digits together; or it holds full-width characters
// or escapes, and is read in a view; or it is cut in pieces of four. Rows are
// looked at behind their end, because an addition carries the mark of what they
// have to there. Rows of less than twelve bytes before a letter are times
// (2026-11-22T) and parts of names, those before a colon and a digit too.
func triggersAll(t []triggers, m []classes, k *carry, want *wanted) {
	m = m[:len(t)+2]
	// Each shift that comes from the block before is a local of its own: so the
	// compiler keeps them in registers.
	digits2, digits4, joined, two, four, eight, sum, dots, dots2 := k.digits2, k.digits4, k.joined, k.two, k.four, k.eight, k.sum, k.dots, k.dots2
	for i := range t {
		prev, c, next, out := &m[i], &m[i+1], &m[i+2], &t[i]
		d := c.digit
		afterDigit, nextDigit := d<<1|prev.digit>>63, d>>1|next.digit<<63

		d2 := d & afterDigit
		d4 := d2 & (d2<<2 | digits2>>62)
		behind := d4<<1 | digits4>>63
		others := c.joint&behind | c.escape
		if c.high != 0 {
			others |= c.high&(d2<<1|digits2>>63) | c.wide&^(c.wide<<3|prev.wide>>61)
		}
		out.others = others & want.numbers
		digits2, digits4 = d2, d4

		j := d | c.sep&afterDigit&nextDigit
		out.joined = j
		j2 := j & (j<<1 | joined>>63)
		j4 := j2 & (j2<<2 | two>>62)
		j8 := j4 & (j4<<4 | four>>60)
		j7 := j4 & (j4<<3 | four>>61)
		past, s := bits.Add64(j, d4, sum)
		short := (c.alpha | c.assign&nextDigit) &^ ((j8&(j8<<4|eight>>60))<<1 | four>>63&(eight>>59))
		out.rows = past &^ j & (j7<<1 | four>>63&(four>>60)) &^ short & want.numbers
		joined, two, four, eight, sum = j, j2, j4, j8, s

		// The first = of quoted-printable: a byte of Japanese that begins a
		// character is written with a letter first.
		views := c.escape | c.assign&(c.assign>>3|next.assign<<61)&(c.assign>>6|next.assign<<58)&(c.alpha>>1|next.alpha<<63)
		if c.base != 0 {
			views |= c.base & (c.base>>8 | next.base<<56)
		}
		out.views = views & want.views

		inner := c.dot & afterDigit & nextDigit
		pair := inner & (inner<<2 | inner<<3 | inner<<4 | dots>>62 | dots>>61 | dots>>60)
		third := inner & (pair<<2 | pair<<3 | pair<<4 | dots2>>62 | dots2>>61 | dots2>>60)
		out.marks = (c.at | third) & want.marks
		dots, dots2 = inner, pair

		text := c.assign &^ (afterDigit & nextDigit) & want.keys // 12:34 is a time
		if c.high != 0 {
			text |= (c.cjk&^(c.cjk<<3|prev.cjk>>61) | c.kata&^(c.kata<<3|prev.kata>>61)) & want.text
			text |= c.sign & want.keys
		}
		if c.token != 0 { // a secret begins behind no letter, but for that of an escape
			text |= c.token &^ ((c.alpha<<1 | prev.alpha>>63) &^ (c.escape<<2 | prev.escape>>62))
		}
		out.text = text
	}
	*k = carry{digits2, digits4, joined, two, four, eight, sum, dots, dots2}
}

// triggersCards is triggersAll for card numbers alone: a row has 13 bytes or more
// and four digits before each separator. Dates and most telephone numbers fall out
// by that.
func triggersCards(t []triggers, m []classes, k *carry, _ *wanted) {
	m = m[:len(t)+2]
	digits2, digits4, joined, two, four, eight, sum := k.digits2, k.digits4, k.joined, k.two, k.four, k.eight, k.sum
	for i := range t {
		prev, c, out := &m[i], &m[i+1], &t[i]
		d := c.digit
		d2 := d & (d<<1 | prev.digit>>63)
		d4 := d2 & (d2<<2 | digits2>>62)
		behind := d4<<1 | digits4>>63
		others := c.joint&behind | c.escape
		if c.high != 0 {
			others |= c.high&behind | c.wide&^(c.wide<<2|prev.wide>>62|c.wide<<3|prev.wide>>61)
		}
		out.others = others
		digits2, digits4 = d2, d4

		j := d | c.sep&behind&(d>>1|m[i+2].digit<<63)
		out.joined = j
		j2 := j & (j<<1 | joined>>63)
		j4 := j2 & (j2<<2 | two>>62)
		j8 := j4 & (j4<<4 | four>>60)
		past, s := bits.Add64(j, j8&(j8<<5|eight>>59), sum)
		out.rows = past &^ j
		joined, two, four, eight, sum = j, j2, j4, j8, s
	}
	k.digits2, k.digits4, k.joined, k.two, k.four, k.eight, k.sum = digits2, digits4, joined, two, four, eight, sum
}
