package document

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

// pdfFont turns the codes of a string into characters (§9.10.2).
type pdfFont struct {
	cmap
	double bool              // codes have two bytes
	enc    encoding.Encoding // of the codes, nil if they are in cmap or not known
	known  bool              // there is a way to read it
}

// newFont reads a font's dictionary.
func (p *pdfPages) newFont(d pdfDict) *pdfFont {
	f := p.f
	font := &pdfFont{double: f.resolve(d["Subtype"]) == pdfName("Type0")}
	f.spend(256)
	if font.double {
		// The predefined CMaps whose codes are characters (§9.7.5.2).
		name, _ := f.resolve(d["Encoding"]).(pdfName)
		switch s := string(name); {
		case strings.HasPrefix(s, "Uni") && (strings.Contains(s, "-UTF16") || strings.Contains(s, "-UCS2")):
			font.enc = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
		case strings.Contains(s, "RKSJ"):
			font.enc = japanese.ShiftJIS
		case strings.HasPrefix(s, "EUC-"):
			font.enc = japanese.EUCJP
		}
		if font.enc != nil {
			font.known = true
			return font
		}
	}
	if n := f.object(d["ToUnicode"]); n >= 0 && f.objects[n].to > 0 {
		if p.cmaps[n] == nil {
			f.objects[n].seen = true
			p.cmaps[n] = p.toUnicode(n)
		}
		if of := p.cmaps[n]; of.known {
			font.cmap, font.known, font.double = of.cmap, true, of.double
			return font
		}
	}
	if !font.double {
		p.simple(font, d)
	}
	return font
}

// toUnicode reads a ToUnicode CMap.
func (p *pdfPages) toUnicode(n int32) *pdfFont {
	font := &pdfFont{}
	if text := p.f.all(n, pdfCMap); len(text) > 0 {
		font.double = true
		font.known = true
		p.keep(font, readCMap(font, text))
	}
	return font
}

// keep makes what a font says of its codes ready to be looked up.
func (p *pdfPages) keep(font *pdfFont, b cmapBuilder) {
	if b.cut || len(b.defs) > p.room {
		p.f.tell(Limit, "a PDF with tables of characters that are too large")
		b.defs = b.defs[:min(len(b.defs), p.room)]
	}
	font.cmap = b.build()
	p.room -= len(font.ranges)
	p.f.spend(int64(16 * (len(b.defs) + len(font.ranges))))
}

// simple reads a font of one byte a code: its differences from the standard
// encodings by glyph names (§9.6.6). Symbolic fonts without names are not read.
func (p *pdfPages) simple(font *pdfFont, d pdfDict) {
	f := p.f
	font.enc = charmap.Windows1252
	if f.resolve(d["Subtype"]) == pdfName("Type3") {
		font.enc = nil
	}
	enc := f.resolve(d["Encoding"])
	e, ok := enc.(pdfDict)
	if !ok {
		// A subset without an encoding has codes of its own making.
		base, _ := f.resolve(d["BaseFont"]).(pdfName)
		if enc == nil && len(base) > 7 && base[6] == '+' {
			flags, _ := f.resolve(f.dict(d["FontDescriptor"])["Flags"]).(float64)
			if int(flags)&4 != 0 { // symbolic (§9.8.2)
				font.enc = nil
			}
		}
		font.known = font.enc != nil
		return
	}
	list, _ := f.resolve(e["Differences"]).([]any)
	var b cmapBuilder
	code, named := uint32(0), 0
	for _, v := range list {
		switch v := f.resolve(v).(type) {
		case float64:
			code = uint32(max(0, min(v, 1<<16)))
		case pdfName:
			if s, ok := glyph(string(v)); ok {
				b.put(code, s)
				named++
			}
			code++
		}
	}
	p.keep(font, b)
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

// append adds the characters of s to dst and returns how many codes could not be
// read.
func (font *pdfFont) append(dst, s []byte) (_ []byte, unread int) {
	if !font.known {
		return dst, len(s)
	}
	if font.plain() {
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
	for ; len(s) >= width; s = s[width:] {
		code := codeOf(s[:width])
		before := len(dst)
		if dst = font.look(dst, code); len(dst) > before {
			continue
		}
		if font.enc != nil && code < 0x100 {
			text, err := font.enc.NewDecoder().Bytes([]byte{byte(code)})
			if err == nil {
				dst = append(dst, text...)
			}
		} else {
			unread++
		}
	}
	return dst, unread + len(s)
}

// plain reports whether codes are characters of an encoding, and nothing else is.
func (font *pdfFont) plain() bool { return font.enc != nil && len(font.ranges) == 0 }
