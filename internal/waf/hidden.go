package waf

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"golang.org/x/text/unicode/norm"

	"sekisho/internal/waf/transform"
)

// The rule set decodes what web servers decode. Applications decode more:
// full-width letters become ASCII wherever a program or a database normalises
// (NFKC, Unicode Standard Annex 15), typographic signs wherever one converts to
// an old code page, and values travel as base64. What a value
// may still become is put into a request of its own and judged like any other.

const (
	// minBase64 is the length from which a value is tried as base64; shorter
	// ones decode to too little to be an attack. Up to wordBase64 words look like
	// it: what they decode to counts only if it is plain text with a sign that
	// attacks need.
	minBase64  = 12
	wordBase64 = 20
	// minHex is that of hexadecimal digits: eight letters.
	minHex = 16
	// maxHidden bounds what is decoded of one request, in bytes.
	maxHidden = 64 << 10
)

// hidden returns a request with what the values of another may become, nil if
// they are what they are.
func hidden(v plugintypes.TransactionVariables) *Request {
	var b strings.Builder
	add := func(text string) {
		if b.Len() < maxHidden && text != "" {
			b.WriteString("&hidden" + strconv.Itoa(b.Len()) + "=" + url.QueryEscape(text))
		}
	}
	for _, c := range []collection.Collection{v.ArgsGet(), v.ArgsPost(), v.RequestCookies()} {
		for _, m := range c.FindAll() {
			value := m.Value()
			add(plain(value))
			add(unbase64(value))
			add(unhex(value))
			add(unescapedAgain(value))
			for _, text := range inJSON(value) {
				add(text)
				add(unescapedAgain(text))
			}
		}
	}
	if b.Len() == 0 {
		return nil
	}
	body := b.String()[1:]
	return &Request{Method: "POST", URI: "/", Protocol: "HTTP/1.1", Body: []byte(body), Headers: []Header{
		{"Host", "hidden.invalid"}, {"User-Agent", "sekisho"}, {"Accept", "*/*"},
		{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Length", strconv.Itoa(len(body))},
	}}
}

// plain returns a text with full-width letters and typographic dashes and
// quotation marks as ASCII, "" if it holds none of these.
func plain(s string) string {
	if foreignHost(s) {
		s = strings.NewReplacer("。", ".", "｡", ".").Replace(s)
	} else if !wideSpace(s) && (strings.IndexByte(s, 0xe2) < 0 && strings.IndexByte(s, 0xef) < 0 && strings.IndexByte(s, 0xc2) < 0 || !strings.ContainsFunc(s, disguised)) {
		return "" // the characters begin with these bytes
	}
	var b strings.Builder
	for _, r := range s {
		fit, ok := transform.BestFit(r)
		switch {
		case r == '–' || r == '—':
			b.WriteString("--") // what word processors make of two hyphens
		case ok && typographic(r):
			b.WriteByte(fit)
		default:
			b.WriteRune(r)
		}
	}
	return glossed(norm.NFKC.String(b.String()))
}

// foreignHost reports whether a text is an address whose host has characters that
// a client maps to others: full stops to dots, digits in circles to digits (UTS 46).
func foreignHost(s string) bool {
	if len(s) < 8 || s[0]|0x20 != 'h' || s[3]|0x20 != 'p' {
		return false
	}
	_, host, ok := strings.Cut(s[:min(len(s), 300)], "://")
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	return ok && strings.ContainsFunc(host, func(r rune) bool { return r > 0x7f })
}

// wideSpace reports whether an ideographic space stands between two signs or letters
// of ASCII, as between the words of an injection: in Japanese text it does not.
func wideSpace(s string) bool {
	const space = "\u3000"
	for at := 0; ; {
		i := strings.Index(s[at:], space)
		if i < 0 {
			return false
		}
		i += at
		if at = i + len(space); i > 0 && s[i-1] < 0x80 && at < len(s) && s[at] < 0x80 {
			return true
		}
	}
}

// gloss is a remark in Japanese behind a sign that makes it a substitution of the
// shell once it is folded: ＜送料無料＞（税込）, 色／［赤］, ＜炊飯器＞（9,800円）. No command
// begins so, and none follows within.
var gloss = regexp.MustCompile("([<>$]\\s*|/[0-9A-Z_a-z]*)[(\\[]([0-9,.]*[¥\\p{Han}\\p{Hiragana}\\p{Katakana}][^()\\[\\];|&$<>`\\x00-\\x1f]*)[)\\]]")

// glossed returns a folded text with the brackets of glosses in full width.
func glossed(s string) string {
	for i := strings.IndexAny(s, "(["); i >= 0 && i < len(s); i++ {
		if s[i] != '(' && s[i] != '[' {
			continue
		}
		before := strings.TrimRight(s[:i], " \t\r\n\v\f_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		if before != "" && strings.IndexByte("<>$/", before[len(before)-1]) >= 0 {
			return gloss.ReplaceAllString(s, "$1（$2）")
		}
	}
	return s
}

// disguised reports whether a character looks like one of ASCII: the spaces of
// print too, the no-break one among them, which databases take for white space.
func disguised(r rune) bool {
	return r > 0xff00 && r < 0xff5f || r == 0xa0 || r >= 0x2000 && r <= 0x200a || r == 0x202f || r == 0x205f || typographic(r)
}

// typographic reports whether a character is a dash, quotation mark or prime
// (Unicode, General Punctuation).
func typographic(r rune) bool {
	return r >= 0x2010 && r <= 0x201f || r >= 0x2032 && r <= 0x203a
}

// numberOr is how the shortest injections begin.
var numberOr = regexp.MustCompile(`(?i)^[^a-z]*[0-9][^a-z]*(?:x?or|and|union)\b`)

// maxAgain bounds how often escapes are taken off.
const maxAgain = 3

// unescapedAgain returns a text with the escapes taken off that are left in it
// once the rule set has taken off one layer more than the server: those of URLs
// as often as they are there (%2527), and those of HTML (&#39;, &apos;). "" for none.
func unescapedAgain(text string) string {
	again := text
	for range maxAgain {
		if strings.IndexByte(again, '%') < 0 {
			break
		}
		next := percent.ReplaceAllStringFunc(again, func(s string) string {
			b, err := hex.DecodeString(s[1:])
			if err != nil {
				return s // the expression takes nothing else
			}
			return string(b)
		})
		if next == again || !utf8.ValidString(next) {
			break
		}
		again = next
	}
	if strings.Contains(again, "&#") || strings.Contains(again, "&apos;") || strings.Contains(again, "&quot;") {
		again = html.UnescapeString(again)
	}
	if again == text || !utf8.ValidString(again) {
		return ""
	}
	return again
}

var percent = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

const (
	// maxTexts and maxDepth bound what is taken out of JSON in a value.
	maxTexts = 100
	maxDepth = 16
)

// inJSON returns the texts in a value that is an object or a list of JSON, as
// forms carry it: names and values.
func inJSON(value string) []string {
	value = strings.TrimSpace(value)
	if len(value) > maxHidden || !strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "[") {
		return nil
	}
	var all []string
	d := json.NewDecoder(strings.NewReader(value))
	for depth := 0; len(all) < maxTexts; {
		token, err := d.Token()
		if err != nil { // its end, or no JSON from here on
			return all
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxDepth {
				return all
			}
		case string:
			if v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

// unbase64 returns the text that a value holds in base64 or base64url, "" if
// it does not.
func unbase64(value string) string {
	if len(value) < minBase64 || len(value) > maxHidden {
		return ""
	}
	short := len(value) < wordBase64
	value = strings.TrimRight(value, "=")
	for i := range len(value) {
		c := value[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' {
			continue
		}
		return ""
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(value))
	if err != nil || !utf8.Valid(decoded) {
		return ""
	}
	if short && (!bytes.ContainsAny(decoded, "'\"<(;=`|") && !bytes.Contains(decoded, []byte("{{")) && !numberOr.Match(decoded) || bytes.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r > '~' })) {
		return ""
	}
	return string(decoded)
}

// unhex returns the text that a value holds in hexadecimal digits, "" if it does
// not: it is plain ASCII with a sign that attacks need, which digests are not.
func unhex(value string) string {
	value = strings.TrimPrefix(value, "0x")
	if len(value) < minHex || len(value) > maxHidden || len(value)%2 != 0 || value[0] > '7' {
		return ""
	}
	decoded, err := hex.DecodeString(value)
	if err != nil || !bytes.ContainsAny(decoded, "'\"<(;=`|{") || bytes.ContainsFunc(decoded, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r > '~' }) {
		return ""
	}
	return string(decoded)
}
