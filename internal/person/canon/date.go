package canon

import "unicode/utf8"

// Date returns a date as the decimal number YYYYMMDD, 0 when the field holds
// none. It reads ISO and slashed forms, eight digits, kanji numerals and the
// eras 明治 to 令和 by name or letter (元号を改める政令; 令和 from 2019-05-01).
// Day first and month first are told apart by a number over 12; when neither
// is, the first is the month. The calendar is not checked: a date mistyped as
// 1956-04-99 stays comparable with the right one.
func Date(s []byte) uint32 {
	if v, ok := plainDate(s); ok {
		return v
	}
	return date(s)
}

func date(s []byte) uint32 {
	var d dateReader
	for len(s) > 0 && !d.done {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		d.read(fold(r))
	}
	return d.value()
}

// dateReader collects up to three numbers and an era.
type dateReader struct {
	era    int // year before the first of the era
	part   [3]int
	digits [3]int
	n      int  // numbers begun
	in     bool // within a number
	tens   bool // the number is written with 十
	done   bool
}

func (d *dateReader) read(r rune) {
	if v := digit(r); v >= 0 {
		d.digit(v)
		return
	}
	if d.n == 3 && d.in { // after the day comes the time of day
		d.done = true
		return
	}
	if r == '元' && !d.in && d.n == 0 {
		d.digit(1)
	}
	d.in, d.tens = false, false
	if d.n > 0 {
		return
	}
	switch r {
	case '明', 'M', 'm', '㍾':
		d.era = 1867
	case '大', 'T', 't', '㍽':
		d.era = 1911
	case '昭', 'S', 's', '㍼':
		d.era = 1925
	case '平', 'H', 'h', '㍻':
		d.era = 1988
	case '令', 'R', 'r', '㋿':
		d.era = 2018
	}
}

// beyondDates is the first number that has more digits than YYYYMMDD. A row of
// 十 would grow without end.
const beyondDates = 100_000_000

func (d *dateReader) digit(v int) {
	if !d.in {
		if d.n == 3 {
			d.done = true
			return
		}
		d.n++
		d.in = true
	}
	i := d.n - 1
	switch {
	case v == 10 && d.part[i] == 0:
		d.part[i], d.tens = 10, true
	case v == 10:
		d.part[i], d.tens = min(d.part[i]*10, beyondDates), true
	case d.tens:
		d.part[i], d.tens = d.part[i]+v, false
	case d.digits[i] < 8:
		d.part[i] = d.part[i]*10 + v
	}
	d.digits[i]++
}

func (d *dateReader) value() uint32 {
	y, m, day := d.part[0], d.part[1], d.part[2]
	switch {
	case d.n == 1 && d.digits[0] == 8 && d.era == 0 && y < beyondDates:
		return uint32(y)
	case d.n == 1 && d.digits[0] == 6 && d.era != 0: // S540302
		y, m, day = y/10000, y/100%100, y%100
	case d.n != 3:
		return 0
	case d.era == 0 && d.digits[0] <= 2 && d.digits[2] == 4: // 3/2/1979, 31.12.1979
		y, m, day = day, y, m
		if m > 12 {
			m, day = day, m
		}
	}
	y += d.era
	if y <= 0 || y > 9999 || m > 99 || day > 99 {
		return 0
	}
	return uint32(y*10000 + m*100 + day)
}

// digit returns the value of an Arabic or kanji numeral up to 十, -1 for
// anything else. r is folded.
func digit(r rune) int {
	if r >= '0' && r <= '9' {
		return int(r - '0')
	}
	if r < 0x3007 {
		return -1
	}
	switch r {
	case '〇', '零':
		return 0
	case '一', '壱':
		return 1
	case '二', '弐':
		return 2
	case '三', '参':
		return 3
	case '四':
		return 4
	case '五':
		return 5
	case '六':
		return 6
	case '七':
		return 7
	case '八':
		return 8
	case '九':
		return 9
	case '十', '拾':
		return 10
	}
	return -1
}
