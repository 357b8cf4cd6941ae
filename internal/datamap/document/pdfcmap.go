package document

import (
	"sort"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	pdfCMap     = 8 << 20 // bytes of a table of characters
	pdfFontRoom = 1 << 20 // ranges of codes of all fonts
	pdfCode     = 64      // characters of one code
	cmapDefs    = 1 << 18 // definitions of one table
)

// cmap says which characters the codes of a font are.
type cmap struct {
	ranges []cmapRange // in their order, none over another
	long   []string    // codes that are several characters
}

// cmapRange are codes of characters that follow one another. Less than 0, text is the
// number of a long one, less one.
type cmapRange struct {
	from, to uint32
	text     rune
}

// look appends the characters of a code.
func (m *cmap) look(dst []byte, code uint32) []byte {
	i := sort.Search(len(m.ranges), func(i int) bool { return m.ranges[i].to >= code })
	if i == len(m.ranges) || m.ranges[i].from > code {
		return dst
	}
	if r := m.ranges[i]; r.text >= 0 {
		return utf8.AppendRune(dst, r.text+rune(code-r.from))
	} else {
		return append(dst, m.long[-1-r.text]...)
	}
}

// cmapBuilder takes definitions, of which a later one counts more.
type cmapBuilder struct {
	defs []cmapRange
	long []string
	cut  bool
}

// put defines a code.
func (b *cmapBuilder) put(code uint32, text string) {
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return
	}
	if n < len(text) {
		if len(text) > pdfCode*utf8.UTFMax {
			b.cut = true
			return
		}
		b.long = append(b.long, text)
		r = rune(-len(b.long))
	}
	b.add(cmapRange{code, code, r})
}

// span defines codes that follow one another.
func (b *cmapBuilder) span(from, to uint32, v any) {
	if list, ok := v.([]any); ok {
		for i, s := range list {
			b.put(from+uint32(i), textOf(s))
		}
		return
	}
	text := textOf(v)
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 || from > to {
		return
	}
	if n == len(text) {
		b.add(cmapRange{from, min(to, 0xffff), r})
		return
	}
	// Of several characters the last one counts up (Adobe technical note 5411).
	r, n = utf8.DecodeLastRuneInString(text)
	for code := from; code <= min(to, from+0xff); code++ {
		b.put(code, text[:len(text)-n]+string(r+rune(code-from)))
	}
}

func (b *cmapBuilder) add(r cmapRange) {
	switch {
	case r.from > 0xffff: // no code is as wide
	case len(b.defs) >= cmapDefs:
		b.cut = true
	default:
		b.defs = append(b.defs, r)
	}
}

// build makes them ready: each code is in one range, whatever was defined how often.
func (b *cmapBuilder) build() cmap {
	most := uint32(0)
	for _, d := range b.defs {
		most = max(most, d.to)
	}
	next := make([]uint32, most+2) // the first code from here on that is not defined yet
	for i := range next {
		next[i] = uint32(i)
	}
	free := func(code uint32) uint32 {
		root := code
		for next[root] != root {
			root = next[root]
		}
		for next[code] != root && code != root {
			next[code], code = root, next[code]
		}
		return root
	}
	m := cmap{long: b.long}
	for i := len(b.defs) - 1; i >= 0; i-- {
		d := b.defs[i]
		for code := free(d.from); code <= d.to; code = free(code) {
			from := code
			for code <= d.to && next[code] == code {
				next[code] = code + 1
				code++
			}
			r := cmapRange{from, code - 1, d.text}
			if d.text >= 0 {
				r.text += rune(from - d.from)
			}
			m.ranges = append(m.ranges, r)
		}
	}
	sort.Slice(m.ranges, func(a, b int) bool { return m.ranges[a].from < m.ranges[b].from })
	return m
}

// readCMap reads a ToUnicode CMap: bfchar, bfrange and the width of codes (Adobe
// technical note 5411).
func readCMap(font *pdfFont, text []byte) (b cmapBuilder) {
	p := pdfParser{data: text}
	var args [3]any
	n, want := 0, 0 // values that are there, and that a definition has
	for {
		v := p.value(0)
		if v == nil && p.at >= len(p.data) {
			b.cut = b.cut || p.over
			return b
		}
		w, ok := v.(pdfWord)
		switch {
		case !ok:
			if n == len(args) {
				copy(args[:], args[1:])
				n--
			}
			args[n] = v
			if n++; n == want {
				if n = 0; want == 2 {
					b.put(codeOf(args[0]), textOf(args[1]))
				} else {
					b.span(codeOf(args[0]), codeOf(args[1]), args[2])
				}
			}
			continue
		case w == "beginbfchar":
			want = 2
		case w == "beginbfrange":
			want = 3
		case w == "endcodespacerange" && n > 0:
			if s, ok := args[n-1].([]byte); ok {
				font.double = len(s) == 2
			}
			want = 0
		default:
			want = 0
		}
		n = 0
	}
}

func codeOf(v any) uint32 {
	s, _ := v.([]byte)
	n := uint32(0)
	for _, c := range s {
		n = n<<8 | uint32(c)
	}
	return n
}

// textOf reads UTF-16BE.
func textOf(v any) string {
	s, _ := v.([]byte)
	units := make([]uint16, len(s)/2)
	for i := range units {
		units[i] = uint16(s[2*i])<<8 | uint16(s[2*i+1])
	}
	return string(utf16.Decode(units))
}
