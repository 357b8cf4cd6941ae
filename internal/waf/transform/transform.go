// Package transform rewrites values as the transformations of the rule
// language do (t:urlDecodeUni and kin; ModSecurity reference manual v3.x,
// "Transformation functions"), byte for byte as Coraza 3.8 does: a first look
// that decodes differently from the judge would look at another value. A test
// compares the two. It searches nothing.
package transform

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Step is one transformation.
type Step struct {
	// Name is that of the rule language in lower case, "urldecodeuni".
	Name string
	// apply appends the result to dst.
	apply func(dst, src []byte) []byte
	// triggers are the bytes without any of which a value stays as it is.
	triggers Bytes
	// makes are the bytes that a result may hold and the value does not, other
	// letter cases aside.
	makes Bytes
	takes Bytes // those that a result never holds
	cases bool  // capital letters become small, those beyond ASCII too if they trigger
}

// Lookup returns the step of a name, nil for one that is not known.
func Lookup(name string) *Step { return steps[name] }

// Apply appends to dst what a step makes of a value, and reports whether that
// differs from the value; if not, dst is returned as it was, but for room that it
// may have got. Present are the bytes of the value.
func (s *Step) Apply(dst, value []byte, present *Bytes) ([]byte, bool) {
	if !present.Meets(&s.triggers) {
		return dst, false
	}
	begin := len(dst)
	dst = s.apply(dst, value)
	if bytes.Equal(dst[begin:], value) {
		return dst[:begin], false
	}
	return dst, true
}

const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

var steps = map[string]*Step{}

func init() {
	add := func(name, triggers string, beyondASCII bool, apply func(dst, src []byte) []byte) {
		s := &Step{Name: name, apply: apply}
		for i := range len(triggers) {
			s.triggers.Add(triggers[i])
		}
		if beyondASCII {
			s.triggers[2], s.triggers[3] = ^uint64(0), ^uint64(0)
		}
		steps[name] = s
	}
	add("utf8tounicode", "", true, utf8ToUnicode)
	add("urldecodeuni", "%+", false, urlDecodeUni)
	add("htmlentitydecode", "&", false, htmlEntityDecode)
	add("jsdecode", `\`, false, jsDecode)
	add("cssdecode", `\`, false, cssDecode)
	add("removenulls", "\x00", false, func(dst, src []byte) []byte {
		for _, c := range src {
			if c != 0 {
				dst = append(dst, c)
			}
		}
		return dst
	})
	add("lowercase", upper, true, lowercase)
	add("cmdline", upper+"\"'\\^ ,;\t\r\n/(", false, cmdLine)
	add("replacecomments", "/", false, replaceComments)
	add("removecommentschar", "/*<-#", false, removeCommentsChar)
	add("normalizepath", "/.", false, normalizePath)
	add("normalizepathwin", `/\.: `, false, normalizePathWin)
	add("removewhitespace", " \t\n\v\f\r", true, removeWhitespace)
	add("compresswhitespace", " \t\n\v\f\r", true, compressWhitespace)
	steps["base64decode"] = &Step{Name: "base64decode", apply: base64Decode, triggers: All}
	for _, decoding := range []string{"urldecodeuni", "htmlentitydecode", "jsdecode", "cssdecode", "base64decode"} {
		steps[decoding].makes = All
	}
	for name, makes := range map[string]string{
		"utf8tounicode": "%u0123456789abcdef", "cmdline": " ", "replacecomments": " ", "compresswhitespace": " ", "normalizepathwin": "/",
		"removewhitespace": "\xef\xbf\xbd", // U+FFFD for what is no character
	} {
		for i := range len(makes) {
			steps[name].makes.Add(makes[i])
		}
	}
	for name, takes := range map[string]string{
		"cmdline": upper + "\"'\\^,;\t\r\n", "lowercase": upper, "removenulls": "\x00", "removecommentschar": "#",
		"removewhitespace": " \t\n\v\f\r", "compresswhitespace": "\t\n\v\f\r",
	} {
		for i := range len(takes) {
			steps[name].takes.Add(takes[i])
		}
	}
	steps["utf8tounicode"].takes = Bytes{2: ^uint64(0), 3: ^uint64(0)}
	steps["lowercase"].cases, steps["cmdline"].cases = true, true
}

// uncased reports whether the next three bytes are a character between U+3000
// and U+9FFF, none of which has another case (Unicode 15 CaseFolding.txt), and
// only the first of which is white space.
func uncased(s []byte) bool {
	return len(s) >= 3 && s[0] >= 0xe3 && s[0] <= 0xe9 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80
}

// spread makes room for n bytes behind dst and returns it, to be filled, beside dst.
func spread(dst []byte, n int) (grown, room []byte) {
	dst = slices.Grow(dst, n)
	return dst, dst[len(dst) : len(dst)+n]
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// lower8 brings the capital letters among eight bytes of ASCII to small ones.
func lower8(x uint64) uint64 {
	return x | ((x+ones*(0x80-'A'))&^(x+ones*(0x7f-'Z'))&high)>>2
}

// uncasedRun returns how many bytes s begins with of characters that are uncased.
func uncasedRun(s []byte) (n int) {
	for n+4 <= len(s) {
		x := binary.LittleEndian.Uint32(s[n:])
		if x&0xff-0xe3 > 0xe9-0xe3 || x&0xc0c000 != 0x808000 {
			return n
		}
		n += 3
	}
	if uncased(s[n:]) {
		n += 3
	}
	return n
}

func lowercase(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if i+8 <= len(src) {
			if x := binary.LittleEndian.Uint64(src[i:]); x&high == 0 {
				dst = binary.LittleEndian.AppendUint64(dst, lower8(x))
				i += 8
				continue
			}
		}
		switch c := src[i]; {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		case uncased(src[i:]):
			n := uncasedRun(src[i:])
			dst = append(dst, src[i:i+n]...)
			i += n
		default:
			// As strings.ToLower, which writes U+FFFD for what is no character.
			r, size := utf8.DecodeRune(src[i:])
			if r != utf8.RuneError {
				r = unicode.ToLower(r)
			}
			dst = utf8.AppendRune(dst, r)
			i += size
		}
	}
	return dst
}

// shown is 1 for every byte of ASCII but white space.
var shown = func() (t [256]uint8) {
	for c := range utf8.RuneSelf {
		if c != ' ' && !('\t' <= c && c <= '\r') {
			t[c] = 1
		}
	}
	return t
}()

// ideographicSpace is U+3000: nothing else in uncased characters has its bytes.
var ideographicSpace = []byte("\u3000")

func removeWhitespace(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			grown, at := spread(dst, len(src)-i)
			n := 0
			for ; i < len(src) && src[i] < utf8.RuneSelf; i++ {
				at[n] = src[i]
				n += int(shown[src[i]])
			}
			dst = grown[:len(grown)+n]
			continue
		}
		if n := uncasedRun(src[i:]); n > 0 {
			for run := src[i : i+n]; len(run) > 0; {
				k := bytes.Index(run, ideographicSpace)
				if k < 0 {
					dst = append(dst, run...)
					break
				}
				dst, run = append(dst, run[:k]...), run[k+len(ideographicSpace):]
			}
			i += n
			continue
		}
		// As strings.Map, which writes U+FFFD for what is no character.
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError || !unicode.IsSpace(r) {
			dst = utf8.AppendRune(dst, r)
		}
		i += size
	}
	return dst
}

func compressWhitespace(dst, src []byte) []byte {
	space := false
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			grown, at := spread(dst, len(src)-i)
			n := 0
			for ; i < len(src) && src[i] < utf8.RuneSelf; i++ {
				if shown[src[i]] == 1 {
					at[n] = src[i]
					n, space = n+1, false
				} else if !space {
					at[n] = ' '
					n, space = n+1, true
				}
			}
			dst = grown[:len(grown)+n]
			continue
		}
		if n := uncasedRun(src[i:]); n > 0 { // U+3000 is not white space here
			dst = append(dst, src[i:i+n]...)
			i, space = i+n, false
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		if r == 0x85 || r == 0xa0 || src[i] == 0xa0 {
			if !space {
				dst = append(dst, ' ')
			}
			space = true
		} else {
			dst = append(dst, src[i:i+size]...)
			space = false
		}
		i += size
	}
	return dst
}

// The bytes that cmdLine takes otherwise than as they are, but for capital letters.
const (
	asItIs = iota
	leftOut
	separating
	joining // takes a space before it away
)

var shell = [256]uint8{
	'"': leftOut, '\'': leftOut, '\\': leftOut, '^': leftOut,
	' ': separating, ',': separating, ';': separating, '\t': separating, '\r': separating, '\n': separating,
	'/': joining, '(': joining,
}

// cmdLine undoes what shells ignore: quotes, carets, separators, case.
func cmdLine(dst, src []byte) []byte {
	dst, at := spread(dst, len(src))
	n, space := 0, false
	for _, c := range src {
		switch shell[c] {
		case leftOut:
			continue
		case separating:
			if !space {
				at[n] = ' '
				n++
			}
			space = true
			continue
		case joining:
			if space {
				n--
			}
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		at[n] = c
		n, space = n+1, false
	}
	return dst[:len(dst)+n]
}

// replaceComments puts a space for each C comment, one without an end too.
func replaceComments(dst, src []byte) []byte {
	for {
		open := bytes.Index(src, []byte("/*"))
		if open < 0 {
			return append(dst, src...)
		}
		dst = append(append(dst, src[:open]...), ' ')
		src = src[open+2:]
		end := bytes.Index(src, []byte("*/"))
		if end < 0 {
			return dst
		}
		src = src[end+2:]
	}
}

// removeCommentsChar removes the marks of comments: /* */ <!-- --> -- and #,
// the first that fits.
func removeCommentsChar(dst, src []byte) []byte {
	from := 0
	for i := 0; i < len(src); {
		n := 0
		if marking[src[i]] {
			n = commentMark(src[i:])
		}
		if n == 0 {
			i++
			continue
		}
		dst = append(dst, src[from:i]...)
		i += n
		from = i
	}
	return append(dst, src[from:]...)
}

// marking are the bytes that marks begin with.
var marking = [256]bool{'#': true, '/': true, '*': true, '<': true, '-': true}

// commentMark returns the length of the mark that s begins with, 0 for none.
func commentMark(s []byte) int {
	switch s[0] {
	case '#':
		return 1
	case '/':
		return prefix(s, "/*")
	case '*':
		return prefix(s, "*/")
	case '<':
		return prefix(s, "<!--")
	case '-':
		return max(prefix(s, "-->"), prefix(s, "--"))
	}
	return 0
}

// prefix returns the length of p if s begins with it, else 0.
func prefix(s []byte, p string) int {
	if len(s) >= len(p) && string(s[:len(p)]) == p {
		return len(p)
	}
	return 0
}

func normalizePath(dst, src []byte) []byte {
	if bytes.IndexByte(src, '/') < 0 && string(src) != "." {
		return append(dst, src...)
	}
	return append(dst, cleanPath(string(src))...)
}

func cleanPath(s string) string {
	if s == "" {
		return s
	}
	clean := path.Clean(s)
	switch {
	case clean == ".":
		return ""
	case s[len(s)-1] == '/':
		return clean + "/"
	}
	return clean
}

// normalizePathWin cleans a path as Windows would open it: backslashes are
// slashes, an alternate stream ("name:stream") and trailing dots and blanks of
// each part are ignored.
func normalizePathWin(dst, src []byte) []byte {
	if len(src) == 0 {
		return dst
	}
	if last := src[len(src)-1]; last != '.' && last != ' ' && !bytes.ContainsAny(src, `/\:`) {
		return append(dst, src...)
	}
	s := withoutStream(cleanPath(strings.ReplaceAll(string(src), `\`, "/")))
	wrote := false
	trims := false
	parts := strings.Split(s, "/")
	for _, part := range parts {
		trims = trims || !dots(part) && strings.TrimRight(part, ". ") != part
	}
	if !trims {
		return append(dst, s...)
	}
	for _, part := range parts {
		if !dots(part) {
			if part = strings.TrimRight(part, ". "); part == "" {
				continue
			}
		}
		if wrote {
			dst = append(dst, '/')
		}
		dst = append(dst, part...)
		wrote = true
	}
	return dst
}

func withoutStream(s string) string {
	drive, end := "", ""
	if len(s) >= 2 && s[1] == ':' && ('a' <= s[0]|0x20 && s[0]|0x20 <= 'z') {
		drive, s = s[:2], s[2:]
	}
	if strings.HasSuffix(s, "/") {
		s, end = s[:len(s)-1], "/"
	}
	last := strings.LastIndexByte(s, '/') + 1
	if colon := strings.IndexByte(s[last:], ':'); colon >= 0 {
		s = s[:last+colon]
	}
	return drive + s + end
}

// dots reports whether a part of a path is empty or dots only.
func dots(s string) bool { return strings.Trim(s, ".") == "" }
