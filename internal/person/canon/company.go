package canon

import (
	"bytes"
	"unicode/utf8"
)

// legalForms are taken out of company names: 会社法 forms and what people
// write for them. Longer ones come first.
var legalForms = [][]byte{
	[]byte("特定非営利活動法人"), []byte("国立大学法人"), []byte("地方独立行政法人"), []byte("独立行政法人"),
	[]byte("一般社団法人"), []byte("公益社団法人"), []byte("一般財団法人"), []byte("公益財団法人"), []byte("社会福祉法人"),
	[]byte("株式会社"), []byte("有限会社"), []byte("合同会社"), []byte("合資会社"), []byte("合名会社"), []byte("相互会社"),
	[]byte("医療法人"), []byte("学校法人"), []byte("宗教法人"), []byte("社団法人"), []byte("財団法人"),
	[]byte("(株)"), []byte("(有)"), []byte("(合)"), []byte("(同)"), []byte("㈱"), []byte("㈲"), []byte("㍿"),
	[]byte("カブシキガイシャ"), []byte("カブシキカイシャ"), []byte("ユウゲンガイシャ"),
}

var latinForms = [][]byte{
	[]byte("coltd"), []byte("corporation"), []byte("incorporated"), []byte("limited"), []byte("kabushikikaisha"),
	[]byte("corp"), []byte("inc"), []byte("ltd"), []byte("llc"), []byte("kk"),
}

// Company appends a company's name without its legal form, blanks and
// punctuation, in lower case.
func Company(dst, s []byte) []byte {
	start := len(dst)
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		switch r = fold(r); {
		case r == '゛' || r == '゜' || r == 0x3099 || r == 0x309A:
			dst = mark(dst, start, r == '゛' || r == 0x3099)
			continue
		case r == drop, r == ' ', r == '.', r == ',', r == '・', r == '-', r == '\'', r == '"':
			continue
		case r >= 0x3041 && r <= 0x3096:
			r += 0x60
		case r >= 'A' && r <= 'Z':
			r |= 0x20
		}
		dst = utf8.AppendRune(dst, r)
	}
	for {
		n := len(dst)
		dst = withoutForm(dst, start)
		if len(dst) == n {
			return dst
		}
	}
}

// withoutForm takes one legal form off, unless nothing else would be left.
func withoutForm(dst []byte, start int) []byte {
	for _, f := range legalForms {
		rest := dst[start:]
		if i := bytes.Index(rest, f); i >= 0 && len(rest) > len(f) {
			return append(dst[:start+i], rest[i+len(f):]...)
		}
	}
	for _, f := range latinForms {
		if rest := dst[start:]; len(rest) > len(f)+1 && bytes.HasSuffix(rest, f) {
			return dst[:len(dst)-len(f)]
		}
	}
	return dst
}
