package document

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

// pdfFont turns the codes of a string into characters (§9.10.2).
type pdfFont struct {
	double  bool // codes have two bytes
	unicode map[uint32]string
	ranges  []cmapRange
	enc     encoding.Encoding // of the codes, nil if they are in unicode or not known
	known   bool              // there is a way to read it
}

type cmapRange struct {
	from, to uint32
	text     rune
}

// font reads a font's dictionary.
func (f *pdfFile) font(d pdfDict) *pdfFont {
	font := &pdfFont{unicode: map[uint32]string{}}
	composite := d["Subtype"] == pdfName("Type0")
	font.double = composite
	if ref, ok := d["ToUnicode"].(pdfRef); ok {
		if text := f.decode(f.objects[int(ref)]); len(text) > 0 {
			font.cmap(text)
			font.known = true
			return font
		}
	}
	if !composite {
		font.simple(f, d)
		return font
	}
	// The predefined CMaps of Adobe-Japan1 whose codes are characters (§9.7.5.2).
	name, _ := f.resolve(d["Encoding"]).(pdfName)
	switch s := string(name); {
	case strings.HasPrefix(s, "UniJIS-UTF16"), strings.HasPrefix(s, "UniJIS-UCS2"), strings.HasPrefix(s, "UniJIS2004-UTF16"), strings.HasPrefix(s, "UniJISX0213-UTF16"):
		font.enc = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case strings.Contains(s, "RKSJ"):
		font.enc = japanese.ShiftJIS
	case strings.HasPrefix(s, "EUC-"):
		font.enc = japanese.EUCJP
	}
	font.known = font.enc != nil
	return font
}

// simple reads a font of one byte a code: its differences from the standard
// encodings by glyph names (§9.6.6). Symbolic fonts without names are not read.
func (font *pdfFont) simple(f *pdfFile, d pdfDict) {
	font.enc = charmap.Windows1252
	if d["Subtype"] == pdfName("Type3") {
		font.enc = nil
	}
	enc := f.resolve(d["Encoding"])
	e, ok := enc.(pdfDict)
	if !ok {
		// A subset without an encoding has codes of its own making.
		base, _ := f.resolve(d["BaseFont"]).(pdfName)
		if enc == nil && len(base) > 7 && base[6] == '+' {
			flags, _ := f.dict(d["FontDescriptor"])["Flags"].(float64)
			if int(flags)&4 != 0 { // symbolic (§9.8.2)
				font.enc = nil
			}
		}
		font.known = font.enc != nil
		return
	}
	list, _ := f.resolve(e["Differences"]).([]any)
	code, named := uint32(0), 0
	for _, v := range list {
		switch v := v.(type) {
		case float64:
			code = uint32(v)
		case pdfName:
			if s, ok := glyph(string(v)); ok {
				font.unicode[code] = s
				named++
			}
			code++
		}
	}
	font.known = font.enc != nil && (len(list) == 0 || named > 0)
}

// glyphs are names of the Adobe Glyph List for New Fonts that are not the
// character itself.
var glyphs = map[string]string{
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"space": " ", "hyphen": "-", "minus": "-", "period": ".", "comma": ",", "colon": ":", "slash": "/", "at": "@", "plus": "+", "underscore": "_",
	"parenleft": "(", "parenright": ")", "equal": "=", "ampersand": "&", "numbersign": "#", "quotesingle": "'", "semicolon": ";", "percent": "%",
}

func glyph(name string) (string, bool) {
	if len(name) == 1 {
		return name, true
	}
	if s, ok := glyphs[name]; ok {
		return s, true
	}
	if hex, ok := strings.CutPrefix(name, "uni"); ok && len(hex) == 4 {
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil {
			return string(rune(n)), true
		}
	}
	return "", false
}

// cmap reads a ToUnicode CMap: bfchar, bfrange and the width of codes (Adobe
// technical note 5411).
func (font *pdfFont) cmap(text []byte) {
	p := pdfParser{data: text}
	var args []any
	for {
		v := p.value(0)
		if v == nil && p.at >= len(p.data) {
			return
		}
		w, ok := v.(pdfWord)
		if !ok {
			if args = append(args, v); len(args) > 4096 {
				args = args[1:]
			}
			continue
		}
		switch w {
		case "endcodespacerange":
			if s, ok := last(args).([]byte); ok {
				font.double = len(s) == 2
			}
		case "endbfchar":
			for i := 0; i+1 < len(args); i += 2 {
				font.put(codeOf(args[i]), textOf(args[i+1]))
			}
		case "endbfrange":
			for i := 0; i+2 < len(args); i += 3 {
				font.span(codeOf(args[i]), codeOf(args[i+1]), args[i+2])
			}
		}
		args = args[:0]
	}
}

func last(a []any) any {
	if len(a) == 0 {
		return nil
	}
	return a[len(a)-1]
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

func (font *pdfFont) put(code uint32, text string) {
	if len(font.unicode) < 1<<17 && text != "" {
		font.unicode[code] = text
	}
}

func (font *pdfFont) span(from, to uint32, v any) {
	if list, ok := v.([]any); ok {
		for i, s := range list {
			font.put(from+uint32(i), textOf(s))
		}
		return
	}
	r, n := utf8.DecodeRuneInString(textOf(v))
	if n > 0 && len(font.ranges) < 1<<16 {
		font.ranges = append(font.ranges, cmapRange{from, to, r})
	}
}

// append adds the characters of s to dst and returns how many codes could not be
// read.
func (font *pdfFont) append(dst, s []byte) (_ []byte, unread int) {
	if !font.known {
		return dst, len(s)
	}
	if font.enc != nil && len(font.unicode) == 0 {
		text, err := font.enc.NewDecoder().Bytes(s)
		if err != nil {
			return dst, len(s)
		}
		return append(dst, text...), bytes.Count(text, []byte("\uFFFD"))
	}
	width := 1
	if font.double {
		width = 2
	}
	for len(s) >= width {
		code := codeOf(s[:width])
		s = s[width:]
		if text, ok := font.look(code); ok {
			dst = append(dst, text...)
		} else if font.enc != nil && code < 0x100 {
			text, err := font.enc.NewDecoder().Bytes([]byte{byte(code)})
			if err == nil {
				dst = append(dst, text...)
			}
		} else {
			unread++
		}
	}
	return dst, unread
}

func (font *pdfFont) look(code uint32) (string, bool) {
	if s, ok := font.unicode[code]; ok {
		return s, true
	}
	for _, r := range font.ranges {
		if code >= r.from && code <= r.to {
			return string(r.text + rune(code-r.from)), true
		}
	}
	return "", false
}

// pdfPages collects what pages show.
type pdfPages struct {
	f      *pdfFile
	fonts  map[int]*pdfFont // by object
	out    []byte
	shown  int // characters
	unread int // codes that no font explains
	images int
}

// page reads a page: its contents are one stream, its resources may be its
// parent's (§7.7.3.4).
func (p *pdfPages) page(d pdfDict) {
	resources := d
	for range 32 {
		if resources == nil || resources["Resources"] != nil {
			break
		}
		resources = p.f.dict(resources["Parent"])
	}
	var text []byte
	contents := p.f.resolve(d["Contents"])
	if list, ok := contents.([]any); ok {
		for _, c := range list {
			if ref, ok := c.(pdfRef); ok {
				text = append(append(text, p.f.decode(p.f.objects[int(ref)])...), '\n')
			}
		}
	} else if ref, ok := d["Contents"].(pdfRef); ok {
		text = p.f.decode(p.f.objects[int(ref)])
	}
	p.content(text, p.f.dict(resources["Resources"]))
}

// fontOf returns the font that resources give a name.
func (p *pdfPages) fontOf(resources pdfDict, name pdfName) *pdfFont {
	v := p.f.dict(resources["Font"])[name]
	ref, ok := v.(pdfRef)
	if !ok {
		if d, ok := v.(pdfDict); ok {
			return p.f.font(d)
		}
		return nil
	}
	if p.fonts[int(ref)] == nil {
		p.fonts[int(ref)] = p.f.font(p.f.dict(ref))
	}
	return p.fonts[int(ref)]
}

// content reads text operators (§9.4). A new line begins where the position
// changes in height; a gap wider than a character is a space.
func (p *pdfPages) content(text []byte, resources pdfDict) {
	q := pdfParser{data: text}
	var args []any
	var font *pdfFont
	size := 10.0
	for {
		v := q.value(0)
		if v == nil && q.at >= len(q.data) {
			break
		}
		op, ok := v.(pdfWord)
		if !ok {
			if args = append(args, v); len(args) > 64 {
				args = args[1:]
			}
			continue
		}
		switch op {
		case "Tf":
			if len(args) >= 2 {
				name, _ := args[0].(pdfName)
				font = p.fontOf(resources, name)
				if s, ok := args[1].(float64); ok && s > 0 {
					size = s
				}
			}
		case "Td", "TD":
			if len(args) >= 2 {
				x, _ := args[0].(float64)
				if y, _ := args[1].(float64); y != 0 {
					p.out = append(p.out, '\n')
				} else if x > 1.2*size {
					p.out = append(p.out, ' ')
				}
			}
		case "Tm", "T*", "ET":
			p.out = append(p.out, '\n')
		case "'", "\"":
			p.out = append(p.out, '\n')
			p.show(font, last(args))
		case "Tj":
			p.show(font, last(args))
		case "TJ":
			list, _ := last(args).([]any)
			for _, v := range list {
				if gap, ok := v.(float64); ok && gap < -300 {
					p.out = append(p.out, ' ')
				}
				p.show(font, v)
			}
		}
		args = args[:0]
	}
	p.out = append(p.out, '\n')
}

func (p *pdfPages) show(font *pdfFont, v any) {
	s, ok := v.([]byte)
	if !ok || len(s) == 0 {
		return
	}
	if font == nil {
		p.unread += len(s)
		return
	}
	before := len(p.out)
	var unread int
	p.out, unread = font.append(p.out, s)
	p.shown += len(p.out) - before
	p.unread += unread
}

// strings hands on what people wrote beside the pages: values of form fields,
// notes, the document's information (§12.7, §12.5, §14.3.3).
func (p *pdfPages) strings(d pdfDict) {
	for _, key := range []pdfName{"V", "Title", "Author", "Subject", "Keywords"} {
		p.textString(key, p.f.resolve(d[key]))
	}
	if d["Type"] == pdfName("Annot") || d["Subtype"] == pdfName("Text") || d["Subtype"] == pdfName("FreeText") {
		p.textString("Contents", p.f.resolve(d["Contents"]))
	}
}

// textString appends a text string (§7.9.2.2): UTF-16BE or UTF-8 with their
// marks, else nearly Latin-1.
func (p *pdfPages) textString(key pdfName, v any) {
	s, ok := v.([]byte)
	if !ok || len(s) == 0 {
		return
	}
	p.out = append(append(p.out, key...), ": "...)
	switch {
	case bytes.HasPrefix(s, []byte{0xFE, 0xFF}):
		p.out = append(p.out, textOf(s[2:])...)
	case bytes.HasPrefix(s, []byte("\xef\xbb\xbf")):
		p.out = append(p.out, s[3:]...)
	default:
		if text, err := charmap.Windows1252.NewDecoder().Bytes(s); err == nil {
			p.out = append(p.out, text...)
		}
	}
	p.out = append(p.out, '\n')
}
