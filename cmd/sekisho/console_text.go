package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// textFinder finds a text in lines, in any case. It is made for many lines in
// which the text is not: they are passed by looking for its rarest letter.
type textFinder struct {
	text  []byte // in lower case
	ascii bool
	// folds: it has an i or a k, which are the lower case of İ (U+0130) and of the
	// sign of kelvin (U+212A), too. No other ASCII is that of a letter beyond it.
	folds bool
	at    int // of its rarest letter
	pair  [2]byte
}

// commonLetters are the bytes of our lines from the rarest to the commonest,
// roughly; what is not among them is rarer still.
const commonLetters = "zqxjvkwyfgbhumpdclirnaoste_-./ {}[]9876543210:,\""

func newTextFinder(text string) textFinder {
	f := textFinder{text: []byte(strings.ToLower(text)), ascii: true}
	rarest := len(commonLetters)
	for i, b := range f.text {
		f.ascii = f.ascii && b < utf8.RuneSelf
		f.folds = f.folds || b == 'i' || b == 'k'
		if r := strings.IndexByte(commonLetters, b); r < rarest {
			rarest, f.at = r, i
		}
	}
	if len(f.text) > 0 {
		b := f.text[f.at]
		f.pair = [2]byte{b, upper(b)}
	}
	return f
}

func upper(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}

// in reports whether the line holds the text; every line holds none.
func (f *textFinder) in(line []byte) bool {
	if len(f.text) == 0 {
		return true
	}
	if f.ascii {
		if f.with(line, f.pair[0]) || f.pair[1] != f.pair[0] && f.with(line, f.pair[1]) {
			return true
		}
		if !f.folds || isASCII(line) {
			return false
		}
	}
	return bytes.Contains(bytes.ToLower(line), f.text)
}

// with looks at the places where the rarest letter is b.
func (f *textFinder) with(line []byte, b byte) bool {
	for from := f.at; from < len(line); {
		i := bytes.IndexByte(line[from:], b)
		if i < 0 {
			return false
		}
		begin := from + i - f.at
		if begin+len(f.text) > len(line) {
			return false
		}
		if bytes.EqualFold(line[begin:begin+len(f.text)], f.text) {
			return true
		}
		from += i + 1
	}
	return false
}

// isASCII looks at eight bytes at a time.
func isASCII(line []byte) bool {
	for ; len(line) >= 8; line = line[8:] {
		if binary.LittleEndian.Uint64(line)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, b := range line {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
