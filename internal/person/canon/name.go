package canon

import (
	"bytes"
	"unicode/utf8"
)

// Name appends the canonical form of a name in kanji: standard characters, one
// space between parts, lower-case letters, no honorific at the end. Kana in it
// is full-width katakana.
func Name(dst, s []byte) []byte {
	start := len(dst)
	blank := true
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		r = fold(r)
		switch {
		case r == drop:
			continue
		case r == '゛' || r == '゜' || r == 0x3099 || r == 0x309A:
			dst = mark(dst, start, r == '゛' || r == 0x3099)
			continue
		case r >= 0x3041 && r <= 0x3096:
			r += 0x60
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r == ' ' || r == '・' || r == ',' || r == '、':
			if !blank {
				dst = append(dst, ' ')
				blank = true
			}
			continue
		}
		blank = false
		dst = utf8.AppendRune(dst, r)
	}
	return trimHonorific(dst, start)
}

// mark joins a voicing mark to the kana before it.
func mark(dst []byte, start int, voice bool) []byte {
	if r, n := utf8.DecodeLastRune(dst[start:]); n > 0 {
		if v, ok := voiced(r, voice); ok {
			return utf8.AppendRune(dst[:len(dst)-n], v)
		}
	}
	return dst
}

var honorifics = [][]byte{[]byte("様"), []byte("殿"), []byte("御中"), []byte("サマ"), []byte("サン")}

// trimHonorific takes off blanks and, when something is left, an honorific that
// stands apart or is 様 or 殿. Names end in neither, but do in サン.
func trimHonorific(dst []byte, start int) []byte {
	for {
		dst = trimSpace(dst, start)
		cut := -1
		for i, h := range honorifics {
			rest := dst[start:]
			if len(rest) > len(h) && bytes.HasSuffix(rest, h) && (i < 2 || rest[len(rest)-len(h)-1] == ' ') {
				cut = len(h)
			}
		}
		if cut < 0 {
			return dst
		}
		dst = dst[:len(dst)-cut]
	}
}

func trimSpace(dst []byte, start int) []byte {
	for len(dst) > start && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// Script is the writing of a name.
type Script uint8

// The scripts. Mixed names (kanji with kana, 真理ちゃん) count as Kanji.
const (
	None Script = iota
	Kanji
	KanaOnly
	Latin
)

// ScriptOf returns the writing of a name in any form.
func ScriptOf(s []byte) Script {
	is := None
	for len(s) > 0 {
		if c := s[0]; c < utf8.RuneSelf {
			if c|0x20 >= 'a' && c|0x20 <= 'z' {
				is = max(is, Script(Latin))
			}
			s = s[1:]
			continue
		}
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		switch r = fold(r); {
		case r == '々' || r == '〆' || r >= 0x3400 && r <= 0x9FFF || r >= 0x20000 && r < 0x40000:
			return Kanji
		case r >= 0x3041 && r <= 0x30FF:
			is = KanaOnly
		case r|0x20 >= 'a' && r|0x20 <= 'z' || r >= 0xC0 && r < 0x250:
			if is == None {
				is = Latin
			}
		}
	}
	return is
}

// Cut splits a canonical name at its first space. whole is true when there is
// none: then given is empty.
func Cut(name []byte) (family, given []byte, whole bool) {
	i := bytes.IndexByte(name, ' ')
	if i < 0 {
		return name, nil, true
	}
	return name[:i], name[i+1:], false
}
